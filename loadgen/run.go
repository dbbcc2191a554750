package loadgen

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
)

// Status is where a run stands, for whoever watches it.
type Status struct {
	Elapsed  time.Duration
	Length   time.Duration // of the starts
	Drain    Drain
	Pending  int64 // flows without an outcome
	UnderWay int64 // requests without an answer
	Offered  float64
	Total    map[string]int64          // counters of the run so far
	Second   map[string]int64          // counters of the last second
	Latency  map[string]result.Latency // of the last second, without histograms
}

// Drain is the time after the last start, in which flows may still end. The zero value is before
// it.
type Drain struct {
	Lasts time.Duration // so far
	Most  time.Duration // after which it ends although flows are pending, as things stand
}

// maxBody bounds what is kept of an answer; the rest is read and dropped.
const maxBody = 64 << 10

// Run drives the load and returns what was found. When ctx ends no flow starts
// any more; those under way may end within the drain. The error is for runs that
// could not begin, or in which this package broke its own rules.
func Run(ctx context.Context, o Options) (result.Load, error) {
	if o.Calls != nil {
		defer func() { _ = o.Calls.Close() }() // closed twice where the receiver did it
	}
	e, err := newEngine(ctx, &o)
	if err != nil {
		return result.Load{}, err
	}
	return e.run()
}

// newEngine fills in the defaults of the plan and prepares everything that can fail
// before the first request.
func newEngine(ctx context.Context, o *Options) (*engine, error) {
	p := &o.Plan
	p.Timeout = orDefault(p.Timeout, DefaultTimeout)
	p.MaxPending, p.MaxWorkers = orDefault(p.MaxPending, DefaultMaxPending), orDefault(p.MaxWorkers, DefaultMaxWorkers)
	p.MaxLag, p.Patience = orDefault(p.MaxLag, DefaultMaxLag), orDefault(p.Patience, DefaultPatience)
	switch {
	case p.Duration <= 0:
		return nil, errors.New("a run needs a duration")
	case p.Arrivals == nil && p.Agents <= 0:
		return nil, errors.New("a run needs a rate or a number of agents")
	case p.Client.Notified() && o.Calls == nil:
		return nil, fmt.Errorf("client %q is called by the OP, and nobody listens there", p.Client.Name)
	}
	forms, err := prepare(o.Target, p, o.Introduce != nil)
	if err != nil {
		return nil, err
	}
	return &engine{
		o: *o, plan: &o.Plan, requests: forms, ctx: ctx, wake: make(chan struct{}, 1),
		flows: flows{arena: newArena(), ring: newRing()}, starts: newStarter(p), decisions: newDecisions(),
		testimony: newTestimony(), notified: newNotified(),
		random: rand.New(rand.NewPCG(uint64(p.Seed), 0)), //nolint:gosec // a load needs no secrecy
		now:    newTally(),
		checks: newChecks(o, &evidence{ciba.NewMasker(o.Target.Secrets()...)}),
	}, nil
}

// run is one attack from beginning to end.
func (e *engine) run() (result.Load, error) {
	closed, end := context.WithCancel(context.WithoutCancel(e.ctx))
	defer end()
	e.closed = closed
	for _, at := range []*endpoint{&e.requests.start, &e.requests.token} {
		if at.signer != nil {
			e.wait.Go(func() { at.signer.run(closed) })
		}
	}
	attacker := vegeta.NewAttacker(
		vegeta.Client(newHTTPClient(e.o.Transport, e.requests.header, e.plan.Timeout)),
		vegeta.Workers(min(vegeta.DefaultWorkers, uint64(e.plan.MaxWorkers))), //nolint:gosec // positive
		vegeta.MaxWorkers(uint64(e.plan.MaxWorkers)),                          //nolint:gosec // positive
		vegeta.MaxBody(maxBody),
	)
	e.began = time.Now()
	w := newWatch(e, end)
	if err := w.open(); err != nil {
		return result.Load{}, err
	}
	hangUp := func() {}
	if e.o.Calls != nil {
		hangUp = e.receive(e.o.Calls)
	}
	stop := make(chan struct{})
	e.wait.Go(func() { w.run(stop) })
	e.results(attacker.Attack(e.target, e, 0, ""))
	hangUp()
	e.abandon()
	e.testimony.asking.Wait()
	e.collect()
	close(stop)
	end()
	e.wait.Wait()
	e.checks.judgeEntropy(e)
	return w.close()
}

// header is what is known when the run begins.
func (e *engine) header() result.Load {
	p := e.plan
	words := p.Words
	words.DurationMS, words.DrainMS = p.Duration.Milliseconds(), p.longestDrain().Milliseconds()
	words.Mode = orDefault(p.Client.DeliveryMode, targetfile.DeliveryPoll)
	if p.pings() {
		words.Patience = p.Patience.String()
	}
	words.Client, words.AuthMethod, words.Users = p.Client.Name, p.Client.AuthMethod, len(p.Users)
	words.MaxPending, words.MaxWorkers = p.MaxPending, p.MaxWorkers
	words.Probes = strconv.FormatFloat(p.Probes*100, 'f', -1, 64) + "% of the flows are redeemed twice"
	if p.UserLimit > 0 {
		words.UserLimit = fmt.Sprintf("%d/min", p.UserLimit)
	}
	return result.Load{
		Version: result.Version, Kind: "load", Tool: result.Tool{Name: "cibatest", Version: e.o.Version},
		Target:  result.Target{Issuer: e.o.Target.Issuer, Persona: e.o.Target.Persona, Configuration: e.o.Target.Masked()},
		Started: e.began, Seed: p.Seed, Plan: words,
		Generator: result.Generator{Cores: runtime.GOMAXPROCS(0)},
	}
}
