package refop

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// asked makes a fault of what becomes of a requested_expiry.
func asked(name, breaks, sees string, decide func(*call, time.Duration) *oauthError) Fault {
	return Fault{name, breaks, sees, func(b *behaviour) { b.requestedExpiry = decide }}
}

// whenAsked makes a fault of the acknowledgement of requests whose
// requested_expiry fits.
func whenAsked(name, breaks, sees string, fits func(string) bool, edit func(*call, *reply)) Fault {
	return Fault{name, breaks, sees, func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "start" && c.form["requested_expiry"] != nil && fits(c.value("requested_expiry")) {
				edit(c, r)
			}
		})
	}}
}

func lasts(seconds any) func(*call, *reply) {
	return func(_ *call, r *reply) {
		if r.kind == "ack" {
			r.body["expires_in"] = seconds
		}
	}
}

func long(value string) bool { return len(value) > 6 }

func notPositive(value string) bool {
	n, err := strconv.Atoi(value)
	return err != nil || n <= 0
}

// sinceExpiry is how long ago a flow expired.
func sinceExpiry(c *call, f *flow) time.Duration { return c.now.Sub(f.expires) }

var _ = plant(
	in(expired, "expired-pending", "CIBA-11-EXPIRED-TOKEN", "an expired request is pending", 400, "authorization_pending"),
	in(expired, "expired-invalid-request", "CIBA-11-EXPIRED-TOKEN", "an expired request is invalid_request", 400, "invalid_request"),
	in(expired, "expired-401", "CIBA-11-EXPIRED-TOKEN", "an expired request is 401", 401, "expired_token"),
	in(expired, "expired-403", "CIBA-11-EXPIRED-TOKEN", "an expired request is 403", 403, "expired_token"),
	in(expired, "expired-500", "CIBA-11-EXPIRED-TOKEN", "an expired request crashes the OP", 500, "server_error"),
	in(expired, "expired-spelling", "CIBA-11-EXPIRED-TOKEN", "the code is token_expired", 400, "token_expired"),
	seen("expired-tokens", "CIBA-11-EXPIRED-TOKEN", "an expired request brings tokens", asIf(expired, approved)),
	seen("expired-late-500", "CIBA-11-EXPIRED-LATE-POLL", "half a minute after the expiry a poll is pending", func(c *call, f *flow, at state) state {
		if at == expired && sinceExpiry(c, f) > 30*time.Second {
			return pending
		}
		return at
	}),
	truly("expires-early", "CIBA-7.3-NOT-EARLY", "requests end 8 s before expires_in", func(_ *call, f *flow) { f.expires = f.expires.Add(-8 * time.Second) }),
	truly("expires-half", "CIBA-7.3-EXPIRES-IN-TRUE", "requests live for half of expires_in", func(_ *call, f *flow) { f.expires = f.created.Add(f.expires.Sub(f.created) / 2) }),
	truly("expires-late", "CIBA-11-EXPIRED-TOKEN", "requests live for 30 s longer", func(_ *call, f *flow) { f.expires = f.expires.Add(30 * time.Second) }),
	truly("expires-late-true", "CIBA-7.3-EXPIRES-IN-TRUE", "requests live for a minute longer", func(_ *call, f *flow) { f.expires = f.expires.Add(time.Minute) }),
	truly("expires-never", "CIBA-7.3-EXPIRES-IN-TRUE", "requests never end", func(_ *call, f *flow) { f.expires = f.expires.Add(24 * time.Hour) }),
	seen("expires-sliding", "CIBA-7.3-EXPIRES-IN-TRUE", "every poll makes the request live longer", func(c *call, f *flow, at state) state {
		if at == pending {
			f.expires = c.now.Add(f.expires.Sub(f.created))
		}
		return at
	}),
	Fault{"expires-as-announced-not", "CIBA-7.3-EXPIRES-IN-TRUE", "expires_in is always 60, the requested time counts", func(b *behaviour) {
		b.reply("start", "ack", func(r *reply) { r.body["expires_in"] = 60 })
	}},
	seen("expires-approval-early", "CIBA-7.3-NOT-EARLY", "an approval in the last 20 s is too late", func(_ *call, f *flow, at state) state {
		if at == approved && f.expires.Sub(f.decided) < 20*time.Second {
			return expired
		}
		return at
	}),
	Fault{"expired-revived", "CIBA-11-EXPIRED-FINAL", "an approval after the expiry counts", func(b *behaviour) {
		b.decideAgain = true
		b.state(func(_ *call, f *flow, at state) state {
			if at == expired && f.state == approved && !f.decided.Before(f.expires) {
				return approved
			}
			return at
		})
	}},
	seen("expired-approved-lives", "CIBA-11-APPROVED-UNREDEEMED-EXPIRES", "an approved request never expires", func(_ *call, f *flow, at state) state {
		if at == expired && f.state == approved {
			return approved
		}
		return at
	}),
	seen("expired-approved-extended", "CIBA-11-APPROVED-UNREDEEMED-EXPIRES", "an approval adds two minutes", func(c *call, f *flow, at state) state {
		if at == expired && f.state == approved && sinceExpiry(c, f) < 2*time.Minute {
			return approved
		}
		return at
	}),
	seen("expired-approved-pending", "CIBA-11-APPROVED-UNREDEEMED-EXPIRES", "an approved request that expired is pending again", func(_ *call, f *flow, at state) state {
		if at == expired && f.state == approved {
			return pending
		}
		return at
	}),
	seen("expired-race-revived", "CIBA-11-EXPIRED-FINAL", "an approval in the last second keeps the request alive", func(_ *call, f *flow, at state) state {
		if at == expired && f.state == approved && f.expires.Sub(f.decided) < time.Second {
			return approved
		}
		return at
	}),

	asked("requested-expiry-refused", "CIBA-7.1-REQEXP-ORDINARY", "requested_expiry is refused", func(*call, time.Duration) *oauthError {
		return refusal("invalid_request", "requested_expiry is not supported")
	}),
	asked("requested-expiry-500", "CIBA-7.1-REQEXP-ORDINARY", "300 s crash the OP", func(c *call, d time.Duration) *oauthError {
		if d == 300*time.Second {
			return &oauthError{500, "server_error", "", ""}
		}
		c.expiry = min(d, c.op.reg.MaxExpiresIn)
		return nil
	}),
	whenAsked("requested-expiry-30-zero", "CIBA-7.1-REQEXP-INFLUENCE", "for 30 s expires_in is 0", func(v string) bool { return v == "30" }, lasts(0)),
	whenAsked("requested-expiry-300-missing", "CIBA-7.1-REQEXP-INFLUENCE", "for 300 s there is no expires_in", func(v string) bool { return v == "300" }, func(_ *call, r *reply) { delete(r.body, "expires_in") }),
	lax("requested-expiry-any", "CIBA-7.1-REQEXP-INVALID", "any value is taken and ignored", "requested-expiry-value"),
	Fault{"requested-expiry-negative", "CIBA-7.1-REQEXP-INVALID", "expires_in is 0 for what is not positive", func(b *behaviour) {
		b.skip("requested-expiry-value")
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.form["requested_expiry"] != nil && notPositive(c.value("requested_expiry")) {
				lasts(0)(c, r)
			}
		})
	}},
	whenAsked("requested-expiry-code", "CIBA-7.1-REQEXP-INVALID", "bad values are access_denied", notPositive, refused("access_denied")),
	whenAsked("requested-expiry-words-500", "CIBA-7.1-REQEXP-INVALID", "a word crashes the OP", func(v string) bool { return strings.ContainsAny(v, "abc") }, crash),
	whenAsked("requested-expiry-fraction-500", "CIBA-7.1-REQEXP-INVALID", "a fraction crashes the OP", func(v string) bool { return strings.Contains(v, ".") }, crash),
	whenAsked("requested-expiry-huge-500", "CIBA-7.1-REQEXP-HUGE", "a huge value crashes the OP", long, crash),
	whenAsked("requested-expiry-overflow", "CIBA-7.1-REQEXP-HUGE", "a large value becomes a negative expires_in", long, lasts(-1981284353)),
	whenAsked("requested-expiry-infinite", "CIBA-7.1-REQEXP-HUGE", "a large value becomes an expires_in no clock can count", long, lasts(json.Number("1e300"))),
	whenAsked("requested-expiry-huge-code", "CIBA-7.1-REQEXP-HUGE", "a huge value is invalid_scope", long, refused("invalid_scope")),
)

// always30s keeps every request for 30 s.
func always30s(b *behaviour) {
	b.requestedExpiry = func(*call, time.Duration) *oauthError { return nil }
	b.onFlow = append(b.onFlow, func(c *call, f *flow) {
		c.expiry = 30 * time.Second
		f.expires = f.created.Add(c.expiry)
	})
}

// CIBA Core 7.1 lets an OP do with requested_expiry what it likes, and nothing
// says how long an expired request is remembered.
var _ = allow(
	Variant{"requested-expiry-ignored", "CIBA Core 7.1: requested_expiry may be ignored", func(b *behaviour) {
		b.requestedExpiry = func(*call, time.Duration) *oauthError { return nil }
	}},
	Variant{"requested-expiry-clamped", "CIBA Core 7.1: requested_expiry may be clamped", func(b *behaviour) {
		b.requestedExpiry = func(c *call, d time.Duration) *oauthError {
			c.expiry = min(max(d, time.Minute), 90*time.Second)
			return nil
		}
	}},
	Variant{"requested-expiry-limited", "CIBA Core 7.1: what is beyond the OP's longest may be refused", func(b *behaviour) {
		b.requestedExpiry = func(c *call, d time.Duration) *oauthError {
			if d > 300*time.Second {
				return refusal("invalid_request", "requested_expiry goes up to 300")
			}
			c.expiry = d
			return nil
		}
	}},
	Variant{"expiry-beyond-patience", "CIBA Core 7.3: any positive expires_in", func(b *behaviour) {
		b.requestedExpiry = func(c *call, _ time.Duration) *oauthError {
			c.expiry = time.Hour
			return nil
		}
	}},
	Variant{"expiry-always-30s", "CIBA Core 7.1: requested_expiry may be ignored", always30s},
	Variant{"expiry-rounded-down", "CIBA Core 7.3: a part of a second may be rounded away", func(b *behaviour) {
		b.reply("start", "ack", func(r *reply) { r.body["expires_in"] = r.body["expires_in"].(int) - 1 })
	}},
	Variant{"expired-forgotten", "CIBA Core 11: how long an expired request is remembered is open", func(b *behaviour) {
		b.state(func(c *call, f *flow, at state) state {
			if at == expired && sinceExpiry(c, f) > 3*time.Second {
				return forgotten
			}
			return at
		})
	}},
	Variant{"expired-forgotten-at-once", "CIBA Core 11: what is not known any more is invalid_grant", func(b *behaviour) { b.state(asIf(expired, forgotten)) }},
	Variant{"expired-is-denied", "CIBA Core 11: an OP may count silence as a refusal", func(b *behaviour) { b.state(asIf(expired, denied)) }},
	Variant{"expired-a-second-late", "clocks have a grain", func(b *behaviour) {
		b.onFlow = append(b.onFlow, func(_ *call, f *flow) { f.expires = f.expires.Add(3 * time.Second) })
	}},
	Variant{"device-gives-up", "a device may give up shortly before the OP does", func(b *behaviour) {
		b.state(func(c *call, f *flow, at state) state {
			if at == pending && sinceExpiry(c, f) > -4*time.Second {
				return denied
			}
			return at
		})
	}},
)
