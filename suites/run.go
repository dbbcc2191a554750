package suites

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
)

// evidenceLimit is how many exchanges a case keeps; a burst keeps its first ones.
const evidenceLimit = 200

// The two ways a selection can be wrong.
var (
	ErrNothingSelected = errors.New("no case matches the selection")
	ErrSelection       = errors.New("the selection cannot be read")
)

// Options are a run's inputs. Target and Approver are required.
type Options struct {
	Target       *targetfile.Target
	Approver     *approve.Approver
	RoundTripper http.RoundTripper // how the OP is reached; required
	Select       Selection
	Strict       bool // departures from a SHOULD, and tolerated ones, count as failures
	Concurrency  int  // 0: the target's budget
	Seed         int64
	ToolVersion  string
	Reproduce    func(caseID string) string // the command that repeats one case; may be nil
	OnEvent      func(Event)                // called as cases end, from one goroutine at a time; may be nil
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
func Run(ctx context.Context, o Options) (result.Run, error) {
	selected, err := o.Select.cases()
	if err != nil {
		return result.Run{}, err
	}
	s, err := newSession(ctx, o.Target, o.Approver, o.RoundTripper)
	if err != nil {
		return result.Run{}, err
	}
	return s.run(ctx, o, selected), nil
}

func (s *Session) run(ctx context.Context, o Options, selected []*definition) result.Run {
	if o.Concurrency == 0 {
		o.Concurrency = max(1, s.target.Budgets.Concurrency)
	}
	s.introduce(ctx)
	s.tryAssertions(ctx)
	s.probe(ctx)
	jobs := s.plan(selected)
	cases := make(map[*job]result.Case, len(jobs))
	var mu sync.Mutex
	finish := func(j *job, c result.Case) {
		mu.Lock()
		defer mu.Unlock()
		cases[j] = c
		if o.OnEvent != nil {
			o.OnEvent(Event{Case: c.ID, Outcome: c.Outcome, Message: c.Message, Result: c, Finished: len(cases), Total: len(jobs)})
		}
	}
	var runnable []*job
	for _, j := range jobs {
		if j.skip != "" {
			finish(j, s.emptyCase(j, result.Skip, j.skip))
			continue
		}
		runnable = append(runnable, j)
	}
	var later []*job
	runJobs(ctx, runnable, o.Concurrency, func(ctx context.Context, j *job) {
		c := s.runCase(ctx, j, o)
		if !j.crowdedOut {
			finish(j, c)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		later = append(later, j)
	})
	s.emptied()
	for _, j := range later {
		finish(j, s.runCase(ctx, j, o))
	}
	for _, j := range runnable {
		if _, ok := cases[j]; !ok {
			finish(j, s.emptyCase(j, result.Error, "the run was interrupted before this case began"))
		}
	}
	return s.assemble(ctx, o, jobs, cases)
}

func (s *Session) emptyCase(j *job, outcome result.Outcome, reason string) result.Case {
	c := result.Case{ID: j.def.id, Title: j.def.sentence(), Area: j.def.area, Requirements: j.def.requirements, Outcome: outcome, Reason: reason}
	if j.client != nil {
		c.Client = j.client.Name
	}
	return c
}

// runCase runs a case, twice when a passing trouble kept the first try from
// judging anything. The evidence is of both. A case that was crowded out is to be
// run once more when the others are over.
func (s *Session) runCase(ctx context.Context, j *job, o Options) result.Case {
	began, recorder := time.Now(), ciba.NewRecorder(evidenceLimit)
	c, ended := s.tryCase(ctx, j, recorder)
	if c.Outcome == result.Error && s.secondTry(ctx, ended) {
		c, _ = s.tryCase(ctx, j, recorder)
		c.FirstTry = ended.reason
		s.note("%s was tried twice, the first try judged nothing: %s", c.ID, ended.reason)
	}
	if o.Strict && c.Outcome == result.Warn {
		c.Outcome = result.Fail
	}
	c.Message = sentence(c)
	if o.Reproduce != nil {
		c.Reproduce = o.Reproduce(c.ID)
	}
	c.StartedMS, c.DurationMS = began.Sub(s.started).Milliseconds(), time.Since(began).Milliseconds()
	c.Exchanges = exchanges(recorder, s.started)
	j.crowdedOut = c.Outcome == result.Error && ended != nil && ended.crowdedOut
	return c
}

// secondTries bounds how often a run tries again: an OP that is in trouble for
// good is not asked for everything twice.
const secondTries = 10

// secondTry says whether to try again after a try that ended so. A person is
// never asked twice.
func (s *Session) secondTry(ctx context.Context, ended *stop) bool {
	if ended == nil || !ended.passing || ctx.Err() != nil || s.target.Approval.Kind == "manual" {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.triedAgain++
	return s.triedAgain <= secondTries
}

// tryCase runs one body to its end and judges by what it recorded.
func (s *Session) tryCase(ctx context.Context, j *job, recorder *ciba.Recorder) (result.Case, *stop) {
	limit := s.stretched(j.def.limit)
	if j.def.slow {
		limit += s.target.Budgets.ExpiryMax
	}
	if s.target.Approval.Kind == "manual" && j.def.asksForDecision() {
		limit += s.target.Budgets.ExpiryMax // a person needs time
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	clock := newLimit(limit, func() { cancel(context.DeadlineExceeded) })
	defer clock.stop()
	t := &T{session: s, def: j.def, ctx: ctx, client: j.client, second: j.second, others: j.others, user: j.user, recorder: recorder, open: &openRequests{}, limit: clock}
	ended := guard(func() { j.def.body(t) })
	guard(t.tidyUp)

	c := s.emptyCase(j, result.Pass, "")
	if len(s.target.Users) > 0 {
		c.User = s.target.Users[j.user].Name
	}
	c.Findings = t.findings
	for _, f := range t.findings {
		c.Outcome = worse(c.Outcome, f.Outcome)
	}
	if ended != nil && ended.outcome != "" {
		c.Reason = ended.reason
		if c.Outcome == result.Pass || ended.outcome == result.Error {
			c.Outcome = worse(c.Outcome, ended.outcome)
			if ended.outcome == result.Skip {
				c.Outcome = result.Skip
			}
		}
	}
	return c, ended
}

// longestInterval bounds what an OP's interval adds to the limit of a case.
const longestInterval = time.Minute

// stretched is a limit, made for an interval of 5 s, for the longest interval
// that this OP has announced so far.
func (s *Session) stretched(limit time.Duration) time.Duration {
	longest := defaultInterval
	for _, ack := range s.Acks() {
		longest = max(longest, min(ack.Interval, longestInterval))
	}
	return time.Duration(limit.Seconds() * longest.Seconds() / defaultInterval.Seconds() * float64(time.Second))
}

func worse(a, b result.Outcome) result.Outcome {
	if rank(b) < rank(a) {
		return b
	}
	return a
}

// sentence tells the worst finding.
func sentence(c result.Case) string {
	for _, f := range c.Findings {
		if f.Outcome == c.Outcome || c.Outcome == result.Fail && f.Outcome == result.Warn {
			return fmt.Sprintf("%s: want %s, got %s", f.Clause, f.Expected, f.Actual)
		}
	}
	return c.Reason
}

func (s *Session) assemble(ctx context.Context, o Options, jobs []*job, cases map[*job]result.Case) result.Run {
	run := result.Run{
		Version: result.Version, Kind: "conformance",
		Tool:        result.Tool{Name: "cibatest", Version: o.ToolVersion},
		Target:      result.Target{Issuer: s.target.Issuer, Persona: s.target.Persona, Capabilities: s.capabilities.ByName(), Configuration: s.target.Masked()},
		Started:     s.started.UTC(),
		Seed:        o.Seed,
		Interrupted: ctx.Err() != nil,
		Notes:       s.notes,
		Selection: result.Selection{
			Arguments: o.Select.Arguments, LabelFilter: o.Select.LabelFilter, Smoke: o.Select.Smoke,
			Strict: o.Strict, Concurrency: o.Concurrency,
		},
	}
	for _, j := range jobs {
		c := cases[j]
		run.Timing.SumMS += c.DurationMS
		run.Cases = append(run.Cases, c)
	}
	run.DurationMS = time.Since(s.started).Milliseconds()
	run.Timing.WallMS = run.DurationMS
	run.Timing.CriticalPathMS = criticalPath(jobs).Milliseconds()
	run.Requirements = s.requirements(run.Cases, o.Select.everything())
	run.Summary = result.Summarise(run.Cases)
	run.Verdict = s.verdict(run)
	return run
}

// requirements lists every clause that was judged; a run of everything also
// lists what no case covers, with the reason.
func (s *Session) requirements(cases []result.Case, all bool) []result.Requirement {
	outcomes := map[string][]result.Outcome{}
	byRequirement := map[string][]string{}
	for _, c := range cases {
		for _, id := range c.Requirements {
			outcomes[id] = append(outcomes[id], c.Outcome)
			byRequirement[id] = append(byRequirement[id], c.ID)
		}
	}
	var list []result.Requirement
	for _, r := range s.catalogue.List() {
		entry := result.Requirement{ID: r.ID, Level: r.Level, Area: r.Area, Source: r.Source, Text: strings.TrimSpace(r.Requirement), Cases: byRequirement[r.ID]}
		switch {
		case len(entry.Cases) > 0:
			entry.Outcome = result.Worst(outcomes[r.ID])
		case all:
			entry.Outcome, entry.Reason, entry.Cases = result.Uncovered, Uncovered(r), []string{}
		default:
			continue
		}
		list = append(list, entry)
	}
	return list
}

// verdict is over the whole run. A MUST that could not be judged makes it
// partial: an error always, a skip when something essential was missing.
func (s *Session) verdict(run result.Run) result.Verdict {
	if run.Summary.Fail > 0 {
		return result.NonConformant
	}
	if run.Interrupted {
		return result.Partial
	}
	for _, c := range run.Cases {
		need, _, _ := strings.Cut(c.Reason, ":")
		if c.Outcome == result.Error || c.Outcome == result.Skip && preflight.Essential(catalogue.Need(need)) && s.isMust(c) {
			return result.Partial
		}
	}
	return result.Conformant
}

func (s *Session) isMust(c result.Case) bool {
	r, _ := s.catalogue.Get(c.Requirements[0])
	return r.Level == "MUST"
}
