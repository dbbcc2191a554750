package schedule

import (
	"context"
	"math/rand/v2"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// TestLeft holds the forecast against what happens: before the first job, and while they
// run. The plans are random: locks, latches and slots all hold something back.
func TestLeft(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			jobs, seconds := planned(random)
			concurrency := 1 + random.IntN(len(jobs))
			whole := func(i int, running time.Duration) time.Duration { return seconds[i] - running }

			began := time.Now()
			before := Left(jobs, concurrency, whole)
			over := make(chan struct{})
			go func() {
				Run(t.Context(), jobs, concurrency, func(_ context.Context, i int) { time.Sleep(seconds[i]) })
				close(over)
			}()
			time.Sleep(before / 2)
			synctest.Wait()
			midway := time.Since(began) + Left(jobs, concurrency, whole)
			<-over
			took := time.Since(began)

			for when, estimate := range map[string]time.Duration{"before": before, "midway": midway} {
				if estimate.Round(time.Millisecond) != took {
					t.Errorf("seed %d, %s: estimated %s, took %s", seed, when, estimate, took)
				}
			}
			if left := Left(jobs, concurrency, whole); left != 0 {
				t.Errorf("seed %d: %s are left when all is over", seed, left)
			}
		})
	}
}

// planned is a random plan, and how long each of its jobs takes.
func planned(random *rand.Rand) ([]*Job, []time.Duration) {
	const first = Latch("first")
	jobs := make([]*Job, 2+random.IntN(14))
	seconds := make([]time.Duration, len(jobs))
	for i := range jobs {
		jobs[i] = &Job{Locks: []Lock{
			{"client " + strconv.Itoa(random.IntN(3)), random.IntN(4) == 0},
			{"user " + strconv.Itoa(random.IntN(3)), random.IntN(4) == 0},
		}}
		if i%3 == 0 {
			jobs[i].WaitFor = []Latch{first}
		} else {
			jobs[i].Opens = []Latch{first}
		}
		// No two end at the same moment, when which of them is told first is open.
		seconds[i] = time.Duration(1+random.IntN(20))*time.Second + time.Duration(1<<i)*time.Millisecond
		jobs[i].About = time.Duration(random.IntN(20)) * time.Second // a guess may be wrong
	}
	return jobs, seconds
}

func TestLeftKnowsLocksLatchesAndSlots(t *testing.T) {
	t.Parallel()
	const latch = Latch("others")
	shared, alone := []Lock{{"c", false}}, []Lock{{"c", true}}
	for name, c := range map[string]struct {
		jobs        []*Job
		concurrency int
		want        time.Duration
	}{
		"side by side":        {[]*Job{{Locks: shared}, {Locks: shared}, {Locks: shared}}, 3, 10 * time.Second},
		"too few slots":       {[]*Job{{Locks: shared}, {Locks: shared}, {Locks: shared}}, 2, 20 * time.Second},
		"one after the other": {[]*Job{{Locks: alone}, {Locks: alone}, {Locks: alone}}, 3, 30 * time.Second},
		"after the others":    {[]*Job{{WaitFor: []Latch{latch}}, {Opens: []Latch{latch}}, {Opens: []Latch{latch}}}, 3, 20 * time.Second},
		"nothing":             {nil, 1, 0},
	} {
		if got := Left(c.jobs, c.concurrency, func(int, time.Duration) time.Duration { return 10 * time.Second }); got != c.want {
			t.Errorf("%s: %s are left, want %s", name, got, c.want)
		}
	}
}
