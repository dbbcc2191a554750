package suites

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/internal/notify"
	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/suites/harness"
)

// calls are what was learnt of the OP's calls before the first case.
type calls struct {
	came    []string                   // what was called where, for people
	without map[*harness.Client]string // clients that take no part, as no call of the OP arrives, with the reason
}

// modesOf are the delivery modes that cases run in.
func modesOf(cases []*harness.Definition) []string {
	var modes []string
	for _, d := range cases {
		if !slices.Contains(modes, d.Mode()) {
			modes = append(modes, d.Mode())
		}
	}
	return modes
}

// learnCalls finds out whether the OP's calls reach the clients of ping and push mode. One
// that is not called takes no part: from outside an OP that calls nobody and an address
// that cannot be reached are the same. Where the OP calls clients of the other mode at the
// same host, the way is known to be open, and that it calls none of this mode is left to
// the cases.
func (r *run) learnCalls(ctx context.Context, modes []string) {
	if r.options.Receiver == nil {
		return
	}
	clients := slices.DeleteFunc(expected(r.driver), func(c *driver.Client) bool {
		return !c.Notified() || !slices.Contains(modes, c.DeliveryMode) || c.Rejection() != ""
	})
	r.calls.without = map[*harness.Client]string{}
	found := r.driver.TryCalls(ctx, clients)
	var silent []*driver.Client
	var polled string
	for i, c := range clients {
		switch is := found[i]; {
		case is.Call != nil:
			r.calls.came = append(r.calls.came, calledAt(c, is.Call, preflight.EndpointOf(r.options.Receiver, c.Client)))
		case is.Refused != "":
			r.calls.without[c] = fmt.Sprintf("client %s takes no part: a good request is refused with %s", c.Name, is.Refused)
			r.driver.Note("%s", r.calls.without[c])
		case is.Due && !r.leftToCases(c, clients, found):
			silent, polled = append(silent, c), cmp.Or(polled, is.Polled)
		}
	}
	if len(silent) > 0 {
		r.diagnose(silent, polled)
	}
}

// calledAt tells where a client was called.
func calledAt(c *driver.Client, call *notify.Call, endpoint string) string {
	text := fmt.Sprintf("%s client %s is called at %s", c.DeliveryMode, c.Name, endpoint)
	if call.Client != c.Name {
		text = fmt.Sprintf(
			"%s client %s is called at %q; notification_endpoint in the target file is %s", c.DeliveryMode, c.Name, call.URL, endpoint)
	}
	return text
}

// diagnose says once why some clients take no part that the OP was to call. polled is what
// the token endpoint says of an approved request; empty: it was not asked.
func (r *run) diagnose(silent []*driver.Client, polled string) {
	names := make([]string, len(silent))
	for i, c := range silent {
		names[i] = c.Name
	}
	heard := ""
	if polled != "" {
		heard = " (the token endpoint says " + polled + ")"
	}
	at := preflight.EndpointOf(r.options.Receiver, silent[0].Client)
	why := fmt.Sprintf("the OP did not call %s within %s of an approval%s, nor of a denial, so they take no part: %s was to be called at %s; "+
		"compare that with what the OP has registered; %s", strings.Join(names, ", "), driver.CallWindow, heard, names[0], at,
		preflight.WhyNotCalled(r.facts.Target, r.options.Receiver, at, r.options.leads))
	for _, c := range silent {
		r.calls.without[c] = why
	}
	r.driver.Note("%s", why)
}

// called leaves out the clients that take no part, as no call of the OP arrives. Where that
// leaves none it says why.
func (p *plan) called(pool []*harness.Client) (rest []*harness.Client, why string) {
	for _, c := range pool {
		if reason, out := p.run.calls.without[c]; out {
			why = reason
			continue
		}
		rest = append(rest, c)
	}
	if len(rest) > 0 {
		why = ""
	}
	return rest, why
}

// leftToCases reports whether a client is one of a mode of which nobody is called, although
// the OP calls clients of the other mode at the same host.
func (r *run) leftToCases(c *driver.Client, clients []*driver.Client, found []driver.Reach) bool {
	elsewhere := false
	for i, other := range clients {
		if found[i].Call == nil {
			continue
		}
		if other.DeliveryMode == c.DeliveryMode {
			return false
		}
		elsewhere = elsewhere || r.sameHost(other, c)
	}
	return elsewhere
}

// sameHost reports whether two clients are called at the same host and port.
func (r *run) sameHost(a, b *driver.Client) bool {
	of := func(c *driver.Client) string {
		u, err := url.Parse(preflight.EndpointOf(r.options.Receiver, c.Client))
		if err != nil {
			return ""
		}
		return u.Host
	}
	return of(a) == of(b)
}
