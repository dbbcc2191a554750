package variants

import (
	"time"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// Expiry are other lifetimes. CIBA Core 7.1 lets an OP do with requested_expiry what it
// likes, and nothing says how long an expired request is remembered.
var Expiry = []Variant{
	{"requested-expiry-ignored", "CIBA Core 7.1: requested_expiry may be ignored", edit.Expiry(usualExpiry)},
	{
		"requested-expiry-clamped", "CIBA Core 7.1: requested_expiry may be clamped",
		edit.Expiry(func(_ *refop.Call, d time.Duration) (time.Duration, *refop.OAuthError) {
			return min(max(d, time.Minute), 90*time.Second), nil
		}),
	},
	{
		"requested-expiry-limited", "CIBA Core 7.1: what is beyond the OP's longest may be refused",
		edit.Expiry(func(_ *refop.Call, d time.Duration) (time.Duration, *refop.OAuthError) {
			if d > 300*time.Second {
				return 0, refop.Refusal("invalid_request", "requested_expiry goes up to 300")
			}
			return d, nil
		}),
	},
	{
		"expiry-beyond-patience", "CIBA Core 7.3: any positive expires_in",
		edit.Expiry(func(*refop.Call, time.Duration) (time.Duration, *refop.OAuthError) { return time.Hour, nil }),
	},
	{"expiry-always-300s", "CIBA Core 7.1: requested_expiry may be ignored; 300 s are a common default", always(300 * time.Second)},
	{
		"expiry-in-whole-minutes", "CIBA Core 7.1: requested_expiry may influence the lifetime in whatever way",
		edit.Expiry(func(c *refop.Call, asked time.Duration) (time.Duration, *refop.OAuthError) {
			return min((asked + time.Minute - 1).Truncate(time.Minute), c.OP.Registration().MaxExpiresIn), nil
		}),
	},
	{
		"expiry-a-minute-more", "CIBA Core 7.3: any positive expires_in, here with an allowance for slow devices",
		edit.Expiry(func(c *refop.Call, asked time.Duration) (time.Duration, *refop.OAuthError) {
			return min(asked+time.Minute, c.OP.Registration().MaxExpiresIn), nil
		}),
	},
	{"expiry-always-30s", "CIBA Core 7.1: requested_expiry may be ignored", always(30 * time.Second)},
	{
		"expiry-rounded-down", "CIBA Core 7.3: a part of a second may be rounded away",
		edit.Acknowledgements(func(r *refop.Reply) { r.Body["expires_in"] = r.Body["expires_in"].(int) - 1 }),
	},
	{
		"expired-forgotten", "CIBA Core 11: how long an expired request is remembered is open",
		edit.SeenAsWhen(refop.Expired, refop.Forgotten, func(c *refop.Call, f *refop.Flow) bool { return sinceExpiry(c, f) > 3*time.Second }),
	},
	{
		"expired-forgotten-at-once", "CIBA Core 11: what is not known any more is invalid_grant",
		edit.SeenAs(refop.Expired, refop.Forgotten),
	},
	{
		"expired-whatever-became-of-it", "CIBA Core 11: after its lifetime a used auth_req_id has expired, too",
		edit.All(always(20*time.Second), edit.SeenAsWhen(refop.Used, refop.Expired, func(c *refop.Call, f *refop.Flow) bool {
			return sinceExpiry(c, f) >= 0
		})),
	},
	{"expired-is-denied", "CIBA Core 11: an OP may count silence as a refusal", edit.SeenAs(refop.Expired, refop.Denied)},
	{
		"expired-a-second-late", "clocks have a grain",
		func(p *refop.Plan) {
			p.EditFlows(func(_ *refop.Call, f *refop.Flow) { f.Expires = f.Expires.Add(3 * time.Second) })
		},
	},
	{
		"device-gives-up", "a device may give up shortly before the OP does",
		edit.SeenAsWhen(refop.Pending, refop.Denied, func(c *refop.Call, f *refop.Flow) bool { return sinceExpiry(c, f) > -4*time.Second }),
	},
}

// usualExpiry is the lifetime of a request that asks for none.
func usualExpiry(c *refop.Call, _ time.Duration) (time.Duration, *refop.OAuthError) {
	return c.OP.Registration().ExpiresIn, nil
}

// always keeps every request for the same time.
func always(d time.Duration) edit.Change {
	return edit.After(refop.CheckRequestedExpiry, func(c *refop.Call) *refop.OAuthError {
		c.Expiry = d
		return nil
	})
}

// sinceExpiry is how long ago a flow expired.
func sinceExpiry(c *refop.Call, f *refop.Flow) time.Duration { return c.Now.Sub(f.Expires) }
