package faults

import (
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// Assertions are the defects of authentication by a JWT; OIDC Core 9, RFC 7523 3.
var Assertions = []Fault{
	{
		"assertion-issuer-refused", "CIBA-7.1-AUD-ISSUER", "the issuer is no audience at the backchannel endpoint",
		edit.AudienceOnly(edit.At(refop.EndpointStart), edit.Endpoints),
	},
	{
		"assertion-issuer-refused-at-token", "CIBA-10.1-TOKEN-AUTH-AUD-ISSUER", "the issuer is no audience at the token endpoint",
		edit.AudienceOnly(edit.At(refop.EndpointToken), edit.Endpoints),
	},
	{
		"assertion-sole-audience", "CIBA-7.1-AUD-TOKEN-ENDPOINT", "only the issuer is an audience",
		edit.AudienceOnly(edit.Always, edit.Issuer),
	},
	{
		"assertion-sole-audience-start", "CIBA-7.1-AUD-BC-ENDPOINT", "only the issuer is an audience",
		edit.AudienceOnly(edit.Always, edit.Issuer),
	},
	{
		"assertion-any-audience", "CIBA-7.1-AUD-FOREIGN", "assertions for somebody else are accepted",
		edit.Without(refop.CheckAssertionAudience),
	},
	{
		"assertion-similar-audience", "CIBA-7.1-AUD-FOREIGN", "the last character of the audience does not matter",
		audienceFits(lastCharacterAside),
	},
	{
		"assertion-no-audience", "CIBA-7.1-AUD-FOREIGN", "an assertion needs no audience",
		audienceFits(func(_ *refop.Call, audience any) bool { return audience == nil }),
	},
	{
		"assertion-audience-beginning", "CIBA-7.1-AUD-FOREIGN", "an audience need only begin with the issuer",
		audienceText(func(c *refop.Call, audience string) bool { return strings.HasPrefix(audience, c.OP.Issuer()) }),
	},
	{
		"assertion-audience-array", "CIBA-7.1-AUD-FOREIGN", "an array of audiences is not looked into",
		audienceFits(func(_ *refop.Call, audience any) bool { _, list := audience.([]any); return list }),
	},
	{
		"assertion-empty-audience", "CIBA-7.1-AUD-FOREIGN", "an empty array of audiences is no hindrance",
		audienceFits(func(_ *refop.Call, audience any) bool { list, ok := audience.([]any); return ok && len(list) == 0 }),
	},
	{
		"assertion-audience-inside", "CIBA-7.1-AUD-FOREIGN", "an audience need only contain the issuer",
		audienceText(func(c *refop.Call, audience string) bool { return strings.Contains(audience, c.OP.Issuer()) }),
	},
	{
		"assertion-any-audience-at-token", "CIBA-7.1-AUD-FOREIGN", "assertions for somebody else are accepted at the token endpoint",
		edit.WithoutWhen(edit.At(refop.EndpointToken), refop.CheckAssertionAudience),
	},
	{
		"assertion-eternal-at-token", "OIDC-9-ASSERTION-EXPIRED", "expired assertions are accepted at the token endpoint",
		edit.WithoutWhen(edit.At(refop.EndpointToken), refop.CheckAssertionExpired),
	},
	{
		"assertion-without-exp-at-token", "OIDC-9-ASSERTION-NO-EXP", "assertions need no exp at the token endpoint",
		edit.WithoutWhen(edit.At(refop.EndpointToken), refop.CheckAssertionWithExp),
	},
	{
		"assertion-any-key-at-token", "OIDC-9-ASSERTION-BAD-KEY", "assertions are not verified at the token endpoint",
		edit.WithoutWhen(edit.At(refop.EndpointToken), refop.CheckAssertionSignature),
	},
	{
		"assertion-own-key", "OIDC-9-ASSERTION-BAD-KEY", "an assertion is verified by the key that it brings itself",
		edit.WithoutWhen(func(c *refop.Call) bool { return bringsOwnKey(c.Value("client_assertion")) }, refop.CheckAssertionSignature),
	},
	{
		"assertion-client-id-of-alike", "RFC7523-3-CLIENT-ID-MISMATCH", "client_id may name a client that is registered alike",
		edit.Forms(func(c *refop.Call) {
			if own, named := asserter(c), c.OP.Client(c.Value("client_id")); own != nil && named != nil && alike(own, named) {
				delete(c.Form, "client_id")
			}
		}),
	},
	{"assertion-any-client-key", "OIDC-9-ASSERTION-BAD-KEY", "the key of any client will do", keysOfAllClients},
	{
		"assertion-none-at-token", "OIDC-9-ASSERTION-ALG-NONE", "unsigned assertions are accepted at the token endpoint",
		edit.WithoutWhen(edit.Both(assertionAlg(isNone), edit.At(refop.EndpointToken)), refop.CheckAssertionSignature),
	},
	{
		"assertion-half-a-name", "OIDC-9-ASSERTION-ISS-SUB", "one of iss and sub is enough",
		assertionNames(func(_ *refop.OP, iss, sub string) (string, string) {
			if iss == "" || sub == "" {
				return iss + sub, iss + sub
			}
			return iss, sub
		}),
	},
	{
		"assertion-any-type-at-token", "OIDC-9-ASSERTION-TYPE", "client_assertion_type is not looked at by the token endpoint",
		edit.WithoutWhen(edit.At(refop.EndpointToken), refop.CheckAssertionType),
	},
	{
		"assertion-client-id-unread-at-token", "RFC7523-3-CLIENT-ID-MISMATCH", "client_id is not compared at the token endpoint",
		edit.Forms(func(c *refop.Call) {
			if c.Endpoint == refop.EndpointToken && c.Has("client_assertion") {
				delete(c.Form, "client_id")
			}
		}),
	},
	{"assertion-eternal", "OIDC-9-ASSERTION-EXPIRED", "expired assertions are accepted", edit.Without(refop.CheckAssertionExpired)},
	{"assertion-without-exp", "OIDC-9-ASSERTION-NO-EXP", "assertions need no exp", edit.Without(refop.CheckAssertionWithExp)},
	{
		"assertion-malformed-500", "OIDC-9-ASSERTION-ALG-NONE", "an assertion that is no JWT crashes the OP",
		edit.Answering(refop.CheckAssertionJWT, 500, "server_error"),
	},
	{"assertion-any-key", "OIDC-9-ASSERTION-BAD-KEY", "assertions are not verified", edit.Without(refop.CheckAssertionSignature)},
	{
		"assertion-any-hmac-key", "OIDC-9-ASSERTION-BAD-KEY", "the HMAC of assertions is not verified",
		edit.WithoutWhen(edit.OfMethod(refop.MethodSecretJWT), refop.CheckAssertionSignature),
	},
	{
		"assertion-any-private-key", "OIDC-9-ASSERTION-BAD-KEY", "the signature of assertions is not verified",
		edit.WithoutWhen(edit.OfMethod(refop.MethodPrivateKeyJWT), refop.CheckAssertionSignature),
	},
	{
		"assertion-none", "OIDC-9-ASSERTION-ALG-NONE", "unsigned assertions are accepted",
		edit.WithoutWhen(assertionAlg(isNone), refop.CheckAssertionSignature),
	},
	{
		"assertion-none-by-other-case", "OIDC-9-ASSERTION-ALG-NONE", "unsigned assertions are refused by one spelling of none only",
		edit.WithoutWhen(assertionAlg(isOddNone), refop.CheckAssertionSignature),
	},
	{"assertion-any-issuer", "OIDC-9-ASSERTION-ISS-SUB", "iss is not compared", edit.Without(refop.CheckAssertionIssuer)},
	{
		"assertion-any-subject", "OIDC-9-ASSERTION-ISS-SUB", "sub is not compared",
		edit.All(edit.Without(refop.CheckAssertionIssuer), assertionNames(func(op *refop.OP, iss, sub string) (string, string) {
			if op.Client(sub) == nil {
				return iss, iss
			}
			return iss, sub
		})),
	},
	{"assertion-subject-decides", "OIDC-9-ASSERTION-ISS-SUB", "iss signs for any client named as sub", issuerSigns},
	{
		"assertion-jti-500", "OIDC-9-ASSERTION-NO-JTI", "a missing jti crashes the OP",
		withoutJTI(&refop.OAuthError{Status: 500, Code: "server_error", Description: "refused"}),
	},
	{
		"assertion-replay-500", "OIDC-9-ASSERTION-REPLAY", "a second use crashes the OP",
		edit.Answering(refop.CheckAssertionReplay, 500, "server_error"),
	},
	{"assertion-early", "RFC7523-3-ASSERTION-NBF", "nbf is not looked at", edit.Without(refop.CheckAssertionNotBefore)},
	{
		"assertion-grant-as-type", "OIDC-9-ASSERTION-TYPE", "the grant type of JWTs will do as client_assertion_type",
		edit.WithoutWhen(func(c *refop.Call) bool {
			return c.Value("client_assertion_type") == "urn:ietf:params:oauth:grant-type:jwt-bearer"
		}, refop.CheckAssertionType),
	},
	{"assertion-any-type", "OIDC-9-ASSERTION-TYPE", "client_assertion_type is not looked at", edit.Without(refop.CheckAssertionType)},
	{
		"assertion-no-type", "OIDC-9-ASSERTION-TYPE", "client_assertion_type may be missing",
		edit.WithoutWhen(func(c *refop.Call) bool { return !c.Has("client_assertion_type") }, refop.CheckAssertionType),
	},
	{"assertion-no-secret-jwt", "OIDC-9-CLIENT-SECRET-JWT", "client_secret_jwt is advertised but does not work", withoutSecretJWT},
	{
		"assertion-client-id-wins", "RFC7523-3-CLIENT-ID-MISMATCH", "client_id decides who the client is",
		edit.All(edit.Without(refop.CheckAssertionClientID), edit.After(refop.CheckClient, asserterIsClientID)),
	},
}

// strangerByAssertion is the client that an unknown asserter is taken for.
func strangerByAssertion(c *refop.Call) *refop.Client {
	if c.Credentials().Method != refop.MethodAssertion || c.Value("client_assertion_type") != refop.AssertionType {
		return nil
	}
	token, err := jose.Decode(c.Value("client_assertion"))
	sub, _ := token.Claims["sub"].(string)
	if err != nil || c.OP.Client(sub) != nil {
		return nil
	}
	return &c.OP.Registration().Clients[0]
}

// asserter is the client whose name is the subject of an assertion, nil for none.
func asserter(c *refop.Call) *refop.Client {
	token, err := jose.Decode(c.Value("client_assertion"))
	if err != nil {
		return nil
	}
	sub, _ := token.Claims["sub"].(string)
	return c.OP.Client(sub)
}

// emptyAssertion is the client that sends an assertion with nothing in it.
func emptyAssertion(c *refop.Call) *refop.Client {
	if c.Value("client_assertion_type") != refop.AssertionType || c.Value("client_assertion") != "" {
		return nil
	}
	return c.OP.Client(c.Value("client_id"))
}

// assertionNames reads iss and sub of assertions in another way.
func assertionNames(read func(op *refop.OP, iss, sub string) (string, string)) edit.Change {
	return func(p *refop.Plan) {
		inner := p.Rules.DecodeAssertion
		p.Rules.DecodeAssertion = func(c *refop.Call) (jose.Token, error) {
			token, err := inner(c)
			if err != nil {
				return token, err
			}
			iss, _ := token.Claims["iss"].(string)
			sub, _ := token.Claims["sub"].(string)
			token.Claims["iss"], token.Claims["sub"] = read(c.OP, iss, sub)
			return token, nil
		}
	}
}

// assertionAlg picks calls by the algorithm that their assertion claims.
func assertionAlg(is func(alg string) bool) edit.Which {
	return func(c *refop.Call) bool { return is(algOf(c.Assertion.Header)) }
}

// audienceFits takes other audiences, too.
func audienceFits(too func(c *refop.Call, audience any) bool) edit.Change {
	return func(p *refop.Plan) {
		inner := p.Rules.AudienceFits
		p.Rules.AudienceFits = func(c *refop.Call, audience any) bool { return inner(c, audience) || too(c, audience) }
	}
}

// audienceText is [audienceFits] for an audience that is no array.
func audienceText(too func(c *refop.Call, audience string) bool) edit.Change {
	return audienceFits(func(c *refop.Call, audience any) bool {
		text, ok := audience.(string)
		return ok && too(c, text)
	})
}

func lastCharacterAside(c *refop.Call, audience any) bool {
	text, _ := audience.(string)
	issuer := c.OP.Issuer()
	return strings.HasPrefix(text, issuer[:len(issuer)-1])
}

// assertionKeys changes the keys and algorithms that verify assertions.
func assertionKeys(p *refop.Plan, change func(c *refop.Call, client *refop.Client, keys []jose.Key, algs []string) ([]jose.Key, []string)) {
	inner := p.Rules.AssertionKeys
	p.Rules.AssertionKeys = func(c *refop.Call, client *refop.Client) ([]jose.Key, []string) {
		keys, algs := inner(c, client)
		return change(c, client, keys, algs)
	}
}

func keysOfAllClients(p *refop.Plan) {
	assertionKeys(p, func(c *refop.Call, client *refop.Client, keys []jose.Key, algs []string) ([]jose.Key, []string) {
		all := slices.Clone(keys)
		for _, other := range c.OP.Registration().Clients {
			all = append(all, other.KeySet()...)
			if other.Secret != "" && client.AuthMethod == refop.MethodSecretJWT {
				all = append(all, jose.SymmetricKey([]byte(other.Secret), "", ""))
			}
		}
		return all, algs
	})
}

// hmacByBasicClients verifies an HMAC with the secret that is meant for the header.
func hmacByBasicClients(p *refop.Plan) {
	edit.WithoutWhen(edit.OfMethod(refop.MethodBasic), refop.CheckAssertionMethod)(p)
	assertionKeys(p, func(_ *refop.Call, client *refop.Client, keys []jose.Key, algs []string) ([]jose.Key, []string) {
		if client.AuthMethod == refop.MethodBasic {
			return []jose.Key{jose.SymmetricKey([]byte(client.Secret), "", "")}, []string{"HS256"}
		}
		return keys, algs
	})
}

// issuerSigns verifies an assertion by the keys of its iss and lets its sub in.
func issuerSigns(p *refop.Plan) {
	known := func(c *refop.Call) bool { return issuerOf(c) != nil }
	edit.WithoutWhen(known, refop.CheckAssertionIssuer, refop.CheckAssertionClientID, refop.CheckAssertionMethod)(p)
	inner := p.Rules.AssertionKeys
	p.Rules.AssertionKeys = func(c *refop.Call, client *refop.Client) ([]jose.Key, []string) {
		if iss := issuerOf(c); iss != nil {
			client = iss
		}
		return inner(c, client)
	}
}

func issuerOf(c *refop.Call) *refop.Client {
	iss, _ := c.Assertion.Claims["iss"].(string)
	return c.OP.Client(iss)
}

// withoutSecretJWT refuses the clients that sign with their secret.
func withoutSecretJWT(p *refop.Plan) {
	edit.After(refop.CheckAssertionMethod, func(c *refop.Call) *refop.OAuthError {
		if c.Client.AuthMethod == refop.MethodSecretJWT {
			return c.BadClient("client_secret_jwt does not work here")
		}
		return nil
	})(p)
}

// withoutJTI refuses assertions that have no jti.
func withoutJTI(refusal *refop.OAuthError) edit.Change {
	return edit.After(refop.CheckAssertionReplay, func(c *refop.Call) *refop.OAuthError {
		if jti, _ := c.Assertion.Claims["jti"].(string); jti == "" {
			return refusal
		}
		return nil
	})
}

// asserterIsClientID takes whoever client_id names for the client that signed.
func asserterIsClientID(c *refop.Call) *refop.OAuthError {
	if named := c.OP.Client(c.Value("client_id")); named != nil && c.Has("client_assertion") {
		c.Client = named
	}
	return nil
}
