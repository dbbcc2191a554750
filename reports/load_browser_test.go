//go:build browser

package reports

import (
	"context"
	"os"
	"regexp"
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
				if eval[bool](tab, t, `"acted" in window`) || eval[int](tab, t, `document.querySelectorAll("script").length`) != 1 {
					t.Error("the page has a foreign script, or hostile text acted")
				}
				readableCharts(tab, t)
				narrowEnough(tab, t)
				for _, line := range said() {
					t.Errorf("the console says: %s", line)
				}
				accessible(tab, t, address, axe)
			})
		}
	}
}

// readableCharts fails where labels of a chart lie over each other or are too small to read.
func readableCharts(tab context.Context, t *testing.T) {
	t.Helper()
	for _, trouble := range eval[[]string](tab, t, `[...document.querySelectorAll(".plot")].filter((p) => p.checkVisibility()).flatMap((plot) => {
		const labels = [...plot.querySelectorAll("text")].map((e) => ({text: e.textContent, box: e.getBoundingClientRect()}));
		const over = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom - 2 && b.top < a.bottom - 2;
		return labels.flatMap((a, i) => [
			...labels.slice(i + 1).filter((b) => over(a.box, b.box)).map((b) => a.text + " lies over " + b.text),
			...(a.box.height < 9 ? [a.text + " is " + a.box.height + " px high"] : []),
		]);
	})`) {
		t.Errorf("a chart: %s", trouble)
	}
}

// TestBrowserChartValues reads values off a chart by pointer and by keys.
func TestBrowserChartValues(t *testing.T) {
	tab := openTab(startBrowser(t), t, looks[0])
	do(tab, t, chromedp.Navigate(serveText(t, pageOf(t, LoadHTML, sampleLoad()))))
	told := func() string { return eval[string](tab, t, `document.querySelector(".chart .readout").textContent`) }
	do(tab, t, chromedp.Evaluate[chromedp.Void](`{
		const plot = document.querySelector(".plot.wide"), box = plot.getBoundingClientRect();
		plot.dispatchEvent(new PointerEvent("pointermove", {clientX: box.left + box.width / 2, clientY: box.top + 50}));
	}`))
	first := told()
	if !regexp.MustCompile(`^2[0-9]s: p50 [0-9.]+m?s, p95 [0-9.]+m?s, p99 [0-9.]+m?s$`).MatchString(first) {
		t.Errorf("in the middle of a minute the chart says %q", first)
	}
	do(tab, t, chromedp.Evaluate[chromedp.Void](`document.querySelector(".plot.wide").dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight"}))`))
	if next := told(); next == first {
		t.Errorf("the key for right leaves it at %q", next)
	}
	screen(tab, t, "chart-values")
}
