package loadgen

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/details"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
)

// Tolerances: what is judged is beyond any doubt about clocks and delays. The
// moments are those of CIBA-7.3-EXPIRES-IN-TRUE.
const (
	earlyExpiry = 3 * time.Second
	lateExpiry  = 10 * time.Second
)

// checks judges the protocol while the load runs.
type checks struct {
	decides  bool // decisions are ours alone
	users    []targetfile.User
	subjects []string // by user: as configured, or as first seen
	template *Template
	seen     idSet
	entropy  entropy
	evidence *evidence
	found    map[breach]*result.Violation

	slowDowns  int      // unprovoked ones, from the second poll of a flow on
	newest     []newest // by user
	keepsOlder bool     // a request outlived a newer one of its user
}

// newest is the latest acknowledged request of a user.
type newest struct {
	serial uint32
	at     int64
}

// newChecks knows the subjects that the target file names; others are learnt from the
// first token of a user.
func newChecks(o *Options, e *evidence) *checks {
	c := &checks{
		decides: o.Decider != nil, users: o.Plan.Users, template: o.Plan.RAR, evidence: e, seen: newIDSet(),
		found: map[breach]*result.Violation{}, subjects: make([]string, len(o.Plan.Users)), newest: make([]newest, len(o.Plan.Users)),
	}
	for i, u := range o.Plan.Users {
		c.subjects[i] = u.Sub
	}
	return c
}

// code judges whether the answer is one the specifications know.
func (c *checks) code(e *engine, x *exchange) {
	switch {
	case x.answer.kind == broken:
		c.report(e, x, outsideTheTexts, "the answer is %d: %s", x.status, x.code)
	case x.answer.kind == refused && !ciba.ErrorCode(x.code).Known():
		c.report(e, x, outsideTheTexts, "the error code is %q", x.code)
	case x.status/100 == 2 && x.answer.kind != acknowledged && x.answer.kind != tokens:
		c.report(e, x, outsideTheTexts, "%s comes with status %d", x.code, x.status)
	}
}

// identifier judges a new auth_req_id.
func (c *checks) identifier(e *engine, x *exchange) {
	if c.seen.add(x.id) {
		c.report(e, x, idRepeated, "the id of this request was given to an earlier one")
	}
	c.entropy.add(x.id)
}

// pendingTooLong judges a flow that is still pending although it must have expired,
// and reports whether it is. The OP may count from any moment until its
// acknowledgement arrived.
func (c *checks) pendingTooLong(e *engine, x *exchange) bool {
	f := x.f
	if f.expires() == 0 || x.answer.kind != pending || x.sent <= f.expires()+f.acknowledgedAfter()+int64(lateExpiry) {
		return false
	}
	c.report(e, x, pendingExpired, "still pending %s after its end", rounded(x.sent-f.expires()))
	return true
}

// acknowledged notes the newest request of a user.
func (c *checks) acknowledged(x *exchange) {
	if n := &c.newest[x.f.user]; x.f.serial > n.serial {
		*n = newest{x.f.serial, x.done}
	}
}

// stillPending notes that a request is pending. An OP may keep only the newest request
// of a user; one at which an older one is still pending does not.
func (c *checks) stillPending(x *exchange) {
	if n := c.newest[x.f.user]; n.serial > x.f.serial && x.sent > n.at {
		c.keepsOlder = true
	}
}

// early judges an auth_req_id that is expired or unknown: it must not be so before its
// end. A newer request of the user may have taken the place of this one, where the OP
// keeps one for each.
func (c *checks) early(e *engine, x *exchange) {
	f := x.f
	if c.newest[f.user].serial > f.serial && !c.keepsOlder || f.lifetime == 0 || x.done >= f.expires()-int64(earlyExpiry) {
		return
	}
	left := rounded(f.expires() - x.done)
	switch {
	case x.answer.kind == expired:
		c.report(e, x, expiredEarly, "expired %s before its end", left)
	case f.intent == denies && f.has(decided):
		c.report(e, x, denialUnsaid, "denied, and unknown %s before its end", left)
	default:
		c.report(e, x, idForgotten, "unknown %s before its end", left)
	}
}

// toleratedSlowDowns are the unprovoked ones that count as now and then, as in
// CIBA-7.3-INTERVAL-SUFFICIENT: with the third one, the announced interval is untrue.
const toleratedSlowDowns = 2

// slowed judges a slow_down to a poll that kept the interval. It is no violation at the
// first poll, where the texts do not say what the interval counts from, and none when the
// end of the request was near, which an OP may look at later than at the pace.
func (c *checks) slowed(e *engine, x *exchange) {
	f := x.f
	if f.polls < 2 || f.lifetime > 0 && x.done >= f.expires()-int64(earlyExpiry) {
		return
	}
	if c.slowDowns++; c.slowDowns <= toleratedSlowDowns {
		return
	}
	answered := f.due - int64(f.interval)*int64(time.Millisecond)
	c.report(e, x, slowedDown, "poll %d left at least %s after the answer before it", f.polls, rounded(x.sent-answered))
}

// twice judges a second token response for one auth_req_id.
func (c *checks) twice(e *engine, x *exchange) {
	if x.job.kind == jobReplay {
		c.report(e, x, redeemedAgain, "tokens came again %s after they had been issued", rounded(x.done-x.f.due))
		return
	}
	c.report(e, x, redeemedTwice, "both of two simultaneous polls got tokens")
}

// tokens judges a token response.
func (c *checks) tokens(e *engine, x *exchange) {
	f := x.f
	switch {
	case c.decides && f.decided == 0:
		c.report(e, x, tokensUndecided, "no decision had been made")
	case c.decides && f.intent == denies && f.has(decided):
		c.report(e, x, tokensDenied, "denied %s before", rounded(x.sent-f.decided))
	case f.expires() > 0 && x.sent > f.expires()+f.acknowledgedAfter()+int64(lateExpiry):
		c.report(e, x, tokensExpired, "polled %s after its end", rounded(x.sent-f.expires()))
	}
	c.subject(e, x)
	c.details(e, x)
}

// rounded is a duration for people.
func rounded(ns int64) time.Duration { return time.Duration(ns).Round(time.Millisecond) }

// subject compares the ID Token's sub with the user who was asked for.
func (c *checks) subject(e *engine, x *exchange) {
	sub := subjectOf(x.idToken)
	if sub == "" {
		return
	}
	known := &c.subjects[x.f.user]
	if *known == "" {
		*known = sub
	}
	if sub != *known {
		c.report(e, x, wrongSubject, "asked for user %q, whose subject is %s; the ID Token has %s",
			c.users[x.f.user].Name, printable(*known), printable(sub))
	}
}

// subjectOf reads the sub of an ID Token without verifying it, which is for the
// suites; an encrypted one tells nothing.
func subjectOf(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	data, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var claims struct {
		Sub string `json:"sub"`
	}
	_ = json.Unmarshal(data, &claims) // an unreadable one has no sub
	return claims.Sub
}

// details compares the granted authorization_details with the requested ones.
// Enrichment and reduction are legal (RFC 9396 7.1), another value is not.
func (c *checks) details(e *engine, x *exchange) {
	if c.template == nil {
		return
	}
	var granted, requested []any
	if json.Unmarshal(x.details, &granted) != nil {
		c.report(e, x, detailsMissing, "there is no list of authorization_details")
		return
	}
	if other := c.template.foreign(string(x.details), x.f.serial); other != "" {
		c.report(e, x, detailsForeign, "this is flow %d, the details are those of flow %s", x.f.serial, other)
		return
	}
	_ = json.Unmarshal([]byte(c.template.fill(x.f.serial)), &requested) // was checked by NewTemplate
	for _, object := range granted {
		if !slices.ContainsFunc(requested, func(asked any) bool { return agree(asked, object) }) {
			c.report(e, x, detailsChanged, "a granted object agrees with none that was requested")
			return
		}
	}
}

// agree reports whether a granted value is an object that answers a requested one.
func agree(requested, granted any) bool {
	asked, isObject := requested.(map[string]any)
	actual, both := granted.(map[string]any)
	return isObject && both && details.Agree(asked, actual)
}

// foreign is the serial number of another flow whose value is in the text.
func (t *Template) foreign(text string, serial uint32) string {
	mark := t.run + "-"
	for _, after := range strings.Split(text, mark)[1:] {
		digits := after[:len(after)-len(strings.TrimLeft(after, "0123456789"))]
		if digits != "" && digits != fmt.Sprint(serial) {
			return digits
		}
	}
	return ""
}
