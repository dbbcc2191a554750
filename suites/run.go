package suites

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/driver"
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
	s, err := newSession(ctx, o)
	if err != nil {
		return result.Run{}, err
	}
	return s.judge(ctx, o, selected), nil
}

func (s *Session) judge(ctx context.Context, o Options, selected []*definition) result.Run {
	if o.Concurrency == 0 {
		o.Concurrency = max(1, s.target.Budgets.Concurrency)
	}
	s.learnBefore(ctx)
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
		if !j.deferred {
			finish(j, c)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		later = append(later, j)
	})
	s.run.BeginRetryRound()
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

// learnBefore asks the OP what has to be known before the cases are placed: which
// clients it lets in, and whether a user may have two open requests. Where it may not,
// cases that only share a user would spoil each other, so each gets its user alone and
// the cases about parallel requests are untested.
func (s *Session) learnBefore(ctx context.Context) {
	s.run.TryCredentials(ctx, s.introducible())
	s.run.TryAssertions(ctx, s.general())
	s.choosePrimary()
	if _, told := s.target.Capabilities["parallel"]; told {
		if !s.capabilities["parallel"].Has {
			s.run.LimitToOnePerUser()
		}
		return
	}
	if s.primary == nil || len(s.target.Users) == 0 {
		return
	}
	if verdict := s.run.ProbeParallel(ctx, s.primary); verdict != "" {
		s.capabilities["parallel"] = result.Capability{Reason: verdict}
	}
}

// introducible are the clients that are meant to be let in.
func (s *Session) introducible() []*Client {
	return slices.DeleteFunc(s.run.Clients(), func(c *Client) bool {
		return !c.CIBA || c.Purpose != "rp" || c.DeliveryMode != "poll" || c.AuthMethod == targetfile.AuthNone || c.PolicyDenied
	})
}

// Refused says of each poll client of the target, by its name, how the OP refuses
// it altogether; empty for a client that is let in. No user is asked anything.
func Refused(ctx context.Context, t *targetfile.Target, rt http.RoundTripper) (map[string]string, error) {
	s, err := newSession(ctx, Options{Target: t, RoundTripper: rt})
	if err != nil {
		return nil, err
	}
	clients := s.introducible()
	s.run.TryCredentials(ctx, clients)
	refused := map[string]string{}
	for _, c := range clients {
		refused[c.Name] = c.Rejection()
	}
	return refused, nil
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
		s.run.Note("%s was tried twice, the first try judged nothing: %s", c.ID, ended.reason)
	}
	if o.Strict && c.Outcome == result.Warn {
		c.Outcome = result.Fail
	}
	c.Message = sentence(c)
	if o.Reproduce != nil {
		c.Reproduce = o.Reproduce(c.ID)
	}
	c.StartedMS, c.DurationMS = began.Sub(s.started).Milliseconds(), time.Since(began).Milliseconds()
	c.Exchanges = recorder.Exchanges(s.started)
	j.deferred = c.Outcome == result.Error && ended != nil && ended.deferred
	return c
}

// secondTries bounds how often a run tries again: an OP that is in trouble for
// good is not asked for everything twice.
const secondTries = 10

// secondTry says whether to try again after a try that ended so. A person is
// never asked twice.
func (s *Session) secondTry(ctx context.Context, ended *stop) bool {
	if ended == nil || !ended.transient || ctx.Err() != nil || s.target.Approval.Kind == "manual" {
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
	ctx, clock, stop := driver.WithClock(ctx, limit)
	defer stop()
	d := s.run.Driver(driver.DriverOptions{Name: j.def.id, Recorder: recorder, Clock: clock, User: s.user(j.user), Offside: j.def.afterAll})
	t := &T{session: s, def: j.def, ctx: ctx, client: j.client, second: j.second, others: j.others, user: j.user, driver: d}
	ended := guard(func() { j.def.body(t) })
	d.Close(ctx)

	c := s.emptyCase(j, result.Pass, "")
	c.User = s.user(j.user).Name
	c.Findings = t.findings
	for _, f := range t.findings {
		c.Outcome = result.Worst(c.Outcome, f.Outcome)
	}
	if ended != nil && ended.outcome != "" {
		c.Reason = ended.reason
		if c.Outcome == result.Pass || ended.outcome == result.Error {
			c.Outcome = result.Worst(c.Outcome, ended.outcome)
			if ended.outcome == result.Skip {
				c.Outcome = result.Skip
			}
		}
	}
	return c, ended
}

// user is one of the target file's users, or nobody where there are none.
func (s *Session) user(i int) targetfile.User {
	if len(s.target.Users) == 0 {
		return targetfile.User{}
	}
	return s.target.Users[i]
}

// longestInterval bounds what an OP's interval adds to the limit of a case.
const longestInterval = time.Minute

// stretched is a limit, made for an interval of 5 s, for the longest interval
// that this OP has announced so far.
func (s *Session) stretched(limit time.Duration) time.Duration {
	longest := ciba.DefaultInterval
	for _, ack := range s.run.Memory.Acks() {
		longest = max(longest, min(ack.Interval, longestInterval))
	}
	return time.Duration(limit.Seconds() * longest.Seconds() / ciba.DefaultInterval.Seconds() * float64(time.Second))
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
		Target:      result.Target{Issuer: s.target.Issuer, Persona: s.target.Persona, Capabilities: s.capabilities, Configuration: s.target.Masked()},
		Started:     s.started.UTC(),
		Seed:        o.Seed,
		Interrupted: ctx.Err() != nil,
		Notes:       s.run.Notes(),
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
		for _, n := range s.catalogue.NotesOf(r) {
			entry.Notes = append(entry.Notes, result.Note(n))
		}
		switch {
		case len(entry.Cases) > 0:
			entry.Outcome = result.Worst(outcomes[r.ID]...)
		case all:
			entry.Outcome, entry.Reason, entry.Cases = result.Uncovered, Uncovered(r), []string{}
		default:
			continue
		}
		list = append(list, entry)
	}
	return list
}

// essential are the needs whose absence leaves the main job undone: a run
// without them is partial. All others are features an OP or a set-up may lack.
var essential = []string{"approve", "deny", "no_action", "second_client", "short_expiry"}

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
		if c.Outcome == result.Error || c.Outcome == result.Skip && slices.Contains(essential, need) && s.isMust(c) {
			return result.Partial
		}
	}
	return result.Conformant
}

func (s *Session) isMust(c result.Case) bool {
	r, _ := s.catalogue.Get(c.Requirements[0])
	return r.Level == "MUST"
}
