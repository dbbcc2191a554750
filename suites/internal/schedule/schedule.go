// Package schedule runs jobs side by side that must not all overlap: it knows locks that
// are shared or exclusive, latches that hold jobs back until others are over, and the
// critical path of what ran, and it estimates how long what is left takes. It knows nothing
// of what a job does.
package schedule

import (
	"context"
	"slices"
	"sync"
	"time"
)

// A Job is one piece of work with its place among others.
type Job struct {
	Locks   []Lock   // sorted by key, so that two jobs never wait for each other
	WaitFor []*Latch // it begins when all of these are open
	Opens   []*Latch // it is counted into these, and counted out when it is over

	mu           sync.Mutex
	began, ended time.Time // zero while it has not run
}

func (j *Job) begin() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.began = time.Now()
}

func (j *Job) end() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ended = time.Now()
}

// ran is when a job began and ended, each zero as long as it has not.
func (j *Job) ran() (began, ended time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.began, j.ended
}

// Lock is a claim on something that jobs share, by its name.
type Lock struct {
	Key       string
	Exclusive bool // nobody else holds it meanwhile
}

// Latch opens when all jobs counted into it are over. Make one with [NewLatch].
type Latch struct {
	mu    sync.Mutex
	count int
	open  chan struct{}
}

// NewLatch makes a latch that nothing is counted into, which is open.
func NewLatch() *Latch { return &Latch{open: make(chan struct{})} }

// Add counts one more job in. It has to come before the jobs run.
func (l *Latch) Add() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count++
}

func (l *Latch) done() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count--
	if l.count == 0 {
		close(l.open)
	}
}

// wait returns at once for a latch that nothing was counted into.
func (l *Latch) wait(ctx context.Context) error {
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

// lockTable hands out shared and exclusive locks by key. An exclusive claim that
// waits holds later shared claims back, so it is never starved.
type lockTable struct {
	mu      sync.Mutex
	changed chan struct{} // closed and replaced whenever a lock is given back
	holders map[string]*holder
}

type holder struct {
	shared    int
	exclusive bool
	waiting   int // exclusive claims that wait
}

func newLockTable() *lockTable {
	return &lockTable{changed: make(chan struct{}), holders: map[string]*holder{}}
}

func (c *lockTable) acquire(ctx context.Context, locks []Lock) error {
	for i, l := range locks {
		if err := c.take(ctx, l); err != nil {
			c.release(locks[:i])
			return err
		}
	}
	return nil
}

func (c *lockTable) take(ctx context.Context, l Lock) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.holders[l.Key]
	if h == nil {
		h = &holder{}
		c.holders[l.Key] = h
	}
	if l.Exclusive {
		h.waiting++
		defer func() { h.waiting-- }()
	}
	for !h.free(l.Exclusive) {
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
	if l.Exclusive {
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

func (c *lockTable) release(locks []Lock) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range locks {
		if h := c.holders[l.Key]; l.Exclusive {
			h.exclusive = false
		} else {
			h.shared--
		}
	}
	close(c.changed)
	c.changed = make(chan struct{})
}

// Run runs every job under its locks, at most concurrency at once, and returns when
// all are over or given up because ctx ended. It tells work the place of the job in the
// list.
func Run(ctx context.Context, jobs []*Job, concurrency int, work func(ctx context.Context, i int)) {
	slots := make(chan struct{}, concurrency)
	held := newLockTable()
	var wg sync.WaitGroup
	for i, j := range jobs {
		wg.Go(func() {
			defer j.open()
			if !j.admitted(ctx, held, slots) {
				return
			}
			defer held.release(j.Locks)
			defer func() { <-slots }()
			j.begin()
			work(ctx, i)
			j.end()
		})
	}
	wg.Wait()
}

// admitted waits until a job may begin: for its latches, then for its locks, last for a
// slot, so that a slot is never held by a job that waits. It reports false when ctx
// ended meanwhile.
func (j *Job) admitted(ctx context.Context, held *lockTable, slots chan<- struct{}) bool {
	for _, l := range j.WaitFor {
		if l.wait(ctx) != nil {
			return false
		}
	}
	if held.acquire(ctx, j.Locks) != nil {
		return false
	}
	select {
	case slots <- struct{}{}:
		return true
	case <-ctx.Done():
		held.release(j.Locks)
		return false
	}
}

func (j *Job) open() {
	for _, l := range j.Opens {
		l.done()
	}
}

// CriticalPath is the longest chain of jobs that were not allowed to overlap: the time
// they would have taken with no limit on concurrency and no other delay. Jobs that
// never ran count nothing.
func CriticalPath(jobs []*Job) time.Duration {
	ran := make([]*Job, 0, len(jobs))
	for _, j := range jobs {
		if !j.ended.IsZero() {
			ran = append(ran, j)
		}
	}
	slices.SortStableFunc(ran, func(a, b *Job) int { return a.began.Compare(b.began) })
	chain := make([]time.Duration, len(ran))
	var longest time.Duration
	for i, j := range ran {
		for k, earlier := range ran[:i] {
			if j.after(earlier) && chain[k] > chain[i] {
				chain[i] = chain[k]
			}
		}
		chain[i] += j.ended.Sub(j.began)
		longest = max(longest, chain[i])
	}
	return longest
}

// after reports whether j had to wait for earlier, because of a latch or of a lock.
func (j *Job) after(earlier *Job) bool {
	for _, l := range j.WaitFor {
		if slices.Contains(earlier.Opens, l) {
			return true
		}
	}
	for _, mine := range j.Locks {
		for _, theirs := range earlier.Locks {
			if mine.Key == theirs.Key && (mine.Exclusive || theirs.Exclusive) {
				return true
			}
		}
	}
	return false
}
