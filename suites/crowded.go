package suites

import (
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
)

// CIBA Core 13: access_denied is also how an OP refuses what its policy does not
// want at the moment: a sixth open request of a user, or one more so soon after a
// denial. Such a refusal says nothing about the request that met it.

// crowdedPauses are how long a request waits that was refused so.
var crowdedPauses = []time.Duration{3 * time.Second, 6 * time.Second, 12 * time.Second}

// whenCrowded sends a request with a hint, and repeats it when it was denied for its
// moment only. Any other answer is returned as it came. Where the pauses do not help, the case is run
// once more when the others are over and nothing of theirs is open.
func (t *T) whenCrowded(c *Client, hint string, send func() *ciba.Response) *ciba.Response {
	resp := send()
	if !resp.Is(ciba.AccessDenied) {
		return resp
	}
	if !t.deniedForNow(c, hint, resp) {
		if resp = send(); !t.deniedForNow(c, hint, resp) { // there may be room since a moment ago
			return resp
		}
	}
	t.session.makeRoom(t)
	defer t.limit.pause()()
	for _, pause := range crowdedPauses {
		t.Wait(pause)
		if resp = send(); !resp.Is(ciba.AccessDenied) {
			return resp
		}
	}
	switch {
	case !t.session.isEmpty():
		panic(stop{outcome: result.Error, reason: "a request that should be accepted was denied at times: " + resp.Summary(), crowdedOut: true})
	case t.open.some():
		t.Skip("parallel: beside what the case has open, another request is answered %s", resp.Summary())
	}
	return resp
}

// deniedForNow says whether a request was denied although the client may ask the
// user: a usual request of the same kind, which is tried now, is denied, too.
func (t *T) deniedForNow(c *Client, hint string, resp *ciba.Response) bool {
	if !resp.Is(ciba.AccessDenied) || c.PolicyDenied || len(t.session.Acks()) == 0 {
		return false
	}
	user, known := t.userHinted(hint)
	if known && t.session.isCrowded() {
		return true
	}
	if !known {
		user = t.User()
	}
	usual := t.sendAuthenticated(c, func() ciba.Call { return t.StartCallAs(c, t.RequestFor(c, user)) })
	if !usual.Is(ciba.AccessDenied) {
		t.closeLast(usual)
		return false
	}
	t.Note("this OP refuses good requests at times, as one of client %s for %s: %s; they are repeated a little later", c.Name, user.Name, usual.Summary())
	return true
}

// closeLast gives the room back that a request has taken.
func (t *T) closeLast(resp *ciba.Response) {
	if ack, err := resp.Started(); err == nil {
		t.deny(t.open.take(func(r openRequest) bool { return r.id == ack.AuthReqID }))
	}
}

// userHinted is the user of the target file whom a hint names, be it by an ID Token
// of this run.
func (t *T) userHinted(hint string) (targetfile.User, bool) {
	hint = strings.TrimSpace(hint)
	answers := t.session.issuedSoFar()
	i := slices.IndexFunc(answers, func(r issued) bool { return r.IDToken == hint })
	for _, u := range t.session.target.Users {
		named := hint != "" && slices.Contains([]string{u.LoginHint, u.LoginHintToken.Reveal(), u.IDTokenHint.Reveal()}, hint)
		if named || hint != "" && i >= 0 && answers[i].user == u.Name {
			return u, true
		}
	}
	return targetfile.User{}, false
}

func (s *Session) isCrowded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.crowded
}

// emptied notes that all cases are over, but for those that were crowded out.
func (s *Session) emptied() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.empty = true
}

func (s *Session) isEmpty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.empty
}

// makeRoom closes what ended cases have left open; from now on each does so itself.
func (s *Session) makeRoom(t *T) {
	s.mu.Lock()
	s.crowded = true
	left := s.leftOpen
	s.leftOpen = nil
	s.mu.Unlock()
	for _, open := range left {
		t.deny(open.take(anyRequest))
	}
}

// leave keeps what a case has left open.
func (s *Session) leave(open *openRequests) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leftOpen = append(s.leftOpen, open)
}
