package schedule

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// timetable makes jobs that each take some seconds, runs them, and returns when
// each began, how long all took, and their critical path.
func timetable(t *testing.T, concurrency int, seconds []int, make func() []*Job) (began []int, wall, path time.Duration) {
	t.Helper()
	began = slices.Repeat([]int{-1}, len(seconds))
	synctest.Test(t, func(t *testing.T) {
		jobs := make()
		start := time.Now()
		var mu sync.Mutex
		Run(t.Context(), jobs, concurrency, func(_ context.Context, i int) {
			mu.Lock()
			began[i] = int(time.Since(start).Seconds())
			mu.Unlock()
			time.Sleep(time.Duration(seconds[i]) * time.Second)
		})
		wall, path = time.Since(start), CriticalPath(jobs)
	})
	return began, wall, path
}

func TestJobsShareTheirWaits(t *testing.T) {
	t.Parallel()
	alike := func() []*Job {
		jobs := make([]*Job, 200)
		for i := range jobs {
			jobs[i] = &Job{Locks: []Lock{{"client a", false}, {"user u", false}}}
		}
		return jobs
	}
	seconds := slices.Repeat([]int{2}, 200)
	if _, wall, _ := timetable(t, 200, seconds, alike); wall != 2*time.Second {
		t.Errorf("200 cases of 2 s took %s", wall)
	}
	if _, wall, path := timetable(t, 1, seconds, alike); wall != 400*time.Second || path != 2*time.Second {
		t.Errorf("one after the other they took %s, critical path %s", wall, path)
	}
}

func TestJobsKeepApart(t *testing.T) {
	t.Parallel()
	began, wall, path := timetable(t, 10, []int{5, 3, 3, 2}, func() []*Job {
		const ordinary = Latch("cases of client a")
		return []*Job{
			{Locks: []Lock{{"client a", false}}, Opens: []Latch{ordinary}},
			{Locks: []Lock{{"client b", true}}},
			{Locks: []Lock{{"client b", true}}},
			{Locks: []Lock{{"client a", true}}, WaitFor: []Latch{ordinary}}, // last of its client
		}
	})
	if began[0] != 0 || began[1]+began[2] != 3 || began[3] != 5 || wall != 7*time.Second || path != 7*time.Second {
		t.Errorf("began %v, wall %s, critical path %s", began, wall, path)
	}
}

// A claim that wants to be alone is not starved by shared ones that keep coming.
func TestExclusiveClaimIsServed(t *testing.T) {
	t.Parallel()
	table := newTable(nil, 10)
	shared, alone := &Job{Locks: []Lock{{"user u", false}}}, &Job{Locks: []Lock{{"user u", true}}}
	table.take(shared)
	waiting := []*Job{alone, {Locks: []Lock{{"user u", false}}}}
	for _, step := range []struct {
		begins int
		over   *Job
	}{{0, shared}, {1, alone}, {1, nil}} {
		var next []*Job
		if next, waiting = table.admit(waiting); len(next) != step.begins {
			t.Errorf("%d begin, want %d", len(next), step.begins)
		}
		if step.over != nil {
			table.release(step.over)
		}
	}
}

// Of jobs that may begin, the longest does so first, so that it is not what all others
// wait for in the end; whatever came first in the list.
func TestLongestFirst(t *testing.T) {
	t.Parallel()
	began, wall, _ := timetable(t, 2, []int{1, 2, 9, 8, 1}, func() []*Job {
		jobs := make([]*Job, 5)
		for i, seconds := range []int{1, 2, 9, 8, 1} {
			jobs[i] = &Job{About: time.Duration(seconds) * time.Second}
		}
		return jobs
	})
	if began[2] != 0 || began[3] != 0 || wall != 11*time.Second {
		t.Errorf("began %v, wall %s", began, wall)
	}
}

// An interrupted run gives up what waits.
func TestJobsEndWithTheirContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		jobs := []*Job{{Locks: []Lock{{"client a", true}}}, {Locks: []Lock{{"client a", true}}}}
		ran := 0
		Run(ctx, jobs, 2, func(ctx context.Context, _ int) {
			ran++
			<-ctx.Done()
		})
		if ran != 1 {
			t.Errorf("%d jobs ran", ran)
		}
	})
}
