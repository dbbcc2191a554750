package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/internal/lab"
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

// writeLoadRun writes a load run of one window to a file.
func writeLoadRun(t *testing.T, verdict result.LoadVerdict) string {
	t.Helper()
	l := result.Load{
		Version: result.Version, Kind: "load", Verdict: verdict, DurationMS: 1000,
		Windows: []result.Window{{SpanMS: 1000, Counters: map[string]int64{result.CountOffered: 1, result.CountStarted: 1}}},
	}
	path := filepath.Join(t.TempDir(), "load.json")
	if err := writeWhole(path, func(w io.Writer) error { return result.WriteLoad(w, l) }); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReport(t *testing.T) {
	pass, fail := writeRun(t, "pass.json", result.Pass), writeRun(t, "fail.json", result.Fail)
	page := filepath.Join(t.TempDir(), "page.html")
	load, unjudged := writeLoadRun(t, result.Measured), writeLoadRun(t, result.Unjudged)
	matrix := filepath.Join(t.TempDir(), "matrix.html")
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
		{"diff of load runs", []string{"report", "diff", load, load}, exitOK, "Counts"},
		{"diff of load runs as JSON", []string{"report", "diff", "--json", load, load}, exitOK, `"newly_missed": []`},
		{"diff of a load run that says nothing", []string{"report", "diff", load, unjudged}, exitNotJudged, "nothing follows"},
		{"diff of two kinds", []string{"report", "diff", pass, load}, exitUsage, ""},
		{"matrix", []string{"report", "matrix", pass, "Old OP=" + fail}, exitOK, "`Old OP`"},
		{"matrix as a page", []string{"report", "matrix", pass, fail, "-o", matrix}, exitOK, ""},
		{"matrix of a load run", []string{"report", "matrix", pass, load}, exitUsage, ""},
		{"matrix of nothing", []string{"report", "matrix"}, exitUsage, ""},
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
	if html, err := os.ReadFile(matrix); err != nil || !bytes.Contains(html, []byte("2 runs")) {
		t.Errorf("the matrix was not written: %v", err)
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

// The requests of a case come as curl commands, and all exchanges as an archive.
func TestReportCurlAndHAR(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	if code, _, errOut := called(t, "conform", "--target", startLab(t, lab.Options{}), "--out", out, "metadata-issuer"); code != exitOK {
		t.Fatalf("exit %d: %s", code, errOut)
	}
	run := filepath.Join(out, "run.json")
	if code, script, errOut := called(t, "report", run, "--curl", "metadata-issuer"); code != exitOK || !strings.Contains(script, "--url 'http://") {
		t.Errorf("exit %d: %s%s", code, script, errOut)
	}
	if code, _, errOut := called(t, "report", run, "--curl", "nothing"); code != exitUsage || !strings.Contains(errOut, `no case "nothing"`) {
		t.Errorf("an unknown case: exit %d: %s", code, errOut)
	}
	archive := filepath.Join(out, "run.har")
	if code, _, errOut := called(t, "report", run, "--har", archive); code != exitOK {
		t.Errorf("exit %d: %s", code, errOut)
	}
	if text, err := os.ReadFile(archive); err != nil || !strings.Contains(string(text), `"pageref": "metadata-issuer"`) {
		t.Errorf("%v: %.300s", err, text)
	}
}
