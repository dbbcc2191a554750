package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/reports/result"
	"github.com/cibatest/cibatest/suites"
)

// TestWriteWhole fails in the middle of a file: the old one stays, and nothing
// is left beside it.
func TestWriteWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.json")
	write := func(text string, err error) error {
		return writeWhole(path, func(w io.Writer) error {
			_, _ = io.WriteString(w, text)
			return err
		})
	}
	if err := write("old", nil); err != nil {
		t.Fatal(err)
	}
	if err := write("half", errors.New("broken")); err == nil {
		t.Error("an error while rendering is lost")
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "old" {
		t.Errorf("the file holds %q, %v", got, err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
}

// TestStepSummary appends, as a CI step may have written there before.
func TestStepSummary(t *testing.T) {
	path := filepath.Join(t.TempDir(), "summary.md")
	t.Setenv("GITHUB_STEP_SUMMARY", path)
	if err := os.WriteFile(path, []byte("before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := appendStepSummary(result.Run{Verdict: result.Conformant}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(got), "before\n") || !strings.Contains(string(got), "✅ Conformant") {
		t.Errorf("the step summary holds %q", got)
	}
}

// TestProgress tells failures as they come, without control characters where
// no terminal is.
func TestProgress(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out)
	p.event(suites.Event{Case: "a", Outcome: result.Pass, Finished: 1, Total: 2})
	p.event(suites.Event{Case: "b", Outcome: result.Fail, Message: "want 400,\x1b[31m got 200", Finished: 2, Total: 2})
	p.show()
	p.done()
	if strings.Contains(out.String(), "\x1b") {
		t.Errorf("control characters in %q", out.String())
	}
	for _, line := range []string{"fail b: ", "2 of 2 cases, 1 failed or not judged"} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("%q is missing from %q", line, out.String())
		}
	}
	if strings.Contains(out.String(), "pass a") {
		t.Error("a case that passed is told")
	}
}
