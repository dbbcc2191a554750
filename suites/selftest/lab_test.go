// Package selftest proves the cases: the healthy reference OP passes all of them, every
// legal variant of it is accused of nothing, and every planted fault is found by a case
// of the requirement that it breaks. Everything runs in memory and in virtual time.
package selftest

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/memnet"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/cibatest/cibatest/suites"
)

// The parts of the self-test that one looks at while writing a case.
var (
	onlyCase  = flag.String("case", "", "run the self-test for these cases only, joined by commas")
	onlyFault = flag.String("fault", "", "run the self-test for this fault only")
	whole     = flag.Bool("whole", false, "judge each fault by all cases, not by those of its own requirement only")
	shard     = flag.String("shard", "1/1", "part of the faults and variants, such as 2/4")
)

// judgeLab runs the suites against a lab in memory, inside a bubble where waiting costs
// nothing. alter may change what is run.
func judgeLab(t *testing.T, o lab.Options, alter ...func(*suites.Options)) result.Run {
	t.Helper()
	return judgeLabWhile(t, o, func(context.Context, *memnet.Network, *suites.Options) {}, alter...)
}

// judgeLabWhile is [judgeLab] while something else goes on, whose context ends with the run.
func judgeLabWhile(
	t *testing.T, o lab.Options, meanwhile func(context.Context, *memnet.Network, *suites.Options), alter ...func(*suites.Options),
) result.Run {
	t.Helper()
	var run result.Run
	cases()
	synctest.Test(t, func(t *testing.T) {
		// TLS connections take up to 5 s to say that they close, where pipes have no buffer, and a
		// server waits half a second after a body that it has not read to its end.
		defer time.Sleep(10 * time.Second)
		network := memnet.New()
		defer network.Close()
		o.Network = network
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		l, err := lab.Start(ctx, o)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		options := suites.Options{Target: l.Target, Approver: l.Approver, RoundTripper: l.RoundTripper, Receiver: l.Receiver, Tool: result.Tool{Name: "cibatest", Version: "test"}}
		options.Target.Notifications.TLS.Verified = o.TLS
		options.Select.Arguments = chosenCases()
		for _, change := range alter {
			change(&options)
		}
		during, over := context.WithCancel(ctx)
		meanwhile(during, network, &options)
		run, err = suites.Run(ctx, options)
		if over(); err != nil {
			t.Fatal(err)
		}
	})
	return run
}

// describing alters the description of the lab.
func describing(describe func(*targetfile.Target)) func(*suites.Options) {
	return func(o *suites.Options) { describe(o.Target) }
}

// selecting runs some cases only, by their ids, requirements or areas.
func selecting(arguments ...string) func(*suites.Options) {
	return func(o *suites.Options) { o.Select.Arguments = arguments }
}

// chosenCases are those of the flag; nothing means all.
func chosenCases() []string {
	if *onlyCase == "" {
		return nil
	}
	return strings.Split(*onlyCase, ",")
}

// inShard keeps the part of a list that this run is to look at.
func inShard[V any](t *testing.T, list []V) []V {
	t.Helper()
	var part, parts int
	if n, err := fmt.Sscanf(*shard, "%d/%d", &part, &parts); n != 2 || err != nil || part < 1 || part > parts {
		t.Fatalf("-shard %q is not like 2/4", *shard)
	}
	var kept []V
	for i, one := range list {
		if i%parts == part-1 {
			kept = append(kept, one)
		}
	}
	return kept
}

// cases are all cases by their ids. The first call makes Ginkgo build its tree, which
// starts goroutines of its own, so it must not come from within a bubble.
var cases = sync.OnceValue(func() map[string]suites.ListedCase {
	byID := map[string]suites.ListedCase{}
	for _, c := range suites.List(nil).Cases {
		byID[c.ID] = c
	}
	return byID
})
