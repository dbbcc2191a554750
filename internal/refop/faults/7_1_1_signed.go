package faults

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// Signed are the defects in what signed requests are taken, and what comes of them; CIBA Core
// 7.1.1.
var Signed = []Fault{
	{
		"signed-fractions-refused", "CIBA-7.1.1-RO-OK", "times with fractions of seconds are refused",
		edit.RefusingStarts("invalid_request", signedClaim("exp", isFraction)),
	},
	{
		"signed-long-jti-500", "CIBA-7.1.1-RO-OK", "a long jti crashes the OP",
		startsThat(func(c *refop.Call) bool { jti, _ := c.Signed.Claims["jti"].(string); return len(jti) > 64 }, crash),
	},
	{
		"signed-push-empty", "CIBA-7.1.1-RO-OK", "push clients that sign are sent no tokens",
		edit.Notifications(refop.DeliveryPush, func(_ *refop.Call, n *refop.Notification) {
			if n.Flow.Client.RequestAlg != "" {
				n.Body = map[string]any{"auth_req_id": n.Flow.ID}
			}
		}, refop.Approved),
	},
	{
		"signed-message-lost", "CIBA-7.1.1-RO-OK", "the binding_message of a signed request is lost",
		actsOn(func(c *refop.Call, f *refop.Flow) {
			if isSigned(c) {
				f.Binding = ""
			}
		}),
	},
	{
		"signed-never-approved", "CIBA-7.1.1-RO-OK", "an approved signed request brings no tokens",
		pollsOfSigners(refop.Approved, refop.Pending),
	},
	{
		"signed-aud-one", "CIBA-7.1.1-RO-AUD-ARRAY", "an array of audiences is refused",
		edit.RefusingStarts("invalid_request", signedClaim("aud", isArray)),
	},
	{
		"signed-aud-first", "CIBA-7.1.1-RO-AUD-ARRAY", "the first audience has to be the issuer",
		edit.RefusingStarts("invalid_request", func(c *refop.Call) bool {
			list, ok := c.Signed.Claims["aud"].([]any)
			return ok && len(list) > 0 && list[0] != c.OP.Issuer()
		}),
	},
	{
		"signed-unknown-claim", "CIBA-7.2-RO-UNKNOWN-CLAIM", "a claim that the OP does not know is refused",
		edit.RefusingStarts("invalid_request", signedHas("x_unknown")),
	},
	{
		"signed-unknown-object-500", "CIBA-7.2-RO-UNKNOWN-CLAIM", "a claim that is an object crashes the OP",
		startsThat(signedClaim("x_unknown", isObject), crash),
	},
	{
		"signed-typ-refused", "RFC9101-RO-TYP", "typ has to be JWT",
		edit.RefusingStarts("invalid_request", func(c *refop.Call) bool { typ := c.Signed.Header["typ"]; return typ != nil && typ != "JWT" }),
	},
	{
		"signed-typ-needed", "RFC9101-RO-TYP", "typ has to be there",
		edit.RefusingStarts("invalid_request", func(c *refop.Call) bool { return isSigned(c) && c.Signed.Header["typ"] == nil }),
	},
	{
		"signed-expiry-number-refused", "CIBA-7.1.1-RO-EXPIRY-NUMBER", "a requested_expiry that is a number is refused",
		edit.RefusingStarts("invalid_request", signedClaim("requested_expiry", func(v any) bool { return !isText(v) && v != nil })),
	},
	{
		"signed-expiry-number-500", "CIBA-7.1.1-RO-EXPIRY-NUMBER", "a requested_expiry that is a number crashes the OP",
		startsThat(signedClaim("requested_expiry", func(v any) bool { return !isText(v) && v != nil }), crash),
	},
	{
		"signed-expiry-string-refused", "CIBA-7.1.1-RO-EXPIRY-STRING", "a requested_expiry that is a string is refused",
		edit.RefusingStarts("invalid_request", signedClaim("requested_expiry", isText)),
	},
	{
		"signed-expiry-string-500", "CIBA-7.1.1-RO-EXPIRY-STRING", "a requested_expiry that is a string crashes the OP",
		startsThat(signedClaim("requested_expiry", isText), crash),
	},
	{
		"signed-types-500", "CIBA-7.1.1-RO-TYPES", "a parameter of the wrong type crashes the OP",
		edit.Answering(refop.CheckRequestParameters, 500, "server_error"),
	},
	{
		"signed-hint-object-500", "CIBA-7.1.1-RO-TYPES", "a login_hint that is an object crashes the OP",
		startsThat(signedClaim("login_hint", isObject), crash),
	},
	{
		"signed-replay-500", "CIBA-7.1.1-RO-JTI-REPLAY", "a second use crashes the OP",
		edit.Answering(refop.CheckRequestReplay, 500, "server_error"),
	},
	{
		"signed-replay-code", "CIBA-7.1.1-RO-JTI-REPLAY", "a second use is access_denied",
		edit.Answering(refop.CheckRequestReplay, 403, "access_denied"),
	},
	{
		"signed-iat-future-500", "CIBA-7.1.1-RO-IAT-FUTURE", "an iat in the future crashes the OP",
		startsThat((*refop.Call).IssuedLate, crash),
	},
	{
		"signed-client-id-outside", "CIBA-7.1.1-RO-AUTH-OUTSIDE", "client_id beside a signed request is one parameter too many",
		edit.RefusingStarts("invalid_request", edit.Both(isSigned, edit.Sent("client_id"))),
	},
	{
		"signed-plain-500", "CIBA-4-RO-UNSIGNED-FROM-SIGNER", "a plain request of a client that signs crashes the OP",
		edit.Answering(refop.CheckRequestPlain, 500, "server_error"),
	},
	{
		"signed-unregistered-500", "CIBA-4-RO-SIGNED-FROM-UNREGISTERED", "a signed request of a client without algorithm crashes the OP",
		startsThat(func(c *refop.Call) bool { return isSigned(c) && c.Client.RequestAlg == "" }, crash),
	},
	{
		"signed-understated", "CIBA-4-SIGNED-UNSUPPORTED", "signed requests are taken and not offered",
		edit.Metadata(edit.DropMembers("backchannel_authentication_request_signing_alg_values_supported")),
	},
	{
		"signed-unsupported-500", "CIBA-4-SIGNED-UNSUPPORTED", "signed requests are not offered and crash the OP",
		edit.All(edit.Metadata(edit.DropMembers("backchannel_authentication_request_signing_alg_values_supported")), startsThat(isSigned, crash)),
	},
	{
		"signed-outside-wins", "CIBA-7.1.1-RO-OUTSIDE-CONFLICT", "parameters outside the JWT overrule those inside",
		mergingOutside(true, refop.RequestParameters...),
	},
	{
		"signed-outside-hint-wins", "CIBA-7.1.1-RO-OUTSIDE-CONFLICT", "the hint outside the JWT overrules the one inside",
		mergingOutside(true, refop.LoginHint, refop.LoginHintToken, refop.IDTokenHint),
	},
	{
		"signed-outside-message-wins", "CIBA-7.1.1-RO-OUTSIDE-CONFLICT", "the binding_message outside the JWT is shown",
		mergingOutside(true, "binding_message"),
	},
	{
		"signed-outside-expiry-wins", "CIBA-7.1.1-RO-OUTSIDE-CONFLICT", "the requested_expiry outside the JWT counts",
		mergingOutside(true, "requested_expiry"),
	},
	{
		"signed-outside-500", "CIBA-7.1.1-RO-OUTSIDE-CONFLICT", "a parameter beside the JWT crashes the OP",
		edit.Answering(refop.CheckRequestOutside, 500, "server_error"),
	},
	{
		"signed-outside-fills", "CIBA-7.1.1-RO-OUTSIDE-ONLY", "parameters outside the JWT fill the gaps",
		mergingOutside(false, refop.RequestParameters...),
	},
	{
		"signed-outside-hint-fills", "CIBA-7.1.1-RO-OUTSIDE-ONLY", "a hint outside the JWT counts where none is inside",
		mergingOutside(false, refop.LoginHint, refop.LoginHintToken, refop.IDTokenHint),
	},
	{
		"signed-outside-scope-fills", "CIBA-7.1.1-RO-OUTSIDE-ONLY", "a scope outside the JWT counts where none is inside",
		mergingOutside(false, "scope"),
	},
	{
		"signed-code-unread", "CIBA-7.1.2-UC-IN-JWT", "the user_code of a signed request is not looked at",
		edit.WithoutWhen(isSigned, refop.CheckUserCodeMissing, refop.CheckUserCodeWrong),
	},
	{
		"signed-code-missing-taken", "CIBA-7.1.2-UC-IN-JWT", "a signed request needs no user_code",
		edit.WithoutWhen(isSigned, refop.CheckUserCodeMissing),
	},
	{
		"signed-code-refused", "CIBA-7.1.2-UC-IN-JWT", "the right user_code is refused in a signed request",
		edit.RefusingStarts("invalid_user_code", edit.Both(isSigned, edit.Sent("user_code"))),
	},
	{
		"signed-code-outside", "CIBA-7.1.2-UC-IN-JWT", "a user_code outside the JWT counts",
		mergingOutside(false, "user_code"),
	},
	{
		"signed-details-refused", "RFC9396-IN-REQUEST-JWT", "authorization_details are refused in a signed request",
		edit.RefusingStarts("invalid_request", signedHas("authorization_details")),
	},
	{
		"signed-details-500", "RFC9396-IN-REQUEST-JWT", "authorization_details in a signed request crash the OP",
		startsThat(signedClaim("authorization_details", isArray), crash),
	},
	{
		"signed-details-unread", "RFC9396-IN-REQUEST-JWT", "authorization_details of a signed request are passed over",
		changingParameters(func(_ *refop.Call, _, inside map[string][]string) { delete(inside, "authorization_details") }),
	},
	{
		"signed-details-lost", "RFC9396-IN-REQUEST-JWT", "authorization_details of a signed request are checked and not granted",
		actsOn(func(c *refop.Call, f *refop.Flow) {
			if isSigned(c) {
				f.Requested, f.Granted = nil, nil
			}
		}),
	},
	{
		"signed-details-string-500", "RFC9396-IN-REQUEST-JWT", "authorization_details as a string crash the OP",
		startsThat(signedClaim("authorization_details", isText), crash),
	},
}

// isSigned picks the calls with a request object that is a JWT.
func isSigned(c *refop.Call) bool { return c.Signed.Claims != nil }

// signedHas picks the calls whose signed request has a claim.
func signedHas(claim string) edit.Which {
	return func(c *refop.Call) bool { _, has := c.Signed.Claims[claim]; return has }
}

// signedClaim picks the calls whose signed request has a claim of a kind.
func signedClaim(claim string, is func(any) bool) edit.Which {
	return func(c *refop.Call) bool { return is(c.Signed.Claims[claim]) }
}

func isFraction(v any) bool {
	n, _ := v.(json.Number)
	return strings.Contains(n.String(), ".")
}

func isText(v any) bool { _, is := v.(string); return is }

func isArray(v any) bool { _, is := v.([]any); return is }

func isObject(v any) bool { _, is := v.(map[string]any); return is }

// changingParameters changes what a signed request asks for, which may have parameters beside
// it.
func changingParameters(change func(c *refop.Call, outside, inside map[string][]string)) edit.Change {
	return func(p *refop.Plan) {
		edit.Without(refop.CheckRequestOutside)(p)
		inner := p.Rules.RequestParameters
		p.Rules.RequestParameters = func(c *refop.Call) (map[string][]string, *refop.OAuthError) {
			outside := maps.Clone(c.Form)
			inside, err := inner(c)
			if err == nil {
				change(c, outside, inside)
			}
			return inside, err
		}
	}
}

// mergingOutside takes some parameters from beside the JWT: in place of those inside, or only
// where there are none.
func mergingOutside(wins bool, names ...string) edit.Change {
	return changingParameters(func(_ *refop.Call, outside, inside map[string][]string) {
		hint := func(name string) bool { return strings.Contains(name, "hint") }
		hinted := slices.ContainsFunc(slices.Collect(maps.Keys(inside)), hint)
		for _, name := range names {
			values, beside := outside[name]
			if _, has := inside[name]; !beside || !wins && (has || hint(name) && hinted) {
				continue
			}
			if hint(name) { // there is one user
				maps.DeleteFunc(inside, func(other string, _ []string) bool { return hint(other) })
			}
			inside[name] = values
		}
	})
}

// pollsOfSigners shows polls of clients that sign one state for another.
func pollsOfSigners(is, looks refop.State) edit.Change {
	return edit.SeenAsWhen(is, looks, func(_ *refop.Call, f *refop.Flow) bool { return f.Client.RequestAlg != "" })
}
