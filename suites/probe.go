package suites

import (
	"context"
	"crypto/rand"
	"net/http"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/target"
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
			wg.Go(func() { guard(func() { c.refused = s.probing(ctx, c).refusal() }) })
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

// Refused says of each poll client of the target, by its name, how the OP refuses
// it altogether; empty for a client that is let in. No user is asked anything.
func Refused(ctx context.Context, t *target.Target, rt http.RoundTripper) (map[string]string, error) {
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

// introducible says whether the client is meant to be let in.
func (c *Client) introducible() bool {
	return c.CIBA && c.Purpose == "rp" && c.DeliveryMode == "poll" && c.AuthMethod != target.AuthNone && !c.PolicyDenied
}

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
	return &T{session: s, def: &definition{id: "probe", Spec: Requirements("CIBA-8-ISOLATION")}, ctx: ctx, client: c, recorder: ciba.NewRecorder(evidenceLimit)}
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
	s.note("this OP allows one open request for each user: %s", verdict)
}

// secondRequestEndsFirst says how a second request of a user spoils the first,
// or returns nothing when both live or when the probe itself does not work.
func (t *T) secondRequestEndsFirst() string {
	first := t.MustStart(t.Request())
	second := t.Start(t.Request())
	if second.Status != 200 {
		return "a second request of the same user is answered " + second.Summary()
	}
	poll := t.PollNow(first)
	if isError(poll, ciba.AuthorizationPending) || isError(poll, ciba.SlowDown) || poll.Err != nil {
		return ""
	}
	return "after a second request of the same user the first is answered " + poll.Summary()
}
