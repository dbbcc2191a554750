package main

import (
	"os"
	"runtime/debug"
	"runtime/metrics"
)

// Go lets the heap double before it collects. A million pending flows are a
// hundred megabytes without a pointer in them: quick to collect and dear to have
// twice, while the few megabytes of a small run are collected a dozen times a
// second for nothing. So the heap may grow by about the same at any size.
const (
	headroom       = 16 << 20 // bytes
	leastGCPercent = 10
	mostGCPercent  = 200
)

// thrift keeps the memory of a long run near what it needs. GOGC, when set, has
// the last word.
type thrift struct {
	percent int
	sample  []metrics.Sample
}

func newThrift() *thrift {
	return &thrift{percent: 100, sample: []metrics.Sample{{Name: "/gc/heap/live:bytes"}}}
}

// release gives back what the flows of a run took, so that the report does not
// come on top of it.
func (t *thrift) release() { debug.FreeOSMemory() }

// adjust is called every second.
func (t *thrift) adjust() {
	if os.Getenv("GOGC") != "" {
		return
	}
	metrics.Read(t.sample)
	if t.sample[0].Value.Kind() != metrics.KindUint64 {
		return
	}
	if p := gcPercent(t.sample[0].Value.Uint64()); p != t.percent {
		t.percent = p
		debug.SetGCPercent(p)
	}
}

// gcPercent is the growth that a heap may have, in steps of five.
func gcPercent(live uint64) int {
	p := min(mostGCPercent, headroom*100/max(live, 1))
	return max(leastGCPercent, int(p)/5*5)
}
