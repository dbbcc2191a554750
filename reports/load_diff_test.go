package reports

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/cibatest/cibatest/reports/result"
)

func TestCompareLoads(t *testing.T) {
	t.Parallel()
	missed := func(text string, held bool) result.Objective {
		return result.Objective{Text: text, Actual: "9ms", Held: held}
	}
	reuse := result.Violation{Kind: "reuse", Text: "redeemed twice", Count: 2}
	for _, c := range []struct {
		name          string
		before, after func(*result.Load)
		bad, unsaid   bool
		says          []string
	}{
		{name: "the same", says: []string{"redeem.p99"}},
		{
			name:   "an objective is missed now",
			before: func(l *result.Load) { l.Objectives = []result.Objective{missed("redeem.p99<5ms", true)} },
			after:  func(l *result.Load) { l.Objectives = []result.Objective{missed("redeem.p99<5ms", false)} },
			bad:    true, says: []string{"Objectives missed now (1)", "redeem.p99<5ms: 9ms → 9ms"},
		},
		{
			name:   "an objective that nobody asked for before is missed",
			before: func(l *result.Load) { l.Objectives = nil },
			after:  func(l *result.Load) { l.Objectives = []result.Objective{missed("redeem.p99<5ms", false)} },
			bad:    true, says: []string{"redeem.p99<5ms: none → 9ms"},
		},
		{
			name:   "an objective is missed as before, another is held again",
			before: func(l *result.Load) { l.Objectives = []result.Objective{missed("a", false), missed("b", false)} },
			after:  func(l *result.Load) { l.Objectives = []result.Objective{missed("a", false), missed("b", true)} },
			says:   []string{"Objectives still missed (1)", "Objectives held again (1)"},
		},
		{
			name:   "a new violation",
			before: func(l *result.Load) { l.Violations = nil },
			after:  func(l *result.Load) { l.Violations = []result.Violation{reuse} },
			bad:    true, says: []string{"New violations of the protocol (1)", "redeemed twice: none → 2"},
		},
		{
			name:   "a violation is gone",
			before: func(l *result.Load) { l.Violations = []result.Violation{reuse} },
			after:  func(l *result.Load) { l.Violations = nil },
			says:   []string{"Violations gone (1)", "redeemed twice: 2 → none"},
		},
		{
			name:  "the machine was too slow",
			after: func(l *result.Load) { l.Verdict = result.Saturated }, unsaid: true, says: []string{"nothing follows from comparing"},
		},
		{
			name:  "another plan",
			after: func(l *result.Load) { l.Plan.Rate = "50/s" }, says: []string{"Asked for otherwise (1)", "→ 50/s"},
		},
		{
			name:  "slower only",
			after: func(l *result.Load) { l.Latency[0].P99 *= 2 }, says: []string{"+100.0%"},
		},
		{
			name:  "more flows",
			after: func(l *result.Load) { l.Funnel.Offered += l.Funnel.Offered / 2 }, says: []string{"+50.0%"},
		},
		{
			name:   "nothing before",
			before: func(l *result.Load) { *l = result.Load{Verdict: result.Measured} }, says: []string{"offered"}, bad: true,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			before, after := sampleLoad(), sampleLoad()
			for l, change := range map[*result.Load]func(*result.Load){&before: c.before, &after: c.after} {
				l.Latency = slices.Clone(l.Latency)
				if change != nil {
					change(l)
				}
			}
			d := CompareLoads(before, after)
			if d.Bad() != c.bad || d.Unsaid() != c.unsaid {
				t.Errorf("bad %v, unsaid %v", d.Bad(), d.Unsaid())
			}
			var b bytes.Buffer
			if err := d.WriteText(&b, TextOptions{}); err != nil {
				t.Fatal(err)
			}
			for _, want := range c.says {
				if !strings.Contains(b.String(), want) {
					t.Errorf("%q is missing from:\n%s", want, b.String())
				}
			}
		})
	}
}

// A difference as JSON has every list, and foreign text stays inert in both forms.
func TestLoadDifferenceIsInertAndWhole(t *testing.T) {
	t.Parallel()
	d := CompareLoads(sampleLoad(), hostileLoad())
	var text, data bytes.Buffer
	if err := d.WriteText(&text, TextOptions{}); err != nil {
		t.Fatal(err)
	}
	if i := strings.IndexFunc(text.String(), func(c rune) bool { return !unicode.IsPrint(c) && c != '\n' }); i >= 0 {
		t.Errorf("%q acts", text.String()[i:])
	}
	if !strings.Contains(text.String(), "window.acted") {
		t.Error("the hostile text is not shown at all, so this proves nothing")
	}
	empty := LoadDifference{}
	if err := empty.WriteJSON(&data); err != nil {
		t.Fatal(err)
	}
	var lists map[string]any
	if err := json.Unmarshal(data.Bytes(), &lists); err != nil {
		t.Fatal(err)
	}
	for name, list := range lists {
		if list == nil {
			t.Errorf("%s is null", name)
		}
	}
}
