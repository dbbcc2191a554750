package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/hostile"
	"github.com/cibatest/cibatest/internal/lab"
)

// peakFile makes this test binary behave as the program, and write the most memory that it
// had into a file when it ends. What the system counts for a child includes the memory of
// the parent at its birth.
const peakFile = "CIBATEST_TEST_PEAK"

// recordPeak writes the bytes of memory that this process had at most, on Linux.
func recordPeak(path string) {
	status, _ := os.ReadFile("/proc/self/status")
	_, rest, found := strings.Cut(string(status), "VmHWM:")
	kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(strings.SplitN(rest, "\n", 2)[0]), " kB"), 10, 64)
	if found && err == nil {
		_ = os.WriteFile(path, []byte(strconv.FormatInt(kib<<10, 10)), 0o600)
	}
}

// mostMemory is what a command may take, whatever an OP answers.
const mostMemory = 300 << 20

// patience is how long a command may take at a hostile OP.
const patience = 3 * time.Minute

// measured runs the program as a process and returns its exit code, what it printed, and
// the bytes of memory that it had at most; 0 where the system does not tell.
func measured(t *testing.T, args ...string) (code int, printed string, peak int64) {
	t.Helper()
	cmd, path := measurable(t, args...)
	text, _ := cmd.CombinedOutput()
	return cmd.ProcessState.ExitCode(), string(text), peakIn(path)
}

func measurable(t *testing.T, args ...string) (cmd *exec.Cmd, path string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	path = filepath.Join(t.TempDir(), "peak")
	cmd = exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), peakFile+"="+path)
	return cmd, path
}

func peakIn(path string) int64 {
	peak, _ := strconv.ParseInt(string(present(path)), 10, 64)
	return peak
}

// victim is a command that meets a hostile OP.
type victim struct {
	name      string
	everybody bool  // discovery is hostile, too
	requests  int64 // as many as it may send
	run       func(t *testing.T, url string) (code int, printed string, peak int64)
}

// with is a victim that is given a target file and a folder.
func with(name string, requests int64, args ...string) victim {
	return victim{name, false, requests, func(t *testing.T, url string) (int, string, int64) {
		return measured(t, append(args, "--target", written(t, "op.yaml", hostileTarget(url)), "--out", t.TempDir())...)
	}}
}

func victims() []victim {
	loaded := []string{"load", "--rate", "20/s", "--duration", "2s", "--drain", "2s", "--timeout", "5s", "--transport"}
	return []victim{
		{"init", true, 4, func(t *testing.T, url string) (int, string, int64) { return measured(t, "init", url) }},
		{"check", false, 40, func(t *testing.T, url string) (int, string, int64) {
			return measured(t, "check", "--flow", written(t, "op.yaml", hostileTarget(url)))
		}},
		{"authorize", false, 40, func(t *testing.T, url string) (int, string, int64) {
			return measured(t, "authorize", "--target", written(t, "op.yaml", hostileTarget(url)))
		}},
		with("conform", 1500, "conform", "--smoke", "--timeout", "30s"),
		with("load http", 400, append(loaded, "http")...),
		with("load fast", 400, append(loaded, "fast")...),
		{"approval hook", false, 20, func(t *testing.T, url string) (int, string, int64) {
			target := startLab(t, lab.Options{Interval: time.Second})
			text := strings.Replace(string(read(t, target)), `url: "http://127.0.0.1`, `url: "`+url+`/start?was=http://127.0.0.1`, 1)
			return measured(t, "try", "approval", "--target", written(t, "op.yaml", strings.ReplaceAll(text, "../", filepath.Dir(filepath.Dir(target))+"/")))
		}},
		{"device", false, 40, deviceCalls},
	}
}

// deviceCalls has a device tell a hostile OP its decisions.
func deviceCalls(t *testing.T, url string) (code int, printed string, peak int64) {
	cmd, path := measurable(t, "device", "--listen", "127.0.0.1:0", "--policy", "approve")
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	said := begun(t, cmd, "phone")
	at := addresses.FindStringSubmatch(said)[2]
	for i := range 4 {
		resp, err := http.Post(at+"/v1/requests", "application/json", strings.NewReader(fmt.Sprintf(`{"auth_req_id":"%d","callback":"%s/start"}`, i, url)))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	time.Sleep(2 * time.Second) // for what is told; what is slow is given up after ten
	_ = cmd.Process.Signal(syscall.SIGINT)
	_ = cmd.Wait()
	return cmd.ProcessState.ExitCode(), said + errOut.String(), peakIn(path)
}

// everything asks for all modes against all commands, as "make hostile" does.
const everything = "CIBATEST_HOSTILE"

// A hostile OP harms nobody: whatever it answers to whichever command costs a bounded
// number of requests, a bounded time and a bounded memory, and ends in words.
func TestHostileOPHarmsNobody(t *testing.T) {
	t.Parallel()
	n := 0
	for _, mode := range hostile.Modes() {
		for _, v := range victims() {
			if n++; os.Getenv(everything) == "" && (mode.Slow || n%37 != 0) {
				continue // a spread costs little; all of it has a step of its own
			}
			name := strings.ReplaceAll(v.name+" at "+mode.Name, ",", "") // folders are named after it, which a target file names
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				server := hostile.Start(t, mode, v.everybody)
				began := time.Now()
				code, printed, peak := v.run(t, server.URL)
				if took := time.Since(began); took > patience-time.Second {
					t.Errorf("it took %s", took)
				}
				if got := server.Requests(); got > v.requests {
					t.Errorf("%d requests were sent, at most %d are expected", got, v.requests)
				}
				if peak > mostMemory || peak == 0 {
					t.Errorf("it had %d MiB", peak>>20)
				}
				if code < 0 || strings.Contains(printed, "goroutine ") || len(printed) > 256<<10 {
					t.Errorf("exit %d with %d bytes: %.2000s", code, len(printed), printed)
				}
				if server.Requests() == 0 {
					t.Errorf("it never met the OP: %.2000s", printed)
				}
				t.Logf("exit %d, %d requests, %d MiB, %s", code, server.Requests(), peak>>20, time.Since(began).Round(time.Millisecond))
			})
		}
	}
}
