//go:build browser

package reports

import (
	"os"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/cibatest/cibatest/reports/result"
)

// TestBrowserLoad looks at the page of a load run. CIBATEST_LOAD names a
// load.json to look at besides the samples.
func TestBrowserLoad(t *testing.T) {
	axe := readAxe(t)
	loads := map[string]result.Load{"load-sample": sampleLoad(), "load-hostile": hostileLoad()}
	if path := os.Getenv("CIBATEST_LOAD"); path != "" {
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if loads["load"], err = result.ReadLoad(file); err != nil {
			t.Fatal(err)
		}
	}
	browser := startBrowser(t)
	for name, l := range loads {
		address := serveText(t, pageOf(t, LoadHTML, l))
		for _, look := range looks {
			t.Run(name+"-"+look.name, func(t *testing.T) {
				tab := openTab(browser, t, look)
				said := watch(tab)
				do(tab, t, chromedp.Navigate(address))
				for _, section := range []string{"", "latency", "charts", "answers"} {
					do(tab, t, chromedp.Evaluate[chromedp.Void](`document.getElementById("`+section+`")?.scrollIntoView()`))
					screen(tab, t, name+"-"+look.name+"-"+section)
				}
				if eval[bool](tab, t, `"acted" in window`) || eval[int](tab, t, `document.querySelectorAll("script").length`) != 0 {
					t.Error("the page has a script, or hostile text acted")
				}
				if n := eval[int](tab, t, `[...document.images].filter((i) => !i.complete || i.naturalWidth === 0).length`); n != 0 {
					t.Errorf("%d charts are not shown", n)
				}
				narrowEnough(tab, t)
				for _, line := range said() {
					t.Errorf("the console says: %s", line)
				}
				accessible(tab, t, address, axe)
			})
		}
	}
}
