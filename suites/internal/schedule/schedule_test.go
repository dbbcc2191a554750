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
		ordinary := NewLatch()
		ordinary.Add()
		return []*Job{
			{Locks: []Lock{{"client a", false}}, Opens: []*Latch{ordinary}},
			{Locks: []Lock{{"client b", true}}},
			{Locks: []Lock{{"client b", true}}},
			{Locks: []Lock{{"client a", true}}, WaitFor: []*Latch{ordinary}}, // last of its client
		}
	})
	if began[0] != 0 || began[1]+began[2] != 3 || began[3] != 5 || wall != 7*time.Second || path != 7*time.Second {
		t.Errorf("began %v, wall %s, critical path %s", began, wall, path)
	}
}

// A claim that wants to be alone is not starved by shared ones that keep coming.
func TestExclusiveClaimIsServed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newLockTable()
		shared, alone := []Lock{{"user u", false}}, []Lock{{"user u", true}}
		if err := c.acquire(t.Context(), shared); err != nil {
			t.Fatal(err)
		}
		var order []string
		var mu sync.Mutex
		var wg sync.WaitGroup
		claim := func(name string, locks []Lock) {
			wg.Go(func() {
				if err := c.acquire(t.Context(), locks); err != nil {
					t.Error(err)
				}
				mu.Lock()
				order = append(order, name)
				mu.Unlock()
				c.release(locks)
			})
			synctest.Wait()
		}
		claim("alone", alone)
		claim("later", shared)
		c.release(shared)
		wg.Wait()
		if !slices.Equal(order, []string{"alone", "later"}) {
			t.Errorf("served %v", order)
		}
	})
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
