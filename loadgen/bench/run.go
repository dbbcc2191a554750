package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/cibatest/cibatest/reports/result"
)

func newTruth() map[string]*hdrhistogram.Histogram { return map[string]*hdrhistogram.Histogram{} }

// settings are those of a whole benchmark.
type settings struct {
	rounds               int
	only                 string
	cibatest, k6, script string
	length               time.Duration
	folder               string
}

// usage is what one run used and did.
type usage struct {
	requests float64
	cpu      time.Duration
	rss      int64 // bytes, peak
	load     result.Load
}

func (u usage) perCPUSecond() float64 { return u.requests / u.cpu.Seconds() }

func (s settings) run() error {
	var err error
	if s.folder, err = os.MkdirTemp("", "bench"); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(s.folder) }()
	for _, part := range []struct {
		name string
		do   func() error
	}{{"ratios", s.ratios}, {"tls", s.overTLS}, {"reference", s.reference}, {"pending", s.pending}, {"accuracy", s.accuracy}} {
		if s.only != "" && s.only != part.name {
			continue
		}
		if err := part.do(); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

// op starts the mock OP on the first core and returns its target file and base
// URL; stop ends it.
func (s settings) op(args ...string) (file, base string, stop func(), err error) {
	file = filepath.Join(s.folder, fmt.Sprintf("target-%d.yaml", time.Now().UnixNano()))
	self, err := os.Executable()
	if err != nil {
		return "", "", nil, err
	}
	cmd := onFirstCore(self, append([]string{"op", "-target", file}, args...)...)
	if err := cmd.Start(); err != nil {
		return "", "", nil, err
	}
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	base, err = issuerIn(file)
	if err != nil {
		stop()
	}
	return file, base, stop, err
}

// onFirstCore is a server; the generator has the second core.
func onFirstCore(program string, args ...string) *exec.Cmd {
	cmd := exec.Command("taskset", append([]string{"-c", "0", program}, args...)...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.Stderr = os.Stderr
	return cmd
}

// issuerIn waits for the target file that an OP writes when it is ready.
func issuerIn(file string) (string, error) {
	issuer := regexp.MustCompile(`(?m)^issuer: (\S+)$`)
	for range 100 {
		if text, err := os.ReadFile(file); err == nil {
			if found := issuer.FindSubmatch(text); found != nil {
				return string(found[1]), nil
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	return "", errors.New("the OP did not start")
}

// generate runs a program on the second core and returns its output and usage.
func generate(env []string, argv ...string) (out []byte, u usage, err error) {
	cmd := exec.Command("taskset", append([]string{"-c", "1"}, argv...)...)
	cmd.Env = append(append(os.Environ(), "GOMAXPROCS=1"), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 3 { // cibatest was the limit, which is the purpose
		err = nil
	}
	if err != nil {
		return nil, u, fmt.Errorf("%s: %w: %.2000s", argv[0], err, stderr.String())
	}
	spent := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	u.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	u.rss = spent.Maxrss * 1024
	return stdout.Bytes(), u, nil
}

// load runs cibatest load and reads its result.
func (s settings) load(file string, args ...string) (usage, error) {
	argv := append([]string{s.cibatest, "load", "--target", file, "--out", s.folder, "--json", "--probes", "0%", "--drain", "1s"}, args...)
	out, u, err := generate(nil, argv...)
	if err != nil {
		return u, err
	}
	if u.load, err = result.ReadLoad(bytes.NewReader(out)); err != nil {
		return u, err
	}
	u.requests = float64(u.load.Counters[result.CountRequests])
	return u, nil
}

// counted runs a program that prints how many requests it sent.
func counted(env []string, argv ...string) (usage, error) {
	out, u, err := generate(env, argv...)
	if err != nil {
		return u, err
	}
	var told struct {
		Requests float64 `json:"requests"`
	}
	if err := json.Unmarshal(out, &told); err != nil {
		return u, fmt.Errorf("%s: %w: %.300s", argv[0], err, out)
	}
	u.requests = told.Requests
	return u, nil
}
