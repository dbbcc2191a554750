package suites

import (
	"context"
	"net/http"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
)

// learn asks the OP what has to be known before the cases are placed: which clients it
// lets in, and whether a user may have two open requests. Where it may not, cases that
// only share a user would spoil each other, so each gets its user alone and the cases
// about parallel requests are untested.
func (r *run) learn(ctx context.Context) {
	r.driver.TryCredentials(ctx, expected(r.driver))
	r.driver.TryAssertions(ctx, r.ordinary())
	if working := driver.Working(r.ordinary()); len(working) > 0 {
		r.primary = working[0]
	}
	r.learnParallel(ctx)
}

func (r *run) learnParallel(ctx context.Context) {
	if has, told := r.facts.Target.Capabilities[catalogue.NeedParallel]; told {
		if !has {
			r.driver.LimitToOnePerUser()
		}
		return
	}
	if r.primary == nil || len(r.facts.Target.Users) == 0 {
		return
	}
	if verdict := r.driver.ProbeParallel(ctx, r.primary); verdict != "" {
		r.facts.Capabilities[catalogue.NeedParallel] = result.Capability{Reason: verdict}
	}
}

// expected are the clients that the OP is meant to let in.
func expected(d *driver.Run) []*driver.Client {
	var list []*driver.Client
	for _, c := range d.Clients() {
		if preflight.Ordinary(c.Client) {
			list = append(list, c)
		}
	}
	return list
}

// ordinary are the clients for whatever wants nothing special.
func (r *run) ordinary() []*driver.Client {
	return r.driver.Prepared(preflight.OrdinaryClients(r.facts.Target.Clients))
}

// Refused tells of each client that the OP is meant to let in, by its name, how the OP
// refuses it altogether; empty for a client that is let in. No user is asked anything.
func Refused(ctx context.Context, t *targetfile.Target, rt http.RoundTripper) (map[string]string, error) {
	r, err := begin(ctx, Options{Target: t, RoundTripper: rt, Approver: approve.Nobody()})
	if err != nil {
		return nil, err
	}
	clients := expected(r.driver)
	r.driver.TryCredentials(ctx, clients)
	refused := map[string]string{}
	for _, c := range clients {
		refused[c.Name] = c.Rejection()
	}
	return refused, nil
}
