package reports

import (
	"encoding/xml"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/reports/result"
)

// TestReportsAgree holds every format to the standing of the run, which is its exit code.
func TestReportsAgree(t *testing.T) {
	t.Parallel()
	must := func(o result.Outcome, known string) (result.Case, result.Requirement) {
		return result.Case{ID: "a", Area: "polling", Requirements: []string{"R"}, Outcome: o, Known: known},
			result.Requirement{ID: "R", Level: "MUST", Area: "polling", Outcome: o, Cases: []string{"a"}}
	}
	listed := &result.Baseline{File: "known.yaml"}
	stale := &result.Baseline{File: "known.yaml", Problems: []result.BaselineProblem{{Entry: "a", Kind: result.Stale, Text: "is listed as fail and is pass now"}}}
	for _, c := range []struct {
		name     string
		verdict  result.Verdict
		outcome  result.Outcome
		known    string
		baseline *result.Baseline
		standing result.Standing
		says     string // on the first line of the text
		page     string // the heading of the page
	}{
		{"conformant", result.Conformant, result.Pass, "", nil, result.AsExpected, "CONFORMANT: 1 of 1 MUST judged", "Conformant"},
		{"a failure", result.NonConformant, result.Fail, "", nil, result.Deviates, "NON-CONFORMANT: 1 of 1 MUST judged", "Not conformant"},
		{"a listed failure", result.NonConformant, result.Fail, "because", listed, result.AsExpected, "NON-CONFORMANT, AS THE BASELINE EXPECTS: 1 of 1 MUST judged", "Not conformant, as the baseline expects"},
		{"a new failure", result.NonConformant, result.Fail, "", listed, result.Deviates, "NON-CONFORMANT: 1 of 1 MUST judged", "Not conformant"},
		{"a stale entry", result.Conformant, result.Pass, "", stale, result.Deviates, "CONFORMANT, BUT THE BASELINE DOES NOT HOLD: 1 of 1 MUST judged", "Conformant, but the baseline does not hold"},
		{"an error", result.Partial, result.Error, "", nil, result.NotJudged, "NOT JUDGED: 0 of 1 MUST judged, 1 could not be judged", "Not judged"},
		{"a listed error", result.Partial, result.Error, "because", listed, result.NotJudged, "NOT JUDGED: 0 of 1 MUST judged, 1 could not be judged", "Not judged"},
		{"nothing but skips", result.Partial, result.Skip, "", nil, result.NotJudged, "NOT JUDGED: 0 of 1 MUST judged, 1 skipped", "Not judged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			of, clause := must(c.outcome, c.known)
			run := result.Run{Verdict: c.verdict, Baseline: c.baseline, Cases: []result.Case{of}, Requirements: []result.Requirement{clause}}
			run.Summary = result.Summarise(run.Cases)
			if got := run.Standing(); got != c.standing {
				t.Fatalf("standing %s, want %s", got, c.standing)
			}
			look := map[result.Standing][3]string{
				result.AsExpected: {"✅", "brightgreen", "conformant"}, result.Deviates: {"❌", "red", "non-conformant"}, result.NotJudged: {"⚠️", "yellow", "partial"},
			}[c.standing]
			if c.standing == result.AsExpected && c.verdict == result.NonConformant {
				look = [3]string{"⚠️", "yellow", "partial"} // no reason to stop, and none to celebrate
			}
			for format, want := range map[string]string{
				"text": c.says, "markdown": "## " + look[0] + " " + c.page + ": ", "badge": `"color": "` + look[1] + `"`,
				"html": `<header class="` + look[2] + `">`,
			} {
				if text := rendered(t, named(format), run); !strings.Contains(text, want) {
					t.Errorf("%s lacks %q", format, want)
				}
			}
			if page := rendered(t, named("html"), run); !strings.Contains(page, "<h1>"+c.page+"</h1>") {
				t.Errorf("the page's heading is not %q", c.page)
			}
			var all junitSuites
			if err := xml.Unmarshal([]byte(rendered(t, named("junit"), run)), &all); err != nil {
				t.Fatal(err)
			}
			if all.Failures > 0 != (c.standing == result.Deviates) || all.Errors > 0 != (c.standing == result.NotJudged) || all.junitCounts != countElements(all) {
				t.Errorf("JUnit counts %+v", all.junitCounts)
			}
		})
	}
}

// named finds a format.
func named(name string) render {
	for _, r := range renders {
		if r.name == name {
			return r
		}
	}
	return render{}
}

// TestBaselineProblems: every format for people tells each entry that does not hold, and
// names warnings as news.
func TestBaselineProblems(t *testing.T) {
	t.Parallel()
	run := sample()
	run.Baseline = &result.Baseline{File: "known.yaml", Entries: 2, Problems: []result.BaselineProblem{
		{Entry: "token-reuse", Kind: result.Expired, Text: "the entry expired after 2026-01-31"},
	}}
	for _, format := range []string{"text", "markdown", "html", "junit"} {
		text := rendered(t, named(format), run)
		for _, want := range []string{"token-reuse", "expired", "the entry expired after 2026-01-31"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q", format, want)
			}
		}
		if format != "junit" && !strings.Contains(text, "New warnings") {
			t.Errorf("%s does not name the warnings as news", format)
		}
	}
}
