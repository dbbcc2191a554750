package suites

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
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

	leads func(at string) error // whether an address leads to the Receiver; nil: cannot be tried
}

// receive opens the notification endpoints where the target wants some and none are open.
// The caller calls release when the run is over.
func (o *Options) receive(ctx context.Context) (release func(), err error) {
	if o.Receiver != nil {
		return func() {}, nil
	}
	if o.Receiver, err = preflight.Receive(ctx, o.Target); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSetUp, err)
	}
	if o.Receiver == nil {
		return func() {}, nil
	}
	receiver, target := o.Receiver, o.Target
	o.leads = func(at string) error { return preflight.Leads(ctx, receiver, target, at) }
	return receiver.Close, nil
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
	release, err := o.receive(ctx)
	if err != nil {
		return result.Run{}, err
	}
	defer release()
	r, err := begin(ctx, o)
	if err != nil {
		return result.Run{}, err
	}
	o.Watch.begin(r, selected)
	if err := r.prepare(ctx, modesOf(selected)); err != nil {
		return result.Run{}, err
	}
	r.jobs = r.withinBudget(r.plan(selected))
	r.conduct(ctx)
	return r.assemble(ctx), nil
}

// prepare learns what has to be known before the first case. Where no flow can be driven,
// be it for what the metadata leaves out or for the set-up, that stops the cases that need
// one; what the metadata says can still be judged. modes are those that cases run in.
func (r *run) prepare(ctx context.Context, modes []string) error {
	err := r.facts.Drivable()
	if err == nil {
		err = r.learn(ctx, modes)
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
	calls   calls           // which ping and push clients the OP calls
	jobs    []*job

	mu      sync.Mutex
	results map[*job]result.Case
	again   []retry // to be run once more, alone
}

// retry is a case that is to be run once more, and why.
type retry struct {
	*job
	first result.Case
	why   harness.Again
}

// begin gathers the facts and prepares the clients.
func begin(ctx context.Context, o Options) (*run, error) {
	facts, err := preflight.Gather(ctx, o.RoundTripper, o.Target)
	if err != nil {
		return nil, err
	}
	switch {
	case o.Concurrency > 0:
	case o.Select.Budget > 0 && o.Approver.IsPerson(): // who sees one prompt at a time
		o.Concurrency = 1
	default:
		o.Concurrency = max(1, facts.Target.Budgets.Concurrency)
	}
	locker, err := approve.New(facts.Target.UserLock.Hook(), approve.Options{RoundTripper: o.RoundTripper})
	if err != nil {
		return nil, err
	}
	r := &run{options: o, facts: facts, results: map[*job]result.Case{}}
	r.driver, err = driver.NewRun(driver.RunOptions{
		Target: facts.Target, RoundTripper: o.RoundTripper, Approver: o.Approver, Locker: locker, Receiver: o.Receiver, Seed: o.Seed,
		Concurrency: o.Concurrency, Prompts: o.Select.Budget,
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

// conduct runs every job that was not left out, and some of them again, alone. The cases
// that come after all others come after these tries, too: they judge what all have seen.
func (r *run) conduct(ctx context.Context) {
	runnable := r.leaveOut()
	r.options.Watch.placed(r.jobs, runnable)
	if least := r.leastFor(runnable); least > 0 {
		r.driver.Note("the run keeps to what budgets.per_user_minute allows, which takes %s at least; the more users the target file has, "+
			"the less it takes", least)
	}
	last := func(j *job) bool { return j.def.Place().AfterAll }
	r.conductTogether(ctx, slices.DeleteFunc(slices.Clone(runnable), last))
	r.conductTogether(ctx, slices.DeleteFunc(slices.Clone(runnable), func(j *job) bool { return !last(j) }))
	for _, j := range runnable {
		if !r.finished(j) {
			r.finish(j, r.session.NotRun(j.def, j.cast.Client, result.Error, driver.WhyEnded(ctx)+" before this case began"))
		}
	}
}

// conductTogether runs jobs side by side, and then those again that others kept from a
// judgement.
func (r *run) conductTogether(ctx context.Context, jobs []*job) {
	schedule.Run(ctx, places(jobs), r.options.Concurrency, func(ctx context.Context, i int) { r.attempt(ctx, jobs[i]) })
	r.driver.BeginRetryRound()
	if slices.ContainsFunc(r.again, func(one retry) bool { return one.why.Ended != "" }) {
		r.driver.CloseLeftOpen(ctx)
	}
	r.session.ForgetTroubled()
	r.conductAgain(ctx)
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

// attempt runs a job beside others. One that is to be tried again is not over.
func (r *run) attempt(ctx context.Context, j *job) {
	r.driver.AwaitRoom(ctx)
	c, again := r.session.Run(ctx, j.def, j.cast)
	if !again.Deferred && again.Trouble == "" && !again.Suspect {
		r.finish(j, c)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.again = append(r.again, retry{j, c, again})
}

// idleTries is how many second tries in a row may come to what the first ones did, until
// it is clear that the trouble was not of our making.
const idleTries = 5

// conductAgain runs jobs once more, one after the other, when nothing of others is open.
// What failed beside others is judged by what comes of it alone, also where it passed: a
// server in trouble refuses what has to be refused, too.
func (r *run) conductAgain(ctx context.Context) {
	list, idle := r.again, 0
	r.again = nil
	for _, again := range list {
		settled := again.first.Outcome == result.Pass
		if !r.worthwhile(again, settled) || idle >= idleTries && !again.why.Deferred {
			r.finish(again.job, again.first)
			continue
		}
		c := r.alone(ctx, again)
		if again.why.Ended != "" && again.why.Ended == again.why.Trouble && !r.driver.Sick() && again.first.Outcome.WorseThan(c.Outcome) {
			r.driver.Memory.NoteCrowding(driver.Crowded{By: c.ID, Ended: again.why.Ended})
		}
		switch {
		case c.Outcome != again.first.Outcome:
			idle = 0
		case !settled:
			idle++
		}
		r.finish(again.job, c)
	}
}

// worthwhile reports whether a second try may come to something else.
func (r *run) worthwhile(again retry, settled bool) bool {
	switch {
	case again.why.Deferred:
		return true
	case again.why.Trouble != "":
		return !settled || r.driver.Sick()
	}
	return r.driver.RefusesAtTimes()
}

// alone is the result of a second try.
func (r *run) alone(ctx context.Context, again retry) result.Case {
	if ctx.Err() != nil {
		return r.session.NotRun(again.def, again.cast.Client, result.Error, driver.WhyEnded(ctx)+" before this case was tried again alone")
	}
	c, _ := r.session.Run(ctx, again.def, again.cast)
	if again.why.Trouble != "" {
		c.FirstTry = again.why.Trouble
	}
	return c
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
