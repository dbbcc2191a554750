package suites

import (
	"slices"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/suites/harness"
	"github.com/cibatest/cibatest/suites/internal/schedule"
)

// Watch lets others look at a run while it goes on, by [Options]. The zero value is ready
// for one run. It is safe for concurrent use.
type Watch struct {
	mu       sync.Mutex
	run      *run                  // nil: it has not begun
	selected []*harness.Definition // known from its beginning
	jobs     []*job                // known once the cases have their places
	runnable []*job                // those of them that were not left out
}

// Look is a run at one moment.
type Look struct {
	// Areas have the selected cases, in the order of the catalogue; none: the run has not
	// begun.
	Areas []AreaLook

	// Placed says that the cases have their places. Before, the OP is asked what has to be
	// known for that, and no case runs.
	Placed bool

	// Waits are the pauses that running cases make, in no order.
	Waits []Wait

	// Left estimates how long the cases still take; zero before they are placed.
	Left time.Duration
}

// AreaLook is how far the cases of an area are.
type AreaLook struct {
	Name            string
	Finished, Total int
}

// Wait is a pause of a case: By is its id.
type Wait = driver.Wait

// WaitReason is what a [Wait] is for.
type WaitReason = driver.Reason

// The reasons of waits.
const (
	ForExpiry = driver.ForExpiry // a request expires
	ForTurn   = driver.ForTurn   // a poll keeps the interval
	ForRoom   = driver.ForRoom   // the OP refuses requests for the moment
	ForLimit  = driver.ForLimit  // the OP takes so many for one user within a minute
	ForPause  = driver.ForPause  // anything else
)

// Look tells how far the run is.
func (w *Watch) Look() Look {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.run == nil {
		return Look{}
	}
	look := Look{Areas: w.areas(), Placed: w.jobs != nil, Waits: w.run.driver.Waits()}
	if look.Placed {
		look.Left = w.left(look.Waits)
	}
	return look
}

// Costs are what the cases that are over have asked of the users. Before the run has begun
// there are none.
func (w *Watch) Costs() harness.Costs {
	w.mu.Lock()
	defer w.mu.Unlock()
	var over []string
	for _, j := range w.jobs {
		if j.skip == "" && w.run.finished(j) {
			over = append(over, j.def.ID)
		}
	}
	if w.run == nil {
		return harness.Costs{}
	}
	return w.run.session.Costs(over)
}

// Prompts are how often users were asked so far.
func (w *Watch) Prompts() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.run == nil {
		return 0
	}
	return w.run.prompts()
}

// begin says which cases a run has. A nil watch watches nothing.
func (w *Watch) begin(r *run, selected []*harness.Definition) {
	if w != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.run, w.selected = r, selected
	}
}

// placed says that the cases have their places.
func (w *Watch) placed(jobs, runnable []*job) {
	if w != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.jobs, w.runnable = jobs, runnable
	}
}

func (w *Watch) areas() []AreaLook {
	total, finished := map[string]int{}, map[string]int{}
	for _, def := range w.selected {
		total[def.Area]++
	}
	for _, j := range w.jobs {
		if w.run.finished(j) {
			finished[j.def.Area]++
		}
	}
	var areas []AreaLook
	for _, clause := range catalogue.Must().List() {
		known := slices.ContainsFunc(areas, func(a AreaLook) bool { return a.Name == clause.Area })
		if total[clause.Area] > 0 && !known {
			areas = append(areas, AreaLook{Name: clause.Area, Finished: finished[clause.Area], Total: total[clause.Area]})
		}
	}
	return areas
}

// left plays what is left of the plan. A case that waits is known to last until then.
func (w *Watch) left(waits []Wait) time.Duration {
	until := map[string]time.Time{}
	for _, wait := range waits {
		if wait.Until.After(until[wait.By]) {
			until[wait.By] = wait.Until
		}
	}
	left := schedule.Left(places(w.runnable), w.run.options.Concurrency, func(i int, running time.Duration) time.Duration {
		def := w.runnable[i].def
		return max(w.run.session.About(def)-running, time.Until(until[def.ID]), leastLeft)
	})
	return max(left, w.run.leastFor(slices.DeleteFunc(slices.Clone(w.runnable), w.run.finished)))
}

// leastFor is what jobs take at least at an OP that asks a user so many times in a minute.
func (r *run) leastFor(jobs []*job) time.Duration {
	prompts, most := map[int]int{}, 0
	for _, j := range jobs {
		prompts[j.cast.User] += harness.UsualCosts().Of(j.def.ID).Prompts
		most = max(most, prompts[j.cast.User])
	}
	return r.driver.AtLeast(most)
}

// leastLeft is what a case is expected to take at least from any moment on.
const leastLeft = time.Second
