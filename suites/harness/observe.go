package harness

import (
	"fmt"
	"maps"
	"strings"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/reports/result"
)

// observation is a scenario that was run once and is judged by many cases.
type observation struct {
	done     chan struct{} // closed when the scenario is over
	value    any
	recorder *ciba.Recorder
	stopped  *stop
	trouble  string // how a request failed beside others; empty: none did
	ended    string // how a request was told an early end, with many open; empty: none was
}

// Observe runs a scenario once per client and hands what it returned, and its
// evidence, to every case that asks for the same name. It serves passive
// requirements: a dozen clauses about one token response cost one approval, not a
// dozen. A scenario that could not be carried out makes every asking case an
// error, as it would have been with a flow of its own. A scenario judges nothing.
func Observe[V any](t *T, name string, scenario func(*T) V) V {
	key := observed(name, t.client)
	t.session.noteShared(t.def.ID, name)
	o, first := t.session.observation(key)
	if first {
		carryOut := func() *stop {
			own := *t
			own.driver, own.findings, own.evidence = t.driver.Sharing(key, o.recorder, usualCosts().Shared[name]), nil, nil
			defer func() { o.trouble, o.ended = own.driver.Trouble(), own.driver.EndedEarly() }()
			return guard(func() { o.value = scenario(&own) })
		}
		o.stopped = carryOut()
		if o.trouble == "" && t.session.secondTry(t.ctx, o.stopped) {
			t.Note("%s was tried twice, the first try judged nothing: %s", key, o.stopped.reason)
			o.stopped = carryOut()
		}
		if o.stopped != nil && o.stopped.deferred {
			t.session.forget(key)
		}
		close(o.done)
	}
	awaitObservation(t, o)
	t.driver.Recorder().Join(o.recorder)
	t.driver.Share(o.trouble, o.ended)
	if o.stopped != nil {
		// The scenario has had its second try.
		panic(stop{outcome: o.stopped.outcome, reason: o.stopped.reason, deferred: o.stopped.deferred})
	}
	return o.value.(V)
}

// awaitObservation waits for an observation that another case makes, whose limit counts.
func awaitObservation(t *T, o *observation) {
	defer t.driver.Clock().Pause()()
	select {
	case <-o.done:
	case <-t.ctx.Done():
		t.Abort("%s", driver.WhyEnded(t.ctx))
	}
}

// observation finds or begins an observation; first says that the caller has to
// run its scenario. Others wait on its channel, not on a lock, so that the clock
// of a test can go on.
func (s *Session) observation(key string) (o *observation, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o = s.observations[key]; o != nil {
		return o, false
	}
	o = &observation{done: make(chan struct{}), recorder: ciba.NewRecorder(evidenceLimit)}
	s.observations[key] = o
	return o, true
}

// forget lets the next case that asks make an observation anew.
func (s *Session) forget(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.observations, key)
}

// ForgetTroubled drops the observations that met trouble beside others, so that cases which
// are tried again make them anew. No case may be under way.
func (s *Session) ForgetTroubled() {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.observations, func(_ string, o *observation) bool { return o.trouble != "" })
}

// Try takes steps that may end without success, and reports whether they did not.
func Try(steps func()) bool { return guard(steps) == nil }

// guard runs a body and catches its end by Skip, Abort or a failed expectation;
// any other panic is a defect of this program and becomes an error that says so.
func guard(body func()) (ended *stop) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case stop:
			ended = &r
		default:
			ended = &stop{outcome: result.Error, reason: strings.TrimSpace(fmt.Sprintf("a defect in cibatest: %v", r))}
		}
	}()
	body()
	return nil
}
