package suites

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
)

// Session is one run against one target: what is known of the target, the driver
// that all cases share, and the observations they share.
type Session struct {
	target       *targetfile.Target
	discovery    *targetfile.Discovery
	capabilities map[string]result.Capability
	catalogue    *catalogue.Catalogue
	run          *driver.Run
	primary      *Client // of all cases that want nothing special and disturb nobody
	started      time.Time

	mu           sync.Mutex
	observations map[string]*observation
	triedAgain   int // see secondTry
}

func newSession(ctx context.Context, o Options) (*Session, error) {
	t := o.Target
	discovery, err := targetfile.Discover(ctx, o.RoundTripper, t)
	if err != nil {
		return nil, err
	}
	t.Resolve(discovery)
	if t.Endpoints.BackchannelAuthentication == "" || t.Endpoints.Token == "" {
		return nil, fmt.Errorf("%s: neither the discovery document nor the target file names the backchannel authentication endpoint and the token endpoint; set endpoints.backchannel_authentication and endpoints.token", t.Issuer)
	}
	s := &Session{
		target: t, discovery: discovery,
		capabilities: targetfile.Capabilities(t, discovery),
		catalogue:    catalogue.Must(),
		observations: map[string]*observation{},
		started:      time.Now(),
	}
	s.run, err = driver.NewRun(driver.Options{
		Target: t, RoundTripper: o.RoundTripper, Approver: o.Approver, Seed: o.Seed,
		MayDeny: s.capabilities["deny"].Has && t.Approval.Kind != "manual",
	})
	if err != nil {
		return nil, err
	}
	s.choosePrimary()
	return s, nil
}

// choosePrimary picks the client of all cases that want nothing special and
// disturb nobody.
func (s *Session) choosePrimary() {
	if general := driver.Working(s.general()); len(general) > 0 {
		s.primary = general[0]
	}
}

// general are the clients for cases that want nothing special.
func (s *Session) general() []*Client {
	var plain, odd []*Client
	for _, c := range s.run.Clients() {
		switch {
		case c.DeliveryMode != "poll" || !c.CIBA || c.Purpose != "rp" || c.AuthMethod == targetfile.AuthNone || c.PolicyDenied || c.RequestSigningAlg != "":
		case c.UserCode || len(c.RARTypes) > 0 || c.SubjectType == "pairwise":
			odd = append(odd, c)
		default:
			plain = append(plain, c)
		}
	}
	if len(plain) == 0 {
		return odd
	}
	return plain
}

// pool are the clients a case may run with, best first.
func (s *Session) pool(def *definition) []*Client {
	candidates := s.general()
	special := []string{"public_client", "no_ciba_client", "user_code", "client_without_rar_type", "bc_policy_deny", "pairwise"}
	if slices.ContainsFunc(def.needs, func(n string) bool { return slices.Contains(special, n) }) &&
		!slices.Contains(def.needs, "client_without_user_code") {
		candidates = s.run.Clients()
	}
	fits := func(c *Client) bool {
		if len(def.methods) > 0 && !slices.Contains(def.methods, c.AuthMethod) {
			return false
		}
		for _, need := range def.needs {
			if need == "user_code" && slices.Contains(def.needs, "client_without_user_code") {
				continue
			}
			if test := clientNeeds[need]; test != nil && !test(c.Client) {
				return false
			}
		}
		return c.Purpose == "rp" && c.DeliveryMode == "poll"
	}
	var pool []*Client
	for _, c := range candidates {
		if fits(c) {
			pool = append(pool, c)
		}
	}
	return driver.Working(pool)
}

// usersFor lists the users a case may ask, by index.
func (s *Session) usersFor(def *definition) []int {
	var fit []int
	for i, u := range s.target.Users {
		if slices.Contains(def.needs, "user_code") && u.UserCode == "" {
			continue
		}
		if slices.Contains(def.needs, "login_hint") && u.LoginHint == "" {
			continue
		}
		if slices.Contains(def.needs, "login_hint_token") && u.LoginHintToken == "" {
			continue
		}
		if slices.Contains(def.needs, "clock_wait") && u.IDTokenHint == "" {
			continue
		}
		fit = append(fit, i)
	}
	if len(fit) == 0 {
		return []int{0}
	}
	return fit
}

// unmet says which need of a case the target does not meet, with the reason,
// or returns nothing.
func (s *Session) unmet(def *definition) string {
	for _, need := range def.needs {
		if c, known := s.capabilities[need]; known && !c.Has {
			return need + ": " + c.Reason
		} else if !known {
			return need + ": not known for this target"
		}
	}
	return ""
}
