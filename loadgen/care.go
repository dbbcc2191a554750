package loadgen

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/targetfile"
)

// Consent is what the user declares about a target that is not this machine.
type Consent struct {
	Hosts    []string // hosts that are the user's to load
	Approval string   // reference of the vendor's written approval, where one is needed
	LiftCaps bool     // the ordinary caps do not apply
}

// caps bound what a run may cost a target.
type caps struct {
	perMinute float64 // starts
	pending   int
	duration  time.Duration
	firm      bool   // the limits are the vendor's and cannot be lifted
	approval  bool   // the vendor wants to be asked in writing
	why       string // where the limits come from
}

// ordinary are the caps of a target beyond loopback. They keep a slip of the
// finger from becoming an outage; whoever means it lifts them.
var ordinary = caps{perMinute: 6000, pending: 10_000, duration: time.Hour, why: "the ordinary caps, lifted with --lift-caps"}

// capsOf are those of products with limits of their own.
var capsOf = map[string]caps{
	"auth0": {
		perMinute: 500, pending: 5000, duration: 2 * time.Hour, firm: true, approval: true,
		why: "Auth0's limits for a tenant; requests that nobody answers keep counting for up to a day, and the load-testing policy asks for written approval two weeks ahead",
	},
}

// Care refuses a load that the target's owner has not agreed to, or that goes
// beyond what the target takes. The error names every problem at once.
func Care(t *targetfile.Target, p *Plan, c Consent) error {
	foreign := foreignHosts(t)
	if len(foreign) == 0 {
		return nil
	}
	var errs []error
	for _, host := range foreign {
		if !slices.Contains(c.Hosts, host) {
			errs = append(errs, fmt.Errorf("%s is not this machine: a load test of somebody else's service is an attack; if it is yours, say --i-own-this-target %s", host, host))
		}
	}
	limits, special := capsOf[t.Persona]
	if !special {
		limits = ordinary
	}
	if limits.approval && strings.TrimSpace(c.Approval) == "" {
		errs = append(errs, fmt.Errorf("persona %s needs --written-approval REFERENCE: %s", t.Persona, limits.why))
	}
	if limits.firm || !c.LiftCaps {
		errs = append(errs, limits.check(p)...)
	}
	return errors.Join(errs...)
}

// check compares the plan with the caps.
func (c caps) check(p *Plan) (errs []error) {
	if rate := peakPerMinute(p); rate > c.perMinute {
		errs = append(errs, fmt.Errorf("%.0f starts a minute are more than %.0f: %s", rate, c.perMinute, c.why))
	}
	if p.MaxPending == 0 || p.MaxPending > c.pending {
		errs = append(errs, fmt.Errorf("more than %d flows might be pending; set --max-pending to that or less: %s", c.pending, c.why))
	}
	if p.Duration > c.duration {
		errs = append(errs, fmt.Errorf("%s is longer than %s: %s", p.Duration, c.duration, c.why))
	}
	return errs
}

// peakPerMinute is the highest rate of the plan. A closed run starts at most as
// fast as its agents can pause.
func peakPerMinute(p *Plan) float64 {
	if p.Arrivals == nil {
		return float64(p.Agents) * 60 / max(p.Pause.Seconds(), 1)
	}
	peak := 0.0
	for at := time.Duration(0); at < p.Duration; at += max(time.Second, p.Duration/10_000) {
		peak = max(peak, p.Arrivals.RateAt(at))
	}
	return peak * 60
}

// foreignHosts are the hosts of the endpoints that are not this machine.
func foreignHosts(t *targetfile.Target) (list []string) {
	for _, address := range []string{t.Endpoints.BackchannelAuthentication, t.Endpoints.Token, t.Approval.URL} {
		u, err := url.Parse(address)
		if err != nil || u.Hostname() == "" || isLoopback(u.Hostname()) || slices.Contains(list, u.Hostname()) {
			continue
		}
		list = append(list, u.Hostname())
	}
	return list
}

// isLoopback reports whether a host is this machine, by its name alone: a name that
// resolves to loopback today may not tomorrow.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}
