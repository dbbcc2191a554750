package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"

	"github.com/cibatest/cibatest/reports/result"
)

// accuracy compares what was measured with what the OP knows.
func (s settings) accuracy() error {
	fmt.Printf("\n%-12s %-10s %-10s %10s %10s %10s  %s\n",
		"latency", "transport", "class", "p50", "p99", "p99.9", "measured / truth; goal: within 1% + 0.15ms")
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
