package baseline

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/reports/result"
	"github.com/google/go-cmp/cmp"
)

// written is a baseline as people write theirs: comments, reasons, dates, an order and
// layouts of their own.
const written = `# What the OP does otherwise. Ask Ana before you remove anything.

known:
  # Client authentication.
  - {case: gone, outcome: fail, reason: "fixed in “5.1”", clause: "CIBA Core 13"}
  - case: stays      # ticket 12
    outcome: fail
    reason: |
      the vendor knows

      # this is text
    expires: 2027-01-31

  # Polling: ticket 13.
  - {requirement: R-2, reason: "„quoted“ reason", outcome: 'fail'}   # see the wiki
  - {case: elsewhere, outcome: error, reason: not ours}
  # The end.
`

func TestUpdate(t *testing.T) {
	t.Parallel()
	all := []result.Case{
		judged("gone", result.Pass), judged("stays", result.Fail), judged("new", result.Fail), judged("two", result.Warn, "R-2"),
		judged("elsewhere", result.Error), judged("unclear", result.Error), judged("fine", result.Pass), judged("left-out", result.Skip),
	}
	added := "  - {case: new, outcome: fail, clause: R-1, reason: 'unexplained: want 400, got 200'}\n"
	for _, c := range []struct {
		name   string
		run    result.Run
		remove []string // lines of the text that go
		add    string   // before the last comment
		change [2]string
		says   []string
	}{
		{
			name: "everything", run: result.Run{Cases: all}, remove: []string{"case: gone"}, add: added, change: [2]string{"outcome: 'fail'", "outcome: 'warn'"},
			says: []string{
				"known.yaml: 1 added, 1 removed, 1 changed, 2 kept, 0 of them not judged in this run",
				`removed gone: listed as fail, is pass now ("fixed in “5.1”")`,
				`changed R-2: listed as fail, is warn now; look at its reason ("„quoted“ reason")`,
				"added new: fail; write the reason", "not listed unclear: it could not be judged",
			},
		},
		{
			name: "one case", run: result.Run{Selection: result.Selection{Arguments: []string{"new"}}, Cases: []result.Case{judged("new", result.Fail)}}, add: added,
			says: []string{"known.yaml: 1 added, 0 removed, 0 changed, 4 kept, 4 of them not judged in this run", "added new: fail; write the reason"},
		},
		{
			name: "smoke", run: result.Run{Selection: result.Selection{Smoke: true}, Cases: []result.Case{judged("gone", result.Skip), judged("two", result.Pass, "R-2")}},
			says: []string{"known.yaml: 0 added, 0 removed, 0 changed, 4 kept, 4 of them not judged in this run"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := Update("known.yaml", []byte(written), c.run, Options{Now: today})
			if err != nil {
				t.Fatal(err)
			}
			want := strings.Replace(written, "  # The end.\n", c.add+"  # The end.\n", 1)
			want = strings.Replace(want, c.change[0], c.change[1], min(len(c.change[0]), 1))
			var kept []string
			for line := range strings.Lines(want) {
				if len(c.remove) == 0 || !strings.Contains(line, c.remove[0]) {
					kept = append(kept, line)
				}
			}
			if diff := cmp.Diff(strings.Join(kept, ""), string(got.Text)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if diff := cmp.Diff(c.says, got.Lines); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if again, err := Update("known.yaml", got.Text, c.run, Options{Now: today}); err != nil || string(again.Text) != string(got.Text) {
				t.Errorf("the second time: %v\n%s", err, cmp.Diff(string(got.Text), string(again.Text)))
			}
		})
	}
}

func TestUpdateOfAnInterruptedRun(t *testing.T) {
	t.Parallel()
	run := result.Run{Interrupted: true, Cases: []result.Case{judged("new", result.Fail)}}
	if got, err := Update("known.yaml", []byte(written), run, Options{Now: today}); !errors.Is(err, ErrInterrupted) || got.Text != nil {
		t.Errorf("got %v and\n%s", err, got.Text)
	}
}

// Layouts other than one entry below the other are laid out anew; comments stay.
func TestUpdateOfOtherLayouts(t *testing.T) {
	t.Parallel()
	run := result.Run{Cases: []result.Case{judged("a", result.Fail), judged("b", result.Pass)}}
	entry := "  - case: a\n    outcome: fail\n    clause: R-1\n    reason: 'unexplained: want 400, got 200'\n"
	for name, c := range map[string]struct{ before, after string }{
		"no text":          {"", "known:\n" + entry},
		"only comments":    {"# Nothing so far.\n", "# Nothing so far.\nknown:\n" + entry},
		"an empty value":   {"# Nothing so far.\nknown:\n", "# Nothing so far.\nknown:\n" + entry},
		"an empty list":    {"# Nothing so far.\nknown: [] # really\n", "# Nothing so far.\nknown: # really\n" + entry},
		"one line":         {"known: [{case: b, outcome: fail, reason: r}, {case: c, outcome: error, reason: s}]\n", "known:\n  - {case: c, outcome: error, reason: s}\n" + entry},
		"no last newline":  {"known:\n- case: a\n  outcome: warn\n  reason: r", "known:\n- case: a\n  outcome: fail\n  reason: r\n"},
		"nothing is left":  {"known:\n# b is bad\n- {case: b, outcome: fail, reason: r}\n- {case: a, outcome: fail, reason: r}\n", "known:\n# b is bad\n- {case: a, outcome: fail, reason: r}\n"},
		"two for one case": {"known:\n- {case: a, outcome: fail, reason: r}\n- {case: a, outcome: warn, reason: s}\n", "known:\n- {case: a, outcome: fail, reason: r}\n"},
	} {
		got, err := Update("known.yaml", []byte(c.before), run, Options{Now: today})
		if diff := cmp.Diff(c.after, string(got.Text)); diff != "" || err != nil {
			t.Errorf("%s: %v -want +got\n%s", name, err, diff)
		}
	}
}

// What a person wrote in a way that lines cannot tell apart is refused, and told.
func TestUpdateRefusesWhatItCannotEdit(t *testing.T) {
	t.Parallel()
	text := "known:\n-\n  case: b\n  outcome: fail\n  reason: r\n-\n  case: c\n  outcome: error\n  reason: s\n"
	run := result.Run{Cases: []result.Case{judged("b", result.Pass)}}
	if got, err := Update("known.yaml", []byte(text), run, Options{Now: today}); err == nil {
		t.Errorf("no error, and\n%s", got.Text)
	}
}

// The committed baselines, updated by a run that judged nothing of theirs, stay to the letter.
func TestUpdateOfCommittedBaselines(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("../../fixtures/ops/*/baseline.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("found %v, %v", paths, err)
	}
	run := result.Run{Selection: result.Selection{Arguments: []string{"a"}}, Cases: []result.Case{judged("a", result.Pass)}}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Update(path, text, run, Options{Now: today}); err != nil || string(got.Text) != string(text) {
			t.Errorf("%s: %v\n%s", path, err, cmp.Diff(string(text), string(got.Text)))
		}
	}
}

// FuzzUpdate edits whatever reads as a baseline: nothing panics, and the entries that come
// out are the planned ones, or the edit is refused.
func FuzzUpdate(f *testing.F) {
	for _, text := range []string{
		written, "", "known:", "known: []", "known: [{case: a, outcome: fail, reason: r}]", "known:\r- {case: a, outcome: fail, reason: r}\r- {case: b, outcome: fail, reason: r}",
		"x: &a {case: a, outcome: fail, reason: r}\nknown:\n- *a\n", "known:\n- {case: a, outcome: \"fail\", reason: \"\u2028\"}\n", "known:\n- case: a\n  outcome: >-\n    fail\n  reason: r\n",
		"known:\n- {case: b, outcome: &o fail, reason: r}\n- &b {case: a, outcome: *o, reason: r}\n- *b\n",
		"known:\n- case: b\r  reason: r\r  outcome: fail\n", "---\nknown:\n- {case: a, outcome: fail, reason: r}\n...\n",
	} {
		f.Add(text)
	}
	runs := []result.Run{
		{Cases: []result.Case{judged("a", result.Pass), judged("b", result.Warn), judged("c", result.Fail)}},
		{Selection: result.Selection{Arguments: []string{"c"}}, Cases: []result.Case{judged("c", result.Fail)}},
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, run := range runs {
			got, err := Update("known.yaml", []byte(text), run, Options{Now: today})
			if err != nil {
				continue
			}
			again, err := Update("known.yaml", got.Text, run, Options{Now: today})
			if err != nil || string(again.Text) != string(got.Text) {
				t.Errorf("the second edit: %v\n%s", err, cmp.Diff(string(got.Text), string(again.Text)))
			}
		}
	})
}
