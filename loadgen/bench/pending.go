package main

import (
	"fmt"
	"time"

	"github.com/cibatest/cibatest/reports/result"
)

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
		u, err := s.load(file, "--rate", rate, "--duration", c.interval.String(), "--drain", polling.String(),
			"--max-pending", fmt.Sprint(c.flows+c.flows/20), "--transport", "fast")
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
