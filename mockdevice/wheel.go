package mockdevice

import (
	"context"
	"math/bits"
	"sync"
	"time"
)

// wheel runs many timers with one goroutine: a timer waits in the slot of its
// tick, and a turn passes over the slots. It sleeps until the next slot that is
// not empty, so an idle wheel costs nothing.
//
// Timers of the runtime would do, and setting one costs the same. But each takes 187
// bytes where one of the wheel takes 42, so that a held request with a delayed decision
// takes 906 bytes instead of 763; and they cannot be stopped together when the device
// closes. "make bench-device" measures both.
type wheel struct {
	start time.Time
	wake  chan struct{}

	mu      sync.Mutex
	slots   [slots][]alarm
	filled  [slots / 64]uint64 // a bit for each slot that is not empty
	now     int64              // ticks that have been run
	sleeps  int64              // the tick the goroutine sleeps until
	running bool
	stopped bool
}

// alarm is one timer: what to do once a tick has passed.
type alarm struct {
	tick int64
	fire func()
}

// A turn of the wheel is slots*tick, some 41 s; longer timers stay for several turns.
const (
	tick  = 10 * time.Millisecond
	slots = 4096
)

// newWheel makes a wheel that stands still until its first timer.
func newWheel() *wheel {
	return &wheel{start: time.Now(), wake: make(chan struct{}, 1)}
}

// after runs fire, which must not block, once d has passed.
func (w *wheel) after(ctx context.Context, work *sync.WaitGroup, d time.Duration, fire func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	due := int64((time.Since(w.start) + d + tick - 1) / tick)
	due = max(due, w.now+1)
	w.slots[due%slots] = append(w.slots[due%slots], alarm{due, fire})
	w.filled[due%slots/64] |= 1 << (due % 64)
	switch {
	case w.stopped:
	case !w.running:
		w.running, w.sleeps = true, due
		work.Go(func() { w.turn(ctx) })
	case due < w.sleeps:
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// stop has no goroutine started any more; the running one ends with its context.
func (w *wheel) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
}

// turn runs due timers until there are none left or the device closes.
func (w *wheel) turn(ctx context.Context) {
	sleep := time.NewTimer(0)
	defer sleep.Stop()
	for {
		due, next := w.advance()
		for _, fire := range due {
			fire()
		}
		if next < 0 {
			return
		}
		sleep.Reset(time.Until(w.start.Add(time.Duration(next) * tick)))
		select {
		case <-sleep.C:
		case <-w.wake:
		case <-ctx.Done():
			return
		}
	}
}

// advance takes out what is due. The second result is the tick to wake at, or -1
// when the wheel is empty and its goroutine ends.
func (w *wheel) advance() (due []func(), next int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	current := int64(time.Since(w.start) / tick)
	for t := w.nextFilled(); t >= 0 && t <= current; t = w.nextFilled() {
		due = w.take(t, due)
		w.now = t
	}
	w.now = max(w.now, current)
	w.sleeps = w.nextFilled()
	w.running = w.sleeps >= 0 || len(due) > 0
	if w.running && w.sleeps < 0 {
		w.sleeps = w.now + 1 // look again once these have run: they may add more
	}
	return due, w.sleeps
}

// take removes the due timers of a slot and keeps those of later turns.
func (w *wheel) take(t int64, due []func()) []func() {
	slot := &w.slots[t%slots]
	kept := (*slot)[:0]
	for _, timer := range *slot {
		if timer.tick <= t {
			due = append(due, timer.fire)
		} else {
			kept = append(kept, timer)
		}
	}
	clear((*slot)[len(kept):])
	*slot = kept
	if len(kept) == 0 {
		*slot = nil
		w.filled[t%slots/64] &^= 1 << (t % 64)
	}
	return due
}

// nextFilled is the next tick whose slot is not empty, or -1.
func (w *wheel) nextFilled() int64 {
	for ahead := int64(1); ahead <= slots; {
		at := (w.now + ahead) % slots
		if word := w.filled[at/64] >> (at % 64); word != 0 {
			return w.now + ahead + int64(bits.TrailingZeros64(word))
		}
		ahead += 64 - at%64
	}
	return -1
}
