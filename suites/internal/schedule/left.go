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
	var running, waiting []*Job
	left := map[*Job]time.Duration{}
	for i, j := range jobs {
		switch began, ended := j.ran(); {
		case !ended.IsZero():
		case began.IsZero():
			left[j] = lasts(i, 0)
			waiting = append(waiting, j)
		default:
			left[j] = lasts(i, max(1, time.Since(began)))
			running = append(running, j)
		}
	}
	f := forecast{table: newTable(slices.Concat(running, waiting), concurrency), ends: map[*Job]time.Duration{}}
	for _, j := range running {
		f.take(j)
		f.ends[j] = left[j]
	}
	for waiting = longestFirst(waiting); ; f.advance() {
		var next []*Job
		next, waiting = f.admit(waiting)
		for _, j := range next {
			f.ends[j] = f.now + left[j]
		}
		if len(f.ends) == 0 {
			return f.now
		}
	}
}

// forecast is a run that is only thought through.
type forecast struct {
	*table
	now  time.Duration
	ends map[*Job]time.Duration
}

// advance goes on to when the next job is over, and ends those that are.
func (f *forecast) advance() {
	f.now = slices.Min(slices.Collect(maps.Values(f.ends)))
	for j, end := range f.ends {
		if end <= f.now {
			delete(f.ends, j)
			f.release(j)
		}
	}
}
