package faults

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// SignedBy are the defects in how the signature and the claims of signed requests are
// validated; CIBA Core 7.1.1, 7.2.
var SignedBy = []Fault{
	{"signed-none", "CIBA-7.1.1-RO-ALG-NONE", "unsigned request objects are taken", unsignedTaken(isNone)},
	{"signed-none-by-other-case", "CIBA-7.1.1-RO-ALG-NONE", "one spelling of none only is refused", unsignedTaken(isOddNone)},
	{
		"signed-none-before-signature", "CIBA-7.1.1-RO-ALG-NONE", "alg none is taken where a signature follows",
		edit.WithoutWhen(func(c *refop.Call) bool { return isNone(c.RequestAlg()) && len(c.Signed.Signature) > 0 },
			refop.CheckRequestAlg, refop.CheckRequestRegisteredAlg, refop.CheckRequestSignature),
	},
	{
		"signed-none-500", "CIBA-7.1.1-RO-ALG-NONE", "alg none crashes the OP",
		startsThat(signedAlg(isNone), crash),
	},
	{
		"signed-none-denied", "CIBA-7.1.1-RO-ALG-NONE", "alg none is access_denied",
		startsThat(signedAlg(isNone), func(_ *refop.Call, r *refop.Reply) { edit.Failing(403, "access_denied")(r) }),
	},
	{"signed-hs256", "CIBA-7.1.1-RO-HS256", "an HMAC keyed with the client_secret is taken", hmacTaken(func(c *refop.Call) [][]byte {
		return [][]byte{[]byte(c.Client.Secret)}
	})},
	{"signed-hs256-pem", "CIBA-7.1.1-RO-HS256", "an HMAC keyed with the public key as PEM is taken", hmacTaken(publicForms("PEM"))},
	{"signed-hs256-der", "CIBA-7.1.1-RO-HS256", "an HMAC keyed with the public key as DER is taken", hmacTaken(publicForms("DER"))},
	{"signed-hs256-jwk", "CIBA-7.1.1-RO-HS256", "an HMAC keyed with the public key as JWK is taken", hmacTaken(publicForms("JWK"))},
	{
		"signed-hs256-500", "CIBA-7.1.1-RO-HS256", "an HMAC crashes the OP",
		startsThat(signedAlg(isHMAC), crash),
	},
	{"signed-any-signature", "CIBA-7.2-RO-BAD-SIGNATURE", "the signature is not verified", edit.Without(refop.CheckRequestSignature)},
	{
		"signed-any-rsa-signature", "CIBA-7.2-RO-BAD-SIGNATURE", "a signature of zeros verifies everything",
		edit.WithoutWhen(func(c *refop.Call) bool {
			s := c.Signed.Signature
			return len(s) > 0 && bytes.Equal(s, make([]byte, len(s)))
		}, refop.CheckRequestSignature),
	},
	{
		"signed-empty-signature", "CIBA-7.2-RO-BAD-SIGNATURE", "a signature may be left out",
		edit.WithoutWhen(func(c *refop.Call) bool { return isSigned(c) && len(c.Signed.Signature) == 0 }, refop.CheckRequestSignature),
	},
	{
		"signed-half-signature", "CIBA-7.2-RO-BAD-SIGNATURE", "half of a signature is enough",
		edit.WithoutWhen(func(c *refop.Call) bool { return len(c.Signed.Signature) == 32 }, refop.CheckRequestSignature),
	},
	{
		"signed-own-key", "CIBA-7.2-RO-BAD-SIGNATURE", "the key that the JWT brings verifies it",
		edit.WithoutWhen(func(c *refop.Call) bool { return bringsOwnKey(c.Value(refop.RequestObject)) }, refop.CheckRequestSignature),
	},
	{"signed-jku-fetched", "CIBA-7.2-RO-BAD-SIGNATURE", "the address in jku is fetched", fetchingKeysAt("jku")},
	{"signed-x5u-fetched", "CIBA-7.2-RO-BAD-SIGNATURE", "the address in x5u is fetched", fetchingKeysAt("x5u")},
	{
		"signed-critical", "CIBA-7.2-RO-BAD-SIGNATURE", "critical extensions that the OP does not know are passed over",
		edit.WithoutWhen(func(c *refop.Call) bool { return c.Signed.Header["crit"] != nil }, refop.CheckRequestSignature),
	},
	{
		"signed-bad-signature-500", "CIBA-7.2-RO-BAD-SIGNATURE", "a wrong signature crashes the OP",
		edit.Answering(refop.CheckRequestSignature, 500, "server_error"),
	},
	{
		"signed-bad-signature-code", "CIBA-7.2-RO-BAD-SIGNATURE", "a wrong signature is invalid_grant",
		edit.Answering(refop.CheckRequestSignature, 400, "invalid_grant"),
	},
	{"signed-by-any-client", "CIBA-7.2-RO-OTHER-CLIENT-KEY", "the key of any client verifies a request", requestKeysOf(
		func(c *refop.Call, keys []jose.Key) []jose.Key {
			for _, other := range c.OP.Registration().Clients {
				keys = append(keys, other.KeySet()...)
			}
			return keys
		})},
	{"signed-kid-unread", "CIBA-7.2-RO-OTHER-CLIENT-KEY", "the keys of all clients verify, whatever kid they have", requestKeysOf(
		func(c *refop.Call, keys []jose.Key) []jose.Key {
			kid, _ := c.Signed.Header["kid"].(string)
			for _, other := range c.OP.Registration().Clients {
				for _, k := range other.KeySet() {
					keys = append(keys, k.WithKID(kid))
				}
			}
			return keys
		})},
	{"signed-any-alg", "CIBA-7.1.1-RO-REGISTERED-ALG", "any algorithm that the OP has will do", edit.Without(refop.CheckRequestRegisteredAlg)},
	{
		"signed-other-alg-500", "CIBA-7.1.1-RO-REGISTERED-ALG", "another algorithm crashes the OP",
		edit.Answering(refop.CheckRequestRegisteredAlg, 500, "server_error"),
	},
	{"signed-keys-read-once", "OIDC-10.1.1-RO-KEY-ROTATION", "the keys of a client are read once and for all", func(p *refop.Plan) {
		p.Rules.ReadKeysAgain = func(_ *refop.Call, read time.Time) bool { return read.IsZero() }
	}},
	{
		"signed-new-key-500", "OIDC-10.1.1-RO-KEY-ROTATION", "a key that the OP does not know crashes it",
		startsThat(func(c *refop.Call) bool {
			kid, _ := c.Signed.Header["kid"].(string)
			return strings.HasPrefix(kid, "rotated-")
		}, crash),
	},
	{
		"signed-malformed-500", "CIBA-7.2-RO-MALFORMED", "what is no JWT crashes the OP",
		edit.Answering(refop.CheckRequestJWT, 500, "server_error"),
	},
	{
		"signed-malformed-scope", "CIBA-7.2-RO-MALFORMED", "what is no JWT is invalid_scope",
		edit.Answering(refop.CheckRequestJWT, 400, "invalid_scope"),
	},
	{
		"signed-array-500", "CIBA-7.2-RO-MALFORMED", "a payload that is an array crashes the OP",
		startsThat(func(c *refop.Call) bool { return strings.Count(c.Value(refop.RequestObject), ".") == 2 && !isSigned(c) }, crash),
	},
	{
		"signed-long-500", "CIBA-7.2-RO-MALFORMED", "a long request crashes the OP",
		startsThat(func(c *refop.Call) bool { return c.Request.ContentLength > 150_000 }, crash),
	},
	{
		"signed-encrypted-500", "CIBA-7.1.1-RO-ENCRYPTED", "an encrypted request crashes the OP",
		edit.Answering(refop.CheckRequestEncrypted, 500, "server_error"),
	},
	{"signed-encrypted-taken", "CIBA-7.1.1-RO-ENCRYPTED", "an encrypted request is decrypted and taken", decrypting},
	{
		"signed-prompt-first", "CIBA-7.2-NO-SIDE-EFFECT-ON-ERROR", "the user is asked before the signature of a request is verified",
		askingUnverified,
	},
	{
		"signed-is-authentication", "CIBA-7.1.1-RO-JWT-IS-NOT-AUTH", "a signed request authenticates its client",
		authenticatedByRequest(func(c *refop.Call) bool { return c.Value(refop.RequestObject) != "" }),
	},
	{
		"signed-is-authentication-by-id", "CIBA-7.1.1-RO-JWT-IS-NOT-AUTH", "client_id beside a signed request authenticates its client",
		authenticatedByRequest(edit.Sent("client_id")),
	},
	{
		"signed-is-assertion", "CIBA-7.1.1-RO-JWT-IS-NOT-AUTH", "a signed request is taken for an assertion",
		assertionNames(func(_ *refop.OP, iss, sub string) (string, string) {
			if sub == "" {
				return iss, iss
			}
			return iss, sub
		}),
	},
	{
		"signed-no-iss", "CIBA-7.1.1-RO-ISS-MISSING", "iss may be missing",
		withoutWhenAbsent("iss", refop.CheckRequestWithIssuer, refop.CheckRequestIssuer),
	},
	{
		"signed-no-iss-500", "CIBA-7.1.1-RO-ISS-MISSING", "a missing iss crashes the OP",
		edit.Answering(refop.CheckRequestWithIssuer, 500, "server_error"),
	},
	{"signed-any-iss", "CIBA-7.1.1-RO-ISS-WRONG", "iss is not compared", edit.Without(refop.CheckRequestIssuer)},
	{
		"signed-client-as-iss", "CIBA-7.1.1-RO-ISS-WRONG", "iss may be any client that the OP knows",
		edit.WithoutWhen(func(c *refop.Call) bool {
			iss, _ := c.Signed.Claims["iss"].(string)
			return c.OP.Client(iss) != nil
		}, refop.CheckRequestIssuer),
	},
	{
		"signed-iss-beginning", "CIBA-7.1.1-RO-ISS-WRONG", "iss need only begin with the client_id",
		edit.WithoutWhen(func(c *refop.Call) bool {
			iss, _ := c.Signed.Claims["iss"].(string)
			return strings.HasPrefix(iss, c.Client.ID)
		}, refop.CheckRequestIssuer),
	},
	{
		"signed-no-aud", "CIBA-7.1.1-RO-AUD-MISSING", "aud may be missing",
		withoutWhenAbsent("aud", refop.CheckRequestWithAudience, refop.CheckRequestAudience),
	},
	{
		"signed-no-aud-500", "CIBA-7.1.1-RO-AUD-MISSING", "a missing aud crashes the OP",
		edit.Answering(refop.CheckRequestWithAudience, 500, "server_error"),
	},
	{"signed-any-aud", "CIBA-7.1.1-RO-AUD-WRONG", "aud is not compared", edit.Without(refop.CheckRequestAudience)},
	{"signed-aud-array", "CIBA-7.1.1-RO-AUD-WRONG", "an array of audiences is not looked into", requestAudience(
		func(_ *refop.Call, audience any) bool { return isArray(audience) })},
	{"signed-aud-beginning", "CIBA-7.1.1-RO-AUD-WRONG", "aud need only begin with the issuer", requestAudience(
		func(c *refop.Call, audience any) bool {
			text, _ := audience.(string)
			return strings.HasPrefix(text, c.OP.Issuer()+".")
		})},
	{"signed-aud-inside", "CIBA-7.1.1-RO-AUD-WRONG", "aud need only contain the issuer", requestAudience(
		func(c *refop.Call, audience any) bool {
			text, _ := audience.(string)
			return strings.Contains(text, "="+c.OP.Issuer())
		})},
	{"signed-aud-endpoint", "CIBA-7.1.1-RO-AUD-WRONG", "aud may be an endpoint", requestAudience(
		func(c *refop.Call, audience any) bool {
			text, _ := audience.(string)
			return slices.Contains(c.OP.Audiences(), text)
		})},
	{"signed-aud-client", "CIBA-7.1.1-RO-AUD-WRONG", "aud may be the client itself", requestAudience(
		func(c *refop.Call, audience any) bool { return audience == c.Client.ID })},
	{"signed-no-exp", "CIBA-7.1.1-RO-EXP-MISSING", "exp may be missing", withoutWhenAbsent("exp", refop.CheckRequestWithExp)},
	{
		"signed-exp-in-words", "CIBA-7.1.1-RO-EXP-MISSING", "an exp that is no number is no limit",
		edit.WithoutWhen(signedClaim("exp", isText), refop.CheckRequestWithExp),
	},
	{"signed-eternal", "CIBA-7.1.1-RO-EXPIRED", "exp is not looked at", edit.Without(refop.CheckRequestExpired)},
	{
		"signed-exp-zero", "CIBA-7.1.1-RO-EXPIRED", "exp 0 is no limit",
		edit.WithoutWhen(signedClaim("exp", isZero), refop.CheckRequestExpired),
	},
	{
		"signed-expired-500", "CIBA-7.1.1-RO-EXPIRED", "an expired request crashes the OP",
		edit.Answering(refop.CheckRequestExpired, 500, "server_error"),
	},
	{
		"signed-expired-code", "CIBA-7.1.1-RO-EXPIRED", "an expired request is expired_token",
		edit.Answering(refop.CheckRequestExpired, 400, "expired_token"),
	},
	{"signed-no-iat", "CIBA-7.1.1-RO-IAT-MISSING", "iat may be missing", edit.Without(refop.CheckRequestWithIat)},
	{
		"signed-iat-in-words", "CIBA-7.1.1-RO-IAT-MISSING", "iat may be anything",
		edit.WithoutWhen(signedClaim("iat", isText), refop.CheckRequestWithIat),
	},
	{"signed-no-nbf", "CIBA-7.1.1-RO-NBF-MISSING", "nbf may be missing", edit.Without(refop.CheckRequestWithNbf)},
	{
		"signed-no-nbf-500", "CIBA-7.1.1-RO-NBF-MISSING", "a missing nbf crashes the OP",
		edit.Answering(refop.CheckRequestWithNbf, 500, "server_error"),
	},
	{"signed-early", "CIBA-7.1.1-RO-NBF-FUTURE", "nbf is not looked at", edit.Without(refop.CheckRequestNotBefore)},
	{
		"signed-early-day", "CIBA-7.1.1-RO-NBF-FUTURE", "nbf may be an hour away",
		edit.WithoutWhen(func(c *refop.Call) bool {
			nbf, _ := refop.Moment(c.Signed.Claims["nbf"])
			return nbf.Sub(c.Now).Hours() < 1
		}, refop.CheckRequestNotBefore),
	},
	{"signed-no-jti", "CIBA-7.1.1-RO-JTI-MISSING", "jti may be missing", edit.Without(refop.CheckRequestWithJTI)},
	{
		"signed-no-jti-500", "CIBA-7.1.1-RO-JTI-MISSING", "a missing jti crashes the OP",
		edit.Answering(refop.CheckRequestWithJTI, 500, "server_error"),
	},
	{
		"signed-jti-number", "CIBA-7.1.1-RO-JTI-MISSING", "jti may be a number",
		edit.WithoutWhen(signedClaim("jti", func(v any) bool { return v != nil && !isText(v) }), refop.CheckRequestWithJTI),
	},
}

// signedAlg picks calls by the algorithm that their request names.
func signedAlg(is func(alg string) bool) edit.Which {
	return func(c *refop.Call) bool { return isSigned(c) && is(c.RequestAlg()) }
}

func isHMAC(alg string) bool { return strings.HasPrefix(alg, "HS") }

func isZero(v any) bool {
	moment, ok := refop.Moment(v)
	return ok && moment.Unix() == 0
}

// unsignedTaken takes requests without signature whose alg is some spelling of none.
func unsignedTaken(is func(alg string) bool) edit.Change {
	unsigned := func(c *refop.Call) bool { return signedAlg(is)(c) && len(c.Signed.Signature) == 0 }
	return edit.WithoutWhen(unsigned, refop.CheckRequestAlg, refop.CheckRequestRegisteredAlg, refop.CheckRequestSignature)
}

// hmacTaken verifies an HMAC with some secrets.
func hmacTaken(secrets func(*refop.Call) [][]byte) edit.Change {
	genuine := func(c *refop.Call) bool {
		for _, secret := range secrets(c) {
			key := jose.SymmetricKey(secret, "", "")
			if _, err := jose.Verify(c.Value(refop.RequestObject), []jose.Key{key}, []string{"HS256", "HS384", "HS512"}); err == nil {
				return true
			}
		}
		return false
	}
	return edit.WithoutWhen(genuine, refop.CheckRequestAlg, refop.CheckRequestRegisteredAlg, refop.CheckRequestSignature)
}

// publicForms are the public keys of a client in one form.
func publicForms(form string) func(*refop.Call) [][]byte {
	return func(c *refop.Call) [][]byte {
		var list [][]byte
		for _, k := range c.Client.KeySet() {
			if text, err := jose.PublicForm(k.WithAlg(c.Client.RequestAlg), form); err == nil {
				list = append(list, text)
			}
		}
		return list
	}
}

// requestKeysOf changes the keys that verify signed requests.
func requestKeysOf(change func(c *refop.Call, keys []jose.Key) []jose.Key) edit.Change {
	return func(p *refop.Plan) {
		inner := p.Rules.RequestKeys
		p.Rules.RequestKeys = func(c *refop.Call) ([]jose.Key, []string) {
			keys, algs := inner(c)
			return change(c, slices.Clone(keys)), algs
		}
	}
}

// requestAudience takes other audiences of signed requests, too.
func requestAudience(too func(c *refop.Call, audience any) bool) edit.Change {
	return func(p *refop.Plan) {
		inner := p.Rules.RequestAudienceFits
		p.Rules.RequestAudienceFits = func(c *refop.Call, audience any) bool { return inner(c, audience) || too(c, audience) }
	}
}

// withoutWhenAbsent leaves checks out where a claim is missing.
func withoutWhenAbsent(claim string, checks ...refop.CheckName) edit.Change {
	return edit.WithoutWhen(func(c *refop.Call) bool { return isSigned(c) && c.Signed.Claims[claim] == nil }, checks...)
}

// decrypting opens an encrypted request with the keys of the OP.
func decrypting(p *refop.Plan) {
	edit.Forms(func(c *refop.Call) {
		if inside, err := jose.Decrypt(c.Value(refop.RequestObject), p.SigningKeys); err == nil {
			c.Form[refop.RequestObject] = []string{inside}
		}
	})(p)
}

// authenticatedByRequest takes the client that a signed request names for authenticated, at
// calls without credentials.
func authenticatedByRequest(which edit.Which) edit.Change {
	return func(p *refop.Plan) {
		p.Wrap(refop.CheckClient, func(inner refop.CheckFunc) refop.CheckFunc {
			return func(c *refop.Call) *refop.OAuthError {
				err := inner(c)
				if err == nil || c.Credentials().Method != refop.MethodNone || !which(c) {
					return err
				}
				token, bad := jose.Decode(c.Value(refop.RequestObject))
				iss, _ := token.Claims["iss"].(string)
				if named := c.OP.Client(iss); bad == nil && named != nil {
					c.Client = named
					return nil
				}
				return err
			}
		})
	}
}

// askingUnverified asks the user whom a refused signed request names.
func askingUnverified(p *refop.Plan) {
	p.EditReplies(func(c *refop.Call, r *refop.Reply) {
		hint, _ := c.Signed.Claims[refop.LoginHint].(string)
		named := c.OP.UserBy(func(u refop.User) bool { return u.LoginHint == hint })
		if c.Endpoint != refop.EndpointStart || r.Kind != refop.ReplyError || c.User != nil || named == nil {
			return
		}
		message, _ := c.Signed.Claims["binding_message"].(string)
		c.User, c.Form = named, map[string][]string{"binding_message": {message}}
		askAnyway(c)
	})
}

// fetchingKeysAt asks for the address in a member of the header, and makes nothing of it.
func fetchingKeysAt(member string) edit.Change {
	return func(p *refop.Plan) {
		p.EditReplies(func(c *refop.Call, _ *refop.Reply) {
			if at, _ := c.Signed.Header[member].(string); at != "" {
				_, _ = c.OP.Rules().Deliver(c.OP, &refop.Notification{Method: "GET", URL: at, Header: http.Header{}, Raw: []byte{}})
			}
		})
	}
}
