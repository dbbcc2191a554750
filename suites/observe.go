package suites

import (
	"sync"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/reports/result"
)

// observation is a scenario that was run once and is judged by many cases.
type observation struct {
	once     sync.Once
	value    any
	recorder *ciba.Recorder
	stopped  *stop
}

// Observe runs a scenario once per client and hands what it returned, and its
// evidence, to every case that asks for the same name. It serves passive
// requirements: a dozen clauses about one token response cost one approval, not a
// dozen. A scenario that could not be carried out makes every asking case an
// error, as it would have been with a flow of its own. A scenario judges nothing.
func Observe[V any](t *T, name string, scenario func(*T) V) V {
	key := name + " client " + t.client.Name
	t.session.mu.Lock()
	o := t.session.observations[key]
	if o == nil {
		o = &observation{}
		t.session.observations[key] = o
	}
	t.session.mu.Unlock()
	o.once.Do(func() {
		o.recorder = ciba.NewRecorder(evidenceLimit)
		own := *t
		own.recorder, own.findings, own.evidence = o.recorder, nil, 0
		o.stopped = guard(func() { o.value = scenario(&own) })
	})
	t.recorder.Join(o.recorder)
	if o.stopped != nil {
		panic(*o.stopped)
	}
	return o.value.(V)
}

// guard runs a body and catches its end by Skip, Abort or a failed expectation;
// any other panic is a defect of this program and becomes an error that says so.
func guard(body func()) (ended *stop) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case stop:
			ended = &r
		default:
			ended = &stop{result.Error, panicText(r)}
		}
	}()
	body()
	return nil
}
