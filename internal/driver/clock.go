package driver

import (
	"context"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
)

// Clock is the time a case may take. It stands still while the case waits for
// something that is not its own: the OP's load control, or another case. What slow
// answers take is added. A nil Clock is no limit.
type Clock struct {
	mu     sync.Mutex
	timer  *time.Timer
	end    time.Time
	paused int
	left   time.Duration
	room   time.Duration // that slow answers may still add
}

// WithClock is a context that ends with [context.DeadlineExceeded] as its cause when
// the clock runs out. Slow answers add no more than the room to the limit. The function it
// returns has to be called when the case is over.
func WithClock(ctx context.Context, limit, room time.Duration) (context.Context, *Clock, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	clock := &Clock{
		timer: time.AfterFunc(limit, func() { cancel(context.DeadlineExceeded) }),
		end:   time.Now().Add(limit),
		room:  room,
	}
	return ctx, clock, func() {
		clock.timer.Stop()
		cancel(nil)
	}
}

// Pause stops the clock until the function it returns is called. Pauses may overlap.
func (c *Clock) Pause() (resume func()) {
	if c == nil {
		return func() {}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.paused == 0 {
		c.timer.Stop()
		c.left = time.Until(c.end)
	}
	c.paused++
	return c.resume
}

func (c *Clock) resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.paused--; c.paused == 0 {
		c.end = time.Now().Add(c.left)
		c.timer.Reset(max(0, c.left))
	}
}

// slowAnswer is how long an answer may take before the case gets more time for it.
const slowAnswer = 2 * time.Second

// extend gives the case the time that a slow answer has taken, while there is room: an OP
// that dribbles every answer does not hold a case for good.
func (c *Clock) extend(resp *ciba.Response) {
	took := resp.Received.Sub(resp.Sent)
	if c == nil || resp.Err != nil || took < slowAnswer {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	took = min(took, c.room)
	c.room -= took
	if c.paused > 0 {
		c.left += took
		return
	}
	c.end = c.end.Add(took)
	c.timer.Reset(max(0, time.Until(c.end)))
}
