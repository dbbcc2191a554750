package faults

import (
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// Ping are the defects of calls in ping mode; CIBA Core 10.2.
var Ping = []Fault{
	{"ping-never", "CIBA-10.2-PING-ON-SUCCESS", "nobody is pinged after an approval", edit.NotNotifying(refop.DeliveryPing, refop.Approved)},
	{"ping-after-20s", "CIBA-10.2-PING-ON-SUCCESS", "a ping takes 20 s", lateBy(refop.DeliveryPing, 20*time.Second)},
	{"ping-denial-never", "CIBA-10.2-PING-ON-DENIAL", "nobody is pinged after a denial", edit.NotNotifying(refop.DeliveryPing, refop.Denied)},
	{"ping-denial-empty", "CIBA-10.2-PING-ON-DENIAL", "the ping of a denial has no auth_req_id", pings(raw("{}"), refop.Denied)},
	{
		"ping-denial-tells-error", "CIBA-10.2-PING-ON-DENIAL", "the ping of a denial has an error, as if it were a push",
		pings(member("error", "access_denied"), refop.Denied),
	},
	{
		"ping-denial-is-pending", "CIBA-10.2-PING-ON-DENIAL", "after the ping of a denial a poll is still pending",
		edit.SeenAsWhen(refop.Denied, refop.Pending, func(c *refop.Call, _ *refop.Flow) bool { return c.Client.Notified() }),
	},
	{"ping-get", "CIBA-10.2-PING-POST-JSON", "a ping is a GET", pings(calledBy("GET"))},
	{"ping-put", "CIBA-10.2-PING-POST-JSON", "a ping is a PUT", pings(calledBy("PUT"))},
	{"ping-form", "CIBA-10.2-PING-POST-JSON", "a ping is a form", pings(asForm)},
	{"ping-text", "CIBA-10.2-PING-POST-JSON", "a ping is text/plain", pings(headed("Content-Type", "text/plain"))},
	{"ping-no-media-type", "CIBA-10.2-PING-POST-JSON", "a ping has no Content-Type", pings(headed("Content-Type", ""))},

	{"ping-no-token", "CIBA-10.2-PING-BEARER", "a ping carries no token", pings(headed("Authorization", ""))},
	{
		"ping-token-alone", "CIBA-10.2-PING-BEARER", "a ping carries the token without a scheme",
		pings(credited(func(token string) string { return token })),
	},
	{
		"ping-token-basic", "CIBA-10.2-PING-BEARER", "a ping carries the token by the scheme Basic",
		pings(credited(func(token string) string { return "Basic " + token })),
	},
	{
		"ping-bearer-lower-case", "CIBA-10.2-PING-BEARER", "the scheme is bearer",
		pings(credited(func(token string) string { return "bearer " + token })),
	},
	{
		"ping-token-lower-case", "CIBA-10.2-PING-BEARER", "a ping carries the token in small letters",
		pings(credited(func(token string) string { return "Bearer " + strings.ToLower(token) })),
	},
	{
		"ping-token-cut", "CIBA-10.2-PING-BEARER", "a ping carries the first half of the token",
		pings(credited(func(token string) string { return "Bearer " + token[:len(token)/2] })),
	},
	{
		"ping-token-quoted", "CIBA-10.2-PING-BEARER", "a ping carries the token in quotes",
		pings(credited(func(token string) string { return `Bearer "` + token + `"` })),
	},
	{"ping-token-in-url", "CIBA-10.2-PING-BEARER", "a ping carries the token in its URL", pings(tokenInURL)},
	{
		"ping-first-token", "CIBA-10.2-PING-TOKEN-PER-REQUEST", "the token of a client's first request serves for all",
		withFirstToken(refop.DeliveryPing),
	},
	{
		"ping-last-token", "CIBA-10.2-PING-TOKEN-PER-REQUEST", "the token of a client's last request serves for all",
		withLastToken(refop.DeliveryPing),
	},

	{"ping-body-named-otherwise", "CIBA-10.2-PING-BODY", "the auth_req_id is called authReqId", pings(named("auth_req_id", "authReqId"))},
	{"ping-body-empty", "CIBA-10.2-PING-BODY", "a ping has no body", pings(raw(""))},
	{
		"ping-body-array", "CIBA-10.2-PING-BODY", "the auth_req_id is in an array",
		pings(func(n *refop.Notification) { n.Body["auth_req_id"] = []any{n.Flow.ID} }),
	},
	{
		"ping-body-other-id", "CIBA-10.2-PING-BODY", "a ping names an id of its own",
		pings(func(n *refop.Notification) { n.Body["auth_req_id"] = refop.RandomID(32) }),
	},
	{"ping-body-status", "CIBA-10.2-PING-BODY", "a ping tells the status, too", pings(member("status", "complete"))},
	{"ping-body-user", "CIBA-10.2-PING-BODY", "a ping names the user", pings(func(n *refop.Notification) { n.Body["sub"] = n.Flow.User.Sub })},
	{
		"ping-body-tokens", "CIBA-10.2-PING-BODY", "a ping has the access token in it",
		pings(func(n *refop.Notification) { n.Body["access_token"] = refop.RandomID(32) }, refop.Approved),
	},

	{"ping-at-once", "CIBA-10.2-PING-NOT-BEFORE-RESULT", "a ping comes when the request is accepted", toldAtOnce},
	{
		"ping-redirected", "CIBA-10.2-PING-NO-REDIRECT", "a ping follows redirects",
		followingRedirects(refop.DeliveryPing, 301, 302, 303, 307, 308),
	},
	{"ping-redirected-308", "CIBA-10.2-PING-NO-REDIRECT", "a ping follows a permanent redirect", followingRedirects(refop.DeliveryPing, 308)},
	{
		"ping-401-ends-it", "CIBA-10.2-PING-4XX-5XX", "a client that answers 401 loses the result",
		endedBy(func(r refop.Receipt, _ error) bool { return r.Status == 401 }),
	},
	{
		"ping-error-ends-it", "CIBA-10.2-PING-4XX-5XX", "a client in trouble loses the result",
		endedBy(func(r refop.Receipt, _ error) bool { return r.Status >= 500 }),
	},
	{"ping-blocks", "CIBA-10.2-PING-SLOW-RECEIVER", "while a ping is not answered its result cannot be fetched", pendingWhileCalled},
	{
		"ping-may-not-poll", "CIBA-10.1-PING-MAY-POLL", "who is pinged may not poll before",
		pollAnswerOf(refop.DeliveryPing, refop.Pending, "unauthorized_client"),
	},
	{
		"ping-poll-unknown", "CIBA-10.1-PING-MAY-POLL", "before the ping the auth_req_id is unknown",
		pollAnswerOf(refop.DeliveryPing, refop.Pending, "invalid_grant"),
	},

	{
		"ping-too-early", "CIBA-10.2-PING-READY", "for 7 s after a ping its result cannot be fetched",
		edit.SeenAsWhen(refop.Approved, refop.Pending, func(c *refop.Call, f *refop.Flow) bool {
			return edit.OfMode(refop.DeliveryPing)(c) && c.Now.Sub(f.Decided) < 7*time.Second
		}),
	},
	{
		"ping-a-bit-early", "CIBA-10.2-PING-READY", "for a second after a ping its result cannot be fetched",
		edit.SeenAsWhen(refop.Approved, refop.Pending, func(c *refop.Call, f *refop.Flow) bool {
			return edit.OfMode(refop.DeliveryPing)(c) && c.Now.Sub(f.Decided) < time.Second
		}),
	},
	{
		"ping-result-gone", "CIBA-10.2-PING-READY", "after a ping its result is gone",
		edit.SeenAsWhen(refop.Approved, refop.Used, func(c *refop.Call, _ *refop.Flow) bool { return edit.OfMode(refop.DeliveryPing)(c) }),
	},

	{"ping-twice", "CIBA-10.2-PING-204", "a ping comes again 3 s after it was taken", repeated(3*time.Second, 2)},
	{"ping-seven-times", "CIBA-10.2-PING-204", "a ping comes seven times, 5 s apart, whatever it is answered", repeated(5*time.Second, 7)},
	{"ping-denial-twice", "CIBA-10.2-PING-204", "a ping of a denial comes twice", repeated(3*time.Second, 2, refop.Denied)},
	{
		"ping-wants-204", "CIBA-10.2-PING-200-BODY", "a client that answers 200 loses the result",
		endedBy(func(r refop.Receipt, err error) bool { return err == nil && r.Status == 200 }),
	},
	{
		"ping-reads-answer", "CIBA-10.2-PING-200-BODY", "a client that answers with an error member loses the result",
		endedBy(func(r refop.Receipt, _ error) bool { return strings.Contains(string(r.Body), `"error"`) }),
	},
	{
		"ping-reads-html", "CIBA-10.2-PING-200-BODY", "a client that answers with what is no JSON loses the result",
		endedBy(func(r refop.Receipt, _ error) bool { return len(r.Body) > 0 && r.Body[0] != '{' }),
	},
	{
		"ping-again-after-200", "CIBA-10.2-PING-200-BODY", "a ping that was answered 200 is tried again",
		edit.TryingAgain(func(r refop.Receipt, err error) bool { return err != nil || r.Status != 204 }, 3, 2*time.Second),
	},
	{
		"ping-retries-for-ever", "CIBA-10.2-PING-RETRY-BOUNDED", "a ping is tried every 2 s until it is taken",
		tryingEvery(2 * time.Second),
	},
	{
		"ping-retries-in-a-burst", "CIBA-10.2-PING-RETRY-BOUNDED", "a ping is tried 20 times in a row",
		edit.TryingAgain(func(r refop.Receipt, err error) bool { return err != nil || r.Status >= 500 }, 20, time.Millisecond),
	},
	{
		"ping-retry-other-id", "CIBA-10.2-PING-RETRY-BOUNDED", "a ping that is tried again names another id",
		retriedWith(func(n *refop.Notification) { n.Body["auth_req_id"] = refop.RandomID(32) }),
	},
	{
		"ping-unreachable-ends-it", "CIBA-10.2-PING-UNREACHABLE", "a client that cannot be reached loses the result",
		endedBy(func(_ refop.Receipt, err error) bool { return err != nil }),
	},
	{"ping-undelivered-pending", "CIBA-10.2-PING-UNREACHABLE", "a result can be fetched when its ping was taken only", pendingUntilTaken},
	{
		"ping-expiry-four-times", "CIBA-10.2-PING-EXPIRY-OPTIONAL", "a client is pinged four times about an expiry",
		edit.All(edit.NotifyingOf(refop.DeliveryPing, refop.Expired), repeated(3*time.Second, 4, refop.Expired)),
	},
	{
		"ping-reusable", "CIBA-10.1.1-PING-SINGLE-USE", "a ping client may fetch its result again",
		edit.SeenAsWhen(refop.Used, refop.Approved, func(c *refop.Call, _ *refop.Flow) bool { return edit.OfMode(refop.DeliveryPing)(c) }),
	},
	{
		"ping-used-pending", "CIBA-10.1.1-PING-SINGLE-USE", "a ping client that has its result is told to wait for it",
		edit.SeenAsWhen(refop.Used, refop.Pending, func(c *refop.Call, _ *refop.Flow) bool { return edit.OfMode(refop.DeliveryPing)(c) }),
	},
	{"poll-client-pinged", "CIBA-10-REGISTERED-MODE-ONLY", "a poll client that has an endpoint is pinged, too", pollClientCalled(nil)},
	{
		"poll-client-pinged-blindly", "CIBA-10-REGISTERED-MODE-ONLY", "a poll client that has an endpoint is pinged without a token",
		pollClientCalled(headed("Authorization", "")),
	},
	{
		"poll-client-pushed", "CIBA-10-REGISTERED-MODE-ONLY", "a poll client that has an endpoint is pushed an access token",
		pollClientCalled(member("access_token", "made-for-the-call")),
	},
	{"ping-then-push", "CIBA-10-REGISTERED-MODE-ONLY", "a ping client is pushed an access token after its ping", pushedAfterwards},
}
