package faults

import (
	"encoding/json"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// Expiry are the defects of how long a request lives; CIBA Core 7.1, 7.3 and 11.
var Expiry = []Fault{
	{"expiry-keeps-100", "CIBA-7.3-NOT-EARLY", "only the last hundred requests are kept, older ones are unknown", keepingOnly(100)},
	{
		"expired-pending", "CIBA-11-EXPIRED-TOKEN", "an expired request is pending",
		pollAnswer(refop.Expired, 400, "authorization_pending"),
	},
	{
		"expired-invalid-request", "CIBA-11-EXPIRED-TOKEN", "an expired request is invalid_request",
		pollAnswer(refop.Expired, 400, "invalid_request"),
	},
	{"expired-401", "CIBA-11-EXPIRED-TOKEN", "an expired request is 401", pollAnswer(refop.Expired, 401, "expired_token")},
	{"expired-403", "CIBA-11-EXPIRED-TOKEN", "an expired request is 403", pollAnswer(refop.Expired, 403, "expired_token")},
	{"expired-500", "CIBA-11-EXPIRED-TOKEN", "an expired request crashes the OP", pollAnswer(refop.Expired, 500, "server_error")},
	{"expired-spelling", "CIBA-11-EXPIRED-TOKEN", "the code is token_expired", pollAnswer(refop.Expired, 400, "token_expired")},
	{"expired-tokens", "CIBA-11-EXPIRED-TOKEN", "an expired request brings tokens", edit.SeenAs(refop.Expired, refop.Approved)},
	{
		"expired-late-500", "CIBA-11-EXPIRED-LATE-POLL", "half a minute after the expiry a poll is pending",
		edit.SeenAsWhen(refop.Expired, refop.Pending, func(c *refop.Call, f *refop.Flow) bool { return sinceExpiry(c, f) > 30*time.Second }),
	},
	{
		"expires-early", "CIBA-7.3-NOT-EARLY", "requests end 8 s before expires_in",
		actsOn(func(_ *refop.Call, f *refop.Flow) { f.Expires = f.Expires.Add(-8 * time.Second) }),
	},
	{
		"expires-20s-early", "CIBA-7.3-NOT-EARLY", "requests end 20 s before expires_in, for the user as well",
		actsOn(func(_ *refop.Call, f *refop.Flow) {
			f.Expires = f.Expires.Add(-min(20*time.Second, f.Expires.Sub(f.Created)/2))
		}),
	},
	{
		"expires-within-an-hour-early", "CIBA-7.3-NOT-EARLY", "expires_in is an hour whatever was requested, requests end after 100 s",
		edit.All(edit.Acknowledgements(edit.Member("expires_in", 3600)), actsOn(func(_ *refop.Call, f *refop.Flow) {
			f.Expires = f.Created.Add(100 * time.Second)
		})),
	},
	{
		"requested-expiry-as-milliseconds", "CIBA-7.1-REQEXP-INFLUENCE", "a request that asks for seconds lives a thousand times as long",
		edit.Expiry(func(_ *refop.Call, asked time.Duration) (time.Duration, *refop.OAuthError) { return 1000 * asked, nil }),
	},
	{
		"requested-expiry-as-minutes", "CIBA-7.1-REQEXP-INFLUENCE", "requested_expiry counts as minutes",
		edit.Expiry(func(_ *refop.Call, asked time.Duration) (time.Duration, *refop.OAuthError) { return 60 * asked, nil }),
	},
	{
		"expires-half", "CIBA-7.3-EXPIRES-IN-TRUE", "requests live for half of expires_in",
		actsOn(func(_ *refop.Call, f *refop.Flow) { f.Expires = f.Created.Add(f.Expires.Sub(f.Created) / 2) }),
	},
	{
		"expires-late", "CIBA-11-EXPIRED-TOKEN", "requests live for 30 s longer",
		actsOn(func(_ *refop.Call, f *refop.Flow) { f.Expires = f.Expires.Add(30 * time.Second) }),
	},
	{
		"expires-late-true", "CIBA-7.3-EXPIRES-IN-TRUE", "requests live for a minute longer",
		actsOn(func(_ *refop.Call, f *refop.Flow) { f.Expires = f.Expires.Add(time.Minute) }),
	},
	{
		"expires-never", "CIBA-7.3-EXPIRES-IN-TRUE", "requests never end",
		actsOn(func(_ *refop.Call, f *refop.Flow) { f.Expires = f.Expires.Add(24 * time.Hour) }),
	},
	{
		"expires-sliding", "CIBA-7.3-EXPIRES-IN-TRUE", "every poll makes the request live longer",
		edit.States(func(c *refop.Call, f *refop.Flow, at refop.State) refop.State {
			if at == refop.Pending {
				f.Expires = c.Now.Add(f.Expires.Sub(f.Created))
			}
			return at
		}),
	},
	{
		"expires-as-announced-not", "CIBA-7.3-EXPIRES-IN-TRUE", "expires_in is always 60, the requested time counts",
		edit.Acknowledgements(edit.Member("expires_in", 60)),
	},
	{
		"expires-approval-early", "CIBA-7.3-NOT-EARLY", "an approval in the last 20 s is too late",
		edit.SeenAsWhen(refop.Approved, refop.Expired, func(_ *refop.Call, f *refop.Flow) bool {
			return f.Expires.Sub(f.Decided) < 20*time.Second
		}),
	},
	{
		"expired-revived", "CIBA-11-EXPIRED-FINAL", "an approval after the expiry counts",
		edit.All(edit.DecidingAgain(), edit.SeenAsWhen(refop.Expired, refop.Approved, func(_ *refop.Call, f *refop.Flow) bool {
			return f.State == refop.Approved && !f.Decided.Before(f.Expires)
		})),
	},
	{
		"expired-approved-lives", "CIBA-11-APPROVED-UNREDEEMED-EXPIRES", "an approved request never expires",
		edit.SeenAsWhen(refop.Expired, refop.Approved, func(_ *refop.Call, f *refop.Flow) bool { return f.State == refop.Approved }),
	},
	{
		"expired-approved-extended", "CIBA-11-APPROVED-UNREDEEMED-EXPIRES", "an approval adds two minutes",
		edit.SeenAsWhen(refop.Expired, refop.Approved, func(c *refop.Call, f *refop.Flow) bool {
			return f.State == refop.Approved && sinceExpiry(c, f) < 2*time.Minute
		}),
	},
	{
		"expired-approved-pending", "CIBA-11-APPROVED-UNREDEEMED-EXPIRES", "an approved request that expired is pending again",
		edit.SeenAsWhen(refop.Expired, refop.Pending, func(_ *refop.Call, f *refop.Flow) bool { return f.State == refop.Approved }),
	},
	{
		"expired-race-revived", "CIBA-11-EXPIRED-FINAL", "an approval in the last second keeps the request alive",
		edit.SeenAsWhen(refop.Expired, refop.Approved, func(_ *refop.Call, f *refop.Flow) bool {
			return f.State == refop.Approved && f.Expires.Sub(f.Decided) < time.Second
		}),
	},
	{
		"requested-expiry-refused", "CIBA-7.1-REQEXP-ORDINARY", "requested_expiry is refused",
		edit.Expiry(func(*refop.Call, time.Duration) (time.Duration, *refop.OAuthError) {
			return 0, refop.Refusal("invalid_request", "requested_expiry is not supported")
		}),
	},
	{
		"requested-expiry-500", "CIBA-7.1-REQEXP-ORDINARY", "300 s crash the OP",
		edit.Expiry(func(c *refop.Call, d time.Duration) (time.Duration, *refop.OAuthError) {
			if d == 300*time.Second {
				return 0, &refop.OAuthError{Status: 500, Code: "server_error"}
			}
			return min(d, c.OP.Registration().MaxExpiresIn), nil
		}),
	},
	{
		"requested-expiry-30-zero", "CIBA-7.1-REQEXP-INFLUENCE", "for 30 s expires_in is 0",
		startsThat(expiryAsked(func(v string) bool { return v == "30" }), lasts(0)),
	},
	{
		"requested-expiry-300-missing", "CIBA-7.1-REQEXP-INFLUENCE", "for 300 s there is no expires_in",
		startsThat(expiryAsked(func(v string) bool { return v == "300" }), func(_ *refop.Call, r *refop.Reply) { delete(r.Body, "expires_in") }),
	},
	{"requested-expiry-any", "CIBA-7.1-REQEXP-INVALID", "any value is taken and ignored", edit.Without(refop.CheckRequestedExpiry)},
	{
		"requested-expiry-negative", "CIBA-7.1-REQEXP-INVALID", "expires_in is 0 for what is not positive",
		edit.All(edit.Without(refop.CheckRequestedExpiry), startsThat(expiryAsked(notPositive), lasts(0))),
	},
	{
		"requested-expiry-code", "CIBA-7.1-REQEXP-INVALID", "bad values are access_denied",
		startsThat(expiryAsked(notPositive), refused("access_denied")),
	},
	{
		"requested-expiry-words-500", "CIBA-7.1-REQEXP-INVALID", "a word crashes the OP",
		startsThat(expiryAsked(func(v string) bool { return strings.ContainsAny(v, "abc") }), crash),
	},
	{
		"requested-expiry-fraction-500", "CIBA-7.1-REQEXP-INVALID", "a fraction crashes the OP",
		startsThat(expiryAsked(func(v string) bool { return strings.Contains(v, ".") }), crash),
	},
	{"requested-expiry-huge-500", "CIBA-7.1-REQEXP-HUGE", "a huge value crashes the OP", startsThat(expiryAsked(long), crash)},
	{
		"requested-expiry-overflow", "CIBA-7.1-REQEXP-HUGE", "a large value becomes a negative expires_in",
		startsThat(expiryAsked(long), lasts(-1981284353)),
	},
	{
		"requested-expiry-infinite", "CIBA-7.1-REQEXP-HUGE", "a large value becomes an expires_in no clock can count",
		startsThat(expiryAsked(long), lasts(json.Number("1e300"))),
	},
	{
		"requested-expiry-huge-code", "CIBA-7.1-REQEXP-HUGE", "a huge value is invalid_scope",
		startsThat(expiryAsked(long), refused("invalid_scope")),
	},
}

// expiryAsked picks requests whose requested_expiry fits.
func expiryAsked(fits func(value string) bool) edit.Which {
	return func(c *refop.Call) bool { return c.Has("requested_expiry") && fits(c.Value("requested_expiry")) }
}

// lasts is an acknowledgement with another expires_in.
func lasts(seconds any) func(*refop.Call, *refop.Reply) {
	return func(_ *refop.Call, r *refop.Reply) {
		if r.Kind == refop.ReplyAcknowledgement {
			r.Body["expires_in"] = seconds
		}
	}
}

func long(value string) bool { return len(value) > 6 }

func notPositive(value string) bool {
	n, err := strconv.Atoi(value)
	return err != nil || n <= 0
}

// sinceExpiry is how long ago a flow expired.
func sinceExpiry(c *refop.Call, f *refop.Flow) time.Duration { return c.Now.Sub(f.Expires) }

// keepingOnly forgets the oldest request that is open whenever there are more than so many.
func keepingOnly(most int) edit.Change {
	return func(p *refop.Plan) {
		var mu sync.Mutex
		var open []*refop.Flow
		forgotten := map[*refop.Flow]bool{}
		p.EditFlows(func(_ *refop.Call, f *refop.Flow) {
			mu.Lock()
			defer mu.Unlock()
			if open = append(open, f); len(open) > most {
				forgotten[open[0]] = true
				open = open[1:]
			}
		})
		p.EditStates(func(_ *refop.Call, f *refop.Flow, at refop.State) refop.State {
			mu.Lock()
			defer mu.Unlock()
			if forgotten[f] {
				return refop.Expired
			}
			return at
		})
	}
}
