package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/reports/result"
)

// asMain makes this test binary behave as the program, so that a test can send
// signals to it.
const asMain = "CIBATEST_TEST_AS_MAIN"

func TestMain(m *testing.M) {
	_ = os.Setenv("CIBATEST_CANARY", canaryHeader)
	for name, value := range outsiders {
		_ = os.Setenv(name, value)
	}
	if path := os.Getenv(peakFile); path != "" {
		outliveReaders()
		code := run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
		recordPeak(path)
		os.Exit(code)
	}
	if os.Getenv(asMain) != "" {
		main()
	}
	if os.Getenv(asStuck) != "" {
		stuck()
	}
	os.Exit(m.Run())
}

// called runs the program in this process.
func called(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(args, strings.NewReader(""), &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

// startLab runs a reference OP on loopback and writes the target file for it.
func startLab(t *testing.T, o lab.Options) (targetFile string) {
	t.Helper()
	l, err := lab.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	dir := t.TempDir()
	if err := writeTarget(dir, l); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "targets", "reference.yaml")
}

func written(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const unreachable = `issuer: http://127.0.0.1:9
clients: [{name: a, client_id: a, auth_method: client_secret_basic, client_secret: not-a-real-secret}]
users: [{login_hint: alice}]
`

func TestExitCodes(t *testing.T) {
	t.Parallel()
	healthy := startLab(t, lab.Options{})
	broken := startLab(t, lab.Options{Faults: []string{"metadata-issuer-slash"}})
	nobody := strings.ReplaceAll(string(read(t, healthy)), "approval: {kind: url", "approval: {kind: none")
	undecided := written(t, "undecided.yaml", strings.ReplaceAll(nobody, "../", filepath.Dir(filepath.Dir(healthy))+"/"))
	withoutRAR := written(t, "no-rar.yaml", withoutRAR(string(read(t, healthy))))
	for _, c := range []struct {
		name string
		code int
		says string // on standard error
		args []string
	}{
		{"list", exitOK, "", []string{"list"}},
		{"help", exitOK, "", []string{"conform", "--help"}},
		{"conformant", exitOK, "", []string{"conform", "--target", healthy, "metadata-issuer"}},
		{"version", exitOK, "", []string{"version"}},
		{"a file without a flag", exitUsage, "did you mean --target " + healthy + "?", []string{"conform", healthy}},
		{"a file beside the flag", exitUsage, "is a file, and no case", []string{"conform", "--target", healthy, broken}},
		{"a baseline to update, and none named", exitUsage, "needs --baseline", []string{"conform", "--target", healthy, "--update-baseline"}},
		{"reasons asked for, and no baseline", exitUsage, "needs --baseline", []string{"conform", "--target", healthy, "--strict-baseline"}},
		{"a baseline that cannot be written", exitUsage, "--baseline cannot be updated", []string{"conform", "--target", healthy, "--update-baseline", "--baseline", healthy + "/known.yaml"}},
		{"valid target", exitOK, "", []string{"check", healthy}},
		{"non-conformant", exitNonConformant, "metadata-issuer", []string{"conform", "--target", broken, "metadata-issuer"}},
		{"unknown command", exitUsage, "unknown command", []string{"conferm"}},
		{"unknown flag", exitUsage, "unknown flag", []string{"conform", "--tarket", "x"}},
		{"no match", exitUsage, "is no case, requirement or area", []string{"conform", "--target", healthy, "no-such-case"}},
		{"filter without match", exitUsage, "no case matches", []string{"conform", "--target", healthy, "--label-filter", "nothing"}},
		{"bad filter", exitUsage, "label filter", []string{"conform", "--target", healthy, "--label-filter", "(("}},
		{"no target file", exitUsage, "no-such.yaml", []string{"conform", "--target", "no-such.yaml"}},
		{"no result file", exitUsage, "no-such.json", []string{"report", "no-such.json"}},
		{"unreachable", exitNotJudged, "127.0.0.1:9 cannot be reached", []string{"conform", "--target", written(t, "far.yaml", unreachable)}},
		{"check unreachable", exitNotJudged, "", []string{"check", written(t, "far.yaml", unreachable)}},
		{"init unreachable", exitNotJudged, "cannot be reached", []string{"init", "http://127.0.0.1:9"}},
		{"partial", exitNotJudged, "", []string{"conform", "--target", undecided, "metadata-modes-work"}},
		{"an area without an answer", exitNotJudged, "", []string{"conform", "--target", withoutRAR, "rar"}},
		{"a case that skips", exitNotJudged, "", []string{"conform", "--target", withoutRAR, "rar-accepted"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			args := c.args
			if args[0] == "conform" {
				args = append(args, "--out", t.TempDir())
			}
			code, out, errOut := called(t, args...)
			if code != c.code || !strings.Contains(errOut, c.says) {
				t.Errorf("%v: exit %d, want %d\nstdout %s\nstderr %s", args, code, c.code, out, errOut)
			}
			if strings.Contains(errOut, "goroutine") {
				t.Errorf("a stack trace: %s", errOut)
			}
		})
	}
}

// withoutRAR leaves out of a target file what it says about authorization_details, and
// all clients but the first.
func withoutRAR(text string) string {
	text, _, _ = strings.Cut(text, "\nrar:")
	head, rest, _ := strings.Cut(text, "clients:\n")
	client, rest, _ := strings.Cut(rest, "\n")
	_, rest, _ = strings.Cut(rest, "users:\n")
	users, _, _ := strings.Cut(rest, "    login_hint_token")
	return head + "clients:\n" + client + "\nusers:\n" + users
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Every mistake of a target file is told at once, with its place.
func TestBadTargetFile(t *testing.T) {
	t.Parallel()
	file := written(t, "bad.yaml", `issuer: not a url
persona: nonsense
clients:
  - name: a
    client_id: a
    auth_method: client_secret_basik
    client_secret: ${env:CIBATEST_NOT_SET}
  - name: a
    client_id: b
    auth_method: private_key_jwt
    colour: red
users: [{login_hint: alice, login_hint: bob}]
budgets: {concurrency: many}
`)
	code, _, errOut := called(t, "conform", "--target", file)
	if code != exitUsage {
		t.Errorf("exit %d, want %d", code, exitUsage)
	}
	for _, place := range []string{":1:9", ":2:10", ":6:18", ":8:11", ":8:5", ":7:20", ":11:5", ":12:29", ":13:24"} {
		if !strings.Contains(errOut, "bad.yaml"+place) {
			t.Errorf("nothing is said about %s:\n%s", place, errOut)
		}
	}
}

// The first Ctrl-C ends the run and writes every report.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	target := startLab(t, lab.Options{})
	out := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, self, "conform", "--target", target, "--out", out)
	cmd.Env = append(os.Environ(), asMain+"=1")
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Second)
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("exit %d, want %d: %s", code, exitInterrupted, errOut.String())
	}
	if strings.Contains(errOut.String(), "interrupted before") {
		t.Errorf("what was not run is told as news: %.300s", errOut.String())
	}
	for _, a := range artefacts {
		if data := read(t, filepath.Join(out, a.name)); len(data) == 0 {
			t.Errorf("%s is empty", a.name)
		}
	}
	var judged result.Run
	if err := json.Unmarshal(read(t, filepath.Join(out, "run.json")), &judged); err != nil || !judged.Interrupted {
		t.Errorf("run.json does not say that the run was interrupted: %v", err)
	}
}

// Standard output of --json is the result and nothing else.
func TestJSONIsPure(t *testing.T) {
	t.Parallel()
	target := startLab(t, lab.Options{})
	code, out, _ := called(t, "conform", "--target", target, "--json", "--out", t.TempDir(), "metadata-issuer")
	var judged result.Run
	if err := json.Unmarshal([]byte(out), &judged); code != exitOK || err != nil || judged.Verdict != result.Conformant {
		t.Errorf("exit %d, %v, verdict %q", code, err, judged.Verdict)
	}
}

// TestConclude: the exit code is the standing of the run, and nothing else.
func TestConclude(t *testing.T) {
	t.Parallel()
	pass, fail := result.Case{Outcome: result.Pass}, result.Case{Outcome: result.Fail}
	known := result.Case{Outcome: result.Fail, Known: "because"}
	stale := &result.Baseline{Problems: []result.BaselineProblem{{Kind: result.Stale}}}
	for _, c := range []struct {
		run  result.Run
		want int
	}{
		{result.Run{Verdict: result.Conformant, Cases: []result.Case{pass}}, exitOK},
		{result.Run{Verdict: result.NonConformant, Cases: []result.Case{known}, Baseline: &result.Baseline{}}, exitOK},
		{result.Run{Verdict: result.NonConformant, Cases: []result.Case{fail}}, exitNonConformant},
		{result.Run{Verdict: result.Conformant, Cases: []result.Case{pass}, Baseline: stale}, exitNonConformant},
		{result.Run{Verdict: result.Partial, Cases: []result.Case{pass}}, exitNotJudged},
		{result.Run{Verdict: result.NoVerdict}, exitNotJudged},
		{result.Run{Verdict: result.Partial, Interrupted: true}, exitInterrupted},
	} {
		if got := exitCode(conclude(c.run), io.Discard); got != c.want {
			t.Errorf("%s, %s: exit %d, want %d", c.run.Verdict, c.run.Standing(), got, c.want)
		}
	}
}
