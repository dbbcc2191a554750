// Package schedule runs jobs side by side that must not all overlap: it knows locks that
// are shared or exclusive, latches that hold jobs back until others are over, and the
// critical path of what ran, and it estimates how long what is left takes. It knows nothing
// of what a job does.
package schedule

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// A Job is one piece of work with its place among others.
type Job struct {
	About   time.Duration // how long it takes, roughly; of jobs that may begin the longest does so first
	Locks   []Lock
	WaitFor []Latch // it begins when all of these are open
	Opens   []Latch // they open when all jobs that name them are over

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

// Latch is the name of what jobs wait for. One that no job opens is open.
type Latch string

// Run runs every job under its locks, at most concurrency at once, and returns when
// all are over or given up because ctx ended. It tells work the place of the job in the
// list. In which order jobs begin depends on them and on how long they take alone.
func Run(ctx context.Context, jobs []*Job, concurrency int, work func(ctx context.Context, i int)) {
	places := make(map[*Job]int, len(jobs))
	for i, j := range jobs {
		places[j] = i
	}
	table, waiting, over := newTable(jobs, concurrency), longestFirst(jobs), make(chan *Job)
	for running := 0; ; running-- {
		var next []*Job
		if ctx.Err() == nil {
			next, waiting = table.admit(waiting)
		}
		for _, j := range next {
			go func() {
				j.begin()
				work(ctx, places[j])
				j.end()
				over <- j
			}()
		}
		if running += len(next); running == 0 {
			return
		}
		table.release(<-over)
	}
}

// longestFirst is the order in which jobs are looked at.
func longestFirst(jobs []*Job) []*Job {
	return slices.SortedStableFunc(slices.Values(jobs), func(a, b *Job) int { return cmp.Compare(b.About, a.About) })
}

// table is who holds what: the same for jobs that run and for a forecast of them.
type table struct {
	slots   int            // how many more may run
	held    map[string]int // by the key of a lock: how many share it, -1 for an exclusive one
	latched map[Latch]int  // jobs that are to be over before it opens
}

func newTable(jobs []*Job, slots int) *table {
	t := &table{slots: slots, held: map[string]int{}, latched: map[Latch]int{}}
	for _, j := range jobs {
		for _, l := range j.Opens {
			t.latched[l]++
		}
	}
	return t
}

// admit takes the jobs that may begin now and returns them and the others. An exclusive
// claim that waits keeps later ones from its lock, so that it is never starved.
func (t *table) admit(waiting []*Job) (next, rest []*Job) {
	claimed := map[string]bool{}
	for _, j := range waiting {
		if t.slots > 0 && t.open(j.WaitFor) && t.free(j.Locks, claimed) {
			t.take(j)
			next = append(next, j)
		} else {
			rest = append(rest, j)
		}
	}
	return next, rest
}

func (t *table) open(latches []Latch) bool {
	return !slices.ContainsFunc(latches, func(l Latch) bool { return t.latched[l] > 0 })
}

func (t *table) free(locks []Lock, claimed map[string]bool) bool {
	free := true
	for _, l := range locks {
		if claimed[l.Key] || t.held[l.Key] < 0 || l.Exclusive && t.held[l.Key] > 0 {
			free = false
			claimed[l.Key] = claimed[l.Key] || l.Exclusive
		}
	}
	return free
}

func (t *table) take(j *Job) {
	t.slots--
	for _, l := range j.Locks {
		if l.Exclusive {
			t.held[l.Key] = -1
		} else {
			t.held[l.Key]++
		}
	}
}

// release gives back what a job that is over held.
func (t *table) release(j *Job) {
	t.slots++
	for _, l := range j.Locks {
		t.held[l.Key] = max(0, t.held[l.Key]-1)
	}
	for _, l := range j.Opens {
		t.latched[l]--
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
