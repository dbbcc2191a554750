package mockdevice

import (
	"context"
	"sync"
	"testing"
	"time"
)

// BenchmarkTimers compares the wheel with the timers of the runtime: a million decisions
// that come due within one second.
func BenchmarkTimers(b *testing.B) {
	w := newWheel()
	b.Run("wheel", func(b *testing.B) { measureTimers(b, w.after) })
	b.Run("runtime", func(b *testing.B) {
		measureTimers(b, func(ctx context.Context, _ *sync.WaitGroup, d time.Duration, fire func()) {
			time.AfterFunc(d, func() {
				if ctx.Err() == nil {
					fire()
				}
			})
		})
	})
}

func measureTimers(b *testing.B, after func(context.Context, *sync.WaitGroup, time.Duration, func())) {
	const n, first, span = 1_000_000, 5 * time.Second, time.Second
	for range b.N {
		var work, fired sync.WaitGroup
		fired.Add(n)
		before, start := heap(), time.Now()
		for i := range n {
			due := first + span*time.Duration(i)/n - time.Since(start)
			after(b.Context(), &work, due, func() { fired.Done(); _ = i })
		}
		b.ReportMetric(float64(time.Since(start).Nanoseconds())/n, "ns/set")
		b.ReportMetric(float64(heap()-before)/n, "B/timer")
		fired.Wait()
		b.ReportMetric(float64((time.Since(start) - first - span).Milliseconds()), "ms-late")
	}
}
