package refop

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// ack makes a fault of an edit of the acknowledgement.
func ack(name, breaks, sees string, edit func(*reply)) Fault {
	return swap(name, breaks, sees, "start", "ack", edit)
}

func member(name string, value any) func(*reply) {
	return func(r *reply) { r.body[name] = value }
}

// ackWhen makes a fault of an edit of some acknowledgements.
func ackWhen(name, breaks, sees string, which func(*call) bool, edit func(*reply)) Fault {
	return Fault{name, breaks, sees, func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "start" && r.kind == "ack" && which(c) {
				edit(r)
			}
		})
	}}
}

// ids makes a fault of the generator of auth_req_ids.
func ids(name, breaks, sees string, make func(*OP) string) Fault {
	return Fault{name, breaks, sees, func(b *behaviour) { b.authReqID = make }}
}

var _ = plant(
	ack("ack-202", "CIBA-7.3-ACK-STATUS", "the acknowledgement is a 202", func(r *reply) { r.status = 202 }),
	ack("ack-201", "CIBA-7.3-ACK-STATUS", "the acknowledgement is a 201", func(r *reply) { r.status = 201 }),
	ack("ack-302", "CIBA-7.3-ACK-STATUS", "the acknowledgement is a 302", func(r *reply) { r.status = http.StatusFound }),
	ack("ack-html", "CIBA-7.3-ACK-JSON", "the acknowledgement is called text/html", func(r *reply) { r.header.Set("Content-Type", "text/html") }),
	ack("ack-no-type", "CIBA-7.3-ACK-JSON", "the acknowledgement has no media type", func(r *reply) { r.header.Set("Content-Type", "") }),
	ack("ack-cached-privately", "CIBA-7.3-ACK-NO-STORE", "browsers may cache the acknowledgement", func(r *reply) { r.header.Set("Cache-Control", "private, max-age=60") }),
	ack("ack-no-cache", "CIBA-7.3-ACK-NO-STORE", "the acknowledgement is to be revalidated only", func(r *reply) { r.header.Set("Cache-Control", "no-cache") }),
	Fault{"ack-blocked", "CIBA-7.3-ACK-IMMEDIATE", "the acknowledgement waits for the user", func(b *behaviour) { b.delay["start"] = 100 * time.Second }},
	ack("ack-text", "CIBA-7.3-ACK-JSON", "the acknowledgement is called text/plain", func(r *reply) { r.header.Set("Content-Type", "text/plain") }),
	ack("ack-cached", "CIBA-7.3-ACK-NO-STORE", "the acknowledgement may be cached", func(r *reply) { r.header.Del("Cache-Control") }),
	Fault{"ack-late", "CIBA-7.3-ACK-IMMEDIATE", "the acknowledgement takes 35 s", func(b *behaviour) { b.delay["start"] = 35 * time.Second }},
	Fault{"ack-late-for-details", "CIBA-7.3-ACK-IMMEDIATE", "with authorization_details the acknowledgement waits for the user", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if r.kind == "ack" && c.form["authorization_details"] != nil {
				c.op.wait(40 * time.Second)
			}
		})
	}},
	Fault{"ack-slow", "CIBA-7.3-ACK-IMMEDIATE", "the acknowledgement takes 7 s", func(b *behaviour) { b.delay["start"] = 7 * time.Second }},
	ack("ack-no-id", "CIBA-7.3-ARID-PRESENT", "there is no auth_req_id", func(r *reply) { delete(r.body, "auth_req_id") }),
	ack("ack-id-null", "CIBA-7.3-ARID-PRESENT", "auth_req_id is null", member("auth_req_id", nil)),
	ack("ack-id-array", "CIBA-7.3-ARID-PRESENT", "auth_req_id is an array", member("auth_req_id", []any{"x"})),
	ack("ack-id-number", "CIBA-7.3-ARID-PRESENT", "auth_req_id is a number", member("auth_req_id", 4711)),
	ack("ack-id-empty", "CIBA-7.3-ARID-PRESENT", "auth_req_id is empty", member("auth_req_id", "")),
	ids("ack-id-colon", "CIBA-7.3-ARID-CHARSET", "ids are URNs", func(*OP) string { return "urn:request:" + randomID(24) }),
	ids("ack-id-tilde", "CIBA-7.3-ARID-CHARSET", "ids contain a tilde", func(*OP) string { return randomID(12) + "~" + randomID(12) }),
	ids("ack-id-padding", "CIBA-7.3-ARID-CHARSET", "ids end in =", func(*OP) string { return randomID(32) + "=" }),
	ids("ack-id-base64", "CIBA-7.3-ARID-CHARSET", "ids contain slashes and plus signs", func(*OP) string { return randomID(24) + "/+" + randomID(8) }),
	ids("ack-id-digits", "CIBA-7.3-ARID-ENTROPY", "ids are numbers of 20 digits", func(*OP) string { return digits(20) }),
	Fault{"ack-id-counter", "CIBA-7.3-ARID-ENTROPY", "ids are counted", func(b *behaviour) {
		var n atomic.Int64
		b.authReqID = func(*OP) string { return fmt.Sprintf("auth-request-of-this-provider-%012d", n.Add(1)) }
	}},
	ids("ack-id-108", "CIBA-7.3-ARID-ENTROPY", "ids have 108 bits", func(*OP) string { return randomID(32)[:18] }),
	ids("ack-id-short", "CIBA-7.3-ARID-ENTROPY", "ids have 64 random bits", func(*OP) string { return "request-" + randomID(8) }),
	ids("ack-id-padded", "CIBA-7.3-ARID-ENTROPY", "ids are long but mostly constant", func(*OP) string { return strings.Repeat("A", 40) + randomID(9) }),
	ids("ack-id-hex", "CIBA-7.3-ARID-ENTROPY-160", "ids are 38 hexadecimal digits", func(*OP) string { return hexID(19) }),
	ids("ack-id-uuid", "CIBA-7.3-ARID-ENTROPY-160", "ids have 128 random bits", func(*OP) string { return randomID(17) }),
	Fault{"ack-id-again", "CIBA-7.3-ARID-UNIQUE", "two requests that follow each other get one id", func(b *behaviour) {
		var n atomic.Int64
		b.reply("start", "ack", func(r *reply) {
			if n.Add(1)%16 < 2 {
				r.body["auth_req_id"] = repeatedID
			}
		})
	}},
	Fault{"ack-id-of-the-user", "CIBA-7.3-ARID-UNIQUE", "equal requests get one id", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if m := c.value("binding_message"); c.endpoint == "start" && r.kind == "ack" && (m == "W4SCT" || c.form["x_unknown"] != nil) {
				r.body["auth_req_id"] = repeatedID
			}
		})
	}},
	ack("ack-expires-string", "CIBA-7.3-EXPIRES-IN", "expires_in is a string", member("expires_in", "120")),
	ack("ack-expires-null", "CIBA-7.3-EXPIRES-IN", "expires_in is null", member("expires_in", nil)),
	ack("ack-expires-negative", "CIBA-7.3-EXPIRES-IN", "expires_in is negative", member("expires_in", -120)),
	ack("ack-expires-moment", "CIBA-7.3-EXPIRES-IN", "expires_in is a moment in seconds since 1970", member("expires_in", 1_795_000_000)),
	ack("ack-expires-missing", "CIBA-7.3-EXPIRES-IN", "expires_in is missing", func(r *reply) { delete(r.body, "expires_in") }),
	ack("ack-expires-zero", "CIBA-7.3-EXPIRES-IN", "expires_in is 0", member("expires_in", 0)),
	ack("ack-expires-fraction", "CIBA-7.3-EXPIRES-IN", "expires_in is 120.5", member("expires_in", 120.5)),
	ack("ack-interval-string", "CIBA-7.3-INTERVAL", "interval is a string", member("interval", "5")),
	ack("ack-interval-null", "CIBA-7.3-INTERVAL", "interval is null", member("interval", nil)),
	ack("ack-interval-fraction", "CIBA-7.3-INTERVAL", "interval is 2.5", member("interval", 2.5)),
	ack("ack-interval-negative", "CIBA-7.3-INTERVAL", "interval is negative", member("interval", -5)),
	ack("ack-interval-zero", "CIBA-7.3-INTERVAL", "interval is 0", member("interval", 0)),
	ackWhen("ack-201-for-hint-tokens", "CIBA-7.3-ACK-STATUS", "who is named by a login_hint_token is acknowledged with a 201",
		func(c *call) bool { return c.form["login_hint_token"] != nil }, status(201)),
	ackWhen("ack-cached-for-assertions", "CIBA-7.3-ACK-NO-STORE", "clients that sign assertions get an acknowledgement that may be cached",
		func(c *call) bool { return c.form["client_assertion"] != nil }, func(r *reply) { r.header.Del("Cache-Control") }),
	ackWhen("ack-text-for-details", "CIBA-7.3-ACK-JSON", "with authorization_details the acknowledgement is called text/plain",
		func(c *call) bool { return c.form["authorization_details"] != nil }, func(r *reply) { r.header.Set("Content-Type", "text/plain") }),
	ackWhen("ack-expires-string-as-asked", "CIBA-7.3-EXPIRES-IN", "expires_in is a string where it was requested",
		func(c *call) bool { return c.form["requested_expiry"] != nil }, func(r *reply) { r.body["expires_in"] = fmt.Sprint(r.body["expires_in"]) }),
	ackWhen("ack-interval-null-for-post", "CIBA-7.3-INTERVAL", "interval is null for clients that post their secret",
		func(c *call) bool { return c.form["client_secret"] != nil }, member("interval", nil)),
	ackWhen("ack-with-token-for-id-tokens", "CIBA-7.3-ACK-NO-TOKENS", "who is named by an ID Token gets tokens with the acknowledgement",
		func(c *call) bool { return c.form["id_token_hint"] != nil }, member("id_token", "e30.e30.e30")),
	ack("ack-with-id-token", "CIBA-7.3-ACK-NO-TOKENS", "the acknowledgement carries an ID Token", member("id_token", "e30.e30.e30")),
	ack("ack-with-refresh-token", "CIBA-7.3-ACK-NO-TOKENS", "the acknowledgement carries a refresh token", member("refresh_token", "early-bird")),
	ack("ack-with-token", "CIBA-7.3-ACK-NO-TOKENS", "the acknowledgement carries an access token", member("access_token", "early-bird")),
	Fault{"ack-id-with-name", "CIBA-7.3-ARID-NO-LEAK", "the id begins with the login hint", func(b *behaviour) {
		b.onFlow = append(b.onFlow, func(_ *call, f *flow) { f.id = f.user.LoginHint + "-" + randomID(32) })
	}},
	Fault{"ack-id-readable", "CIBA-7.3-ARID-NO-LEAK", "the id is a JWT with the login hint", func(b *behaviour) {
		b.onFlow = append(b.onFlow, func(_ *call, f *flow) { f.id = readableID(f) })
	}},
)

const repeatedID = "the-same-id-again-and-again-and-again-0000"

// digits is a random number.
func digits(n int) string {
	text := make([]byte, n)
	for i, b := range []byte(randomID(n)[:n]) {
		text[i] = '0' + b%10
	}
	return string(text)
}

// hexID is random in hexadecimal.
func hexID(bytes int) string {
	raw, _ := base64.RawURLEncoding.DecodeString(randomID(bytes))
	return hex.EncodeToString(raw)
}

// readableID is an unsigned JWT that tells who the user is.
func readableID(f *flow) string {
	return encodeJSON(map[string]any{"alg": "HS256"}) + "." + encodeJSON(map[string]any{"hint": f.user.LoginHint, "jti": randomID(32)}) + "." + randomID(32)
}
