package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/reports/result"
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
