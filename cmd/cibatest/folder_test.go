package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/lab"
)

// process is the program as a process of its own.
func process(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), asMain+"=1")
	return cmd
}

// quick are cases that end at once.
var quick = []string{"metadata-issuer", "CIBA-7.3-ARID-ENTROPY"}

// A run that is killed leaves a journal of what it has found.
func TestKilledRunLeavesItsJournal(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	cmd := process(t, "conform", "--target", startLab(t, lab.Options{}), "--out", out)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(out, journalName)
	for began := time.Now(); !bytes.Contains(present(path), []byte(`"outcome":"pass"`)) && time.Since(began) < 30*time.Second; {
		time.Sleep(20 * time.Millisecond)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	torn, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(torn, `{"id":"torn","exch`)
	_ = torn.Close()
	run, err := readRun(path)
	if err != nil || len(run.Requirements) == 0 || !run.Interrupted || run.Summary.Pass == 0 {
		t.Fatalf("%d cases, %d requirements, %+v, %v", len(run.Cases), len(run.Requirements), run.Summary, err)
	}
	html := filepath.Join(out, "again.html")
	if code, _, stderr := called(t, "report", path, "--html", html); code != exitOK || len(read(t, html)) == 0 {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

// present is a file, or nothing.
func present(path string) []byte {
	data, _ := os.ReadFile(path)
	return data
}

// Readers who go take nothing with them: the files are written and the verdict counts.
func TestResultsOutliveTheirReaders(t *testing.T) {
	t.Parallel()
	target := startLab(t, lab.Options{})
	for name, attach := range map[string]func(*exec.Cmd) (io.ReadCloser, error){"stdout": (*exec.Cmd).StdoutPipe, "stderr": (*exec.Cmd).StderrPipe} {
		out := t.TempDir()
		cmd := process(t, append([]string{"conform", "--target", target, "--out", out}, quick...)...)
		pipe, err := attach(cmd)
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		_ = pipe.Close()
		err = cmd.Wait()
		if err != nil || len(present(filepath.Join(out, "run.json"))) == 0 {
			t.Errorf("with %s closed: %v, %d bytes of run.json", name, err, len(present(filepath.Join(out, "run.json"))))
		}
	}
}

// That the results cannot be written is told before the run.
func TestFolderIsTriedBeforeTheRun(t *testing.T) {
	t.Parallel()
	used := t.TempDir()
	holder, err := openFolder(used)
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	occupied := t.TempDir()
	if err := os.Mkdir(filepath.Join(occupied, "report.html"), 0o750); err != nil {
		t.Fatal(err)
	}
	for out, says := range map[string]string{
		used:                       "in use by another run",
		occupied:                   "is a folder, but is to become a file",
		written(t, "a-file", "x"):  "not a directory",
		"/proc/cibatest/no/folder": "no such file or directory",
	} {
		began := time.Now()
		code, _, stderr := called(t, append([]string{"conform", "--out", out}, quick...)...)
		if code != exitUsage || !strings.Contains(stderr, says) || time.Since(began) > 5*time.Second {
			t.Errorf("%s: exit %d after %s: %s", out, code, time.Since(began), stderr)
		}
	}
}

// Results are written beside what is there: no link is followed, and the umask holds.
func TestResultsFollowNoLinkAndTheUmask(t *testing.T) {
	t.Parallel()
	out, elsewhere := t.TempDir(), written(t, "precious", "precious")
	for _, name := range artefactNames() {
		if err := os.Symlink(elsewhere, filepath.Join(out, name)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := process(t, append([]string{"conform", "--target", startLab(t, lab.Options{}), "--out", out}, quick...)...)
	script := exec.CommandContext(t.Context(), "sh", append([]string{"-c", `umask 077; exec "$@"`, "sh"}, cmd.Args...)...)
	script.Env = cmd.Env
	if text, err := script.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if string(read(t, elsewhere)) != "precious" {
		t.Error("a link was followed")
	}
	for _, a := range artefacts {
		info, err := os.Lstat(filepath.Join(out, a.name))
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", a.name, info.Mode(), err)
		}
	}
	if _, err := os.Lstat(filepath.Join(out, journalName)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the journal is still there: %v", err)
	}
}

// A full disk costs the files and not the verdict.
func TestFullDiskLeavesTheSummary(t *testing.T) {
	t.Parallel()
	target, out := startLab(t, lab.Options{}), t.TempDir()
	cmd := process(t, append([]string{"conform", "--target", target, "--out", out}, quick...)...)
	limited := exec.CommandContext(t.Context(), "sh", append([]string{"-c", `ulimit -f 60; exec "$@"`, "sh"}, cmd.Args...)...)
	limited.Env = cmd.Env
	stdout, err := limited.Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitNotJudged || !strings.Contains(strings.ToLower(string(stdout)), "conform") {
		t.Errorf("%v: %s", err, stdout)
	}
}
