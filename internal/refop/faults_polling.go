package refop

import (
	"math"
	"strconv"
	"sync"
	"time"
)

// seen makes a fault of what a poll makes of the state of a flow.
func seen(name, breaks, sees string, change func(*call, *flow, state) state) Fault {
	return Fault{name, breaks, sees, func(b *behaviour) { b.state(change) }}
}

// asIf makes polls see one state for another.
func asIf(is, looks state) func(*call, *flow, state) state {
	return func(_ *call, _ *flow, at state) state {
		if at == is {
			return looks
		}
		return at
	}
}

// in makes a fault of the answer in one state.
func in(at state, name, breaks, sees string, status int, code string) Fault {
	return wrongly(name, breaks, sees, "poll-"+string(at), status, code)
}

// truly makes a fault of a flow that differs from its acknowledgement.
func truly(name, breaks, sees string, edit func(*call, *flow)) Fault {
	return Fault{name, breaks, sees, func(b *behaviour) { b.onFlow = append(b.onFlow, edit) }}
}

// costly makes a fault of refused calls that use the flow up.
func costly(name, breaks, sees string, costs func(*call, *oauthError) bool) Fault {
	return Fault{name, breaks, sees, func(b *behaviour) { b.consume = costs }}
}

// costlyGrant uses the flow up when a token request has another grant_type.
func costlyGrant(c *call, r *reply) {
	if c.endpoint != "token" || r.kind != "error" || c.value("grant_type") == grantCIBA {
		return
	}
	f, s := c.op.find(c.value("auth_req_id"))
	defer s.mu.Unlock()
	if f != nil {
		f.state = used
	}
}

// cancels makes a fault of token requests that end a request for good, so that the
// user cannot decide about it any more.
func cancels(name, breaks, sees string, when func(c *call, f *flow, r *reply) bool) Fault {
	return Fault{name, breaks, sees, func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint != "token" || r.kind != "error" {
				return
			}
			f, s := c.op.find(c.value("auth_req_id"))
			defer s.mu.Unlock()
			if f != nil && f.state != used && when(c, f, r) {
				f.state = denied
			}
		})
	}}
}

// everyPoll edits the answers to polls, whatever they are.
func everyPoll(edit func(*call, *reply)) func(*behaviour) {
	return func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "token" && c.value("grant_type") == grantCIBA {
				edit(c, r)
			}
		})
	}
}

var _ = plant(
	in(pending, "poll-pending-200", "CIBA-11-PENDING", "a pending poll is answered 200", 200, "authorization_pending"),
	in(pending, "poll-pending-202", "CIBA-11-PENDING", "a pending poll is answered 202", 202, "authorization_pending"),
	in(pending, "poll-pending-403", "CIBA-11-PENDING", "a pending poll is answered 403", 403, "authorization_pending"),
	in(pending, "poll-pending-spelling", "CIBA-11-PENDING", "the code is pending", 400, "pending"),
	in(pending, "poll-pending-invalid-grant", "CIBA-11-PENDING", "a pending id is invalid_grant", 400, "invalid_grant"),
	in(pending, "poll-pending-500", "CIBA-11-PENDING", "a pending poll crashes the OP", 500, "server_error"),
	in(pending, "poll-pending-always-slow-down", "CIBA-11-PENDING", "every pending poll is slow_down", 400, "slow_down"),
	Fault{"poll-error-text", "CIBA-11-ERROR-FORMAT", "errors of polls are plain text", everyPoll(func(_ *call, r *reply) {
		if r.kind == "error" && r.body["error"] == "authorization_pending" {
			r.header.Set("Content-Type", "text/plain")
		}
	})},
	Fault{"poll-error-cached", "CIBA-11-ERROR-NO-STORE", "errors of polls may be cached", everyPoll(func(_ *call, r *reply) {
		if r.kind == "error" {
			r.header.Del("Cache-Control")
		}
	})},
	Fault{"poll-denied-cached", "CIBA-11-ERROR-NO-STORE", "a denial may be cached", everyPoll(func(_ *call, r *reply) {
		if r.body["error"] == "access_denied" {
			r.header.Del("Cache-Control")
		}
	})},
	Fault{"poll-denied-empty", "CIBA-11-ERROR-FORMAT", "a denial has no body", everyPoll(func(_ *call, r *reply) {
		if r.kind == "error" && r.body["error"] == "access_denied" {
			r.raw = []byte{}
		}
	})},
	Fault{"poll-slow-down-text", "CIBA-11-ERROR-FORMAT", "slow_down is called text/plain", everyPoll(func(_ *call, r *reply) {
		if r.body["error"] == "slow_down" {
			r.header.Set("Content-Type", "text/plain")
		}
	})},
	Fault{"poll-expired-text", "CIBA-11-ERROR-FORMAT", "an expiry is called text/html", everyPoll(func(_ *call, r *reply) {
		if r.kind == "error" && r.body["error"] == "expired_token" {
			r.header.Set("Content-Type", "text/html")
		}
	})},
	whenSent("poll-unknown-parameter", "RFC6749-3.2-TOKEN-UNKNOWN-PARAM", "an unknown parameter of a poll is refused", "token", "x_unknown", refused("invalid_request")),

	truly("interval-untrue", "CIBA-7.3-INTERVAL-SUFFICIENT", "the interval is 8 s, 5 s is announced", func(_ *call, f *flow) { f.interval = 8 * time.Second }),
	Fault{"interval-untrue-400", "CIBA-7.3-INTERVAL-SUFFICIENT", "the third paced poll is invalid_request", everyPoll(func(c *call, r *reply) {
		if c.flow != nil && c.flow.polls == 3 && r.body["error"] == "authorization_pending" {
			r.body["error"] = "invalid_request"
		}
	})},
	Fault{"interval-now-and-then", "CIBA-7.3-INTERVAL-SUFFICIENT", "the fourth paced poll is slow_down", everyPoll(func(c *call, r *reply) {
		if c.flow != nil && c.flow.polls == 4 && r.body["error"] == "authorization_pending" {
			r.body["error"] = "slow_down"
		}
	})},
	Fault{"interval-default-untrue", "CIBA-7.3-INTERVAL-DEFAULT", "no interval is announced, 10 s are demanded", func(b *behaviour) {
		b.reply("start", "ack", func(r *reply) { delete(r.body, "interval") })
		b.onFlow = append(b.onFlow, func(_ *call, f *flow) { f.interval = 10 * time.Second })
	}},
	Fault{"interval-from-answer", "CIBA-10.1-INTERVAL-FROM-SEND", "the interval runs from the answer of a held poll", func(b *behaviour) {
		b.hold, b.clockAtAnswer = 8*time.Second, true
	}},
	Fault{"poll-held-long", "CIBA-10.1-LONGPOLL-MAX", "polls are held for 40 s", func(b *behaviour) { b.hold = 40 * time.Second }},
	Fault{"poll-held-forever", "CIBA-10.1-LONGPOLL-MAX", "polls are held until the request expires", func(b *behaviour) { b.hold = time.Hour }},
	Fault{"poll-held-deaf", "CIBA-10.1-LONGPOLL-WAKE", "a held poll does not notice the decision", func(b *behaviour) { b.hold, b.deaf = 25*time.Second, true }},
	Fault{"poll-first-at-once-refused", "CIBA-10.1-FIRST-POLL-AT-ONCE", "a poll within a second of the acknowledgement is invalid_request", everyPoll(func(c *call, r *reply) {
		if c.flow != nil && c.now.Sub(c.flow.created) < time.Second && r.body["error"] == "authorization_pending" {
			r.body["error"] = "invalid_request"
		}
	})},

	wrongly("fast-poll-500", "CIBA-11-FAST-POLL-NO-TOKENS", "fast polls crash the OP", "throttle", 500, "server_error"),
	wrongly("fast-poll-invalid-grant", "CIBA-11-FAST-POLL", "fast polls are invalid_grant", "throttle", 400, "invalid_grant"),
	wrongly("fast-poll-denied", "CIBA-11-FAST-POLL", "fast polls are access_denied", "throttle", 400, "access_denied"),
	wrongly("fast-poll-403", "CIBA-11-FAST-POLL", "fast polls are 403 slow_down", "throttle", 403, "slow_down"),
	seen("fast-poll-tokens", "CIBA-11-FAST-POLL-NO-TOKENS", "who polls fast enough gets tokens", func(_ *call, f *flow, at state) state {
		if at == pending && f.early >= 3 {
			return approved
		}
		return at
	}),
	seen("slow-down-kills", "CIBA-11-SLOWDOWN-STILL-PENDING", "slow_down ends the request", func(_ *call, f *flow, at state) state {
		if f.early > 0 && (at == pending || at == approved) {
			return forgotten
		}
		return at
	}),
	cancels("slow-down-cancels", "CIBA-11-SLOWDOWN-STILL-PENDING", "slow_down cancels the request, at the user's, too", func(_ *call, _ *flow, r *reply) bool {
		return r.body["error"] == "slow_down"
	}),
	seen("slow-down-undecidable", "CIBA-11-SLOWDOWN-STILL-PENDING", "after slow_down no decision counts", func(_ *call, f *flow, at state) state {
		if f.early > 0 && at == approved {
			return pending
		}
		return at
	}),
	Fault{"slow-down-insatiable", "CIBA-11-SLOWDOWN-INCREMENT", "after slow_down 20 s more are demanded", func(b *behaviour) { b.throttleStep = 20 * time.Second }},
	Fault{"slow-down-doubles", "CIBA-11-SLOWDOWN-CUMULATIVE", "a second slow_down costs more than 10 s", func(b *behaviour) {
		b.state(func(_ *call, f *flow, at state) state {
			if f.early == 2 {
				f.interval = 40 * time.Second
			}
			return at
		})
	}},
	Fault{"fast-poll-fatal-odd", "CIBA-11-INVALID-REQUEST-TERMINAL", "after over-polling the id is unauthorized_client", func(b *behaviour) {
		b.refuse("throttle", 400, "invalid_request")
		everyPoll(func(c *call, r *reply) {
			if c.flow != nil && c.flow.early > 0 && r.body["error"] == "authorization_pending" {
				r.body["error"] = "unauthorized_client"
			}
		})(b)
	}},
	Fault{"overload-mute", "CIBA-10.1-503-RETRY-AFTER", "503 without Retry-After", func(b *behaviour) { b.refuse("throttle", 503, "temporarily_unavailable") }},
	Fault{"overload-words", "CIBA-10.1-503-RETRY-AFTER", "Retry-After is neither seconds nor a date", func(b *behaviour) {
		b.refuse("throttle", 503, "temporarily_unavailable")
		b.reply("token", "error", func(r *reply) {
			if r.status == 503 {
				r.header.Set("Retry-After", "in a moment")
			}
		})
	}},
)

var _ = plant(
	wrongly("id-unknown-expired", "CIBA-11-ARID-UNKNOWN", "an unknown id is expired_token", "id-known", 400, "expired_token"),
	wrongly("id-unknown-404", "CIBA-11-ARID-UNKNOWN", "an unknown id is 404", "id-known", 404, "not_found"),
	wrongly("id-unknown-invalid-request", "CIBA-11-ARID-UNKNOWN", "an unknown id is invalid_request", "id-known", 400, "invalid_request"),
	wrongly("id-unknown-pending", "CIBA-11-ARID-UNKNOWN", "an unknown id is pending", "id-known", 400, "authorization_pending"),
	wrongly("id-unknown-500", "CIBA-11-ARID-UNKNOWN", "an unknown id crashes the OP", "id-known", 500, "server_error"),
	Fault{"id-prefix", "CIBA-11-ARID-TAMPERED", "only the beginning of an id counts", func(b *behaviour) { byPart(b, func(id string) string { return id[:min(len(id), 12)] }) }},
	Fault{"id-suffix", "CIBA-11-ARID-TAMPERED", "only the end of an id counts", func(b *behaviour) { byPart(b, func(id string) string { return id[max(0, len(id)-12):] }) }},
	Fault{"id-tampered-kills", "CIBA-11-ARID-TAMPERED", "an altered id uses the genuine one up", func(b *behaviour) {
		part := func(id string) string { return id[:min(len(id), 12)] }
		byPart(b, part)
		b.state(func(c *call, f *flow, at state) state {
			if c.value("auth_req_id") != f.id {
				f.state = used
				return used
			}
			return at
		})
	}},
	lax("id-missing-guess", "CIBA-10.1-ARID-MISSING", "a missing id is looked up", "id-missing", "id-known"),
	wrongly("id-missing-500", "CIBA-10.1-ARID-MISSING", "a missing id crashes the OP", "id-missing", 500, "server_error"),
	wrongly("id-missing-401", "CIBA-10.1-ARID-MISSING", "a missing id is invalid_client", "id-missing", 401, "invalid_client"),
	lax("id-twice", "CIBA-10.1-ARID-REPEATED", "the first of two ids counts", "duplicates", "duplicates-token"),
	lax("grant-any-type", "RFC6749-5.2-GRANT-TYPE", "grant_type is not looked at", "grant-type"),
	Fault{"grant-type-500", "RFC6749-5.2-GRANT-TYPE", "an unknown grant_type crashes the OP", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "token" && r.kind == "error" && r.body["error"] == "unsupported_grant_type" {
				crash(c, r)
			}
		})
	}},
	Fault{"grant-type-missing-is-ciba", "RFC6749-5.2-GRANT-TYPE", "without grant_type CIBA is meant", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "token" && c.form["grant_type"] == nil && c.form["auth_req_id"] != nil && c.client != nil {
				*r = *c.op.redeem(c)
				r.header.Set("Content-Type", "application/json")
			}
		})
	}},
	cancels("grant-type-cancels", "RFC6749-5.2-GRANT-TYPE", "a wrong grant_type cancels the request, at the user's, too", func(c *call, _ *flow, _ *reply) bool {
		return c.value("grant_type") != grantCIBA
	}),
	Fault{"grant-type-kills", "RFC6749-5.2-GRANT-TYPE", "a wrong grant_type uses the id up", func(b *behaviour) { b.onReply = append(b.onReply, costlyGrant) }},
	lax("grant-any-client", "CIBA-10.1-GRANT-NOT-ALLOWED", "a client without CIBA may poll", "grant-ciba", "id-known"),
	wrongly("grant-client-500", "CIBA-10.1-GRANT-NOT-ALLOWED", "a client without CIBA crashes the OP", "grant-ciba", 500, "server_error"),
	wrongly("grant-client-pending", "CIBA-10.1-GRANT-NOT-ALLOWED", "a client without CIBA is told to wait", "grant-ciba", 400, "authorization_pending"),
	lax("token-by-get", "CIBA-10.1-TOKEN-POST-ONLY", "GET redeems", "method-token", "query-token"),

	lax("foreign-anything", "CIBA-11-ARID-OTHER-CLIENT", "ids work for every client", "id-own"),
	lax("foreign-pending", "CIBA-11-ARID-OTHER-CLIENT", "another client learns that a request is pending", "id-own-pending"),
	lax("foreign-approved", "CIBA-11-ARID-OTHER-CLIENT", "another client redeems an approved request", "id-own-approved"),
	lax("foreign-denied", "CIBA-11-ARID-OTHER-CLIENT-DENIED", "another client learns of the denial", "id-own-denied"),
	lax("foreign-expired", "CIBA-11-OTHER-CLIENT-EXPIRED", "another client learns of the expiry", "id-own-expired"),
	wrongly("foreign-unauthorized", "CIBA-11-ARID-OTHER-CLIENT", "another client is unauthorized_client", "id-own", 400, "unauthorized_client"),
	wrongly("foreign-500", "CIBA-11-ARID-OTHER-CLIENT", "another client crashes the OP", "id-own", 500, "server_error"),
	Fault{"foreign-expired-tokens", "CIBA-11-OTHER-CLIENT-EXPIRED", "another client redeems what expired", func(b *behaviour) {
		b.skip("id-own-expired")
		b.state(func(c *call, f *flow, at state) state {
			if at == expired && c.client != f.client {
				return approved
			}
			return at
		})
	}},
	costly("foreign-kills", "CIBA-11-ARID-OTHER-CLIENT", "a foreign poll uses the id up", func(c *call, err *oauthError) bool { return err.code == "invalid_grant" && c.flow.client != c.client }),
	cancels("foreign-cancels", "CIBA-11-ARID-OTHER-CLIENT", "a foreign poll cancels the request, at the user's, too", func(c *call, f *flow, _ *reply) bool {
		return c.client != nil && c.client != f.client
	}),
	costly("foreign-kills-approved", "CIBA-11-ARID-OTHER-CLIENT", "a foreign poll uses an approved id up", func(c *call, err *oauthError) bool {
		return err.code == "invalid_grant" && c.flow.client != c.client && c.flow.stateAt(c.now) == approved
	}),
	costly("foreign-kills-denied", "CIBA-11-ARID-OTHER-CLIENT-DENIED", "a foreign poll uses a denied id up", func(c *call, err *oauthError) bool {
		return err.code == "invalid_grant" && c.flow.client != c.client && c.flow.stateAt(c.now) == denied
	}),
	Fault{"foreign-throttles", "CIBA-11-ARID-OTHER-CLIENT", "a foreign poll counts for the owner's pace", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, _ *reply) {
			if c.endpoint != "token" || c.flow == nil || c.client == c.flow.client {
				return
			}
			_, s := c.op.find(c.flow.id)
			defer s.mu.Unlock()
			c.flow.lastPoll = c.now
		})
	}},
	Fault{"foreign-used-known", "CIBA-11-ARID-OTHER-CLIENT", "another client learns of the use", func(b *behaviour) {
		b.skip("id-own-used")
		b.refuse("poll-used", 400, "access_denied")
	}},

	seen("reuse-forever", "CIBA-10.1.1-REUSE", "an id can be redeemed again and again", asIf(used, approved)),
	seen("reuse-grace", "CIBA-10.1.1-REUSE-RACE", "within two seconds an id can be redeemed again", func(c *call, f *flow, at state) state {
		if at == used && c.now.Sub(f.redeemed) < 2*time.Second {
			return approved
		}
		return at
	}),
	seen("reuse-later", "CIBA-10.1.1-REUSE", "after three seconds an id is fresh again", func(c *call, f *flow, at state) state {
		if at == used && c.now.Sub(f.redeemed) > 3*time.Second {
			return approved
		}
		return at
	}),
	seen("reuse-much-later", "CIBA-10.1.1-REUSE", "the use of an id is forgotten after 15 s", func(c *call, f *flow, at state) state {
		if at == used && c.now.Sub(f.redeemed) > 15*time.Second {
			return approved
		}
		return at
	}),
	seen("reuse-pending", "CIBA-10.1.1-REUSE", "a used id is pending", asIf(used, pending)),
	in(used, "reuse-500", "CIBA-10.1.1-REUSE", "a used id crashes the OP", 500, "server_error"),
	in(used, "reuse-invalid-request", "CIBA-10.1.1-REUSE", "a used id is invalid_request", 400, "invalid_request"),
	in(used, "reuse-404", "CIBA-10.1.1-REUSE", "a used id is 404", 404, "invalid_grant"),
	Fault{"redeem-race", "CIBA-10.1.1-REUSE-RACE", "ten polls at once get tokens ten times", func(b *behaviour) { b.redeemPause = func() time.Duration { return 20 * time.Millisecond } }},
	Fault{"redeem-race-narrow", "CIBA-10.1.1-REUSE-RACE", "two polls within a millisecond get tokens twice", func(b *behaviour) { b.redeemPause = func() time.Duration { return time.Millisecond } }},
)

// byPart looks flows up by a part of their id.
func byPart(b *behaviour, part func(string) string) {
	var known sync.Map
	b.onFlow = append(b.onFlow, func(_ *call, f *flow) { known.Store(part(f.id), f.id) })
	b.lookUp = func(id string) string {
		if whole, ok := known.Load(part(id)); ok {
			return whole.(string)
		}
		return id
	}
}

// CIBA Core 11 leaves pace keeping, the retention of what has ended and the
// holding of polls to the OP.
var _ = allow(
	Variant{"never-slow-down", "CIBA Core 11: nothing obliges an OP to watch the pace", func(b *behaviour) { b.skip("throttle") }},
	Variant{"slow-down-first-poll", "CIBA Core 7.3: whether the interval separates the acknowledgement from the first poll is open", func(b *behaviour) {
		b.onFlow = append(b.onFlow, func(c *call, f *flow) { f.lastPoll = c.now })
	}},
	Variant{"slow-down-constant", "CIBA Core 11: the client adds 5 s, the OP need not ask for more than the interval", func(b *behaviour) { b.throttleStep = 0 }},
	Variant{"slow-down-keeps-window", "CIBA Core 7.3: which poll begins the interval is open", func(b *behaviour) { b.keepWindow = true }},
	Variant{"slow-down-told", "CIBA Core 11: an interval member of the error tells how long to wait", func(b *behaviour) {
		b.throttleStep = 9 * time.Second
		everyPoll(func(c *call, r *reply) {
			if r.body["error"] == "slow_down" {
				r.body["interval"] = int(c.told / time.Second)
				r.header.Set("Retry-After", strconv.Itoa(int(c.told/time.Second)))
			}
		})(b)
	}},
	Variant{"slow-down-hides-end", "CIBA Core 11: slow_down may come in any state", func(b *behaviour) { b.throttleFirst = true }},
	Variant{"slow-down-hides-end-keeps-window", "CIBA Core 11: slow_down may come in any state", func(b *behaviour) {
		b.throttleFirst, b.keepWindow, b.throttleStep = true, true, 0
	}},
	Variant{"overload-503", "CIBA Core 10.1: 503 with Retry-After", func(b *behaviour) { loadControl(b, 503) }},
	Variant{"overload-429", "RFC 6585 4: 429 is load control, not a judgement of the request", func(b *behaviour) { loadControl(b, 429) }},
	Variant{"over-polling-fatal", "CIBA Core 11: a client that keeps polling too fast may be told invalid_request and lose its request", func(b *behaviour) {
		everyPoll(func(c *call, r *reply) {
			if c.flow != nil && r.kind == "error" && c.flow.early > 2 {
				r.status, r.body = 400, map[string]any{"error": "invalid_request"}
			}
		})(b)
	}},
	Variant{"long-poll-30", "CIBA Core 10.1: a poll may be held for up to 30 s", func(b *behaviour) { b.hold = 30 * time.Second }},
	Variant{"long-poll-8", "CIBA Core 10.1: a poll may be held", func(b *behaviour) { b.hold = 8 * time.Second }},
	Variant{"interval-absent", "CIBA Core 7.3: interval is optional and 5 s by default", func(b *behaviour) {
		b.reply("start", "ack", func(r *reply) { delete(r.body, "interval") })
	}},
	Variant{"interval-one", "CIBA Core 7.3: any positive interval", func(b *behaviour) {
		b.reply("start", "ack", func(r *reply) { r.body["interval"] = 1 })
		b.onFlow = append(b.onFlow, func(_ *call, f *flow) { f.interval = time.Second })
	}},
	Variant{"interval-twelve", "CIBA Core 7.3: any positive interval", func(b *behaviour) {
		b.reply("start", "ack", func(r *reply) { r.body["interval"] = 12 })
		b.onFlow = append(b.onFlow, func(_ *call, f *flow) { f.interval = 12 * time.Second })
	}},
	Variant{"replay-revokes", "RFC 6749 4.1.2 and CIBA Core 10.1.1: a replay may end the tokens of the grant", func(b *behaviour) { b.revokeOnReplay = true }},
	Variant{"one-request-supersedes", "CIBA Core 7: how many requests of a user are open at once is the OP's choice", func(b *behaviour) { b.openOne = true }},
	Variant{"one-request-refuses", "CIBA Core 13: access_denied for a request the OP will not take on", func(b *behaviour) { b.oneOpenRequest = true }},
	Variant{"unknown-id-slow", "no text limits how long a refusal takes", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "token" && c.flow == nil && r.body["error"] == "invalid_grant" {
				c.op.wait(10 * time.Second)
			}
		})
	}},
)

// loadControl answers early polls by status and Retry-After.
func loadControl(b *behaviour, status int) {
	b.throttleStep = 0
	b.refuse("throttle", status, "temporarily_unavailable")
	everyPoll(func(c *call, r *reply) {
		if r.status == status {
			r.header.Set("Retry-After", strconv.Itoa(int(math.Ceil(c.told.Seconds()))))
		}
	})(b)
}
