package loadgen

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cibatest/cibatest/reports/result"
)

// engine drives one run. Three kinds of goroutines meet in it: Vegeta's one pacing
// goroutine, which calls Pace (pacer.go); Vegeta's workers, which fetch their requests
// by target (pacer.go) and send them; and one of ours, which reads the results
// (answers.go). The decisions of users come from timers (decide.go).
//
// One lock guards what they share. It is held for the bookkeeping of a single request
// at a time, some microseconds, and never while anything waits for the network.
type engine struct {
	o        Options
	plan     *Plan
	requests *prepared
	began    time.Time

	ctx    context.Context // its end is the end of starts
	closed context.Context // its end is the end of everything: nothing more is sent
	wake   chan struct{}   // something became due earlier than the pacer knows
	reader reader          // belongs to the goroutine that reads results
	wait   sync.WaitGroup  // for the goroutines that the run itself began

	mu        sync.Mutex // guards all below
	flows     flows
	starts    starter
	outbox    outbox
	decisions decisions
	testimony testimony
	notified  notified
	random    *rand.Rand
	now       *tally // of this second
	checks    *checks
	drained   int64 // when the drain began, once starts are over
	fatal     error // why the run could not go on
}

// flows are the flows under way, and when the next request of each is due.
type flows struct {
	arena arena
	ring  ring
	live  int64 // without an outcome
	owed  int64 // of these, the ones whose user decides, or may
	peak  int64 // most of them at once
}

func (f *flows) at(i uint32) *flow { return f.arena.at(i) }

// begin hands out a place for one more flow.
func (f *flows) begin() uint32 {
	f.live++
	f.peak = max(f.peak, f.live)
	return f.arena.take()
}

func (e *engine) elapsed() int64 { return int64(time.Since(e.began)) }

// begin starts a flow for the next user in turn now; it was to begin at a moment.
func (e *engine) begin(at, now int64) uint32 {
	i := e.flows.begin()
	f := e.flows.at(i)
	f.serial, f.user = e.starts.hand(at, now)
	f.started, f.due = at, at
	if e.plan.Client.Notified() {
		e.notified.open(f.serial, i)
	}
	f.intent = e.plan.Mix.draw(e.random.Float64())
	f.inFlight = 1
	if e.mayDecide(f) {
		e.flows.owed++
	}
	if e.random.Float64() < e.plan.Probes {
		f.marks |= e.probe()
	}
	e.now.count(result.CountStarted, 1)
	return i
}

// mayDecide reports whether anybody decides about a flow, as far as this side knows.
func (e *engine) mayDecide(f *flow) bool { return e.o.Decider == nil || f.intent != ignores }

// probe is how a flow is tried to be redeemed twice. A race needs the moment of the
// decision; without it, only a repetition is left.
func (e *engine) probe() marks {
	if e.o.Decider != nil && !e.plan.pushes() && e.random.Float64() < 0.5 {
		return racing
	}
	return repeats
}

// end is the end of a flow, whatever became of it. The agent of a closed run is free
// for the next one after its pause.
func (e *engine) end(f *flow, at int64) { e.endThen(f, at, e.plan.Pause) }

// endThen is end with another pause of the agent.
func (e *engine) endThen(f *flow, at int64, pause time.Duration) {
	f.state = over
	e.flows.live--
	if e.mayDecide(f) {
		e.flows.owed--
	}
	if e.plan.Arrivals == nil {
		e.starts.free(at + int64(pause))
		e.wakePacer()
	}
}

// abandon settles the flows that the end of the run left behind.
func (e *engine) abandon() {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.elapsed()
	for n := range e.flows.arena.used {
		i := uint32(n)
		f := e.flows.at(i)
		switch {
		case f.serial == 0 || f.state == over:
		case f.state == starting: // was handed out, but Vegeta did not send it any more
			e.now.count(result.CountRefused, 1)
			e.now.failed("backchannel request: the run ended first")
			e.end(f, 0)
		default:
			e.endSilently(i, result.CountAbandoned, now)
			e.end(f, 0)
		}
	}
}
