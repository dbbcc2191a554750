package loadgen

import (
	"time"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/reports/result"
)

// DecisionsAtOnce bounds the decisions, and questions about them, under way; more
// wait their turn, which shows in the time that decisions take.
const DecisionsAtOnce = 64

// decisions are those under way and what went wrong with the last that could not be
// made.
type decisions struct {
	turns  chan struct{} // one place for each at once
	failed error
}

func newDecisions() decisions { return decisions{turns: make(chan struct{}, DecisionsAtOnce)} }

// decideLater has the user decide after thinking. The lock is held.
func (e *engine) decideLater(i uint32) {
	f := e.flows.at(i)
	if e.o.Decider == nil || f.intent == ignores {
		return
	}
	serial := f.serial
	time.AfterFunc(e.plan.Think.draw(e.random), func() { e.decide(i, serial) })
}

// decide makes the decision, unless the flow has ended meanwhile.
func (e *engine) decide(i, serial uint32) {
	select {
	case e.decisions.turns <- struct{}{}:
		defer func() { <-e.decisions.turns }()
	case <-e.closed.Done():
		return
	}
	d, at, ok := e.decision(i, serial)
	if !ok {
		return
	}
	if e.o.Introduce != nil {
		e.o.Introduce(d.AuthReqID, e.requests.message(serial))
	}
	err := e.o.Decider.Decide(e.closed, d)
	took := e.elapsed() - at
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil && e.closed.Err() != nil {
		return
	}
	e.now.record(classDecide, took)
	if err != nil {
		e.now.count(result.CountUndecided, 1)
		e.decisions.failed = err
		return
	}
	e.now.count(result.CountDecisions, 1)
	if f := e.flows.at(i); f.serial == serial && f.state == waiting {
		f.marks |= decided
		f.handover = shortly(took)
	}
}

// decision is what the user of a flow decides. The moment of the decision is now;
// when the OP has taken it, it is also marked as decided.
func (e *engine) decision(i, serial uint32) (d approve.Decision, at int64, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f := e.flows.at(i)
	if f.serial != serial || f.state != waiting {
		return approve.Decision{}, 0, false
	}
	f.decided = e.elapsed()
	return approve.Decision{AuthReqID: unescape(e.flows.arena.id(i)), User: e.plan.Users[f.user], Allow: f.intent == approves}, f.decided, true
}
