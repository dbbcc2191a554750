package variants

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// Initiation are other ways to take and refuse backchannel requests.
var Initiation = []Variant{
	{"start-405-page", "CIBA-7-POST-ONLY: no status and no form is prescribed for other methods", startPages(405, otherMethod)},
	{"start-404-page", "CIBA-7-POST-ONLY: a server may know no such route", startPages(404, otherMethod)},
	{"start-415-page", "RFC 9110 15.5.16: an unsupported media type", startPages(415, jsonBody)},
	{"start-413-page", "RFC 9110 15.5.14: a server may limit bodies", startPages(413, longBody)},
	{"start-431-page", "RFC 6585 5: a server may limit fields", startPages(431, longBody)},
	{"start-json-too", "CIBA Core 7.1 does not forbid further encodings", edit.ReadingJSON()},
	{
		"start-scope-missing-invalid-scope", "RFC 6749 3.3: without scope the request fails as invalid_scope",
		edit.Answering(refop.CheckScopeMissing, 400, "invalid_scope"),
	},
	{
		"start-scope-unknown-invalid-target", "RFC 8707 2: where scope values stand for resources, an unknown one is invalid_target",
		edit.Answering(refop.CheckScopeKnown, 400, "invalid_target"),
	},
	{
		"start-openid-missing-invalid-request", "CIBA Core 7.1 leaves open what happens without openid",
		edit.Answering(refop.CheckScopeOpenID, 400, "invalid_request"),
	},
	{"start-oauth-only", "CIBA Core 7.1 leaves open what happens without openid", oauthOnly},
	{
		"start-notification-token-refused", "CIBA-7.1-CNT-IN-POLL: the texts do not say",
		edit.RefusingStarts("invalid_request", edit.Both(edit.OfMode(refop.DeliveryPoll), edit.Sent("client_notification_token"))),
	},
	{
		"start-client-invalid-request", "N-09: products call a client without CIBA an invalid request",
		edit.Answering(refop.CheckClientCIBA, 400, "invalid_request"),
	},
	{
		"start-client-403", "CIBA Core 13: a blanket refusal is 403 access_denied",
		edit.Answering(refop.CheckClientCIBA, 403, "access_denied"),
	},
	{
		"start-client-invalid-client", "CIBA-13-UNAUTHORIZED-CLIENT: fail only when an auth_req_id is issued",
		edit.Answering(refop.CheckClientCIBA, 401, "invalid_client"),
	},
	{
		"start-client-own-code", "CIBA-13-UNAUTHORIZED-CLIENT: fail only when an auth_req_id is issued",
		edit.Answering(refop.CheckClientCIBA, 400, "unsupported_grant_type"),
	},
	{"start-policy-as-400", "N-08: products answer 400", edit.Answering(refop.CheckClientPolicy, 400, "access_denied")},
	{
		"error-terse", "RFC 6749 5.2: error_description is optional",
		edit.Answers("", refop.ReplyError, edit.WithoutMember("error_description")),
	},
	{"error-verbose", "RFC 6749 5.2: error_uri is optional, further members are ignored", func(p *refop.Plan) {
		edit.Answer(p, "", refop.ReplyError, func(r *refop.Reply) {
			r.Body["error_uri"] = "https://op.example/docs/errors#" + fmt.Sprint(r.Body["error"])
			r.Body["trace_id"] = refop.RandomID(16)
		})
	}},
	{
		"hint-none-unknown-user", "CIBA-7.1-HINT-NONE: unknown_user_id is a readable second choice",
		edit.Answering(refop.CheckHintNone, 400, "unknown_user_id"),
	},
	{
		"hint-unknown-invalid-request", "N-07: an OP need not tell which users exist",
		edit.Answering(refop.CheckUserKnown, 400, "invalid_request"),
	},
	{"hint-unknown-denied", "N-07: an OP need not tell which users exist", edit.Answering(refop.CheckUserKnown, 403, "access_denied")},
	{"hint-unknown-accepted", "N-07: a request for nobody may be accepted and never completed", acceptingNobody},
	{
		"hint-id-token-not-taken", "CIBA-7.1-ITH-OK: an OP need not support all kinds of hints",
		edit.All(refusingParameter(refop.IDTokenHint, "invalid_request"), func(p *refop.Plan) { p.Declare("id_token_hint", false) }),
	},
	{
		"hint-empty-is-unknown", "CIBA-7.1-LOGIN-HINT-EMPTY: an empty hint is missing or names nobody",
		edit.All(edit.KeepingEmpty(refop.LoginHint), edit.BlankHint()),
	},
	{"binding-50-without-space", "CIBA Core 7.1: the alphabet is the OP's", suitable(`^[a-zA-Z0-9-._+/!?#]{1,50}$`)},
	{"binding-20-without-space", "CIBA Core 7.1: the alphabet is the OP's", suitable(`^[a-zA-Z0-9-._+/!?#]{1,20}$`)},
	{"binding-4-to-8", "CIBA Core 7.1: the message should be short and plain", suitable(`^[a-zA-Z0-9]{4,8}$`)},
	{"binding-without-markup", "CIBA Core 7.1: the alphabet is the OP's", suitable(`^[^<>\pC]+$`)},
	{"binding-letters-of-any-script", "CIBA Core 7.1: the alphabet is the OP's", suitable(`^[\pL\pN-]{1,100}$`)},
	{"binding-any-text", "CIBA Core 7.1: an OP may be able to show every text", edit.Without(refop.CheckBindingMessage)},
	{
		"binding-unsuitable-invalid-request", "CIBA-13-BM-UNSUITABLE: tolerated",
		edit.Answering(refop.CheckBindingMessage, 400, "invalid_request"),
	},
	{
		"binding-needed", "FAPI-CIBA and products require a message",
		edit.RefusingStarts("invalid_binding_message", func(c *refop.Call) bool { return !c.Has("binding_message") }),
	},
	{
		"user-code-not-offered", "CIBA Core 4: user_code is optional, and an OP without it may refuse one",
		edit.All(
			edit.Metadata(edit.SetMember("backchannel_user_code_parameter_supported", false)),
			refusingParameter("user_code", "invalid_request"),
		),
	},
	{"user-code-ignored", "CIBA Core 7.2: unknown parameters are ignored", edit.All(
		edit.Without(refop.CheckUserCodeMissing, refop.CheckUserCodeWrong),
		edit.Metadata(edit.DropMembers("backchannel_user_code_parameter_supported")),
	)},
	{"ack-more-members", "CIBA Core 7.3: further members may be there", func(p *refop.Plan) {
		edit.Answer(p, refop.EndpointStart, refop.ReplyAcknowledgement, func(r *refop.Reply) {
			r.Body["auth_url"] = "https://op.example/approve"
			r.Body["binding_message"] = "AB12CD34"
		})
	}},
	{
		"ack-numbers-with-point", "RFC 8259 6: 120 and 120.0 are one number",
		edit.Acknowledgements(func(r *refop.Reply) {
			for _, name := range []string{"expires_in", "interval"} {
				if value, there := r.Body[name]; there {
					r.Body[name] = json.RawMessage(fmt.Sprint(value) + ".0")
				}
			}
		}),
	},
	{
		"ack-indented", "RFC 8259 2: white space means nothing",
		edit.Acknowledgements(func(r *refop.Reply) { r.Raw, _ = json.MarshalIndent(r.Body, "\n", "\t") }),
	},
	{
		"ack-cache-control", "RFC 9111 5.2: directives are case-insensitive and may be many",
		edit.Acknowledgements(edit.Header("Cache-Control", "private, No-Store, max-age=0")),
	},
	{"ack-id-of-a-uuid", "N-22: the specification's own example is a UUID", edit.RequestIDs(func() string {
		h := []byte(edit.HexID(16))
		h[12], h[16] = '4', "89ab"[h[16]%4]
		return fmt.Sprintf("%s-%s-%s-%s-%s", h[:8], h[8:12], h[12:16], h[16:20], h[20:])
	})},
	{"ack-id-128-bit", "CIBA Core 7.3: 128 bits are the minimum", edit.RequestIDs(func() string { return edit.HexID(16) })},
	{"ack-id-encrypted", "N-22: an encrypted JWT of several hundred characters, as Keycloak's", edit.RequestIDs(func() string {
		header := edit.JWTPart(map[string]any{"alg": "dir", "enc": "A128CBC-HS256"})
		return header + ".." + refop.RandomID(16) + "." + refop.RandomID(400) + "." + refop.RandomID(16)
	})},
	{
		"ack-id-with-prefix", "CIBA Core 7.3: dots, dashes and underscores are allowed",
		edit.RequestIDs(func() string { return "ciba_request.v1-" + refop.RandomID(32) }),
	},
}

// refusingParameter refuses requests with a parameter.
func refusingParameter(name, code string) edit.Change {
	return edit.RefusingStarts(code, edit.Sent(name))
}

// suitable has rules of its own for binding_message.
func suitable(pattern string) edit.Change {
	return func(p *refop.Plan) { p.Rules.SuitableMessage = regexp.MustCompile(pattern).MatchString }
}

// startPages answers some backchannel requests as an HTTP server does.
func startPages(status int, which edit.Which) edit.Change {
	return edit.Replies(func(c *refop.Call, r *refop.Reply) {
		if c.Endpoint == refop.EndpointStart && which(c) {
			edit.Page(status)(r)
		}
	})
}

func otherMethod(c *refop.Call) bool { return c.Request.Method != http.MethodPost }

func jsonBody(c *refop.Call) bool {
	return strings.Contains(c.Request.Header.Get("Content-Type"), "json")
}

func longBody(c *refop.Call) bool { return c.Request.ContentLength > 8<<10 }

// oauthOnly takes requests without openid, and gives them no ID Token.
func oauthOnly(p *refop.Plan) {
	edit.Without(refop.CheckScopeOpenID)(p)
	p.EditReplies(func(c *refop.Call, r *refop.Reply) {
		if r.Kind == refop.ReplyTokens && !slices.Contains(strings.Fields(c.Flow.Scope), "openid") {
			delete(r.Body, "id_token")
		}
	})
}

// acceptingNobody takes requests for users who do not exist, and asks nobody about
// them.
func acceptingNobody(p *refop.Plan) {
	nobody := &refop.User{Sub: "nobody"}
	inner := p.Rules.UserOfHint
	p.Rules.UserOfHint = func(c *refop.Call) *refop.User {
		if u := inner(c); u != nil {
			return u
		}
		return nobody
	}
	ask := p.Rules.Ask
	p.Rules.Ask = func(op *refop.OP, f *refop.Flow) {
		if f.User != nobody {
			ask(op, f)
		}
	}
}
