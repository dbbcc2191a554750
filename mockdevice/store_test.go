package mockdevice

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestFullDeviceDropsTheFinishedFirst, also with many shards.
func TestFullDeviceDropsTheFinishedFirst(t *testing.T) {
	t.Parallel()
	for _, capacity := range []int{10, 6400} {
		d := New(WithCapacity(capacity))
		for i := range capacity {
			if err := d.Receive(Request{AuthReqID: fmt.Sprint(i)}); err != nil {
				t.Fatal(err)
			}
			if i%2 == 0 {
				if err := d.Decide(t.Context(), fmt.Sprint(i), Decision{Action: Deny}); err != nil {
					t.Fatal(err)
				}
			}
		}
		open := d.Counters().Open
		for i := range capacity / 4 {
			if err := d.Receive(Request{AuthReqID: fmt.Sprint("new", i)}); err != nil {
				t.Fatal(err)
			}
		}
		c := d.Counters()
		unlucky := open + capacity/4 - c.Open // open ones whose shard had no finished one left
		if c.Held > int64(capacity) || c.Dropped != int64(capacity/4) || unlucky < 0 || unlucky > capacity/100 || capacity < 4096 && unlucky > 0 {
			t.Errorf("capacity %d: %+v, %d were open", capacity, c, open)
		}
		for i := range 3 * capacity { // and then the open ones go, never the memory
			if err := d.Receive(Request{AuthReqID: fmt.Sprint("more", i)}); err != nil {
				t.Fatal(err)
			}
		}
		if c := d.Counters(); c.Held > int64(capacity+len(d.store.shards)) {
			t.Errorf("capacity %d: %d are held", capacity, c.Held)
		}
		d.Close()
	}
}

// TestWheelFiresEveryTimerOnTime: timers of milliseconds to hours, added while others
// run out, some of them by timers.
func TestWheelFiresEveryTimerOnTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var work sync.WaitGroup
		w := newWheel()
		random := rand.New(rand.NewPCG(1, 2))
		fired, wrong := 0, 0
		var mu sync.Mutex
		add := func(d time.Duration, then func()) {
			due := time.Now().Add(d)
			w.after(ctx, &work, d, func() {
				late := time.Since(due)
				mu.Lock()
				defer mu.Unlock()
				if fired++; late < 0 || late > 2*tick {
					wrong++
				}
				if then != nil {
					then()
				}
			})
		}
		const n = 3000
		for i := range n {
			spread := []time.Duration{time.Second, time.Minute, 3 * time.Hour}[i%3]
			var then func()
			if i%5 == 0 {
				then = func() { w.after(ctx, &work, time.Second, func() { mu.Lock(); fired++; mu.Unlock() }) }
			}
			add(time.Duration(random.Int64N(int64(spread))), then)
			if i%100 == 0 {
				time.Sleep(time.Duration(random.Int64N(int64(time.Second))))
			}
		}
		time.Sleep(4 * time.Hour)
		mu.Lock()
		if fired != n+n/5 || wrong != 0 {
			t.Errorf("%d fired, want %d; %d at the wrong time", fired, n+n/5, wrong)
		}
		mu.Unlock()
		w.mu.Lock()
		if w.running {
			t.Error("an empty wheel keeps its goroutine")
		}
		w.mu.Unlock()
		add(time.Hour, nil)
		w.stop()
		cancel()
		work.Wait()
	})
}
