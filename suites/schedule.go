package suites

import (
	"context"
	"slices"
	"sync"
	"time"
)

// A job is a case with its place in the run: the client and user it got, and
// What it may not share while it runs.
type job struct {
	def     *definition
	client  *Client
	second  *Client   // nil unless the case uses another client's credentials
	others  []*Client // for other ID Token algorithms, see Spec.EachAlgorithm
	user    int       // index into the target's users
	locks   []lock    // sorted by key, so that two jobs never wait for each other
	waitFor []*latch
	opens   []*latch // counted down when the job is over

	skip           string // why it does not run at all
	deferred       bool   // it is to be run once more when the others are over
	started, ended time.Time
}

// lock is a claim on a client or a user, exclusive or shared.
type lock struct {
	key       string
	exclusive bool
}

// latch opens when all jobs counted into it are over.
type latch struct {
	mu    sync.Mutex
	count int
	open  chan struct{}
}

func newLatch() *latch { return &latch{open: make(chan struct{})} }

func (l *latch) add() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count++
}

func (l *latch) done() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count--
	if l.count == 0 {
		close(l.open)
	}
}

// wait returns at once for a latch that nothing was counted into.
func (l *latch) wait(ctx context.Context) error {
	l.mu.Lock()
	empty := l.count == 0
	l.mu.Unlock()
	if empty {
		return ctx.Err()
	}
	select {
	case <-l.open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// claims hands out shared and exclusive locks by key. An exclusive claim that
// waits holds later shared claims back, so it is never starved.
type claims struct {
	mu      sync.Mutex
	changed chan struct{} // closed and replaced whenever a lock is given back
	holders map[string]*holder
}

type holder struct {
	shared    int
	exclusive bool
	waiting   int // exclusive claims that wait
}

func newClaims() *claims {
	return &claims{changed: make(chan struct{}), holders: map[string]*holder{}}
}

func (c *claims) acquire(ctx context.Context, locks []lock) error {
	for i, l := range locks {
		if err := c.take(ctx, l); err != nil {
			c.release(locks[:i])
			return err
		}
	}
	return nil
}

func (c *claims) take(ctx context.Context, l lock) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.holders[l.key]
	if h == nil {
		h = &holder{}
		c.holders[l.key] = h
	}
	if l.exclusive {
		h.waiting++
		defer func() { h.waiting-- }()
	}
	for !h.free(l.exclusive) {
		changed := c.changed
		c.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		c.mu.Lock()
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	if l.exclusive {
		h.exclusive = true
	} else {
		h.shared++
	}
	return nil
}

func (h *holder) free(exclusive bool) bool {
	if exclusive {
		return !h.exclusive && h.shared == 0
	}
	return !h.exclusive && h.waiting == 0
}

func (c *claims) release(locks []lock) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range locks {
		if h := c.holders[l.key]; l.exclusive {
			h.exclusive = false
		} else {
			h.shared--
		}
	}
	close(c.changed)
	c.changed = make(chan struct{})
}

// runJobs runs every job under its claims, at most concurrency at once, and
// returns when all are over or given up because ctx ended.
func runJobs(ctx context.Context, jobs []*job, concurrency int, run func(context.Context, *job)) {
	slots := make(chan struct{}, concurrency)
	held := newClaims()
	var wg sync.WaitGroup
	for _, j := range jobs {
		wg.Go(func() {
			defer func() {
				for _, l := range j.opens {
					l.done()
				}
			}()
			for _, l := range j.waitFor {
				if l.wait(ctx) != nil {
					return
				}
			}
			if held.acquire(ctx, j.locks) != nil {
				return
			}
			defer held.release(j.locks)
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return
			}
			defer func() { <-slots }()
			j.started = time.Now()
			run(ctx, j)
			j.ended = time.Now()
		})
	}
	wg.Wait()
}

// criticalPath is the longest chain of jobs that were not allowed to overlap:
// the time the run would have taken with no limit on concurrency and no other
// delay. Jobs that never ran count nothing.
func criticalPath(jobs []*job) time.Duration {
	ran := make([]*job, 0, len(jobs))
	for _, j := range jobs {
		if !j.ended.IsZero() {
			ran = append(ran, j)
		}
	}
	slices.SortStableFunc(ran, func(a, b *job) int { return a.started.Compare(b.started) })
	chain := make([]time.Duration, len(ran))
	var longest time.Duration
	for i, j := range ran {
		for k, earlier := range ran[:i] {
			if j.after(earlier) && chain[k] > chain[i] {
				chain[i] = chain[k]
			}
		}
		chain[i] += j.ended.Sub(j.started)
		longest = max(longest, chain[i])
	}
	return longest
}

// after says whether j had to wait for earlier, by a latch or by a claim.
func (j *job) after(earlier *job) bool {
	for _, l := range j.waitFor {
		if slices.Contains(earlier.opens, l) {
			return true
		}
	}
	for _, mine := range j.locks {
		for _, theirs := range earlier.locks {
			if mine.key == theirs.key && (mine.exclusive || theirs.exclusive) {
				return true
			}
		}
	}
	return false
}
