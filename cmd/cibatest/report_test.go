package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/reports/result"
)

// writeRun writes a run of one case to a file.
func writeRun(t *testing.T, name string, outcome result.Outcome) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	run := result.Run{Version: result.Version, Kind: "conformance", Cases: []result.Case{{ID: "token-pending", Outcome: outcome}}}
	run.Summary = result.Summarise(run.Cases)
	var b bytes.Buffer
	if err := result.Write(&b, run); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReport(t *testing.T) {
	pass, fail := writeRun(t, "pass.json", result.Pass), writeRun(t, "fail.json", result.Fail)
	page := filepath.Join(t.TempDir(), "page.html")
	stated := filepath.Join(t.TempDir(), "statement.html")
	for _, c := range []struct {
		name string
		args []string
		exit int
		says string
	}{
		{"text", []string{"report", fail}, exitOK, "1 fail"},
		{"a file", []string{"report", fail, "--html", page}, exitOK, ""},
		{"a statement", []string{"report", fail, "--statement", stated, "--product", "Example OP 4.2"}, exitOK, ""},
		{"a statement where nothing can be written", []string{"report", fail, "--statement", "missing/s.html"}, exitUsage, ""},
		{"diff, the same", []string{"report", "diff", fail, fail}, exitOK, "Still failing (1)"},
		{"diff, worse", []string{"report", "diff", pass, fail}, exitNonConformant, "token-pending  pass → fail"},
		{"diff, better", []string{"report", "diff", fail, pass}, exitOK, "Fixed (1)"},
		{"diff as JSON", []string{"report", "diff", "--json", pass, fail}, exitNonConformant, `"new_failures": [`},
		{"diff of one", []string{"report", "diff", pass}, exitUsage, ""},
		{"no such file", []string{"report", "missing.json"}, exitUsage, ""},
		{"a folder that is not there", []string{"report", fail, "--junit", "missing/junit.xml"}, exitUsage, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out, errOut := called(t, c.args...)
			if code != c.exit {
				t.Errorf("exit code %d, want %d: %s", code, c.exit, errOut)
			}
			if !strings.Contains(out, c.says) {
				t.Errorf("%q is missing from:\n%s", c.says, out)
			}
		})
	}
	if html, err := os.ReadFile(page); err != nil || !bytes.Contains(html, []byte("token-pending")) {
		t.Errorf("the page was not written: %v", err)
	}
	run, err := os.ReadFile(fail)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Example OP 4.2", fmt.Sprintf("%x", sha256.Sum256(run))} {
		if html, err := os.ReadFile(stated); err != nil || !bytes.Contains(html, []byte(want)) {
			t.Errorf("the statement does not tell %s: %v", want, err)
		}
	}
}
