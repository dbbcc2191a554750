// Command bench measures the load generator: how many requests a CPU second
// buys, against Vegeta's own library and k6 in the same scenario; how exactly
// latency is measured; how many pending flows are polled in time.
//
// The OP and the generator have one core each. All variants run in turn, five
// times, and the medians and the ratios within a round are printed, because
// absolute figures of a shared machine mean little.
package main

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"
)

// The scenario: agents that start a flow, poll twice in vain and once with success.
const (
	workers  = 64
	interval = 0.1 // seconds
	decided  = 250 * time.Millisecond
)

func main() {
	if err := command(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func command(args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	o := settings{}
	targetFile := flags.String("target", "", "op: file to write")
	latency := flags.String("latency", "", "op: two-modes or lognormal")
	stallAt := flags.Duration("stall-at", 0, "op: when to say nothing for 2 s")
	overTLS := flags.Bool("tls", false, "op: over TLS")
	gap := flags.String("interval", fmt.Sprint(interval), "op: interval in seconds")
	decision := flags.Duration("decided", decided, "op: how long after the start a request is approved; negative: never")
	strict := flags.Bool("strict", false, "op: answer polls before the interval has passed with slow_down")
	url := flags.String("url", "", "raw: where to send to")
	length := flags.Duration("length", 8*time.Second, "of one run of the ratios")
	fast := flags.Bool("fast", false, "raw: the fast transport")
	flags.IntVar(&o.rounds, "rounds", 5, "rounds")
	flags.StringVar(&o.only, "only", "", "ratios, tls, reference, pending, accuracy; empty: all")
	flags.StringVar(&o.cibatest, "cibatest", "bin/cibatest", "the binary to measure")
	flags.StringVar(&o.k6, "k6", "", "k6 binary; empty: without k6")
	flags.StringVar(&o.script, "script", "loadgen/bench/flow.js", "the scenario for k6")
	what := "all"
	if len(args) > 0 && args[0][0] != '-' {
		what, args = args[0], args[1:]
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	o.length = *length
	switch what {
	case "op":
		m := &mockOP{
			interval: *gap, decided: *decision, began: time.Now(), stallAt: *stallAt,
			truth: newTruth(), last: map[string]time.Duration{},
		}
		if *strict {
			seconds, err := strconv.ParseFloat(*gap, 64)
			if err != nil {
				return err
			}
			m.pace = time.Duration(seconds * float64(time.Second))
		}
		m.latency = map[string]func() time.Duration{"two-modes": twoModes, "lognormal": lognormal}[*latency]
		return m.run(*targetFile, *overTLS)
	case "raw":
		return raw(*url, *length, *fast)
	case "all":
		return o.run()
	}
	return errors.New("the first word is op, raw, or nothing")
}

func httpClient(rt http.RoundTripper) *http.Client { return &http.Client{Transport: rt} }
