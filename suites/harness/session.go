package harness

import (
	"context"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// Session is one run against one target, as its cases see it: the facts that are known
// of the target, the driver that all cases share, and what they observe together.
type Session struct {
	facts     *preflight.Facts
	run       *driver.Run
	catalogue *catalogue.Catalogue
	started   time.Time

	mu           sync.Mutex
	observations map[string]*observation
	shares       map[string][]string // by the id of a case: the scenarios it asked for
	triedAgain   int                 // cases and observations that had a second try
}

// NewSession begins a run. Facts may be completed until the first case runs.
func NewSession(facts *preflight.Facts, run *driver.Run) *Session {
	return &Session{
		facts: facts, run: run, catalogue: catalogue.Must(),
		started: time.Now(), observations: map[string]*observation{}, shares: map[string][]string{},
	}
}

// Started is when the run began; all times in its results count from then.
func (s *Session) Started() time.Time { return s.started }

// user is one of the target file's users, or nobody where there are none.
func (s *Session) user(i int) targetfile.User {
	if len(s.facts.Target.Users) == 0 {
		return targetfile.User{}
	}
	return s.facts.Target.Users[i]
}

// ordinary are the clients of a delivery mode for whatever wants nothing special, also those that
// the OP refuses: that one method works at one endpoint only is a finding.
func (s *Session) ordinary(mode string) []*Client {
	return s.run.Prepared(preflight.OrdinaryClients(s.facts.Target.Clients, mode))
}

// secondTries bounds how often a run tries again: an OP that is in trouble for good is
// not asked for everything twice.
const secondTries = 10

// secondTry reports whether to try again after a try that ended so. A person is never
// asked twice.
func (s *Session) secondTry(ctx context.Context, ended *stop) bool {
	if ended == nil || !ended.transient || ctx.Err() != nil || s.run.Approver().IsPerson() {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.triedAgain++
	return s.triedAgain <= secondTries
}
