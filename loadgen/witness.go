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
	// Decided is the decision about a request and its moment by the device's clock.
	// It is nil when there was none.
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

// ask has the witness tell whether an outcome is the one the user wanted. The flow
// may be over and its place taken by the time of the answer, so it is copied. The
// lock is held.
func (e *engine) ask(x *exchange) {
	if e.o.Witness == nil {
		return
	}
	kept, f := *x, *x.f
	kept.f = &f
	id := unescape(e.flows.arena.id(x.flow))
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
			return
		}
		e.compare(&kept, d)
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
	e.now.count(result.CountDecisions, 1)
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
}
