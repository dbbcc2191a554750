package reports

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/cibatest/cibatest/reports/result"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestGolden(t *testing.T) {
	for _, r := range renders {
		t.Run(r.name, func(t *testing.T) {
			path := filepath.Join("testdata", r.golden)
			got := rendered(t, r, sample())
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatalf("%v; make it with: go test ./reports -update", err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestSameBytes renders a run twice, and once more after it went through its
// file: rendering a file again must give the report that was published.
func TestSameBytes(t *testing.T) {
	for name, run := range map[string]result.Run{"sample": sample(), "hostile": hostile()} {
		again := throughFile(t, run)
		for _, r := range renders {
			first := rendered(t, r, run)
			if rendered(t, r, run) != first {
				t.Errorf("%s of the %s run differs from one time to the next", r.name, name)
			}
			if diff := cmp.Diff(first, rendered(t, r, again)); diff != "" {
				t.Errorf("%s of the %s run differs when read from its file: -want +got:\n%.2000s", r.name, name, diff)
			}
		}
	}
}

// throughFile writes a run and reads it back. Invalid UTF-8 cannot survive JSON,
// and is replaced in both.
func throughFile(t *testing.T, run result.Run) result.Run {
	t.Helper()
	var b bytes.Buffer
	if err := result.Write(&b, run); err != nil {
		t.Fatal(err)
	}
	again, err := result.Read(&b)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

func TestJUnitCounts(t *testing.T) {
	run := sample()
	known := 0
	for _, c := range run.Cases {
		if c.Known != "" {
			known++
		}
	}
	for name, r := range map[string]result.Run{"sample": run, "hostile": hostile()} {
		r.Baseline = nil // its problems are cases of their own
		text := rendered(t, renders[1], r)
		var all junitSuites
		if err := xml.Unmarshal([]byte(text), &all); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := junitCounts{
			Tests: len(run.Cases) + len(run.Profiles), Failures: run.Summary.Fail - known + 1, // one profile fails, and one
			Errors: run.Summary.Error, Skipped: run.Summary.Skip + known + 1, // is not judged and holds nobody up
		}
		if diff := cmp.Diff(want, all.junitCounts); diff != "" {
			t.Errorf("%s: counts of the document -want +got:\n%s", name, diff)
		}
		if diff := cmp.Diff(want, countElements(all)); diff != "" {
			t.Errorf("%s: elements -want +got:\n%s", name, diff)
		}
	}
	for _, told := range []string{"known deviation (fail)", "ticket 4711", "cibatest conform --target op.yaml token-pending", "400 authorization_pending"} {
		if !strings.Contains(rendered(t, renders[1], run), told) {
			t.Errorf("the document does not tell %q", told)
		}
	}
}

func countElements(all junitSuites) junitCounts {
	var n junitCounts
	for _, s := range all.Suites {
		for _, c := range s.Cases {
			n.Tests++
			for counter, note := range map[*int]*junitNote{&n.Failures: c.Failure, &n.Errors: c.Error, &n.Skipped: c.Skipped} {
				if note != nil {
					*counter++
				}
			}
		}
	}
	return n
}

func TestBadge(t *testing.T) {
	for verdict, color := range map[result.Verdict]string{
		result.Conformant: "brightgreen", result.NonConformant: "red", result.Partial: "yellow", "odd\x1b": "lightgrey",
	} {
		run := sample()
		run.Verdict = verdict
		var badge struct {
			SchemaVersion int
			Label         string
			Message       string
			Color         string
		}
		if err := json.Unmarshal([]byte(rendered(t, renders[3], run)), &badge); err != nil {
			t.Fatal(err)
		}
		if badge.SchemaVersion != 1 || badge.Label != "CIBA" || badge.Color != color {
			t.Errorf("%s: %+v", verdict, badge)
		}
		if want := strings.ReplaceAll(string(verdict), "\x1b", `\x1b`) + ": poll (2 of 8 cases fail, 2026-03-14)"; badge.Message != want {
			t.Errorf("message %q, want %q", badge.Message, want)
		}
	}
}

// TestHostileText poisons every text of a run; no format lets it act.
func TestHostileText(t *testing.T) {
	run := hostile()
	for _, r := range renders {
		t.Run(r.name, func(t *testing.T) {
			text := rendered(t, r, run)
			if strings.HasPrefix(r.name, "text in colour") {
				text = regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAllString(text, "")
			}
			if i := strings.IndexFunc(text, func(c rune) bool { return !unicode.IsPrint(c) && c != '\n' && c != '\t' }); i >= 0 {
				t.Errorf("%q is not inert", text[max(0, i-40):min(len(text), i+20)])
			}
			if !utf8.ValidString(text) {
				t.Error("not valid UTF-8")
			}
			if !strings.Contains(text, "window.acted") && r.name != "badge" {
				t.Error("the hostile text is not shown at all, so this proves nothing")
			}
		})
	}
}

// TestHostileHTML reads each page back and allows only what it has of itself.
func TestHostileHTML(t *testing.T) {
	for _, page := range []struct {
		name    string
		scripts int
	}{{"html", 1}, {"statement", 0}} {
		r := renders[slices.IndexFunc(renders, func(r render) bool { return r.name == page.name })]
		ofItself(t, rendered(t, r, hostile()), elements(t, rendered(t, r, sample())), page.scripts)
	}
}

// ofItself fails for what hostile text brought into a page.
func ofItself(t *testing.T, page string, allowed []string, scripts int) {
	t.Helper()
	document, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for n := range document.Descendants() {
		if n.Type == html.CommentNode {
			t.Errorf("a comment: %.100q", n.Data)
		}
		if n.Type != html.ElementNode {
			continue
		}
		seen[n.Data]++
		if !slices.Contains(allowed, n.Data) {
			t.Errorf("element %s came out of hostile text", n.Data)
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "src" {
				t.Errorf("attribute %s of %s", a.Key, n.Data)
			}
			if a.Key == "href" && !regexp.MustCompile(`^#[A-Za-z0-9._-]+$`).MatchString(a.Val) {
				t.Errorf("a link to %.100q", a.Val)
			}
		}
	}
	if seen["style"] != 1 || seen["script"] != scripts {
		t.Errorf("%d style and %d script elements", seen["style"], seen["script"])
	}
}

func elements(t *testing.T, page string) []string {
	t.Helper()
	document, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for n := range document.Descendants() {
		if n.Type == html.ElementNode && !slices.Contains(names, n.Data) {
			names = append(names, n.Data)
		}
	}
	return names
}

// TestPolicy computes the hashes of the page's blocks as a browser does.
func TestPolicy(t *testing.T) {
	page := rendered(t, renders[0], sample())
	policy := regexp.MustCompile(`Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(page)
	if policy == nil {
		t.Fatal("the page has no policy")
	}
	for _, tag := range []string{"style", "script"} {
		block := regexp.MustCompile(`(?s)<` + tag + `>(.*?)</` + tag + `>`).FindStringSubmatch(page)
		if want := tag + "-src '" + hash(block[1]) + "'"; !strings.Contains(html.UnescapeString(policy[1]), want) {
			t.Errorf("the policy %q lacks %s", policy[1], want)
		}
	}
}

// TestHostileMarkdown takes the code spans out; what is left must be ours.
func TestHostileMarkdown(t *testing.T) {
	text := rendered(t, renders[2], hostile())
	if len(text) > 64<<10 {
		t.Errorf("%d bytes are more than a comment takes", len(text))
	}
	rest := withoutCode(text)
	for _, acting := range []string{"<", "@", "](", "http", "www", "evil", "acted", "::", "#1", "{{"} {
		if i := strings.Index(rest, acting); i >= 0 {
			t.Errorf("%q stands outside of a code span: %q", acting, rest[max(0, i-60):min(len(rest), i+60)])
		}
	}
	for i, line := range strings.Split(rest, "\n") {
		if strings.Contains(line, "|") && strings.Count(line, "|") != 8 {
			t.Errorf("line %d breaks the table: %q", i+1, line)
		}
	}
}

// withoutCode removes code spans by the rule of CommonMark: a run of backticks
// opens one that the next run of the same length closes.
func withoutCode(text string) string {
	var rest strings.Builder
	for text != "" {
		open := strings.IndexByte(text, '`')
		if open < 0 {
			break
		}
		rest.WriteString(text[:open])
		text = text[open:]
		run := text[:len(text)-len(strings.TrimLeft(text, "`"))]
		text = text[len(run):]
		closing := regexp.MustCompile("(^|[^`])" + run + "($|[^`])").FindStringIndex(text)
		if closing == nil {
			rest.WriteString(run)
			continue
		}
		text = strings.TrimLeft(text[closing[0]:], "`")
		if i := strings.Index(text, run); i >= 0 {
			text = text[i+len(run):]
		}
	}
	return rest.String() + text
}

// TestLargeRun has more evidence than a page should hold: what needs attention
// stays, what passed is left out and says so.
func TestLargeRun(t *testing.T) {
	run := sample()
	x := acknowledgement()
	x.Response.Body = `{"filler":"` + strings.Repeat("x", 40_000) + `"}`
	for i := range 400 {
		c := run.Cases[0]
		c.ID = fmt.Sprintf("filler-%d", i)
		c.Exchanges = []result.Exchange{x}
		if i%100 == 0 {
			c.Outcome = result.Fail
		}
		run.Cases = append(run.Cases, c)
		run.Requirements[0].Cases = append(run.Requirements[0].Cases, c.ID)
	}
	page := rendered(t, renders[0], run)
	if len(page) > 12<<20 {
		t.Errorf("the page has %d bytes", len(page))
	}
	if !strings.Contains(page, "left out here to keep the page small") {
		t.Error("the page does not say that evidence is left out")
	}
	for _, c := range run.Cases {
		if shown := strings.Contains(page, `id="case-`+c.ID+`-1"`); c.Outcome == result.Fail && !shown {
			t.Errorf("the evidence of the failed case %s is missing", c.ID)
		}
	}
}

func TestTextWidth(t *testing.T) {
	for _, width := range []int{1, 40, 80, 200} {
		var b bytes.Buffer
		run := sample()
		if err := Text(&b, run, TextOptions{Width: width}); err != nil {
			t.Fatal(err)
		}
		limit := min(max(width, minWidth), maxWidth)
		for line := range strings.SplitSeq(b.String(), "\n") {
			copied := strings.Contains(line, "cibatest conform") || strings.Contains(line, "  read  https:")
			if n := utf8.RuneCountInString(line); n > limit && !copied {
				t.Errorf("width %d: %d columns: %q", width, n, line)
			}
		}
	}
}

// TestEmpty renders what an interrupted run may leave: next to nothing.
func TestEmpty(t *testing.T) {
	for _, r := range renders {
		rendered(t, r, result.Run{})
	}
}

func FuzzRender(f *testing.F) {
	for _, run := range []result.Run{sample(), poisoned()} {
		run.Cases, run.Requirements = run.Cases[1:2], run.Requirements[2:3] // small seeds: the fuzzer minimises for long
		var b bytes.Buffer
		if err := result.Write(&b, run); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Add([]byte(`{"version":"1","kind":"conformance","cases":[{"findings":[{"exchange":-1}],"exchanges":[{"request":{"body":"[[[["}}]}],"target":{"configuration":{"a":[null,1e400,"x"]}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		run, err := result.Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		for _, r := range renders {
			text := rendered(t, r, run)
			if n := strings.Count(text, "<script"); r.name == "html" && n != 1 {
				t.Errorf("%d script elements", n)
			}
			if r.name != "text in colour" && strings.Contains(text, "\x1b") {
				t.Errorf("%s lets control characters through", r.name)
			}
		}
		Compare(run, sample())
	})
}
