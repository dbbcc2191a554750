package schedule

import (
	"maps"
	"slices"
	"time"
)

// Left estimates how long jobs that were given to [Run] still take, also while they run.
// It goes through what is left of them in the order in which Run lets them begin. lasts
// says how long the job at a place of the list still takes, one that has been running for
// a while (zero: it has not begun).
func Left(jobs []*Job, concurrency int, lasts func(i int, running time.Duration) time.Duration) time.Duration {
	f := forecast{slots: concurrency, held: map[string]int{}, latched: map[*Latch]int{}, ends: map[*Job]time.Duration{}}
	var waiting []*Job
	duration := map[*Job]time.Duration{}
	for i, j := range jobs {
		began, ended := j.ran()
		if !ended.IsZero() {
			continue
		}
		for _, l := range j.Opens {
			f.latched[l]++
		}
		if began.IsZero() {
			duration[j] = lasts(i, 0)
			waiting = append(waiting, j)
			continue
		}
		f.start(j, lasts(i, max(1, time.Since(began))))
	}
	for len(waiting) > 0 || len(f.ends) > 0 {
		waiting = f.admit(waiting, duration)
		if len(f.ends) == 0 {
			break // what is left waits for something that is not among the jobs
		}
		f.advance()
	}
	return f.now
}

// forecast is a run that is only thought through.
type forecast struct {
	now     time.Duration
	slots   int
	held    map[string]int // by lock: how many share it, -1 for an exclusive one
	latched map[*Latch]int // jobs counted in that are not over
	ends    map[*Job]time.Duration
}

// admit starts every job that may begin now and returns the others. An exclusive claim
// that waits keeps later ones from its lock.
func (f *forecast) admit(waiting []*Job, duration map[*Job]time.Duration) (rest []*Job) {
	claimed := map[string]bool{}
	for _, j := range waiting {
		if f.slots > 0 && f.latchesOpen(j) && f.free(j, claimed) {
			f.start(j, duration[j])
			continue
		}
		rest = append(rest, j)
	}
	return rest
}

func (f *forecast) latchesOpen(j *Job) bool {
	return !slices.ContainsFunc(j.WaitFor, func(l *Latch) bool { return f.latched[l] > 0 })
}

func (f *forecast) free(j *Job, claimed map[string]bool) bool {
	free := true
	for _, l := range j.Locks {
		if claimed[l.Key] || f.held[l.Key] < 0 || l.Exclusive && f.held[l.Key] > 0 {
			free = false
			claimed[l.Key] = claimed[l.Key] || l.Exclusive
		}
	}
	return free
}

func (f *forecast) start(j *Job, lasts time.Duration) {
	f.slots--
	for _, l := range j.Locks {
		if l.Exclusive {
			f.held[l.Key] = -1
		} else {
			f.held[l.Key]++
		}
	}
	f.ends[j] = f.now + lasts
}

// advance goes on to when the next job is over, and ends those that are.
func (f *forecast) advance() {
	f.now = slices.Min(slices.Collect(maps.Values(f.ends)))
	for j, end := range f.ends {
		if end > f.now {
			continue
		}
		delete(f.ends, j)
		f.slots++
		for _, l := range j.Locks {
			f.held[l.Key] = max(0, f.held[l.Key]-1)
		}
		for _, l := range j.Opens {
			f.latched[l]--
		}
	}
}
