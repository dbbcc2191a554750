package loadgen

import (
	"time"

	"github.com/cibatest/cibatest/reports/result"
)

// What an OP may take to let a client hear of its user's decision: the client's next
// poll, and some time for the decision to spread. These are the times that the suites
// allow, see CIBA-10.1.1-TOKENS and CIBA-11-DENIED.
const (
	shortestPace = 5 * time.Second
	spreading    = 10 * time.Second
)

// overdue reports whether the OP kept the decision of a flow to itself for too long.
func (f *flow) overdue() bool {
	return f.has(belated) || f.has(decided) && f.silentAfter(f.taken())
}

// silentAfter reports whether a decision that the OP took at a moment had to show and
// did not. Only a poll that was really sent and answered pending proves that, so how
// busy this side is does not matter.
func (f *flow) silentAfter(taken int64) bool {
	pace := max(time.Duration(f.interval)*time.Millisecond, shortestPace)
	return int64(f.lastPending)*int64(time.Millisecond) > taken+int64(pace+spreading)
}

// settle counts the outcome of a flow and what it means to its user.
func (e *engine) settle(f *flow, outcome string, at int64) {
	e.owe(f, at)
	e.now.count(outcome, 1)
	unknown := e.o.Decider == nil && outcome != result.CountFailed && outcome != result.CountUndelivered
	if (unknown || outcome == outcomeOf[f.intent]) && outcome != result.CountAbandoned && !f.overdue() {
		e.now.count(result.CountAsWanted, 1)
	}
	e.settleDecision(f, outcome, at)
}

// settleDecision counts whether a decision arrived. It leaves out flows of which nobody
// can tell: those that the run cut short, and those whose decision fell so close to
// their end that the OP may have let them expire first.
func (e *engine) settleDecision(f *flow, outcome string, at int64) {
	arrived := f.decided > 0 && outcome == outcomeOf[f.intent]
	switch {
	case !arrived && !f.has(decided):
		return
	case outcome == result.CountAbandoned:
		e.now.count(result.CountCutShort, 1)
		return
	case outcome == result.CountExpired && f.hasExpired(at+int64(earlyExpiry)):
		return
	}
	e.now.count(result.CountSettled, 1)
	switch {
	case arrived && f.overdue():
		e.now.count(result.CountLate, 1)
	case arrived:
		e.now.count(result.CountDelivered, 1)
	case f.intent == approves && f.overdue():
		e.now.record(classWaitedInVain, at-f.decided)
	}
}

// endSilently settles a flow that ended with neither tokens nor a denial. It is
// undelivered where its user had decided in time, which a witness may have to tell.
func (e *engine) endSilently(i uint32, outcome string, at int64) {
	f := *e.flows.at(i)
	conclude := func() {
		e.owe(&f, at)
		if f.overdue() {
			outcome = result.CountUndelivered
		}
		e.settle(&f, outcome, at)
	}
	if e.o.Witness == nil {
		conclude()
		return
	}
	e.ask(i, func(d *Decided, _ bool) {
		if d != nil {
			f.decidedBy(d, e.began)
		}
		conclude()
	})
}

// decidedBy notes on a copy of a flow what the witness told about it.
func (f *flow) decidedBy(d *Decided, began time.Time) {
	f.decided = max(int64(d.At.Sub(began)), 1)
	f.marks |= decided
	f.intent = denies
	if d.Allow {
		f.intent = approves
	}
}
