package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/lab"
)

// Nothing that decides, or tells how an OP holds, listens to everybody without a token.
func TestNothingListensToEverybody(t *testing.T) {
	t.Setenv(deviceTokenEnv, "")
	t.Setenv(metricsTokenEnv, "")
	target := startLab(t, lab.Options{})
	text := strings.ReplaceAll(string(read(t, target)), "approval: {kind: url,", `approval: {kind: url, observe: {listen: "0.0.0.0:0", adapter: native},`)
	observed := written(t, "observed.yaml", strings.ReplaceAll(text, "../", filepath.Dir(filepath.Dir(target))+"/"))
	for _, c := range []struct {
		says string
		args []string
	}{
		{deviceTokenEnv, []string{"device", "--listen", "0.0.0.0:0"}},
		{deviceTokenEnv, []string{"op", "--device-listen", "0.0.0.0:0"}},
		{deviceTokenEnv, []string{"op", "--control-listen", ":0"}},
		{deviceTokenEnv, []string{"op", "--device-listen", "[::]:0", "--control-listen", "0.0.0.0:0"}},
		{metricsTokenEnv, []string{"load", "--target", target, "--duration", "1s", "--out", t.TempDir(), "--metrics-listen", "0.0.0.0:0"}},
		{"approval.observe.token", []string{"check", "--flow", observed}},
		{"approval.observe.token", []string{"conform", "--target", observed, "metadata-issuer", "--out", t.TempDir()}},
	} {
		code, _, errOut := called(t, c.args...)
		if code != exitUsage || !strings.Contains(errOut, c.says) || !strings.Contains(errOut, "beyond loopback") {
			t.Errorf("%s: exit %d, %s", strings.Join(c.args, " "), code, errOut)
		}
	}
}

// begun starts the program as a process and returns what it printed until a line that
// begins with a word. The process is interrupted when the test is over.
func begun(t *testing.T, cmd *exec.Cmd, until string) (printed string) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		printed += lines.Text() + "\n"
		if strings.HasPrefix(lines.Text(), until) {
			return printed
		}
	}
	t.Fatalf("it ended after %q", printed)
	return ""
}

// asked sends a request as whoever knows a server by a name.
func asked(t *testing.T, method, url, host, bearer string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Host = host; bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

var addresses = regexp.MustCompile(`(?m)^(issuer|control|device)\s+(\S+)$`)

// The control and the device of the reference OP ask for the token, the OP shows it to the
// device, and the target file that is written names it: the whole story works.
func TestTheOPWithAToken(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := process(t, "op", "--write-target", dir, "--interval", "1s", "--allow-host", "lab.test")
	cmd.Env = append(cmd.Env, deviceTokenEnv+"=tok-4711")
	at := map[string]string{}
	for _, found := range addresses.FindAllStringSubmatch(begun(t, cmd, "phone"), -1) {
		at[found[1]] = found[2]
	}
	decide := at["control"] + "/decision?auth_req_id=x&action=allow"
	for _, c := range []struct {
		method, url, host, bearer string
		want                      int
	}{
		{"POST", decide, "", "", 401},
		{"POST", decide, "lab.test", "wrong", 401},
		{"POST", decide, "anything.test", "tok-4711", 404},
		{"GET", at["device"] + "/v1/requests", "", "", 401},
		{"GET", at["device"] + "/v1/requests", "", "tok-4711", 200},
	} {
		if got := asked(t, c.method, c.url, c.host, c.bearer); got != c.want {
			t.Errorf("%+v is answered %d", c, got)
		}
	}
	try := process(t, "try", "approval", "--target", filepath.Join(dir, "targets", "reference.yaml"))
	try.Env = cmd.Env
	if text, err := try.CombinedOutput(); err != nil {
		t.Errorf("trying the approval: %v\n%s", err, text)
	}
}

// Without a token, whoever comes by a strange name is let in nowhere.
func TestTheOPKnowsItsName(t *testing.T) {
	t.Parallel()
	l, err := lab.Start(t.Context(), lab.Options{Hosts: []string{"lab.test"}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	decide := l.ControlURL + "/decision?auth_req_id=x&action=allow"
	for host, want := range map[string]int{"": 404, "localhost": 404, "lab.test:9002": 404, "evil.test": 403, "evil.test:9002": 403, "lab.test.evil.test": 403} {
		if got := asked(t, "POST", decide, host, ""); got != want {
			t.Errorf("the control by the name %q is answered %d", host, got)
		}
		if got := asked(t, "GET", l.DeviceURL+"/v1/requests", host, ""); (got == 403) != (want == 403) {
			t.Errorf("the device by the name %q is answered %d", host, got)
		}
	}
}

// A device that cannot write its audit says so at once, and with its exit code.
func TestDeviceWithAFullAudit(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	device := process(t, "device", "--listen", "127.0.0.1:0", "--policy", "approve", "--audit", path)
	cmd := exec.CommandContext(t.Context(), "sh", append([]string{"-c", `ulimit -f 8; exec "$@"`, "sh"}, device.Args...)...)
	cmd.Env = device.Env
	errOut, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	said := make(chan string, 100)
	go func() {
		defer close(said)
		for lines := bufio.NewScanner(errOut); lines.Scan(); {
			said <- lines.Text()
		}
	}()
	printed := begun(t, cmd, "phone")
	url := addresses.FindStringSubmatch(printed)[2]
	refused := 0
	for i := range 100 {
		resp, err := http.Post(url+"/v1/requests", "application/json", strings.NewReader(fmt.Sprintf(`{"auth_req_id":"%d"}`, i)))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusServiceUnavailable {
			refused++
		}
	}
	select {
	case line := <-said:
		if !strings.Contains(line, "the audit cannot be written") {
			t.Errorf("it says %q", line)
		}
	case <-time.After(10 * time.Second):
		t.Error("nothing is said")
	}
	if refused < 50 {
		t.Errorf("%d of 100 requests are refused", refused)
	}
	_ = cmd.Process.Signal(syscall.SIGINT)
	var head string
	for line := range said {
		head = line
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitNotJudged {
		t.Errorf("exit code %d, last said %q", code, head)
	}
}

// The head that a device prints, and a key, tell a chain that was computed anew.
func TestAuditOfADeviceIsAnchored(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	cmd := process(t, "device", "--listen", "127.0.0.1:0", "--audit", path)
	cmd.Env = append(cmd.Env, auditKeyEnv+"=a key")
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	_ = begun(t, cmd, "phone")
	_ = cmd.Process.Signal(syscall.SIGINT)
	_ = cmd.Wait()
	_, head, _ := strings.Cut(strings.TrimSpace(errOut.String()), "audit head ")
	verify := func(env string, args ...string) (int, string) {
		cmd := process(t, append([]string{"device", "audit", "verify", path}, args...)...)
		cmd.Env = append(cmd.Env, env)
		text, _ := cmd.CombinedOutput()
		return cmd.ProcessState.ExitCode(), string(text)
	}
	if code, text := verify(auditKeyEnv+"=a key", "--head", head); code != exitOK || !strings.Contains(text, "consistent, sealed with the key, and ends in the head") {
		t.Errorf("exit %d: %s (head %q)", code, text, head)
	}
	for _, env := range []string{auditKeyEnv + "=another key", "NOTHING="} {
		if code, text := verify(env); code != exitNonConformant || !strings.Contains(text, "key") {
			t.Errorf("%s: exit %d: %s", env, code, text)
		}
	}
}

// Load holds its folder as conform does, and follows no link.
func TestLoadFolder(t *testing.T) {
	t.Parallel()
	target, out, elsewhere := startLab(t, lab.Options{}), t.TempDir(), written(t, "precious", "precious")
	for _, name := range loadArtefactNames() {
		if err := os.Symlink(elsewhere, filepath.Join(out, name)); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"load", "--target", target, "--rate", "5/s", "--duration", "1s", "--think", "fixed:10ms", "--drain", "8s", "--out", out}
	held, err := openFolder(out)
	if err != nil {
		t.Fatal(err)
	}
	if code, _, errOut := called(t, args...); code != exitUsage || !strings.Contains(errOut, "in use by another run") {
		t.Errorf("a folder in use: exit %d, %s", code, errOut)
	}
	held.Close()
	if code, _, errOut := called(t, args...); code == exitUsage {
		t.Errorf("exit %d, %s", code, errOut)
	}
	if string(read(t, elsewhere)) != "precious" {
		t.Error("a link was followed")
	}
	for _, name := range loadArtefactNames() {
		if info, err := os.Lstat(filepath.Join(out, name)); err != nil || !info.Mode().IsRegular() {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

// What the limit of a run cuts off is partial: what was found stays, the rest is not judged.
func TestTimeoutMakesARunPartial(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	began := time.Now()
	code, _, errOut := called(t, "conform", "--target", startLab(t, lab.Options{}), "--out", out, "--timeout", "3s", "poll-pending", "expiry")
	if took := time.Since(began); code != exitNotJudged || took > 20*time.Second {
		t.Errorf("exit %d after %s: %s", code, took, errOut)
	}
	var run struct {
		Verdict, Interrupted any
		Notes                []string
	}
	if err := json.Unmarshal(read(t, filepath.Join(out, "run.json")), &run); err != nil {
		t.Fatal(err)
	}
	if run.Verdict != "partial" || run.Interrupted != nil || !strings.Contains(fmt.Sprint(run.Notes), "reached its limit of 3s") {
		t.Errorf("the result says %+v", run)
	}
	if code, _, errOut := called(t, "conform", "--timeout", "-1s", "poll-pending"); code != exitUsage || !strings.Contains(errOut, "--timeout") {
		t.Errorf("exit %d: %s", code, errOut)
	}
}

// A path that leads to a device without an end fills no memory.
func TestEndlessInput(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector, which runs the short tests, multiplies memory")
	}
	t.Parallel()
	target := startLab(t, lab.Options{})
	for _, args := range [][]string{
		{"check", "/dev/zero"},
		{"conform", "--target", target, "--baseline", "/dev/zero", "metadata-issuer"},
		{"load", "--target", target, "--users", "/dev/zero"},
		{"load", "--target", target, "--rar", "/dev/zero"},
		{"load", "--target", target, "--replay", "/dev/zero"},
		{"report", "/dev/zero"},
		{"device", "--policy", "/dev/zero"},
		{"device", "--adapters", "/dev/zero"},
		{"device", "audit", "verify", "/dev/zero"},
		{"init", "http://127.0.0.1:9", "--ca-file", "/dev/zero"},
	} {
		code, text, peak := measured(t, args...)
		if code <= 0 || len(text) > 4096 || peak > 1<<30 { // a result file may have 256 MiB
			t.Errorf("%s: exit %d with %d MiB: %.300s", strings.Join(args, " "), code, peak>>20, text)
		}
	}
}
