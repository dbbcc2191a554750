package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/lab"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		id   string
		code int
		want []string
	}{
		"a requirement": {"CIBA-11-FAST-POLL", exitOK, []string{
			"CIBA-11-FAST-POLL (MAY, polling)", "N-03 Polling too fast: No text obliges", "docs/notes.md#n-03", "case       fast-poll:",
		}},
		"a case":   {"poll-pending", exitOK, []string{"CIBA-11-PENDING (MUST, polling)"}},
		"a note":   {"N-03", exitOK, []string{"N-03 Polling too fast\n", "What cibatest does: ", "docs/notes.md#n-03"}},
		"a typo":   {"N-0", exitUsage, []string{`"N-0" is no requirement, case, profile, note, capability or key of a file`}},
		"a need":   {"device_observer", exitOK, []string{"what the OP shows its user can be read; approval.observe", "clauses    CIBA-", "cibatest check"}},
		"no notes": {"CIBA-4-DISC-MODES", exitOK, []string{"CIBA-4-DISC-MODES (MUST, discovery)"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, out, errOut := called(t, "explain", c.id)
			if code != c.code {
				t.Fatalf("exit code %d, want %d; %s", code, c.code, errOut)
			}
			for _, want := range c.want {
				if !strings.Contains(out+errOut, want) {
					t.Errorf("%q is missing in:\n%s%s", want, out, errOut)
				}
			}
		})
	}
}

// What proves a clause is named once, however many cases judge it.
func TestExplainNamesFaultsOnce(t *testing.T) {
	t.Parallel()
	_, out, _ := called(t, "explain", "CIBA-11-PENDING")
	if strings.Count(out, "  case ") < 2 || strings.Count(out, "poll-pending-403") != 1 {
		t.Errorf("the faults of two cases are told as\n%s", out)
	}
}

func TestListCases(t *testing.T) {
	t.Parallel()
	_, all, _ := called(t, "list", "--cases")
	code, polling, _ := called(t, "list", "--cases", "polling")
	if n := strings.Count(polling, "\n"); code != exitOK || n < 10 || n > strings.Count(all, "\n")/2 || !strings.Contains(polling, "poll-pending ") {
		t.Errorf("exit %d, %d lines:\n%s", code, n, polling)
	}
	if code, _, errOut := called(t, "list", "metadata-modes-work"); code != exitUsage || !strings.Contains(errOut, "list --cases metadata-modes-work") {
		t.Errorf("a case among the requirements: exit %d: %s", code, errOut)
	}
	if code, _, errOut := called(t, "list", "no-such-word"); code != exitUsage || strings.Contains(errOut, "--cases") {
		t.Errorf("exit %d: %s", code, errOut)
	}
	if code, _, errOut := called(t, "list", "--cases", "no-such-word"); code != exitUsage || !strings.Contains(errOut, "no case matches") {
		t.Errorf("exit %d: %s", code, errOut)
	}
	if code, _, _ := called(t, "list", "--cases", "--uncovered"); code != exitUsage {
		t.Errorf("cases of what has none: exit %d", code)
	}
}

// TestNotesReachTheReport: who reads only the report can read what its clauses
// leave open.
func TestNotesReachTheReport(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	if code, _, errOut := called(t, "conform", "--target", startLab(t, lab.Options{}), "--out", out, "metadata-rs256"); code != exitOK {
		t.Fatalf("exit code %d: %s", code, errOut)
	}
	note, ok := catalogue.Must().Note("N-30")
	if !ok {
		t.Fatal("there is no note N-30")
	}
	for _, file := range []string{"run.json", "report.html"} {
		text := string(read(t, filepath.Join(out, file)))
		for _, want := range append([]string{note.ID, note.Title}, note.Text...) {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q", file, want)
			}
		}
	}
}
