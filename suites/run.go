package suites

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/internal/notify"
	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/cibatest/cibatest/suites/harness"
	"github.com/cibatest/cibatest/suites/internal/schedule"
)

// ErrSetUp says that nothing can be judged, because no ordinary request works: the target
// file and the OP do not fit.
var ErrSetUp = errors.New("nothing can be judged with this set-up")

// The two ways a selection can be wrong.
var (
	ErrNothingSelected = errors.New("no case matches the selection")
	ErrSelection       = errors.New("the selection cannot be read")
)

// Options are a run's inputs. Target, Approver and RoundTripper are required.
type Options struct {
	Target       *targetfile.Target // left as it is
	Approver     *approve.Approver
	RoundTripper http.RoundTripper // how the OP is reached

	// Receiver takes the OP's callbacks in ping and push mode, its endpoints registered.
	// nil: one is opened for the run where the target says so.
	Receiver *notify.Receiver

	Select      Selection
	Strict      bool                       // departures from a SHOULD, and tolerated ones, count as failures
	Concurrency int                        // cases at once; 0: the target's budget
	Limit       time.Duration              // of the whole run, which then judges what it has seen; 0: none
	Seed        int64                      // of every random choice and text; see [driver.Random]
	Tool        result.Tool                // who judges, for the result
	Command     string                     // does the run again, for the result; may be empty
	Reproduce   func(caseID string) string // the command that repeats one case; may be nil
	OnEvent     func(Event)                // called as cases end, from one goroutine at a time; may be nil
	Watch       *Watch                     // lets others look at the run while it goes on; may be nil
}

// Event tells of a case that is over.
type Event struct {
	Case     string
	Outcome  result.Outcome
	Message  string
	Result   result.Case
	Finished int
	Total    int
}

// Run judges the target by the selected cases. The error is for what keeps a
// run from starting; everything else is in the result, which is complete also
// when ctx ends early.
//
// A run has five steps. What is known of the target is gathered (preflight). The OP is
// asked what has to be known before cases are placed (learn.go). Every case gets its
// client, its user and its place (plan.go). All cases run as their places allow, and
// those that others had no room for run once more at the end. Last, the results become
// one (assemble.go).
func Run(ctx context.Context, o Options) (result.Run, error) {
	selected, err := o.Select.cases()
	if err != nil {
		return result.Run{}, err
	}
	if o.Limit > 0 {
		var end context.CancelFunc
		ctx, end = context.WithTimeoutCause(ctx, o.Limit, driver.RunLimit(o.Limit))
		defer end()
	}
	if o.Receiver == nil {
		if o.Receiver, err = preflight.Receive(ctx, o.Target); err != nil {
			return result.Run{}, fmt.Errorf("%w: %w", ErrSetUp, err)
		}
		if o.Receiver != nil {
			defer o.Receiver.Close()
		}
	}
	r, err := begin(ctx, o)
	if err != nil {
		return result.Run{}, err
	}
	o.Watch.begin(r, selected)
	if err := r.prepare(ctx); err != nil {
		return result.Run{}, err
	}
	r.jobs = r.plan(selected)
	r.conduct(ctx)
	return r.assemble(ctx), nil
}

// prepare learns what has to be known before the first case. Where no flow can be driven,
// be it for what the metadata leaves out or for the set-up, that stops the cases that need
// one; what the metadata says can still be judged.
func (r *run) prepare(ctx context.Context) error {
	err := r.facts.Drivable()
	if err == nil {
		err = r.learn(ctx)
	}
	if !errors.Is(err, ErrSetUp) && !errors.Is(err, preflight.ErrNotDrivable) {
		return err
	}
	r.stopped = err
	r.driver.Note("only what the metadata says is judged: %v", err)
	return nil
}

// run is one run on its way.
type run struct {
	options Options
	stopped error // why no flow can be driven; nil: they can
	facts   *preflight.Facts
	driver  *driver.Run
	session *harness.Session
	primary *harness.Client // of all cases that want nothing special and disturb nobody; nil: there is none
	life    time.Duration   // expires_in of a request that asked for a short life; 0: not known
	jobs    []*job

	mu       sync.Mutex
	results  map[*job]result.Case
	deferred []*job // to be run once more when the others are over
}

// begin gathers the facts and prepares the clients.
func begin(ctx context.Context, o Options) (*run, error) {
	facts, err := preflight.Gather(ctx, o.RoundTripper, o.Target)
	if err != nil {
		return nil, err
	}
	if o.Concurrency == 0 {
		o.Concurrency = max(1, facts.Target.Budgets.Concurrency)
	}
	locker, err := approve.New(facts.Target.UserLock.Hook(), approve.Options{RoundTripper: o.RoundTripper})
	if err != nil {
		return nil, fmt.Errorf("user_lock: %w", err)
	}
	r := &run{options: o, facts: facts, results: map[*job]result.Case{}}
	r.driver, err = driver.NewRun(driver.RunOptions{
		Target: facts.Target, RoundTripper: o.RoundTripper, Approver: o.Approver, Locker: locker, Receiver: o.Receiver, Seed: o.Seed,
		MayDeny: facts.Capabilities.Has(catalogue.NeedDeny) && !o.Approver.IsPerson(),
	})
	if err != nil {
		return nil, err
	}
	for _, e := range facts.Elsewhere() {
		r.driver.Note("%s is not at the issuer's host or less protected, and gets the clients' credentials: %q", e.Member, e.URL)
	}
	r.session = harness.NewSession(facts, r.driver)
	return r, nil
}

// conduct runs every job that was not left out, and the deferred ones again, one after
// the other, when nothing of others is open.
func (r *run) conduct(ctx context.Context) {
	runnable := r.leaveOut()
	r.options.Watch.placed(r.jobs, runnable)
	schedule.Run(ctx, places(runnable), r.options.Concurrency, func(ctx context.Context, i int) { r.attempt(ctx, runnable[i]) })
	r.driver.BeginRetryRound()
	for _, j := range r.deferred {
		c, _ := r.session.Run(ctx, j.def, j.cast)
		r.finish(j, c)
	}
	for _, j := range runnable {
		if !r.finished(j) {
			r.finish(j, r.session.NotRun(j.def, j.cast.Client, result.Error, driver.WhyEnded(ctx)+" before this case began"))
		}
	}
}

// leaveOut finishes the jobs that cannot run and returns all others.
func (r *run) leaveOut() (runnable []*job) {
	for _, j := range r.jobs {
		if j.skip == "" {
			runnable = append(runnable, j)
			continue
		}
		r.finish(j, r.session.NotRun(j.def, j.cast.Client, j.left, j.skip))
	}
	return runnable
}

func (r *run) attempt(ctx context.Context, j *job) {
	c, deferred := r.session.Run(ctx, j.def, j.cast)
	if !deferred {
		r.finish(j, c)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.deferred = append(r.deferred, j)
}

// finish keeps the result of a case and tells of it.
func (r *run) finish(j *job, c result.Case) {
	if r.options.Strict && c.Outcome == result.Warn {
		c.Outcome = result.Fail
	}
	if j.cast.Client != nil {
		c.Mode = j.cast.Client.DeliveryMode
	}
	if j.skip == "" {
		c.Message = harness.Message(c)
		if r.options.Reproduce != nil {
			c.Reproduce = r.options.Reproduce(c.ID)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.results[j] = c
	if r.options.OnEvent != nil {
		r.options.OnEvent(Event{Case: c.ID, Outcome: c.Outcome, Message: c.Message, Result: c, Finished: len(r.results), Total: len(r.jobs)})
	}
}

func (r *run) finished(j *job) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.results[j]
	return ok
}
