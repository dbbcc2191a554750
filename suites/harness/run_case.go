package harness

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/reports/result"
)

// evidenceLimit is how many exchanges a case keeps; a burst keeps its first ones.
const evidenceLimit = 200

// Cast says with whom a case runs: the planning has chosen them.
type Cast struct {
	Client *Client
	Second *Client   // nil unless the case uses another client's credentials
	Others []*Client // one for each other ID Token algorithm, see [Traits.EachAlgorithm]
	User   int       // the place in the target's users
	Other  int       // that of the second user; the same as User where there is none
}

// Again says why a case may be run once more, alone. The zero value says that it need not.
type Again struct {
	// Deferred says that it could not be judged for what others had open.
	Deferred bool
	// Trouble is how a request of the case failed beside others, which may be their fault;
	// empty: none did.
	Trouble string
	// Suspect says that wrong credentials were refused beside others, which an OP that refuses
	// the right ones at times may have done for another reason.
	Suspect bool
	// Ended is how a request of the case was told an early end while many were open; empty: none
	// was.
	Ended string
}

// Run runs a case to its end and judges by what it recorded. Where a moment's trouble
// kept the first try from judging anything, it has a second one; the evidence is of
// both. What others may have brought about is not tried again beside them.
func (s *Session) Run(ctx context.Context, d *Definition, cast Cast) (result.Case, Again) {
	began, recorder := time.Now(), ciba.NewRecorder(evidenceLimit)
	c, ended, met := s.try(ctx, d, cast, recorder)
	if c.Outcome == result.Error && met.Trouble == "" && s.secondTry(ctx, ended) {
		c, _, met = s.try(ctx, d, cast, recorder)
		c.FirstTry = ended.reason
		s.run.Note("%s was tried twice, the first try judged nothing: %s", c.ID, ended.reason)
	}
	c.StartedMS, c.DurationMS = began.Sub(s.started).Milliseconds(), time.Since(began).Milliseconds()
	c.Exchanges = recorder.Exchanges(s.started)
	met.Deferred = c.Outcome == result.Error && ended != nil && ended.deferred
	return c, met
}

// NotRun is the result of a case that does not run, with the reason.
func (s *Session) NotRun(d *Definition, client *Client, outcome result.Outcome, reason string) result.Case {
	c := result.Case{ID: d.ID, Title: d.Sentence(), Area: d.Area, Requirements: d.Requirements(), Outcome: outcome, Reason: reason}
	if client != nil {
		c.Client = client.Name
	}
	return c
}

// try runs the body once, and tells what it met that others may have brought about.
func (s *Session) try(ctx context.Context, d *Definition, cast Cast, recorder *ciba.Recorder) (c result.Case, ended *stop, met Again) {
	limit := s.limit(d)
	ctx, clock, over := driver.WithClock(ctx, limit, roomFor(limit, s.facts.Target.Budgets.ExpiryMax))
	defer over()
	user := s.user(cast.User)
	sender := s.run.Driver(driver.Options{
		Name: d.ID, Recorder: recorder, Clock: clock, User: user, Offside: d.Place().AfterAll, Likely: s.likely(d.ID, cast.Client),
	})
	t := &T{
		session: s, def: d, ctx: ctx, client: cast.Client, second: cast.Second, others: cast.Others,
		user: cast.User, other: cast.Other, driver: sender, odd: &sync.Map{}, ends: &sync.Map{},
	}
	ended = guard(func() {
		if err := sender.Begin(ctx); err != nil {
			endOn(t, err)
		}
		d.body(t)
	})
	sender.Close(ctx)

	c = s.NotRun(d, cast.Client, result.Pass, "")
	c.User = user.Name
	for _, f := range t.findings {
		c.Outcome = result.Worst(c.Outcome, f.Outcome)
	}
	c.Findings, c.MoreFindings = result.Gravest(t.findings)
	if ended != nil && ended.outcome != "" {
		c.Reason, c.Ended = ended.reason, ended.outcome
		c.Outcome = endedAs(c.Outcome, ended.outcome)
	}
	return c, ended, Again{Trouble: sender.Trouble(), Ended: sender.EndedEarly(), Suspect: sender.Suspect()}
}

// endedAs combines what a case found with how it ended. A skip counts only where
// nothing was found before; an error counts unless something worse was found.
func endedAs(found, ended result.Outcome) result.Outcome {
	switch {
	case found == result.Pass && ended == result.Skip:
		return result.Skip
	case found == result.Pass || ended == result.Error:
		return result.Worst(found, ended)
	}
	return found
}

// limit is the time that a case may take at this OP.
func (s *Session) limit(d *Definition) time.Duration {
	target := s.facts.Target
	limit := s.stretched(d.traits.limit)
	if d.traits.waitsOnExpiry {
		limit += target.Budgets.ExpiryMax
	}
	if s.run.Approver().IsPerson() && d.AsksForDecision() {
		limit += target.Budgets.ExpiryMax // a person needs time
	}
	return limit
}

// stretched is a limit for the longest interval that this OP has announced so far.
func (s *Session) stretched(limit time.Duration) time.Duration {
	longest := ciba.DefaultInterval
	for _, ack := range s.run.Memory.Acks() {
		longest = max(longest, ack.Interval)
	}
	return stretch(limit, longest, s.facts.Target.Budgets.ExpiryMax)
}

// stretch is a limit, made for an interval of 5 s, for a longer one. No OP gets more time
// out of it than the target file allows for waiting.
func stretch(limit, interval, most time.Duration) time.Duration {
	wanted := limit.Seconds() * interval.Seconds() / ciba.DefaultInterval.Seconds()
	return time.Duration(min(wanted, (limit+most).Seconds()) * float64(time.Second))
}

// roomFor is what slow answers may add to a limit: as much again, and what the target file
// allows for waiting. A dozen answers that take 20 s each are an OP's right, and a case that
// asks a dozen times is not to end on the last.
func roomFor(limit, most time.Duration) time.Duration { return limit + most }

// Message tells the gravest finding of a case in a sentence, or why there is none.
func Message(c result.Case) string {
	for _, f := range c.Findings {
		if f.Outcome != result.Info || c.Outcome == result.Info {
			return fmt.Sprintf("%s: want %s, got %s", f.Clause, f.Expected, f.Actual)
		}
	}
	return c.Reason
}

// About estimates how long a case takes at this OP, as far as that is known before it
// waits. What cases say themselves is for an interval of 5 s.
func (s *Session) About(d *Definition) time.Duration {
	about := d.traits.place.About
	switch {
	case about == 0 && d.AsksForDecision():
		about = ciba.DefaultInterval + time.Second // most let a user decide and poll once
	case about == 0:
		about = time.Second
	}
	if acks := s.run.Memory.Acks(); len(acks) > 0 && !d.traits.waitsOnExpiry {
		interval := acks[len(acks)-1].Interval
		if interval == 0 {
			interval = ciba.DefaultInterval
		}
		about = time.Duration(about.Seconds() / ciba.DefaultInterval.Seconds() * float64(interval))
	}
	return about
}
