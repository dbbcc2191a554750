package suites

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// Session is one run against one target: its clients, the way decisions are
// made, what is known of its capabilities, and what cases share.
type Session struct {
	target       *targetfile.Target
	facts        *preflight.Facts
	discovery    *preflight.Discovery   // of facts
	capabilities preflight.Capabilities // of facts; probing may take some back
	catalogue    *catalogue.Catalogue
	http         *ciba.HTTP
	approver     *approve.Approver
	clients      []*Client
	primary      *Client
	started      time.Time

	// oneRequestPerUser is set when a second open request of a user ends or
	// refuses the first: then every case holds its user alone.
	oneRequestPerUser bool

	mu           sync.Mutex
	observations map[string]*observation
	turnstiles   map[string]*turnstile // by endpoint
	crowded      bool                  // good requests are refused at times; see whenCrowded
	empty        bool                  // only cases that were crowded out are still to be run
	leftOpen     []*openRequests       // by cases that are over
	acks         []ciba.AuthAck
	issued       []issued
	overloads    []*ciba.Response // 503 answers of the token endpoint
	startsSeen   []seen
	pollsSeen    []seen
	spent        *Flow // redeemed early in the run; nil: none yet
	notes        []string
	triedAgain   int // see secondTry
}

// Client is a registered client, ready to speak to the target.
type Client struct {
	targetfile.Client
	key      jose.Key // signs assertions; zero for the other methods
	auth     func(audience string) ciba.Authenticator
	mu       sync.Mutex
	audience map[string]string // endpoint URL -> assertion audience, where the issuer was refused
	refused  string            // how the OP refuses this client altogether; empty: it does not
	strict   bool              // its assertions have to be of the kind RFC 10070 asks for
}

func newSession(ctx context.Context, t *targetfile.Target, approver *approve.Approver, rt http.RoundTripper) (*Session, error) {
	facts, err := preflight.Gather(ctx, rt, t)
	if err != nil {
		return nil, err
	}
	t = facts.Target
	if t.Endpoints.BackchannelAuthentication == "" || t.Endpoints.Token == "" {
		return nil, fmt.Errorf("%s: neither the discovery document nor the target file names the backchannel authentication endpoint and the token endpoint; set endpoints.backchannel_authentication and endpoints.token", t.Issuer)
	}
	s := &Session{
		target: t, facts: facts, discovery: facts.Discovery, approver: approver,
		capabilities: facts.Capabilities,
		catalogue:    catalogue.Must(),
		http:         ciba.NewHTTP(rt, ciba.Options{RequestsPerSecond: t.Budgets.RequestsPerSecond, Secrets: t.Secrets()}),
		observations: map[string]*observation{},
		turnstiles:   map[string]*turnstile{},
		started:      time.Now(),
	}
	for _, e := range facts.Elsewhere() {
		s.note("%s is not at the issuer's host or less protected, and gets the clients' credentials: %q", e.Member, e.URL)
	}
	for _, c := range t.Clients {
		if !c.Spoken() {
			s.note("client %q takes no part: %s is not spoken so far", c.Name, c.AuthMethod)
			continue
		}
		client, err := newClient(c)
		if err != nil {
			return nil, err
		}
		s.clients = append(s.clients, client)
	}
	s.choosePrimary()
	return s, nil
}

// choosePrimary picks the client of all cases that want nothing special and
// disturb nobody.
func (s *Session) choosePrimary() {
	if general := working(s.general()); len(general) > 0 {
		s.primary = general[0]
	}
}

// working leaves out the clients that the OP refuses, unless it refuses all.
func working(clients []*Client) []*Client {
	rest := slices.DeleteFunc(slices.Clone(clients), func(c *Client) bool { return c.refused != "" })
	if len(rest) == 0 {
		return clients
	}
	return rest
}

// general are the clients for cases that want nothing special.
func (s *Session) general() []*Client { return s.prepared(preflight.OrdinaryClients(s.target.Clients)) }

// pool are the clients a case may run with, best first.
func (s *Session) pool(def *definition) []*Client {
	return working(s.prepared(s.facts.ClientsFor(def.needs, def.methods...)))
}

// prepared are the clients of this run that some clients of the target file became.
func (s *Session) prepared(named []targetfile.Client) []*Client {
	var list []*Client
	for _, c := range named {
		i := slices.IndexFunc(s.clients, func(ready *Client) bool { return ready.Name == c.Name })
		if i >= 0 {
			list = append(list, s.clients[i])
		}
	}
	return list
}

// usersFor lists the users a case may ask, by index; the first where nobody fits.
func (s *Session) usersFor(def *definition) []int {
	if fit := s.facts.UsersFor(def.needs); len(fit) > 0 {
		return fit
	}
	return []int{0}
}

// unmet tells which need of a case the target does not meet, with the reason,
// or returns nothing.
func (s *Session) unmet(def *definition) string { return s.capabilities.Unmet(def.needs) }

// note keeps a fact about the whole run, once.
func (s *Session) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.notes, text) {
		s.notes = append(s.notes, text)
	}
}

// noteStart remembers an accepted request: its auth_req_id for the cases that
// judge all of them, its message for a device that is told nothing else.
func (s *Session) noteStart(call ciba.Call, resp *ciba.Response) {
	ack, err := resp.Started()
	if err != nil {
		return
	}
	s.approver.Introduce(ack.AuthReqID, call.Form.Get("binding_message"))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acks = append(s.acks, ack)
}

// issued is a token response some case of this run has received.
type issued struct {
	client, user string
	ciba.TokenResponse
}

func (s *Session) rememberTokens(f *Flow, tokens ciba.TokenResponse) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.issued = append(s.issued, issued{f.Client.Name, f.User.Name, tokens})
}

// issuedSoFar are all token responses of the run so far.
func (s *Session) issuedSoFar() []issued {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.issued)
}

// Overloads are the 503 answers of the token endpoint so far.
func (s *Session) Overloads() []*ciba.Response {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.overloads)
}

func (s *Session) rememberOverload(resp *ciba.Response) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.overloads = append(s.overloads, resp)
}

// Spent is a flow that was redeemed early in this run, nil if none was.
func (s *Session) Spent() *Flow {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.spent
}

func (s *Session) rememberSpent(f *Flow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spent = f
}

// Acks are all acknowledgements of the run so far.
func (s *Session) Acks() []ciba.AuthAck {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.acks)
}
