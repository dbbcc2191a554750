package reports

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/cibatest/cibatest/reports/result"
)

func stated(t *testing.T, run result.Run) string {
	t.Helper()
	var b bytes.Buffer
	if err := Statement(&b, run, sampleSource); err != nil {
		t.Fatal(err)
	}
	return html.UnescapeString(b.String())
}

// A statement says which OP was judged by what, what deviates, and how to check it.
func TestStatementTells(t *testing.T) {
	t.Parallel()
	page := stated(t, sample())
	for _, want := range []string{
		"Example OP 4.2", "CIBA Core, poll", "https://op.example.com/tenant", "Not conformant", "final, 1 September 2021", "RFC 9396, of which",
		"v1.2.3", "0f1e2d3c4b5a", "cibatest conform --target op.yaml --seed 42", "run.json", sampleSource.SHA256,
		"CIBA-11-PENDING", "400 slow_down", "CIBA Core 1.0 §11", "ticket 4711", "user_code: discovery says", "1 case that the tool could not",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the statement does not tell %q", want)
		}
	}
	known := strings.Index(page, `id="known"`)
	if at := strings.Index(page, "RFC9396-5-UNKNOWN-TYPE"); known < 0 || at < known {
		t.Error("a known deviation stands among the others")
	}
}

// An older result tells no product, texts and command; the statement says so.
func TestStatementOfAnOlderResult(t *testing.T) {
	t.Parallel()
	run := sample()
	run.Target.Product, run.Texts, run.Command, run.Tool.Commit = "", nil, "", ""
	page := stated(t, run)
	for _, want := range []string{"name and version were not said", "CIBA Core 1.0, RFC 9396; their editions were not recorded", "not recorded</dd>"} {
		if !strings.Contains(page, want) {
			t.Errorf("the statement does not tell %q", want)
		}
	}
}

// A statement stays short however bad the OP is, and says what it leaves out.
func TestStatementStaysShort(t *testing.T) {
	t.Parallel()
	page := stated(t, terrible())
	if rows := strings.Count(page, `<span class="id">BAD-`); rows != maxDeviations-1 { // and one of the sample
		t.Errorf("%d deviations are listed, want %d", rows, maxDeviations-1)
	}
	if !strings.Contains(page, "and 361 more") || !strings.Contains(page, "more reasons") {
		t.Error("the statement does not say how much it leaves out")
	}
}

// A statement is handed over alone, so it names the reasons why a profile was not judged
// whole, and never says that there is one more in place of it.
func TestStatementNamesReasons(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reasons int
		more    string // empty: all are told
	}{{manyReasons + 1, ""}, {claimReasons, ""}, {claimReasons + 1, ""}, {claimReasons + 2, "and 2 more reasons"}} {
		run := sample()
		run.Profiles[0].NotTestable = nil
		for i := range c.reasons {
			run.Profiles[0].NotTestable = append(run.Profiles[0].NotTestable, result.NotTestable{Reason: fmt.Sprintf("reason no. %d.", i), Requirements: []string{"A"}})
		}
		page := stated(t, run)
		if told := strings.Contains(page, fmt.Sprintf("reason no. %d.", c.reasons-1)); told != (c.more == "") || !strings.Contains(page, c.more) {
			t.Errorf("%d reasons: the last one is told: %v", c.reasons, told)
		}
	}
}

// terrible is a run of an OP that obeys nothing, with long words for it.
func terrible() result.Run {
	run := sample()
	for i := range 400 {
		c := run.Cases[1]
		c.ID, c.Requirements = fmt.Sprintf("bad-%d", i), []string{fmt.Sprintf("BAD-%d", i)}
		c.Findings = []result.Finding{{
			Outcome: result.Fail, Clause: c.Requirements[0] + " (MUST)",
			Expected: strings.Repeat("something else ", 40), Actual: strings.Repeat("nothing good ", 40),
		}}
		run.Cases = append(run.Cases, c)
		skipped := run.Cases[6]
		skipped.ID, skipped.Reason = fmt.Sprintf("gap-%d", i), "reason "+string([]byte{byte('a' + i/20), byte('a' + i%20)})
		run.Cases = append(run.Cases, skipped)
		run.Requirements = append(run.Requirements, clauseOf(c.Requirements[0], "MUST", "polling", "CIBA Core 1.0 §11", result.Fail, "Something is so.", c.ID))
	}
	run.Summary = result.Summarise(run.Cases)
	return run
}
