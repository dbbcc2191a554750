package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/internal/lab"
)

// judgedBy runs conform on a case with a baseline, and returns what it printed and wrote.
func judgedBy(t *testing.T, target, known string, args ...string) (code int, errOut string, files map[string]string) {
	t.Helper()
	out := t.TempDir()
	code, summary, errOut := called(t, append([]string{"conform", "--out", out, "--target", target, "--baseline", known}, args...)...)
	files = map[string]string{"summary": summary}
	for _, a := range artefacts {
		files[a.name] = string(read(t, filepath.Join(out, a.name)))
	}
	return code, errOut, files
}

func TestBaselineIsRedForNewsOnly(t *testing.T) {
	t.Parallel()
	broken := startLab(t, lab.Options{Faults: []string{"metadata-issuer-slash"}})
	healthy := startLab(t, lab.Options{})
	known := filepath.Join(t.TempDir(), "known.yaml")
	for _, step := range []struct {
		name   string
		code   int
		target string
		args   []string
		says   string
	}{
		{"the first time it is news, and written down", exitNonConformant, broken, []string{"--update-baseline"}, "1 added, 0 removed"},
		{"then it is known", exitOK, broken, nil, ""},
		{"but nobody explained it", exitNonConformant, broken, []string{"--strict-baseline"}, "has no reason yet"},
		{"that it is gone is news", exitNonConformant, healthy, nil, "is listed as fail and is pass now"},
		{"an update takes it out", exitNonConformant, healthy, []string{"--update-baseline"}, "removed metadata-issuer OIDD-4.3-ISSUER-MATCH: listed as fail, is pass now"},
		{"then all is well", exitOK, healthy, nil, ""},
	} {
		code, errOut, _ := judgedBy(t, step.target, known, append(step.args, "metadata-issuer")...)
		if code != step.code || !strings.Contains(errOut, step.says) {
			t.Errorf("%s: exit %d, want %d and %q:\n%s", step.name, code, step.code, step.says, errOut)
		}
	}
}

// A baseline that does not hold is red everywhere, although the OP conforms.
func TestStaleBaselineIsToldEverywhere(t *testing.T) {
	t.Parallel()
	healthy := startLab(t, lab.Options{})
	for name, entry := range map[string]string{
		"stale":   "{case: metadata-issuer, outcome: fail, reason: the issuer has a slash}",
		"expired": "{case: poll-pending, outcome: fail, reason: until the release, expires: 2026-01-31}",
	} {
		known := written(t, "known.yaml", "known:\n- "+entry+"\n")
		code, _, files := judgedBy(t, healthy, known, "metadata-issuer")
		if code != exitNonConformant {
			t.Errorf("%s: exit %d, want %d", name, code, exitNonConformant)
		}
		for file, want := range map[string]string{
			"summary": "CONFORMANT, BUT THE BASELINE DOES NOT HOLD: 1 of 1 MUST judged", "summary.md": "❌ Conformant, but the baseline does not hold",
			"junit.xml": `failures="1"`, "badge.json": `"red"`, "report.html": `<header class="non-conformant">`, "run.json": `"kind": "` + name + `"`,
		} {
			if !strings.Contains(files[file], want) {
				t.Errorf("%s: %s lacks %q:\n%.600s", name, file, want, files[file])
			}
		}
	}
}

// A fault that makes one case warn.
const warningFault, warningCase = "metadata-no-rs256", "metadata-rs256"

// A new warning is told, and fails only a strict run, or where the baseline calls it news.
func TestNewWarningIsNews(t *testing.T) {
	t.Parallel()
	target := startLab(t, lab.Options{Faults: []string{warningFault}})
	news := written(t, "news.yaml", "warnings: news\n")
	code, errOut, files := judgedBy(t, target, news, warningCase)
	if code != exitNonConformant || !strings.Contains(errOut, "warns and is not listed") || strings.Contains(errOut, "fail nothing") {
		t.Errorf("where warnings are news: exit %d:\n%s%s", code, errOut, files["summary"])
	}
	known := written(t, "known.yaml", "known: []\n")
	code, errOut, files = judgedBy(t, target, known, warningCase)
	if code != exitOK || !strings.Contains(errOut, "new warnings, which fail nothing: "+warningCase) || !strings.Contains(files["summary"], "New warnings (1)") {
		t.Errorf("exit %d:\n%s%s", code, errOut, files["summary"])
	}
	if code, _, _ := judgedBy(t, target, known, "--strict", warningCase); code != exitNonConformant {
		t.Errorf("strict: exit %d", code)
	}
	if code, errOut, _ := judgedBy(t, target, known, "--update-baseline", warningCase); code != exitOK || !strings.Contains(errOut, "added "+warningCase+" OIDD-3-RS256-LISTED: warn") {
		t.Errorf("update: exit %d: %s", code, errOut)
	}
	if code, _, _ := judgedBy(t, target, known, "--strict", warningCase); code != exitOK {
		t.Errorf("strict, but listed: exit %d", code)
	}
}

// An update of a part of the cases leaves everything else that people wrote.
func TestPartialUpdateKeepsTheRest(t *testing.T) {
	t.Parallel()
	const before = "# Ana knows more.\nknown:\n  # ticket 12\n  - {case: poll-pending, outcome: fail, reason: ours, expires: 2031-01-31} # really\n"
	broken := startLab(t, lab.Options{Faults: []string{"metadata-issuer-slash"}})
	known := written(t, "known.yaml", before)
	if code, errOut, _ := judgedBy(t, broken, known, "--update-baseline", "metadata-issuer"); code != exitNonConformant {
		t.Fatalf("exit %d: %s", code, errOut)
	}
	after, err := os.ReadFile(known)
	if err != nil {
		t.Fatal(err)
	}
	added, ok := strings.CutPrefix(string(after), before)
	if !ok || strings.Count(added, "\n") != 1 || !strings.Contains(added, "{case: metadata-issuer, requirement: OIDD-4.3-ISSUER-MATCH, outcome: fail") {
		t.Errorf("the file is now\n%s", after)
	}
}

// That nothing can be written is found before the run takes its time.
func TestUnwritableOut(t *testing.T) {
	t.Parallel()
	target := startLab(t, lab.Options{})
	code, _, errOut := called(t, "conform", "--target", target, "--out", target+"/out", "metadata-issuer")
	if code != exitUsage || !strings.Contains(errOut, "--out: ") || strings.Contains(errOut, "of 1 cases") {
		t.Errorf("exit %d: %s", code, errOut)
	}
}
