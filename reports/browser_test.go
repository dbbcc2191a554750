//go:build browser

package reports

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/cibatest/cibatest/reports/result"
)

// The browser test is started by "make browser", which sees to Chromium and
// axe-core. It looks at the page as people do: bright and dark, wide and narrow,
// with scripts and without. CIBATEST_RUN names a run.json to look at instead of
// the sample; the pictures go to CIBATEST_SCREENS.

// look is one way of looking at the page.
type look struct {
	name    string
	scheme  string
	width   int64
	scripts bool
}

var looks = []look{
	{"light-1280", "light", 1280, true},
	{"dark-1280", "dark", 1280, true},
	{"light-390", "light", 390, true},
	{"dark-390", "dark", 390, true},
	{"light-1280-no-script", "light", 1280, false},
	{"dark-390-no-script", "dark", 390, false},
}

func TestBrowser(t *testing.T) {
	axe := readAxe(t)
	runs := map[string]result.Run{"sample": sample(), "hostile": hostile()}
	if file := os.Getenv("CIBATEST_RUN"); file != "" {
		runs["run"] = readRunFile(t, file)
	}
	browser := startBrowser(t)
	for name, run := range runs {
		address := serve(t, run)
		for _, l := range looks {
			t.Run(name+"-"+l.name, func(t *testing.T) {
				tab := openTab(browser, t, l)
				said := watch(tab)
				do(tab, t, chromedp.Navigate(address))
				picture(tab, t, name+"-"+l.name)
				inertPage(tab, t)
				narrowEnough(tab, t)
				if name != "hostile" { // whose areas have names of a paragraph
					countsWhole(tab, t)
				}
				for _, line := range said() {
					t.Errorf("the console says: %s", line)
				}
				accessible(tab, t, address, axe)
			})
		}
	}
}

// TestBrowserPages looks at the pages without a script of their own.
func TestBrowserPages(t *testing.T) {
	axe := readAxe(t)
	statement := func(w io.Writer, run result.Run) error { return Statement(w, run, sampleSource) }
	matrix := func(w io.Writer, runs []result.Run) error {
		return LaySideBySide(runs, []string{"a", "b"}).WriteHTML(w)
	}
	pages := map[string]string{
		"statement": pageOf(t, statement, sample()), "statement-terrible": pageOf(t, statement, terrible()),
		"matrix": pageOf(t, matrix, versions()),
	}
	if file := os.Getenv("CIBATEST_RUN"); file != "" {
		run := readRunFile(t, file)
		pages["statement-run"], pages["matrix-run"] = pageOf(t, statement, run), pageOf(t, matrix, []result.Run{run, sample()})
	}
	browser := startBrowser(t)
	for name, page := range pages {
		address := serveText(t, page)
		for _, l := range looks[:4] {
			t.Run(name+"-"+l.name, func(t *testing.T) {
				tab := openTab(browser, t, l)
				said := watch(tab)
				do(tab, t, chromedp.Navigate(address))
				screen(tab, t, name+"-"+l.name)
				narrowEnough(tab, t)
				countsWhole(tab, t)
				for _, line := range said() {
					t.Errorf("the console says: %s", line)
				}
				accessible(tab, t, address, axe)
				whole(tab, t, name+"-"+l.name+"-whole")
			})
		}
	}
}

// whole saves a picture of the whole page.
func whole(tab context.Context, t *testing.T, name string) {
	t.Helper()
	data, err := chromedp.Run(tab, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	save(t, name+".png", data)
}

// TestBrowserScript uses what only the script offers.
func TestBrowserScript(t *testing.T) {
	run := sample()
	address := serve(t, run)
	tab := openTab(startBrowser(t), t, looks[0])
	do(tab, t, chromedp.Navigate(address+"#case-token-slow-down-2"))
	if !eval[bool](tab, t, `document.getElementById("case-token-slow-down-2").open`) {
		t.Error("a link to an exchange does not open it")
	}
	screen(tab, t, "script-deep-link")
	do(tab, t, chromedp.SendKeys("#search", "too fast", chromedp.NodeVisible))
	shown := eval[string](tab, t, `document.getElementById("found").textContent`)
	if want := fmt.Sprintf("1 of %d requirements", len(run.Requirements)); shown != want {
		t.Errorf("searching for too fast finds %q, want %q", shown, want)
	}
	do(tab, t, chromedp.Click("#filter button"))
	do(tab, t, chromedp.Click(`#filter input[value="fail"]`))
	fails := 0
	for _, r := range run.Requirements {
		if r.Outcome == result.Fail {
			fails++
		}
	}
	shown = eval[string](tab, t, `document.getElementById("found").textContent`)
	if want := fmt.Sprintf("%d of %d requirements", fails, len(run.Requirements)); shown != want {
		t.Errorf("the filter for fail shows %q, want %q", shown, want)
	}
	screen(tab, t, "script-filtered")
	filtered := eval[string](tab, t, `location.href`)
	if filtered != address+"#filter?outcome=fail" {
		t.Errorf("the filter for fail stands in the address as %s", filtered)
	}
	other := openTab(tab, t, looks[0])
	do(other, t, chromedp.Navigate(filtered))
	if again := eval[string](other, t, `document.getElementById("found").textContent`); again != shown {
		t.Errorf("the address of a filter shows %q, want %q", again, shown)
	}
	do(tab, t, chromedp.Click("#filter button"))
	if cleared := settled(tab, t); cleared != address {
		t.Errorf("a cleared filter leaves the address %s", cleared)
	}
	do(tab, t, chromedp.Click(`#filter input[value="fail"]`))
	do(tab, t, chromedp.Evaluate[chromedp.Void](`location.hash = "#CIBA-11-EXPIRED"`))
	if eval[bool](tab, t, `document.getElementById("CIBA-11-EXPIRED").hidden`) {
		t.Error("a link to a requirement that the filter hides shows nothing")
	}
}

// settled is the address when what a click has put off is done.
func settled(tab context.Context, t *testing.T) string {
	t.Helper()
	address, err := chromedp.Run(tab, chromedp.Evaluate[string](
		`new Promise((done) => setTimeout(() => done(location.href), 50))`, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// TestBrowserPrint prints: on paper is what was open on the screen, in full width, on as
// many pages as somebody may want to read.
func TestBrowserPrint(t *testing.T) {
	browser := startBrowser(t)
	pages := map[string]string{"report": pageOf(t, HTML, sample())}
	statement := func(w io.Writer, run result.Run) error { return Statement(w, run, sampleSource) }
	pages["statement"], pages["statement-terrible"] = pageOf(t, statement, sample()), pageOf(t, statement, terrible())
	if file := os.Getenv("CIBATEST_RUN"); file != "" {
		pages["run"], pages["statement-run"] = pageOf(t, HTML, readRunFile(t, file)), pageOf(t, statement, readRunFile(t, file))
	}
	for name, limit := range map[string]int{
		"report": 5, "run": 40, "statement": 3, "statement-terrible": 5, "statement-run": 5,
	} {
		if pages[name] == "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			tab := openTab(browser, t, looks[4])
			do(tab, t, chromedp.EmulateViewport(718, 1000), chromedp.Navigate(serveText(t, pages[name])))
			if _, err := chromedp.Call(tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"}); err != nil {
				t.Fatal(err)
			}
			const wide = `[...document.querySelectorAll(".scroll")].filter((e) => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1).map((e) => e.ariaLabel).join()`
			if cut := eval[string](tab, t, wide); cut != "" {
				t.Errorf("cut off: %s", cut)
			}
			pdf, err := chromedp.Run(tab, chromedp.PrintToPDF())
			if err != nil {
				t.Fatal(err)
			}
			save(t, "print-"+name+".pdf", pdf)
			if n := len(regexp.MustCompile(`/Type\s*/Page\b`).FindAll(pdf, -1)); n == 0 || n > limit {
				t.Errorf("%d printed pages, want at most %d", n, limit)
			}
		})
	}
}

// TestBrowserPrintOpened prints what somebody has opened, and no more.
func TestBrowserPrintOpened(t *testing.T) {
	tab := openTab(startBrowser(t), t, looks[0])
	do(tab, t, chromedp.Navigate(serve(t, sample())+"#case-token-slow-down-2"))
	if _, err := chromedp.Call(tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"}); err != nil {
		t.Fatal(err)
	}
	visible := func(id string) bool {
		return eval[bool](tab, t, `document.querySelector("#`+id+` pre").checkVisibility()`)
	}
	if !visible("case-token-slow-down-2") {
		t.Error("an opened exchange is not printed")
	}
	if visible("case-token-slow-down-1") {
		t.Error("a folded exchange is printed")
	}
	screen(tab, t, "print-opened")
}

func readAxe(t *testing.T) string {
	t.Helper()
	script, err := os.ReadFile(os.Getenv("CIBATEST_AXE"))
	if err != nil {
		t.Fatalf("CIBATEST_AXE names no axe-core script (run this by make browser): %v", err)
	}
	return string(script)
}

func readRunFile(t *testing.T, path string) result.Run {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	run, err := result.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func startBrowser(t *testing.T) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.Flag("no-sandbox", true), chromedp.Flag("disable-gpu", true), chromedp.Flag("hide-scrollbars", true))
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	browser, end := chromedp.NewContext(allocator)
	t.Cleanup(func() { end(); stop() })
	do(browser, t)
	return browser
}

func openTab(browser context.Context, t *testing.T, l look) context.Context {
	t.Helper()
	tab, end := chromedp.NewContext(browser)
	do(tab, t) // the first use must not carry the timeout
	tab, cancel := context.WithTimeout(tab, 2*time.Minute)
	t.Cleanup(func() { cancel(); end() })
	do(tab, t, chromedp.EmulateViewport(l.width, 900))
	features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}}
	if _, err := chromedp.Call(tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features}); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !l.scripts}); err != nil {
		t.Fatal(err)
	}
	return tab
}

func serve(t *testing.T, run result.Run) string {
	t.Helper()
	return serveText(t, pageOf(t, HTML, run))
}

func pageOf[R any](t *testing.T, render func(io.Writer, R) error, run R) string {
	t.Helper()
	var b bytes.Buffer
	if err := render(&b, run); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// serveText serves a page and fails when it asks for anything else.
func serveText(t *testing.T, text string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/favicon.ico" {
			return
		}
		if r.URL.Path != "/" {
			t.Errorf("the page asks for %s", r.URL)
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/"
}

func do(ctx context.Context, t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

func eval[T any](ctx context.Context, t *testing.T, expression string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// watch collects what the page writes to the console: exceptions, and every
// violation of the content security policy.
func watch(tab context.Context) (said func() []string) {
	ctx, cancel := context.WithCancel(tab)
	messages := chromedp.Console(ctx)
	done := make(chan []string)
	go func() {
		var lines []string
		for m, err := range messages {
			if err != nil {
				break
			}
			lines = append(lines, m.Text)
		}
		done <- lines
	}()
	return func() []string { cancel(); return <-done }
}

// inertPage fails when hostile text acted, or when an element is there that the
// page does not have by itself.
func inertPage(tab context.Context, t *testing.T) {
	t.Helper()
	if eval[bool](tab, t, `"acted" in window`) {
		t.Error("hostile text ran as a script")
	}
	if n := eval[int](tab, t, `document.querySelectorAll("script").length`); n != 1 {
		t.Errorf("%d script elements, want 1", n)
	}
	if n := eval[int](tab, t, `document.querySelectorAll("img, iframe, object, link, base, [style]").length`); n != 0 {
		t.Errorf("%d foreign elements", n)
	}
}

// narrowEnough fails when the page has to be scrolled sideways.
func narrowEnough(tab context.Context, t *testing.T) {
	t.Helper()
	if over := eval[int](tab, t, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
		t.Errorf("the page is %d px too wide", over)
	}
}

// countsWhole fails when somebody has to scroll for a table of counts.
func countsWhole(tab context.Context, t *testing.T) {
	t.Helper()
	const cut = `[...document.querySelectorAll("table.counts, table.areas")].map((e) => e.parentElement)
		.filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.ariaLabel).join()`
	if wide := eval[string](tab, t, cut); wide != "" {
		t.Errorf("cut off: %s", wide)
	}
}

// accessible runs axe-core over the page with everything unfolded. Its script
// needs the page's policy out of the way.
func accessible(tab context.Context, t *testing.T, address, axe string) {
	t.Helper()
	if _, err := chromedp.Call(tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{}); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(tab, page.SetBypassCSP, page.SetBypassCSPParams{Enabled: true}); err != nil {
		t.Fatal(err)
	}
	do(tab, t, chromedp.Navigate(address), chromedp.Evaluate[chromedp.Void](`for (const d of document.querySelectorAll("details")) d.open = true`),
		chromedp.Evaluate[chromedp.Void](axe+"; undefined"))
	report, err := chromedp.Run(tab, chromedp.Evaluate[string](
		`axe.run(document, {resultTypes: ["violations"]}).then((r) => JSON.stringify(r.violations.map((v) =>
			({id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.length, first: v.nodes[0].html.slice(0, 300)}))))`, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	var violations []json.RawMessage
	if err := json.Unmarshal([]byte(report), &violations); err != nil {
		t.Fatal(err)
	}
	for _, v := range violations {
		t.Errorf("axe-core: %s", v)
	}
}

// picture saves the first screen, a screen from each section on, the first
// requirement that failed, opened down to its exchange, and the first one that
// has a note.
func picture(tab context.Context, t *testing.T, name string) {
	t.Helper()
	screen(tab, t, name)
	for _, section := range []string{"attention", "areas", "timeline", "matrix", "requirements", "capabilities", "run"} {
		do(tab, t, chromedp.Evaluate[chromedp.Void](`{
			const section = document.getElementById("`+section+`");
			for (const folded of section.querySelectorAll(".folded")) folded.open = true;
			section.scrollIntoView();
		}`))
		screen(tab, t, name+"-"+section)
	}
	do(tab, t, chromedp.Evaluate[chromedp.Void](`{
		const failed = document.querySelector(".requirement[data-outcome=fail], .requirement");
		failed.open = true;
		failed.querySelector(".exchange").open = true;
		failed.scrollIntoView();
	}`))
	screen(tab, t, name+"-opened")
	do(tab, t, chromedp.Evaluate[chromedp.Void](`{
		const question = document.querySelector(".open-question");
		for (let e = question; e; e = e.parentElement) if (e.tagName === "DETAILS") e.open = true;
		question.closest(".requirement").scrollIntoView();
	}`))
	screen(tab, t, name+"-note")
}

func screen(tab context.Context, t *testing.T, name string) {
	t.Helper()
	data, err := chromedp.Run(tab, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	save(t, name+".png", data)
}

func save(t *testing.T, name string, data []byte) {
	t.Helper()
	dir := os.Getenv("CIBATEST_SCREENS")
	if dir == "" {
		dir = t.TempDir()
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
		t.Fatal(err)
	}
}
