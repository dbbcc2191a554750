package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
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
	}{{"ratios", s.ratios}, {"pending", s.pending}, {"accuracy", s.accuracy}} {
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
	cmd := exec.Command("taskset", append([]string{"-c", "0", self, "op", "-target", file}, args...)...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return "", "", nil, err
	}
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	for range 100 {
		if text, err := os.ReadFile(file); err == nil && len(text) > 0 {
			base = regexp.MustCompile(`issuer: (\S+)`).FindStringSubmatch(string(text))[1]
			return file, base, stop, nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	stop()
	return "", "", nil, errors.New("the mock OP did not start")
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

// variant is one contender.
type variant struct {
	name string
	run  func(file, base string) (usage, error)
}

// ratios compares how many requests a CPU second buys.
func (s settings) ratios() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	length := s.length.String()
	agents := func(n, transport string) func(file, _ string) (usage, error) {
		return func(file, _ string) (usage, error) {
			return s.load(file, "--agents", n, "--duration", length, "--max-workers", fmt.Sprint(workers), "--transport", transport)
		}
	}
	list := []variant{
		{"raw Vegeta library", func(_, base string) (usage, error) {
			return counted(nil, self, "raw", "-url", base+"/token", "-length", length)
		}},
		{"raw Vegeta, fast transport", func(_, base string) (usage, error) {
			return counted(nil, self, "raw", "-url", base+"/token", "-length", length, "-fast")
		}},
		{"cibatest, 4000 flows", agents("4000", "http")},
		{"cibatest fast, 16000 flows", agents("16000", "fast")},
	}
	if s.k6 != "" {
		k6 := func(flows string) func(_, base string) (usage, error) {
			return func(_, base string) (usage, error) {
				return counted([]string{"BASE=" + base, "INTERVAL=" + fmt.Sprint(interval), "VUS=" + flows, "LENGTH=" + length}, s.k6, "run", "-q", "--no-usage-report", s.script)
			}
		}
		list = append(list, variant{"k6, 1000 flows", k6("1000")}, variant{"k6, 4000 flows", k6("4000")},
			variant{"cibatest fast, 4000 flows", agents("4000", "fast")})
	}
	rounds, err := s.interleaved(list)
	if err != nil {
		return err
	}
	printRatios(list, rounds)
	return nil
}

// interleaved runs all variants in turn, round after round.
func (s settings) interleaved(list []variant) ([][]usage, error) {
	rounds := make([][]usage, s.rounds)
	for i := range rounds {
		for _, v := range list {
			file, base, stop, err := s.op()
			if err != nil {
				return nil, err
			}
			u, err := v.run(file, base)
			stop()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", v.name, err)
			}
			fmt.Fprintf(os.Stderr, "round %d: %-28s %8.0f requests a CPU second, %d MiB\n", i+1, v.name, u.perCPUSecond(), u.rss>>20)
			rounds[i] = append(rounds[i], u)
		}
	}
	return rounds, nil
}

func printRatios(list []variant, rounds [][]usage) {
	fmt.Printf("\n%-28s %24s %12s\n", "one core each, medians", "requests per CPU second", "peak MiB")
	for i, v := range list {
		fmt.Printf("%-28s %24s %12s\n", v.name, across(rounds, func(r []usage) float64 { return r[i].perCPUSecond() }, "%.0f"),
			across(rounds, func(r []usage) float64 { return float64(r[i].rss) / (1 << 20) }, "%.0f"))
	}
	fmt.Printf("\n%-52s %8s  %s\n", "ratios within a round", "", "goal")
	ratio := func(text, goal string, value func([]usage) float64) {
		fmt.Printf("%-52s %s  %s\n", text, across(rounds, value, "%.2f"), goal)
	}
	ratio("cibatest / raw Vegeta", ">= 0.80", func(r []usage) float64 { return r[2].perCPUSecond() / r[0].perCPUSecond() })
	ratio("cibatest fast / raw Vegeta", ">= 1.5", func(r []usage) float64 { return r[3].perCPUSecond() / r[0].perCPUSecond() })
	if len(list) > 4 {
		ratio("cibatest / k6 with 1000 flows, where k6 is best", ">= 5", func(r []usage) float64 { return r[2].perCPUSecond() / r[4].perCPUSecond() })
		ratio("cibatest fast / k6 with 1000 flows", ">= 10", func(r []usage) float64 { return r[3].perCPUSecond() / r[4].perCPUSecond() })
		ratio("cibatest / k6, 4000 flows each", ">= 5", func(r []usage) float64 { return r[2].perCPUSecond() / r[5].perCPUSecond() })
		ratio("cibatest fast / k6, 4000 flows each", ">= 10", func(r []usage) float64 { return r[6].perCPUSecond() / r[5].perCPUSecond() })
		ratio("memory, 4000 flows each: cibatest / k6", "<= 0.1", func(r []usage) float64 { return float64(r[2].rss) / float64(r[5].rss) })
		ratio("memory, 4000 flows each: cibatest fast / k6", "<= 0.1", func(r []usage) float64 { return float64(r[6].rss) / float64(r[5].rss) })
	}
}

// across is the median of a value over the rounds, with its range.
func across(rounds [][]usage, value func([]usage) float64, format string) string {
	var values []float64
	for _, r := range rounds {
		values = append(values, value(r))
	}
	slices.Sort(values)
	return fmt.Sprintf(format+" ["+format+".."+format+"]", values[len(values)/2], values[0], values[len(values)-1])
}

// pending holds many flows that nobody decides and polls them on schedule. They
// start in the course of one interval, so that the polls are spread as evenly. The
// OP answers a poll that comes too soon with slow_down.
func (s settings) pending() error {
	fmt.Printf("\n%-14s %10s %8s %8s %8s %10s %8s\n", "pending flows", "polls", "polls/s", "lag p50", "lag p99", "slow_down", "peak MiB")
	const polling = 20 * time.Second
	for _, c := range []struct {
		flows    int
		interval time.Duration
	}{{100_000, 10 * time.Second}, {1_000_000, 100 * time.Second}} {
		file, _, stop, err := s.op("-interval", fmt.Sprint(c.interval.Seconds()), "-decided", "-1s", "-strict")
		if err != nil {
			return err
		}
		rate := fmt.Sprintf("%d/s", c.flows/int(c.interval.Seconds()))
		u, err := s.load(file, "--rate", rate, "--duration", c.interval.String(), "--max-pending", fmt.Sprint(c.flows+c.flows/20), "--transport", "fast", "--drain", polling.String())
		stop()
		if err != nil {
			return err
		}
		lag, n := latency(u.load, "lag.poll"), u.load.Counters
		fmt.Printf("%-14d %10d %8.0f %8s %8s %10d %8d\n", n[result.CountAcknowledged], lag.Count, float64(lag.Count)/polling.Seconds(),
			micros(lag.P50), micros(lag.P99), n[result.CountSlowDown], u.rss>>20)
		if early := n[result.CountEarlyPolls]; early > 0 {
			fmt.Printf("%d polls left early\n", early)
		}
	}
	return nil
}

func latency(l result.Load, class string) result.Latency {
	for _, one := range l.Latency {
		if one.Class == class {
			return one
		}
	}
	return result.Latency{}
}

func micros(v int64) string { return fmt.Sprintf("%.2fms", float64(v)/1000) }

// accuracy compares what was measured with what the OP knows.
func (s settings) accuracy() error {
	fmt.Printf("\n%-12s %-10s %-10s %10s %10s %10s  %s\n", "latency", "transport", "class", "p50", "p99", "p99.9", "measured / truth; goal: within 1% + 0.15ms")
	for _, kind := range []string{"two-modes", "lognormal"} {
		for _, transport := range []string{"http", "fast"} {
			if err := s.compare(kind, transport); err != nil {
				return err
			}
		}
	}
	return s.stall()
}

func (s settings) compare(kind, transport string) error {
	file, base, stop, err := s.op("-latency", kind)
	if err != nil {
		return err
	}
	defer stop()
	u, err := s.load(file, "--rate", "500/s", "--duration", "12s", "--transport", transport, "--drain", "5s")
	if err != nil {
		return err
	}
	truth, err := truthOf(base)
	if err != nil {
		return err
	}
	for _, class := range []string{"initiate", "pending", "redeem"} {
		m, t := latency(u.load, class), truth[class]
		cell := func(measured, truth int64) string {
			word := ""
			if math.Abs(float64(measured-truth)) > 0.01*float64(truth)+150 {
				word = " MISSED"
			}
			return fmt.Sprintf("%.2f/%.2f%s", float64(measured)/1000, float64(truth)/1000, word)
		}
		fmt.Printf("%-12s %-10s %-10s %s  %s  %s\n", kind, transport, class, cell(m.P50, t.P50), cell(m.P99, t.P99), cell(m.P999, t.P999))
	}
	return nil
}

func truthOf(base string) (map[string]result.Latency, error) {
	resp, err := http.Get(base + "/truth")
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	truth := map[string]result.Latency{}
	return truth, json.Unmarshal(data, &truth)
}

// stall makes the OP say nothing for 2 s in a run of 10 s. One start in five
// waits from 0 to 2 s, so the 90th percentile is 1 s and the 99th 1.9 s, to which
// comes the time that it takes to catch up. With few workers most requests of the
// stall are not sent before its end, and the time of service knows nothing of it.
func (s settings) stall() error {
	fmt.Printf("\n%-30s %12s %12s %16s\n", "stall of 2 s, initiate", "p90 of 1s", "p99 of 1.9s", "service p99")
	for _, c := range []struct{ workers, transport string }{{"64", "http"}, {"64", "fast"}, {"2048", "http"}, {"2048", "fast"}} {
		file, _, stop, err := s.op("-stall-at", "3s")
		if err != nil {
			return err
		}
		u, err := s.load(file, "--rate", "500/s", "--duration", "10s", "--max-workers", c.workers, "--transport", c.transport, "--drain", "10s")
		stop()
		if err != nil {
			return err
		}
		l, service := latency(u.load, "initiate.corrected"), latency(u.load, "initiate")
		fmt.Printf("%-30s %12s %12s %16s\n", c.workers+" workers, "+c.transport, micros(l.P90), micros(l.P99), micros(service.P99))
	}
	return nil
}
