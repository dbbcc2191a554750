package faults

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// ClientAuth are the defects of client authentication, but for assertions; RFC 6749 2.3.
var ClientAuth = []Fault{
	{
		"auth-post-not-at-start", "CIBA-4-AUTH-METHODS-SHARED", "client_secret_post does not work at the start endpoint",
		refusingMethod(refop.EndpointStart, refop.MethodPost),
	},
	{
		"auth-key-jwt-not-at-start", "CIBA-4-AUTH-METHODS-SHARED", "private_key_jwt does not work at the start endpoint",
		refusingMethod(refop.EndpointStart, refop.MethodPrivateKeyJWT),
	},
	{
		"auth-basic-not-at-token", "CIBA-4-AUTH-METHODS-SHARED", "client_secret_basic does not work at the token endpoint",
		refusingMethod(refop.EndpointToken, refop.MethodBasic),
	},
	{
		"auth-post-not-at-token", "CIBA-4-AUTH-METHODS-SHARED", "client_secret_post does not work at the token endpoint",
		refusingMethod(refop.EndpointToken, refop.MethodPost),
	},
	{
		"auth-key-jwt-not-at-token", "CIBA-4-AUTH-METHODS-SHARED", "private_key_jwt does not work at the token endpoint",
		refusingMethod(refop.EndpointToken, refop.MethodPrivateKeyJWT),
	},
	{
		"auth-secret-jwt-not-at-token", "CIBA-4-AUTH-METHODS-SHARED", "client_secret_jwt does not work at the token endpoint",
		refusingMethod(refop.EndpointToken, refop.MethodSecretJWT),
	},
	{
		"auth-basic-raw-at-start", "CIBA-4-AUTH-METHODS-SHARED", "the backchannel endpoint takes Basic credentials without decoding them",
		undecodedBasic(refop.EndpointStart),
	},
	{
		"auth-basic-raw-at-token", "CIBA-4-AUTH-METHODS-SHARED", "the token endpoint takes Basic credentials without decoding them",
		undecodedBasic(refop.EndpointToken),
	},
	{
		"auth-basic-raw", "RFC6749-2.3.1-BASIC-ENCODING", "Basic credentials are compared without being decoded",
		edit.All(undecodedBasic(refop.EndpointStart), undecodedBasic(refop.EndpointToken)),
	},
	{
		"auth-basic-raw-secret", "RFC6749-2.3.1-BASIC-ENCODING", "the client_id of Basic is decoded, the secret is not",
		basicSecret(func(secret string) string { return secret }),
	},
	{
		"auth-basic-percent-only", "RFC6749-2.3.1-BASIC-ENCODING", "Basic secrets are decoded as a part of a URL, where a plus sign is no space",
		basicSecret(func(secret string) string {
			if plain, err := url.PathUnescape(secret); err == nil {
				return plain
			}
			return secret
		}),
	},
	{"auth-not-required", "CIBA-7.1-AUTH-REQUIRED", "a client_id is enough to start", nameIsEnough(edit.At(refop.EndpointStart))},
	{
		"auth-not-required-of-post", "CIBA-7.1-AUTH-REQUIRED", "a client_secret_post client need not send its secret",
		nameIsEnough(edit.OfMethod(refop.MethodPost)),
	},
	{
		"auth-not-required-of-key-jwt", "CIBA-7.1-AUTH-REQUIRED", "a private_key_jwt client need not send its assertion",
		nameIsEnough(edit.OfMethod(refop.MethodPrivateKeyJWT)),
	},
	{
		"auth-not-required-of-secret-jwt", "CIBA-7.1-AUTH-REQUIRED", "a client_secret_jwt client need not send its assertion",
		nameIsEnough(edit.OfMethod(refop.MethodSecretJWT)),
	},
	{"auth-empty-secret", "CIBA-7.1-AUTH-REQUIRED", "an empty secret will do", emptySecret(edit.Always)},
	{
		"auth-user-first", "CIBA-7.1-AUTH-REQUIRED", "the user is looked up before the client is authenticated",
		edit.Replies(func(c *refop.Call, r *refop.Reply) {
			known := c.OP.UserBy(func(u refop.User) bool { return u.LoginHint == c.Value("login_hint") })
			if c.Endpoint == refop.EndpointStart && r.Status == 401 && c.Has("login_hint") && known == nil {
				refused("unknown_user_id")(c, r)
			}
		}),
	},
	{
		"auth-empty-posted-secret", "CIBA-7.1-AUTH-REQUIRED", "an empty posted secret will do",
		edit.All(edit.KeepingEmpty("client_secret"), emptySecret(edit.OfMethod(refop.MethodPost))),
	},
	{
		"auth-empty-secret-at-token", "CIBA-7.1-AUTH-REQUIRED", "an empty secret will do at the token endpoint",
		emptySecret(edit.At(refop.EndpointToken)),
	},
	{
		"auth-nobody-500", "CIBA-7.1-AUTH-REQUIRED", "a request without client_id crashes the OP",
		edit.Replies(func(c *refop.Call, r *refop.Reply) {
			if c.Endpoint == refop.EndpointStart && c.Authentications() == 0 && !c.Has("client_id") {
				crash(c, r)
			}
		}),
	},
	{
		"auth-empty-assertion", "CIBA-7.1-AUTH-REQUIRED", "an empty assertion will do",
		edit.All(edit.KeepingEmpty("client_assertion"), authenticating(emptyAssertion)),
	},
	{
		"auth-missing-500", "CIBA-7.1-AUTH-REQUIRED", "missing credentials crash the OP",
		edit.Answering(refop.CheckClient, 500, "server_error"),
	},
	{
		"auth-missing-invalid-grant", "CIBA-7.1-AUTH-REQUIRED", "missing credentials are invalid_grant",
		edit.Answering(refop.CheckClient, 400, "invalid_grant"),
	},
	{
		"auth-missing-403", "CIBA-7.1-AUTH-REQUIRED", "missing credentials are 403",
		edit.Answering(refop.CheckClient, 403, "invalid_client"),
	},
	{"auth-any-client", "CIBA-7.1-AUTH-UNKNOWN-CLIENT", "an unknown client can start", authenticating(strangerBy(refop.MethodBasic))},
	{
		"auth-any-posting-client", "CIBA-7.1-AUTH-UNKNOWN-CLIENT", "an unknown client that posts a secret can start",
		authenticating(strangerBy(refop.MethodPost)),
	},
	{
		"auth-any-asserting-client", "CIBA-7.1-AUTH-UNKNOWN-CLIENT", "an unknown client that signs an assertion can start",
		authenticating(strangerByAssertion),
	},
	{
		"auth-any-client-at-token", "CIBA-7.1-AUTH-UNKNOWN-CLIENT", "an unknown client is let in at the token endpoint",
		authenticating(strangerAt(refop.EndpointToken)),
	},
	{"auth-any-secret", "CIBA-7.1-AUTH-WRONG-SECRET", "any secret will do", anySecret(edit.Always)},
	{"auth-any-posted-secret", "CIBA-7.1-AUTH-WRONG-SECRET", "any posted secret will do", anySecret(edit.OfMethod(refop.MethodPost))},
	{
		"auth-secret-case", "CIBA-7.1-AUTH-WRONG-SECRET", "the case of a secret does not matter",
		secretMatches(func(c *refop.Call, secret string) bool { return strings.EqualFold(secret, c.Client.Secret) }),
	},
	{
		"auth-secret-beginning", "CIBA-7.1-AUTH-WRONG-SECRET", "only the first eight characters of a secret count",
		secretMatches(func(c *refop.Call, secret string) bool {
			return len(secret) > 8 && strings.HasPrefix(c.Client.Secret, secret[:8])
		}),
	},
	{
		"auth-secret-and-more", "CIBA-7.1-AUTH-WRONG-SECRET", "what follows the right secret does not matter",
		secretMatches(func(c *refop.Call, secret string) bool { return strings.HasPrefix(secret, c.Client.Secret) }),
	},
	{
		"auth-secret-shorter", "CIBA-7.1-AUTH-WRONG-SECRET", "the beginning of a secret will do",
		secretMatches(func(c *refop.Call, secret string) bool {
			return secret != "" && strings.HasPrefix(c.Client.Secret, secret)
		}),
	},
	{
		"auth-client-shorter", "CIBA-7.1-AUTH-UNKNOWN-CLIENT", "the beginning of a client_id will do",
		authenticating(clientLike(func(id, known string) bool { return strings.HasPrefix(known, id) })),
	},
	{
		"auth-client-and-more", "CIBA-7.1-AUTH-UNKNOWN-CLIENT", "what follows a client_id does not matter",
		authenticating(clientLike(func(id, known string) bool { return strings.HasPrefix(id, known) })),
	},
	{"auth-secret-of-any-client", "CIBA-7.1-AUTH-WRONG-SECRET", "the secret of any client will do", secretMatches(secretOfAnybody)},
	{
		"auth-secret-of-posting-clients", "CIBA-7.1-AUTH-WRONG-SECRET",
		"the secret of any client that posts its own will do for those that post theirs",
		secretMatches(secretOfSameMethod(refop.MethodPost)),
	},
	{
		"auth-any-posted-secret-at-token", "CIBA-7.1-AUTH-WRONG-SECRET", "any posted secret will do at the token endpoint",
		anySecret(edit.Both(edit.OfMethod(refop.MethodPost), edit.At(refop.EndpointToken))),
	},
	{
		"auth-any-secret-at-token", "RFC6749-5.2-BASIC-CHALLENGE", "any secret will do at the token endpoint",
		anySecret(edit.At(refop.EndpointToken)),
	},
	{
		"auth-no-challenge-at-start", "RFC6749-5.2-BASIC-CHALLENGE", "401 without WWW-Authenticate at the backchannel endpoint",
		failedBasic(refop.EndpointStart, edit.WithoutHeader("WWW-Authenticate")),
	},
	{
		"auth-no-challenge-at-token", "RFC6749-5.2-BASIC-CHALLENGE", "401 without WWW-Authenticate at the token endpoint",
		failedBasic(refop.EndpointToken, edit.WithoutHeader("WWW-Authenticate")),
	},
	{
		"auth-no-challenge-to-strangers", "RFC6749-5.2-BASIC-CHALLENGE",
		"an unknown client gets 401 without WWW-Authenticate at the token endpoint",
		edit.Replies(func(c *refop.Call, r *refop.Reply) {
			if c.Endpoint == refop.EndpointToken && r.Status == 401 && c.Client == nil {
				r.Header.Del("WWW-Authenticate")
			}
		}),
	},
	{
		"auth-unreadable-500", "RFC6749-5.2-BASIC-CHALLENGE", "an Authorization header that is not base64 crashes the OP",
		edit.Replies(func(c *refop.Call, r *refop.Reply) {
			header, basic := strings.CutPrefix(c.Request.Header.Get("Authorization"), "Basic ")
			if _, err := base64.StdEncoding.DecodeString(header); basic && err != nil {
				crash(c, r)
			}
		}),
	},
	{
		"auth-wrong-challenge", "RFC6749-5.2-BASIC-CHALLENGE", "the challenge is for Bearer",
		failedBasic(refop.EndpointToken, edit.Challenge("Bearer")),
	},
	{
		"auth-similar-challenge", "RFC6749-5.2-BASIC-CHALLENGE", "the scheme is misspelt",
		failedBasic(refop.EndpointStart, edit.Challenge("BasicAuth realm=\"clients\"")),
	},
	{
		"auth-basic-400", "RFC6749-5.2-BASIC-CHALLENGE", "failed Basic is answered 400",
		failedBasic(refop.EndpointStart, edit.Status(400)),
	},
	{
		"auth-basic-400-at-token", "RFC6749-5.2-BASIC-CHALLENGE", "failed Basic is answered 400 at the token endpoint",
		failedBasic(refop.EndpointToken, edit.Status(400)),
	},
	{
		"auth-basic-403", "RFC6749-5.2-BASIC-CHALLENGE", "failed Basic is answered 403",
		failedBasic(refop.EndpointStart, edit.Status(403)),
	},
	{
		"auth-basic-code", "RFC6749-5.2-BASIC-CHALLENGE", "failed Basic is answered unauthorized_client",
		failedBasic(refop.EndpointToken, func(r *refop.Reply) { r.Body["error"] = "unauthorized_client" }),
	},
	{"auth-any-method", "CIBA-7.1-AUTH-REGISTERED-METHOD", "a Basic client may post its secret", edit.AnySecretMethod(edit.Always)},
	{
		"auth-any-method-at-token", "CIBA-7.1-AUTH-REGISTERED-METHOD", "a Basic client may post its secret to the token endpoint",
		edit.AnySecretMethod(edit.At(refop.EndpointToken)),
	},
	{
		"auth-any-method-for-hmac", "CIBA-7.1-AUTH-REGISTERED-METHOD", "a client_secret_jwt client may send its secret as it is",
		edit.AnySecretMethod(edit.OfMethod(refop.MethodSecretJWT)),
	},
	{"auth-any-method-by-hmac", "CIBA-7.1-AUTH-REGISTERED-METHOD", "a Basic client may sign with its secret", hmacByBasicClients},
	{
		"auth-public-clients", "CIBA-7.1-PUBLIC-CLIENT", "public clients can start",
		edit.All(nameIsEnough(edit.OfMethod(refop.MethodNone)), edit.Without(refop.CheckClientConfidential, refop.CheckClientCIBA)),
	},
	{
		"auth-public-empty-secret", "CIBA-7.1-PUBLIC-CLIENT", "a public client has an empty secret",
		edit.All(
			edit.KeepingEmpty("client_secret"), authenticating(publicWithEmptySecret),
			edit.Without(refop.CheckClientCIBA, refop.CheckClientConfidential),
		),
	},
	{
		"auth-header-wins", "RFC6749-2.3-MULTIPLE-AUTH", "of two authentications the header counts",
		edit.Without(refop.CheckOneAuthentication),
	},
	{
		"auth-header-wins-at-token", "RFC6749-2.3-MULTIPLE-AUTH", "of two authentications the header counts at the token endpoint",
		edit.WithoutWhen(edit.At(refop.EndpointToken), refop.CheckOneAuthentication),
	},
	{
		"auth-body-wins", "RFC6749-2.3-MULTIPLE-AUTH", "of two authentications the body counts",
		edit.All(edit.Without(refop.CheckOneAuthentication), credentials(fromForm)),
	},
	{
		"auth-secret-in-query", "RFC6749-2.3.1-SECRET-IN-QUERY", "the secret may be in the URL",
		credentials(fromQuery(refop.EndpointStart)),
	},
	{
		"auth-secret-in-query-at-token", "RFC6749-2.3.1-SECRET-IN-QUERY", "the secret may be in the URL of the token endpoint",
		credentials(fromQuery(refop.EndpointToken)),
	},
	{
		"auth-secret-in-query-of-post", "RFC6749-2.3.1-SECRET-IN-QUERY",
		"parameters of the URL count like those of the body, for client_secret_post",
		credentials(func(c *refop.Call, who refop.Credentials) refop.Credentials {
			found := fromQuery(c.Endpoint)(c, who)
			if found.Method != refop.MethodPost {
				return who
			}
			return found
		}),
	},
	{"auth-token-not-required", "CIBA-10.1-TOKEN-AUTH-REQUIRED", "polls need no authentication", nameIsEnough(edit.At(refop.EndpointToken))},
	{
		"auth-token-by-flow", "CIBA-10.1-TOKEN-AUTH-REQUIRED", "who names no client is taken for the one that owns the auth_req_id",
		authenticating(ownerOfFlow),
	},
	{
		"auth-token-when-approved", "CIBA-10.1-TOKEN-AUTH-REQUIRED", "an approved auth_req_id is redeemed by whoever names the client",
		withoutCredential(refop.Approved, func(_ *refop.Call, _ *refop.Flow, r *refop.Reply) {
			r.Kind, r.Status, r.Body = refop.ReplyTokens, 200, map[string]any{"access_token": refop.RandomID(32), "token_type": "Bearer"}
		}),
	},
	{
		"auth-token-consumed", "CIBA-10.1-TOKEN-AUTH-REQUIRED", "a token request without credential uses the auth_req_id up",
		withoutCredential(refop.Approved, func(_ *refop.Call, f *refop.Flow, _ *refop.Reply) { f.State = refop.Used }),
	},
	{
		"auth-token-consumed-by-wrong", "CIBA-10.1-TOKEN-AUTH-REQUIRED", "a token request with a wrong credential uses the auth_req_id up",
		refusedTokenRequests(func(c *refop.Call, f *refop.Flow, r *refop.Reply) {
			if r.Status == http.StatusUnauthorized && c.Authentications() > 0 && f.StateAt(c.Now) == refop.Approved {
				f.State = refop.Used
			}
		}),
	},
	{
		"auth-token-tells-pending", "CIBA-10.1-TOKEN-AUTH-REQUIRED", "whoever names the client is told that the request is pending",
		withoutCredential(refop.Pending, func(_ *refop.Call, _ *refop.Flow, r *refop.Reply) {
			r.Status, r.Body = 400, map[string]any{"error": "authorization_pending"}
		}),
	},
}
