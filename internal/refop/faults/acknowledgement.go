package faults

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// Acknowledgement are the defects of the answer to a backchannel request; CIBA Core 7.3.
var Acknowledgement = []Fault{
	{"ack-202", "CIBA-7.3-ACK-STATUS", "the acknowledgement is a 202", edit.Acknowledgements(edit.Status(202))},
	{
		"ack-202-of-push", "CIBA-7.3-ACK-STATUS", "the acknowledgement of a push client is a 202",
		answeredIn(refop.DeliveryPush, refop.ReplyAcknowledgement, edit.Status(202)),
	},
	{"ack-201", "CIBA-7.3-ACK-STATUS", "the acknowledgement is a 201", edit.Acknowledgements(edit.Status(201))},
	{
		"ack-201-and-empty", "CIBA-7.3-ACK-STATUS", "the acknowledgement is a 201 with the id in Location and no body",
		edit.Acknowledgements(func(r *refop.Reply) {
			r.Header.Set("Location", "/requests/"+r.Body["auth_req_id"].(string))
			r.Status, r.Raw = http.StatusCreated, []byte{}
		}),
	},
	{"ack-302", "CIBA-7.3-ACK-STATUS", "the acknowledgement is a 302", edit.Acknowledgements(edit.Status(http.StatusFound))},
	{"ack-html", "CIBA-7.3-ACK-JSON", "the acknowledgement is called text/html", edit.Acknowledgements(edit.Media("text/html"))},
	{"ack-no-type", "CIBA-7.3-ACK-JSON", "the acknowledgement has no media type", edit.Acknowledgements(edit.Media(""))},
	{
		"ack-cached-privately", "CIBA-7.3-ACK-NO-STORE", "browsers may cache the acknowledgement",
		edit.Acknowledgements(edit.Header("Cache-Control", "private, max-age=60")),
	},
	{
		"ack-no-cache", "CIBA-7.3-ACK-NO-STORE", "the acknowledgement is to be revalidated only",
		edit.Acknowledgements(edit.Header("Cache-Control", "no-cache")),
	},
	{
		"ack-blocked", "CIBA-7.3-ACK-IMMEDIATE", "the acknowledgement waits for the user",
		edit.Late(refop.EndpointStart, 100*time.Second),
	},
	{"ack-text", "CIBA-7.3-ACK-JSON", "the acknowledgement is called text/plain", edit.Acknowledgements(edit.Media("text/plain"))},
	{
		"ack-cached", "CIBA-7.3-ACK-NO-STORE", "the acknowledgement may be cached",
		edit.Acknowledgements(edit.WithoutHeader("Cache-Control")),
	},
	{"ack-late", "CIBA-7.3-ACK-IMMEDIATE", "the acknowledgement takes 35 s", edit.Late(refop.EndpointStart, 35*time.Second)},
	{
		"ack-late-for-details", "CIBA-7.3-ACK-IMMEDIATE", "with authorization_details the acknowledgement waits for the user",
		edit.Replies(func(c *refop.Call, r *refop.Reply) {
			if r.Kind == refop.ReplyAcknowledgement && c.Has("authorization_details") {
				c.OP.Wait(40 * time.Second)
			}
		}),
	},
	{"ack-slow", "CIBA-7.3-ACK-IMMEDIATE", "the acknowledgement takes 7 s", edit.Late(refop.EndpointStart, 7*time.Second)},
	{"ack-no-id", "CIBA-7.3-ARID-PRESENT", "there is no auth_req_id", edit.Acknowledgements(edit.WithoutMember("auth_req_id"))},
	{"ack-id-null", "CIBA-7.3-ARID-PRESENT", "auth_req_id is null", edit.Acknowledgements(edit.Member("auth_req_id", nil))},
	{"ack-id-array", "CIBA-7.3-ARID-PRESENT", "auth_req_id is an array", edit.Acknowledgements(edit.Member("auth_req_id", []any{"x"}))},
	{"ack-id-number", "CIBA-7.3-ARID-PRESENT", "auth_req_id is a number", edit.Acknowledgements(edit.Member("auth_req_id", 4711))},
	{"ack-id-empty", "CIBA-7.3-ARID-PRESENT", "auth_req_id is empty", edit.Acknowledgements(edit.Member("auth_req_id", ""))},
	{
		"ack-id-colon", "CIBA-7.3-ARID-CHARSET", "ids are URNs",
		edit.RequestIDs(func() string { return "urn:request:" + refop.RandomID(24) }),
	},
	{
		"ack-id-tilde", "CIBA-7.3-ARID-CHARSET", "ids contain a tilde",
		edit.RequestIDs(func() string { return refop.RandomID(12) + "~" + refop.RandomID(12) }),
	},
	{"ack-id-padding", "CIBA-7.3-ARID-CHARSET", "ids end in =", edit.RequestIDs(func() string { return refop.RandomID(32) + "=" })},
	{
		"ack-id-base64", "CIBA-7.3-ARID-CHARSET", "ids contain slashes and plus signs",
		edit.RequestIDs(func() string { return refop.RandomID(24) + "/+" + refop.RandomID(8) }),
	},
	{"ack-id-digits", "CIBA-7.3-ARID-ENTROPY", "ids are numbers of 20 digits", edit.RequestIDs(func() string { return randomDigits(20) })},
	{"ack-id-counter", "CIBA-7.3-ARID-ENTROPY", "ids are counted", func(p *refop.Plan) {
		var n atomic.Int64
		p.Rules.RequestID = func() string { return fmt.Sprintf("auth-request-of-this-provider-%012d", n.Add(1)) }
	}},
	{"ack-id-108", "CIBA-7.3-ARID-ENTROPY", "ids have 108 bits", edit.RequestIDs(func() string { return refop.RandomID(32)[:18] })},
	{
		"ack-id-short", "CIBA-7.3-ARID-ENTROPY", "ids have 64 random bits",
		edit.RequestIDs(func() string { return "request-" + refop.RandomID(8) }),
	},
	{
		"ack-id-padded", "CIBA-7.3-ARID-ENTROPY", "ids are long but mostly constant",
		edit.RequestIDs(func() string { return strings.Repeat("A", 40) + refop.RandomID(9) }),
	},
	{
		"ack-id-hex", "CIBA-7.3-ARID-ENTROPY-160", "ids are 38 hexadecimal digits",
		edit.RequestIDs(func() string { return edit.HexID(19) }),
	},
	{
		"ack-id-uuid", "CIBA-7.3-ARID-ENTROPY-160", "ids have 128 random bits",
		edit.RequestIDs(func() string { return refop.RandomID(17) }),
	},
	{"ack-id-again", "CIBA-7.3-ARID-UNIQUE", "two requests that follow each other get one id", func(p *refop.Plan) {
		var n atomic.Int64
		edit.Answer(p, refop.EndpointStart, refop.ReplyAcknowledgement, func(r *refop.Reply) {
			if n.Add(1)%16 < 2 {
				r.Body["auth_req_id"] = repeatedID
			}
		})
	}},
	{"ack-id-of-the-user", "CIBA-7.3-ARID-UNIQUE", "equal requests get one id", acknowledgementsWhen(
		func(c *refop.Call) bool { return c.Value("binding_message") == "W4SCT" || c.Has("x_unknown") }, edit.Member("auth_req_id", repeatedID),
	)},
	{"ack-expires-string", "CIBA-7.3-EXPIRES-IN", "expires_in is a string", edit.Acknowledgements(edit.Member("expires_in", "120"))},
	{"ack-expires-null", "CIBA-7.3-EXPIRES-IN", "expires_in is null", edit.Acknowledgements(edit.Member("expires_in", nil))},
	{"ack-expires-negative", "CIBA-7.3-EXPIRES-IN", "expires_in is negative", edit.Acknowledgements(edit.Member("expires_in", -120))},
	{
		"ack-expires-moment", "CIBA-7.3-EXPIRES-IN", "expires_in is a moment in seconds since 1970",
		acknowledgedAs(func(c *refop.Call) (string, any) { return "expires_in", c.Now.Add(c.Expiry).Unix() }),
	},
	{
		"ack-expires-moment-ms", "CIBA-7.3-EXPIRES-IN", "expires_in is a moment in milliseconds since 1970",
		acknowledgedAs(func(c *refop.Call) (string, any) { return "expires_in", c.Now.Add(c.Expiry).UnixMilli() }),
	},
	{
		"ack-expires-milliseconds", "CIBA-7.3-EXPIRES-IN", "expires_in is in milliseconds",
		acknowledgedAs(func(c *refop.Call) (string, any) { return "expires_in", c.Expiry.Milliseconds() }),
	},
	{
		"ack-interval-milliseconds", "CIBA-7.3-INTERVAL", "interval is in milliseconds",
		edit.Acknowledgements(edit.Member("interval", 5000)),
	},
	{"ack-expires-missing", "CIBA-7.3-EXPIRES-IN", "expires_in is missing", edit.Acknowledgements(edit.WithoutMember("expires_in"))},
	{"ack-expires-zero", "CIBA-7.3-EXPIRES-IN", "expires_in is 0", edit.Acknowledgements(edit.Member("expires_in", 0))},
	{"ack-expires-fraction", "CIBA-7.3-EXPIRES-IN", "expires_in is 120.5", edit.Acknowledgements(edit.Member("expires_in", 120.5))},
	{"ack-interval-string", "CIBA-7.3-INTERVAL", "interval is a string", edit.Acknowledgements(edit.Member("interval", "5"))},
	{"ack-interval-null", "CIBA-7.3-INTERVAL", "interval is null", edit.Acknowledgements(edit.Member("interval", nil))},
	{"ack-interval-fraction", "CIBA-7.3-INTERVAL", "interval is 2.5", edit.Acknowledgements(edit.Member("interval", 2.5))},
	{"ack-interval-negative", "CIBA-7.3-INTERVAL", "interval is negative", edit.Acknowledgements(edit.Member("interval", -5))},
	{"ack-interval-zero", "CIBA-7.3-INTERVAL", "interval is 0", edit.Acknowledgements(edit.Member("interval", 0))},
	{
		"ack-201-for-hint-tokens", "CIBA-7.3-ACK-STATUS", "who is named by a login_hint_token is acknowledged with a 201",
		acknowledgementsWhen(edit.Sent("login_hint_token"), edit.Status(201)),
	},
	{
		"ack-cached-for-assertions", "CIBA-7.3-ACK-NO-STORE", "clients that sign assertions get an acknowledgement that may be cached",
		acknowledgementsWhen(edit.Sent("client_assertion"), edit.WithoutHeader("Cache-Control")),
	},
	{
		"ack-text-for-details", "CIBA-7.3-ACK-JSON", "with authorization_details the acknowledgement is called text/plain",
		acknowledgementsWhen(edit.Sent("authorization_details"), edit.Media("text/plain")),
	},
	{
		"ack-expires-string-as-asked", "CIBA-7.3-EXPIRES-IN", "expires_in is a string where it was requested",
		acknowledgementsWhen(edit.Sent("requested_expiry"), func(r *refop.Reply) { r.Body["expires_in"] = fmt.Sprint(r.Body["expires_in"]) }),
	},
	{
		"ack-interval-null-for-post", "CIBA-7.3-INTERVAL", "interval is null for clients that post their secret",
		acknowledgementsWhen(edit.Sent("client_secret"), edit.Member("interval", nil)),
	},
	{
		"ack-with-token-for-id-tokens", "CIBA-7.3-ACK-NO-TOKENS", "who is named by an ID Token gets tokens with the acknowledgement",
		acknowledgementsWhen(edit.Sent("id_token_hint"), edit.Member("id_token", "e30.e30.e30")),
	},
	{
		"ack-with-id-token", "CIBA-7.3-ACK-NO-TOKENS", "the acknowledgement carries an ID Token",
		edit.Acknowledgements(edit.Member("id_token", "e30.e30.e30")),
	},
	{
		"ack-with-refresh-token", "CIBA-7.3-ACK-NO-TOKENS", "the acknowledgement carries a refresh token",
		edit.Acknowledgements(edit.Member("refresh_token", "early-bird")),
	},
	{
		"ack-with-token", "CIBA-7.3-ACK-NO-TOKENS", "the acknowledgement carries an access token",
		edit.Acknowledgements(edit.Member("access_token", "early-bird")),
	},
	{
		"ack-id-with-name", "CIBA-7.3-ARID-NO-LEAK", "the id begins with the login hint",
		actsOn(func(_ *refop.Call, f *refop.Flow) { f.ID = f.User.LoginHint + "-" + refop.RandomID(32) }),
	},
	{
		"ack-id-readable", "CIBA-7.3-ARID-NO-LEAK", "the id is a JWT with the login hint",
		actsOn(func(_ *refop.Call, f *refop.Flow) { f.ID = readableID(f) }),
	},
}

const repeatedID = "the-same-id-again-and-again-and-again-0000"

// acknowledgementsWhen edits some acknowledgements.
func acknowledgementsWhen(which edit.Which, rewrite func(*refop.Reply)) edit.Change {
	return startsThat(which, func(_ *refop.Call, r *refop.Reply) {
		if r.Kind == refop.ReplyAcknowledgement {
			rewrite(r)
		}
	})
}

// acknowledgedAs replaces a member of acknowledgements by what the call says.
func acknowledgedAs(member func(*refop.Call) (name string, value any)) edit.Change {
	return startsThat(edit.Always, func(c *refop.Call, r *refop.Reply) {
		if r.Kind == refop.ReplyAcknowledgement {
			name, value := member(c)
			r.Body[name] = value
		}
	})
}

// randomDigits is a random number.
func randomDigits(n int) string {
	text := make([]byte, n)
	for i, b := range []byte(refop.RandomID(n)[:n]) {
		text[i] = '0' + b%10
	}
	return string(text)
}

// readableID is an unsigned JWT that tells who the user is.
func readableID(f *refop.Flow) string {
	header, claims := map[string]any{"alg": "HS256"}, map[string]any{"hint": f.User.LoginHint, "jti": refop.RandomID(32)}
	return edit.JWTPart(header) + "." + edit.JWTPart(claims) + "." + refop.RandomID(32)
}
