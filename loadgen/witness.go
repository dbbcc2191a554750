package loadgen

import (
	"context"
	"sync"
	"time"

	"github.com/cibatest/cibatest/reports/result"
)

// Witness tells afterwards what a user decided, where a device that follows its
// own policy decides and not this run.
type Witness interface {
	// Decided is the decision about a request and its moment by the device's clock, which
	// is taken to agree with ours within seconds. It is nil when there was none.
	Decided(ctx context.Context, authReqID string) (*Decided, error)
}

// Decided is a decision somebody else made.
type Decided struct {
	Allow bool
	At    time.Time
}

// patienceWithWitness bounds one question, whatever the device is busy with.
const patienceWithWitness = 10 * time.Second

// testimony is the questions to the witness under way and what went wrong with the
// last that had no answer.
type testimony struct {
	turns  chan struct{} // one place for each at once
	asking sync.WaitGroup
	failed error
}

func newTestimony() testimony { return testimony{turns: make(chan struct{}, DecisionsAtOnce)} }

// askAbout has the witness tell whether an answer is the one the user wanted. The flow
// may be over and its place taken by then, so it is copied. The lock is held.
func (e *engine) askAbout(x *exchange) {
	if e.o.Witness == nil {
		return
	}
	kept, f := *x, *x.f
	kept.f = &f
	e.ask(x.flow, func(d *Decided, known bool) {
		if known {
			e.compare(&kept, d)
		}
	})
}

// ask has the witness tell what the user of a flow decided, nil for nothing; it is not
// known where the witness cannot be asked. The answer is given to a function that runs
// under the lock, and the run does not end before that. The lock is held.
func (e *engine) ask(i uint32, told func(d *Decided, known bool)) {
	id := unescape(e.flows.arena.id(i))
	e.testimony.asking.Go(func() {
		e.testimony.turns <- struct{}{}
		defer func() { <-e.testimony.turns }()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(e.ctx), patienceWithWitness)
		defer cancel()
		d, err := e.o.Witness.Decided(ctx, id)
		e.mu.Lock()
		defer e.mu.Unlock()
		if err != nil {
			e.now.count(result.CountUnwitnessed, 1)
			e.testimony.failed = err
		}
		if d != nil {
			e.now.count(result.CountDecisions, 1)
		}
		told(d, err == nil)
	})
}

// compare sets an outcome against the decision that the witness knows.
func (e *engine) compare(x *exchange, d *Decided) {
	if d == nil {
		if x.answer.kind == tokens {
			e.checks.report(e, x, tokensUndecided, "the device had not decided")
		}
		return
	}
	since := e.began.Add(time.Duration(x.done)).Sub(d.At)
	switch {
	case x.answer.kind == tokens && !d.Allow:
		e.checks.report(e, x, tokensDenied, "the device had denied %s before", since.Round(time.Millisecond))
	case x.answer.kind == denied && d.Allow:
		e.checks.report(e, x, deniedApproved, "the device had approved %s before", since.Round(time.Millisecond))
	case since < 0:
		e.now.count(result.CountClockAhead, 1)
	case x.answer.kind == tokens:
		e.now.record(classDecisionToToken, int64(since))
	}
	e.settleTestimony(x, d)
}

// settleTestimony counts whether the decision arrived that the witness knows of. How
// long that took is not judged: the clock of the device may differ from ours.
func (e *engine) settleTestimony(x *exchange, d *Decided) {
	outcome := result.CountApproved
	if x.answer.kind == denied {
		outcome = result.CountDenied
	}
	x.f.decidedBy(d, e.began)
	x.f.lastPending = 0
	e.settleDecision(x.f, outcome, x.done)
}
