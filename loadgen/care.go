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
	Device   string   // URL of a device that the run asks, too; empty: none
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
		why: "Auth0's limits for a tenant; requests that nobody answers keep counting for up to a day, " +
			"and the load-testing policy asks for written approval two weeks ahead",
	},
}

// Care refuses a load that the target's owner has not agreed to, or that goes
// beyond what the target takes. The error names every problem at once. The caps that
// stay are written into the plan, which keeps them as it runs.
func Care(t *targetfile.Target, p *Plan, c Consent) error {
	foreign, errs := foreignHosts(t, c.Device)
	if len(foreign) == 0 {
		return errors.Join(errs...)
	}
	for _, host := range foreign {
		if !slices.Contains(c.Hosts, host) {
			errs = append(errs, fmt.Errorf("%s is not this machine: a load test of somebody else's service is an attack; "+
				"if it is yours, say --i-own-this-target %s", host, host))
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
		p.PerMinute = limits.perMinute
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

// peakPerMinute is the highest rate that the plan asks for. What a closed run asks for
// depends on the answers; its starts are held to the cap as they come, see
// [Plan.PerMinute].
func peakPerMinute(p *Plan) float64 {
	if p.Arrivals == nil {
		return 0
	}
	peak := 0.0
	for at := time.Duration(0); at < p.Duration; at += max(time.Second, p.Duration/10_000) {
		peak = max(peak, p.Arrivals.RateAt(at))
	}
	return peak * 60
}

// foreignHosts are the hosts that the run sends requests to and that are not this
// machine. An address whose host nobody can tell is a problem of its own: there is nothing
// that consent could name.
func foreignHosts(t *targetfile.Target, device string) (list []string, errs []error) {
	for _, to := range []struct{ name, url string }{
		{"endpoints.backchannel_authentication", t.Endpoints.BackchannelAuthentication},
		{"endpoints.token", t.Endpoints.Token},
		{"approval.url", t.Approval.URL},
		{"--device", device},
	} {
		if to.url == "" {
			continue
		}
		host := hostOf(to.url)
		switch {
		case host == "":
			errs = append(errs, fmt.Errorf("%s: the host of %.100q cannot be told, so nobody can have agreed to it", to.name, to.url))
		case !isLoopback(host) && !slices.Contains(list, host):
			list = append(list, host)
		}
	}
	return list, errs
}

// hostOf is the host of a URL, empty where there is none or where it holds a
// placeholder. Those in the path and in the query choose no host.
func hostOf(address string) string {
	scheme, authority, _ := strings.Cut(address, "://")
	if end := strings.IndexAny(authority, "/?#"); end >= 0 {
		authority = authority[:end]
	}
	u, err := url.Parse(scheme + "://" + authority)
	if err != nil || strings.ContainsAny(authority, "{}") {
		return ""
	}
	return u.Hostname()
}

// isLoopback reports whether a host is this machine, by its name alone: a name that
// resolves to loopback today may not tomorrow. A name below localhost is none, since an
// OP may publish any.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
