package suites

import (
	"context"
	"crypto/rand"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
)

// introduce finds out which clients the OP does not know as the target file has
// them, so that they spoil only the cases about their way of authenticating. No
// user is asked: a request without hint and a poll for an id that was never
// issued are refused for that, unless the client is refused before.
func (s *Session) introduce(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	for _, c := range s.clients {
		if c.introducible() {
			wg.Go(func() { guard(func() { c.refused = s.refusal(ctx, c) }) })
		}
	}
	wg.Wait()
	for _, c := range s.clients {
		if c.refused != "" {
			s.note("client %s is refused, whatever it asks: %s", c.Name, c.refused)
		}
	}
	s.choosePrimary()
}

// refusal says how the OP refuses a client, or returns nothing. An OP that follows
// RFC 10070 lets in assertions with a JWT type only, which others do not look at.
func (s *Session) refusal(ctx context.Context, c *Client) string {
	refused := s.probing(ctx, c).refusal()
	if refused == "" || !c.UsesAssertion() {
		return refused
	}
	c.strict = true
	if s.probing(ctx, c).refusal() == "" {
		s.note("client %s is let in with assertions that have a JWT type and nbf, and not without", c.Name)
		return ""
	}
	c.strict = false
	return refused
}

// tryAssertions lets one client of either assertion method go on to a poll of a
// real request. An OP that lets an assertion in at one endpoint only would spoil
// every case that happens to use such a client.
func (s *Session) tryAssertions(ctx context.Context) {
	for _, method := range []string{targetfile.AuthPrivateKeyJWT, targetfile.AuthClientSecretJWT} {
		of := slices.DeleteFunc(slices.Clone(s.general()), func(c *Client) bool { return c.AuthMethod != method || c.refused != "" })
		if len(of) == 0 || len(s.target.Users) == 0 {
			continue
		}
		how := ""
		guard(func() { how = s.probing(ctx, of[0]).refusedPoll() })
		if how == "" {
			continue
		}
		s.note("clients that authenticate by %s are refused: %s; they serve the cases about that method only", method, how)
		for _, c := range of {
			c.refused = how
		}
	}
	s.choosePrimary()
}

// refusedPoll says how the client is refused when it polls a request of its own. A
// poll that is held is not refused. The request is closed at once: it is not known
// yet whether its user may have others.
func (t *T) refusedPoll() string {
	flow := t.MustStart(t.Request())
	defer t.closeOpen(anyRequest)
	poll := t.sendAuthenticated(t.client, func() ciba.Call {
		call := t.PollCall(flow)
		call.Timeout = 5 * time.Second
		return call
	})
	if refusesClient(poll) || isError(poll, ciba.UnauthorizedClient) {
		return "a poll is answered " + poll.Summary()
	}
	return ""
}

// Refused says of each poll client of the target, by its name, how the OP refuses
// it altogether; empty for a client that is let in. No user is asked anything.
func Refused(ctx context.Context, t *targetfile.Target, rt http.RoundTripper) (map[string]string, error) {
	s, err := newSession(ctx, t, nil, rt)
	if err != nil {
		return nil, err
	}
	s.introduce(ctx)
	refused := map[string]string{}
	for _, c := range s.clients {
		if c.introducible() {
			refused[c.Name] = c.refused
		}
	}
	return refused, nil
}

// introducible reports whether the client is meant to be let in.
func (c *Client) introducible() bool { return preflight.Ordinary(c.Client) }

// refusal says how the client is refused at either endpoint, or returns nothing.
func (t *T) refusal() string {
	start := t.sendAuthenticated(t.client, func() ciba.Call { return t.StartCall(ciba.P("scope", t.session.target.Scope)) })
	if refusesClient(start) {
		return "a backchannel authentication request is answered " + start.Summary()
	}
	poll := t.sendAuthenticated(t.client, func() ciba.Call {
		return t.TokenCallAs(t.client, ciba.P("grant_type", ciba.GrantTypeCIBA, "auth_req_id", rand.Text()))
	})
	if refusesClient(poll) || isError(poll, ciba.UnauthorizedClient) {
		return "a token request is answered " + poll.Summary()
	}
	return ""
}

// probing is a case of its own, for what has to be known before cases are placed.
func (s *Session) probing(ctx context.Context, c *Client) *T {
	return &T{session: s, def: &definition{id: "probe", Spec: Requirements("CIBA-8-ISOLATION")}, ctx: ctx, client: c, recorder: ciba.NewRecorder(evidenceLimit), open: &openRequests{}}
}

// probe finds out, before the cases are placed, whether the OP keeps two open
// requests of one user alive. An OP may refuse the second or drop the first; then
// cases that only share a user would spoil each other, so each gets its user
// alone and the cases about parallel requests are untested.
func (s *Session) probe(ctx context.Context) {
	if _, told := s.target.Capabilities["parallel"]; told {
		s.oneRequestPerUser = !s.capabilities["parallel"].Has
		return
	}
	if s.primary == nil || len(s.target.Users) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	t := s.probing(ctx, s.primary)
	verdict := ""
	guard(func() { verdict = t.secondRequestEndsFirst() })
	if verdict == "" {
		return
	}
	s.oneRequestPerUser = true
	s.capabilities["parallel"] = result.Capability{Reason: verdict}
	guard(t.tidyUp)
	s.note("this OP allows one open request for each user: %s", verdict)
}

// secondRequestEndsFirst says how a second request of a user spoils the first,
// or returns nothing when both live or when the probe itself does not work.
func (t *T) secondRequestEndsFirst() string {
	first := t.MustStart(t.Request())
	second := t.startInSpiteOfLimits()
	if second.Status != 200 {
		return "a second request of the same user is answered " + second.Summary()
	}
	poll := t.PollNow(first)
	if !poll.Is(ciba.AccessDenied, ciba.ExpiredToken, ciba.InvalidGrant) {
		return ""
	}
	if other := t.PollNow(t.FlowOf(t.client, t.User(), second)); !undecided(other) {
		return "" // whatever is wrong, it is not that there are two
	}
	return "after a second request of the same user the first is answered " + poll.Summary()
}

// startInSpiteOfLimits gives the OP a few seconds where it answers 429 or 503: that
// may be about how fast requests come, and not about how many are open.
func (t *T) startInSpiteOfLimits() *ciba.Response {
	const tries, longest = 3, 15 * time.Second
	resp := t.Do(t.StartCall(t.Request()))
	for range tries - 1 {
		if !overloaded(resp) {
			break
		}
		pause, ok := resp.RetryAfter()
		if !ok {
			pause = pauseUnsaid
		}
		t.Wait(min(pause, longest))
		resp = t.Do(t.StartCall(t.Request()))
	}
	return resp
}

// openRequests are what a case has started, by whom the hint names.
type openRequests struct {
	mu   sync.Mutex
	list []openRequest
}

type openRequest struct{ id, hint string }

func (o *openRequests) add(call ciba.Call, resp *ciba.Response) {
	if ack, err := resp.Started(); err == nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.list = append(o.list, openRequest{ack.AuthReqID, hintIn(call.Form)})
	}
}

// take hands over some requests.
func (o *openRequests) take(which func(openRequest) bool) (taken []openRequest) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.list = slices.DeleteFunc(o.list, func(r openRequest) bool {
		if which(r) {
			taken = append(taken, r)
			return true
		}
		return false
	})
	return taken
}

func (o *openRequests) some() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.list) > 0
}

func hintIn(p ciba.Params) string {
	return p.Get("login_hint") + " " + p.Get("login_hint_token") + " " + p.Get("id_token_hint")
}

// makeRoom denies what this case has left open for the user of a call, where a
// user may have one open request only.
func (t *T) makeRoom(call ciba.Call) {
	if t.session.oneRequestPerUser {
		hint := hintIn(call.Form)
		t.closeOpen(func(r openRequest) bool { return r.hint == hint })
	}
}

// tidyUp does it for all users when the case is over. Where there is room for
// everything, the OP is left alone, unless it turns out later that there is not.
func (t *T) tidyUp() {
	if t.session.oneRequestPerUser || t.session.isCrowded() {
		t.closeOpen(anyRequest)
		return
	}
	t.session.leave(t.open)
}

func anyRequest(openRequest) bool { return true }

// closeOpen denies requests of this case.
func (t *T) closeOpen(which func(openRequest) bool) { t.deny(t.open.take(which)) }

// deny closes requests. One that has ended already cannot be denied, which is just
// as well; a person is not bothered.
func (t *T) deny(list []openRequest) {
	if !t.Has("deny") || t.session.target.Approval.Kind == "manual" {
		return
	}
	for _, open := range list {
		user, known := t.userHinted(open.hint)
		if !known {
			user = t.User()
		}
		ctx, cancel := contextWithin(t.ctx, 5*time.Second)
		_ = t.session.approver.Decide(ctx, approve.Decision{AuthReqID: open.id, User: user})
		cancel()
	}
}
