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
		{"nothing judged", result.NoVerdict, result.Skip, "", nil, result.NotJudged, "NOT JUDGED: 0 of 1 MUST judged, 1 skipped", "Not judged"},
		{"nothing but skips, by an older version", result.Partial, result.Skip, "", nil, result.NotJudged, "NOT JUDGED: 0 of 1 MUST judged, 1 skipped", "Not judged"},
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
			agree(t, run, look, c.says, c.page)
		})
	}
}

// agree holds every format to the look of a standing, which is a mark, a colour and a class.
func agree(t *testing.T, run result.Run, look [3]string, says, page string) {
	t.Helper()
	for format, want := range map[string]string{
		"text": says, "markdown": "## " + look[0] + " " + page + ": ", "badge": `"color": "` + look[1] + `"`,
		"html": `<header class="` + look[2] + `">`,
	} {
		if text := rendered(t, named(format), run); !strings.Contains(text, want) {
			t.Errorf("%s lacks %q", format, want)
		}
	}
	if html := rendered(t, named("html"), run); !strings.Contains(html, "<h1>"+page+"</h1>") {
		t.Errorf("the page's heading is not %q", page)
	}
	var all junitSuites
	if err := xml.Unmarshal([]byte(rendered(t, named("junit"), run)), &all); err != nil {
		t.Fatal(err)
	}
	failures := run.Standing() == result.Deviates
	errors := run.Standing() == result.NotJudged || run.Standing() == result.Interrupted
	if all.Failures > 0 != failures || all.Errors > 0 != errors || all.junitCounts != countElements(all) {
		t.Errorf("%s: JUnit counts %+v", run.Standing(), all.junitCounts)
	}
}

// TestProfilesAgree: what a run says about its profiles is told by every format, and none is
// greener or redder for it than the exit code.
func TestProfilesAgree(t *testing.T) {
	t.Parallel()
	pass := result.Case{ID: "a", Area: "polling", Requirements: []string{"R"}, Outcome: result.Pass}
	listed := result.Case{ID: "b", Area: "rar", Requirements: []string{"S"}, Outcome: result.Fail, Known: "because"}
	poll := result.Profile{
		ID: "poll", Title: "CIBA Core, poll", Verdict: result.Conformant, Counts: true, MUSTs: 2, Judged: 1, Minimum: 1,
		NotTestable: []result.NotTestable{{Reason: "tls_probe: the issuer is plain http", Requirements: []string{"T"}}},
	}
	short := poll
	short.Verdict, short.Missing, short.Minimum = result.Partial, []string{"T"}, 2
	ping := result.Profile{ID: "ping", Title: "CIBA Core, ping", Verdict: result.NoVerdict, MUSTs: 9, Minimum: 3, Missing: []string{"X", "Y", "Z"}}
	rar := result.Profile{ID: "rar", Title: "RAR", Verdict: result.NonConformant, Counts: true, MUSTs: 3, Judged: 3, Failed: 1, Minimum: 1}
	green, yellow, red := [3]string{"✅", "brightgreen", "conformant"}, [3]string{"⚠️", "yellow", "partial"}, [3]string{"❌", "red", "non-conformant"}
	for _, c := range []struct {
		name string
		run  result.Run
		look [3]string
		says []string // by text, summary, page and JUnit
		page string
	}{
		{
			"whole",
			result.Run{Verdict: result.Conformant, Cases: []result.Case{pass}, Profiles: []result.Profile{poll}},
			green,
			[]string{"CIBA Core, poll", "1 of 2 MUSTs judged, 1 not testable here", "1: tls_probe: the issuer is plain http"},
			"Conformant",
		},
		{
			"what is only offered holds nobody up",
			result.Run{Verdict: result.Conformant, Cases: []result.Case{pass}, Profiles: []result.Profile{poll, ping}},
			green,
			[]string{"CIBA Core, ping", "0 of 9 MUSTs judged"},
			"Conformant",
		},
		{
			"below the minimum",
			result.Run{Verdict: result.Partial, Cases: []result.Case{pass}, Profiles: []result.Profile{short}},
			yellow,
			[]string{"below its minimum: 1 of 2 judged, without T"},
			"Partly judged",
		},
		{
			"one of two deviates as listed",
			result.Run{Verdict: result.NonConformant, Baseline: &result.Baseline{}, Cases: []result.Case{pass, listed}, Profiles: []result.Profile{poll, rar}},
			yellow,
			[]string{"3 of 3 MUSTs judged, 1 requirement fails"},
			"Not conformant, as the baseline expects",
		},
		{
			"one of two deviates",
			result.Run{Verdict: result.NonConformant, Cases: []result.Case{pass, {ID: "b", Area: "rar", Requirements: []string{"S"}, Outcome: result.Fail}}, Profiles: []result.Profile{poll, rar}},
			red,
			[]string{"3 of 3 MUSTs judged, 1 requirement fails"},
			"Not conformant",
		},
		{"interrupted", result.Run{Verdict: result.Partial, Interrupted: true, Cases: []result.Case{pass}, Profiles: []result.Profile{short}}, yellow, nil, "Partly judged"},
		{
			"interrupted after a listed failure",
			result.Run{Verdict: result.NonConformant, Interrupted: true, Baseline: &result.Baseline{}, Cases: []result.Case{listed}, Profiles: []result.Profile{rar}},
			red, nil, "Not conformant",
		},
		{
			"a stale baseline",
			result.Run{Verdict: result.Conformant, Cases: []result.Case{pass}, Profiles: []result.Profile{poll}, Baseline: &result.Baseline{Problems: []result.BaselineProblem{{Entry: "a", Kind: result.Stale}}}},
			red, nil, "Conformant, but the baseline does not hold",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run.Requirements = []result.Requirement{{ID: "R", Level: "MUST", Outcome: result.Pass, Cases: []string{"a"}}}
			c.run.Summary = result.Summarise(c.run.Cases)
			agree(t, c.run, c.look, "1 of 1 MUST judged", c.page)
			for _, format := range []string{"text", "markdown", "html", "junit"} {
				text := strings.Join(strings.Fields(rendered(t, named(format), c.run)), " ")
				for _, want := range c.says {
					if !strings.Contains(text, want) {
						t.Errorf("%s lacks %q", format, want)
					}
				}
			}
			stated := map[bool]string{true: ": poll", false: ": rar"}[c.run.Profiles[0].ID == "poll"]
			if badge := rendered(t, named("badge"), c.run); !strings.Contains(badge, stated) || strings.Contains(badge, "ping") {
				t.Errorf("the badge says %s", badge)
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
