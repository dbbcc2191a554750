package variants

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// Signed are other ways to take and refuse signed requests.
var Signed = []Variant{
	{
		"signed-plain-too", "N-12: no text says that a client which is registered to sign may not send a plain request",
		edit.Without(refop.CheckRequestPlain),
	},
	{
		"signed-plain-unauthorized", "CIBA-4-RO-UNSIGNED-FROM-SIGNER: refusal is one of two answers, and its code is not prescribed",
		edit.Answering(refop.CheckRequestPlain, 400, "unauthorized_client"),
	},
	{
		"signed-registered-only", "CIBA Core 4: the duty to register an algorithm is the client's",
		refusingUnregistered("unauthorized_client"),
	},
	{
		"signed-registered-only-invalid-request", "CIBA Core 4: the duty to register an algorithm is the client's",
		refusingUnregistered("invalid_request"),
	},
	{
		"signed-outside-ignored", "N-13: to look at the JWT alone is all right",
		edit.Without(refop.CheckRequestOutside),
	},
	{
		"signed-replay-taken", "CIBA Core 7.1.1 wants a jti, and no text has it remembered",
		edit.Without(refop.CheckRequestReplay),
	},
	{
		"signed-iat-strict", "FAPI 2.0 SP 5.3.2.1: a JWT from the future is refused",
		edit.RefusingStarts("invalid_request", (*refop.Call).IssuedLate),
	},
	{
		"signed-60-minutes", "FAPI 1.0 Part 2 5.2.2: a request object lives for 60 minutes at most",
		edit.RefusingStarts("invalid_request", livesLonger(time.Hour)),
	},
	{
		"signed-30-minutes", "RFC 7519 4.1.4 leaves the longest lifetime to the reader; products have 30 minutes",
		edit.RefusingStarts("invalid_request", livesLonger(30*time.Minute)),
	},
	{
		"signed-clocks-5-minutes", "RFC 7519 4.1.4, 4.1.5: some leeway, usually no more than a few minutes",
		edit.WithoutWhen(within(5*time.Minute), refop.CheckRequestExpired, refop.CheckRequestNotBefore),
	},
	{
		"signed-invalid-request-object", "N-14: products answer the code of OpenID Connect",
		answeringAll("invalid_request_object", signedChecks...),
	},
	{
		"signed-iss-invalid-client", "CIBA-7.1.1-RO-ISS-WRONG: two identities that disagree are invalid_client",
		edit.Answering(refop.CheckRequestIssuer, 401, "invalid_client"),
	},
	{
		"signed-iss-missing-invalid-client", "CIBA-7.1.1-RO-ISS-MISSING: some OPs derive the client from iss",
		edit.Answering(refop.CheckRequestWithIssuer, 401, "invalid_client"),
	},
	{
		"signed-alg-unauthorized-client", "CIBA-7.1.1-RO-ALG-NONE, CIBA-7.1.1-RO-REGISTERED-ALG: the client is not authorized for such a request",
		edit.All(unauthorizedNone, edit.Answering(refop.CheckRequestRegisteredAlg, 400, "unauthorized_client")),
	},
	{
		"signed-kid-needed", "RFC 7515 4.1.4: with several keys the kid tells which",
		edit.RefusingStarts("invalid_request", func(c *refop.Call) bool { return c.Signed.Claims != nil && c.Signed.Header["kid"] == nil }),
	},
	{
		"signed-keys-read-rarely", "OIDC-10.1.1-RO-KEY-ROTATION: reading keys no more often than every few minutes is normal",
		func(p *refop.Plan) {
			p.Rules.ReadKeysAgain = func(c *refop.Call, read time.Time) bool { return c.Now.Sub(read) > 2*time.Minute }
		},
	},
	{"signed-types-lenient", "CIBA-7.1.1-RO-TYPES: lenient parsing is not forbidden", readingAnyType},
	{"signed-details-string", "N-17: authorization_details as a string may be taken", readingDetailsAsText},
	{
		"signed-not-offered", "CIBA Core 7.1.1: signed requests are optional",
		edit.All(notOffered, refusingRequest("request_not_supported")),
	},
	{
		"signed-not-offered-invalid-request", "CIBA Core 7.1.1: signed requests are optional, and 13 has no code for them",
		edit.All(notOffered, refusingRequest("invalid_request")),
	},
	{
		"signed-not-offered-ignored", "CIBA Core 7.2: parameters that are not understood are ignored",
		edit.All(notOffered, edit.Without(refop.CheckRequestPlain), edit.Forms(func(c *refop.Call) { delete(c.Form, refop.RequestObject) })),
	},
}

// signedChecks are those that refuse a request object.
var signedChecks = []refop.CheckName{
	refop.CheckRequestEncrypted, refop.CheckRequestJWT, refop.CheckRequestAlg, refop.CheckRequestRegisteredAlg, refop.CheckRequestSignature,
	refop.CheckRequestWithIssuer, refop.CheckRequestIssuer, refop.CheckRequestWithAudience, refop.CheckRequestAudience,
	refop.CheckRequestWithExp, refop.CheckRequestExpired, refop.CheckRequestWithIat, refop.CheckRequestWithNbf, refop.CheckRequestNotBefore,
	refop.CheckRequestWithJTI, refop.CheckRequestOutside, refop.CheckRequestParameters, refop.CheckRequestReplay,
}

// answeringAll makes several checks refuse with another code.
func answeringAll(code string, checks ...refop.CheckName) edit.Change {
	return func(p *refop.Plan) {
		for _, check := range checks {
			edit.Answering(check, 400, code)(p)
		}
	}
}

// refusingUnregistered takes signed requests of clients that registered an algorithm only.
func refusingUnregistered(code string) edit.Change {
	return edit.RefusingStarts(code, func(c *refop.Call) bool { return c.Signed.Claims != nil && c.Client.RequestAlg == "" })
}

// livesLonger picks signed requests that are good for longer, from nbf to exp.
func livesLonger(d time.Duration) edit.Which {
	return func(c *refop.Call) bool { return c.Signed.Claims != nil && c.SignedLifetime() > d }
}

// within picks signed requests that have been over, or are to be good, for no longer.
func within(d time.Duration) edit.Which {
	return func(c *refop.Call) bool {
		nbf, _ := refop.Moment(c.Signed.Claims["nbf"])
		exp, _ := refop.Moment(c.Signed.Claims["exp"])
		return c.Now.Before(exp.Add(d)) && nbf.Before(c.Now.Add(d))
	}
}

// unauthorizedNone refuses what is not signed as the matter of the client.
func unauthorizedNone(p *refop.Plan) {
	p.Wrap(refop.CheckRequestAlg, func(inner refop.CheckFunc) refop.CheckFunc {
		return func(c *refop.Call) *refop.OAuthError {
			err := inner(c)
			if err != nil && strings.EqualFold(c.RequestAlg(), "none") {
				return refop.Refusal("unauthorized_client", "the client has to sign its requests")
			}
			return err
		}
	})
}

// readingAnyType reads parameters of other types as they are written.
func readingAnyType(p *refop.Plan) {
	inner := p.Rules.DecodeRequest
	p.Rules.DecodeRequest = func(c *refop.Call) (jose.Token, error) {
		token, err := inner(c)
		for _, name := range refop.RequestParameters {
			switch v := token.Claims[name].(type) {
			case nil:
				delete(token.Claims, name)
			case string:
			case json.Number:
				token.Claims[name] = v.String()
			default:
				if text, bad := json.Marshal(v); bad == nil && name != "authorization_details" {
					token.Claims[name] = string(text)
				}
			}
		}
		return token, err
	}
}

// readingDetailsAsText takes authorization_details that are a string of JSON.
func readingDetailsAsText(p *refop.Plan) {
	inner := p.Rules.DecodeRequest
	p.Rules.DecodeRequest = func(c *refop.Call) (jose.Token, error) {
		token, err := inner(c)
		if text, isText := token.Claims["authorization_details"].(string); isText {
			if list, bad := refop.DecodeJSON(text); bad == nil {
				token.Claims["authorization_details"] = list
			}
		}
		return token, err
	}
}

// notOffered leaves the algorithms of signed requests out of the metadata.
var notOffered = edit.Metadata(edit.DropMembers("backchannel_authentication_request_signing_alg_values_supported"))

// refusingRequest refuses whatever request is sent.
func refusingRequest(code string) edit.Change {
	return edit.After(refop.CheckClientPolicy, func(c *refop.Call) *refop.OAuthError {
		if c.Has(refop.RequestObject) {
			return refop.Refusal(code, "signed requests are not supported")
		}
		return nil
	})
}
