package driver

import (
	"context"
	"sync"
	"time"
)

// Reason is what a wait is for.
type Reason string

// The reasons of waits.
const (
	ForExpiry Reason = "expiry" // a request expires
	ForTurn   Reason = "turn"   // its interval: a poll has to keep a distance from the last one
	ForRoom   Reason = "room"   // the OP refuses requests for the moment, and is asked again later
	ForLimit  Reason = "limit"  // what the OP takes for one user within a minute
	ForPause  Reason = "pause"  // what a case does needs a pause
)

// Wait is a pause that a driver makes.
type Wait struct {
	By    string // the case or the command
	For   Reason
	Until time.Time
}

// waits are those that are under way.
type waits struct {
	mu  sync.Mutex
	all map[*Wait]bool
}

func (w *waits) begin(one *Wait) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = map[*Wait]bool{}
	}
	w.all[one] = true
}

func (w *waits) end(one *Wait) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.all, one)
}

// Waits are the pauses that drivers of this run make at the moment, in no order.
func (r *Run) Waits() []Wait {
	r.waits.mu.Lock()
	defer r.waits.mu.Unlock()
	list := make([]Wait, 0, len(r.waits.all))
	for one := range r.waits.all {
		list = append(list, *one)
	}
	return list
}

// WaitUntil pauses until a moment, which may be past, or until the case is out of time,
// which is a [*Stop]. The run tells the reason to whoever asks for its [Run.Waits].
func (d *Driver) WaitUntil(ctx context.Context, moment time.Time, why Reason) error {
	return d.waitFor(ctx, moment, why, nil)
}

// waitFor is [Driver.WaitUntil] that ends before when a channel is closed; nil: it never is.
func (d *Driver) waitFor(ctx context.Context, moment time.Time, why Reason, sooner <-chan struct{}) error {
	left := time.Until(moment)
	if left <= 0 {
		return nil
	}
	own := &Wait{By: d.name, For: why, Until: moment}
	d.run.waits.begin(own)
	defer d.run.waits.end(own)
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-sooner:
		return nil
	case <-ctx.Done():
		return interrupted(ctx)
	}
}

// pause waits for a while until the OP has room for a request.
func (d *Driver) pause(ctx context.Context, length time.Duration) error {
	return d.WaitUntil(ctx, time.Now().Add(length), ForRoom)
}
