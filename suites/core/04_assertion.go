package core

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
	. "github.com/cibatest/cibatest/suites/harness"
)

// assertionCase registers a case twice, for clients of either JWT method: an OP
// verifies the signature of a key and the HMAC of a secret by different code.
func assertionCase(id, title string, s Traits, body func(*T)) {
	Case(id, title+" (private_key_jwt)", s.Methods(targetfile.AuthPrivateKeyJWT), body)
	Case(id+"-hmac", title+" (client_secret_jwt)", s.Methods(targetfile.AuthClientSecretJWT), body)
}

// assertionFlaw is one thing that is wrong with an assertion, and its name in findings.
type assertionFlaw struct {
	name string
	edit func(t *T, claims map[string]any)
}

// malformedFlaws are the flaws that an OP may also take for a malformed request, so
// that invalid_request is only a warning.
var malformedFlaws = []string{"no iss", "no sub", "an array that names nobody"}

// OIDC Core 9 and RFC 7523 3 say what makes a client assertion valid: it is signed by
// the client's own key or secret, its iss and sub are the client_id, it is addressed to
// the OP and has not expired. CIBA Core 7.1 obliges the OP to know itself by its issuer.
// Whoever gets a flawed assertion accepted acts as the client and has its users
// prompted. The texts contradict each other about other audiences (N-02), and about
// the status of invalid_client where no challenge fits (N-01).
var _ = Cases.Describe("Client assertion", func() {
	assertionCase("assertion-aud-issuer", "may be addressed to the issuer", Judges("CIBA-7.1-AUD-ISSUER"), func(t *T) {
		t.JudgeAck("audience issuer", StartAuthenticatedBy(t, t.Client(), Assertion(t, t.Client())))
	})
	assertionCase("assertion-aud-token-endpoint", "is recorded when addressed to the token endpoint",
		Disturbing("CIBA-7.1-AUD-TOKEN-ENDPOINT"), func(t *T) {
			judgeAudience(t, t.Target().Endpoints.Token)
		})
	assertionCase("assertion-aud-backchannel", "is recorded when addressed to the backchannel endpoint",
		Disturbing("CIBA-7.1-AUD-BC-ENDPOINT"), func(t *T) {
			judgeAudience(t, t.Target().Endpoints.BackchannelAuthentication)
		})
	for _, c := range []struct {
		id, title, requirement string
		flaws                  []assertionFlaw
	}{
		{"assertion-aud-foreign", "is refused when addressed to somebody else", "CIBA-7.1-AUD-FOREIGN", []assertionFlaw{
			{"another OP as audience", func(_ *T, c map[string]any) { c["aud"] = "https://other.example/" }},
			{"the issuer with another last character", func(t *T, c map[string]any) { c["aud"] = lastCharacterChanged(t.Target().Issuer) }},
			{"the issuer as the beginning of another host", func(t *T, c map[string]any) { c["aud"] = t.Target().Issuer + ".other.example" }},
			{"another OP whose address holds the issuer", func(t *T, c map[string]any) {
				c["aud"] = "https://other.example/?op=" + t.Target().Issuer
			}},
			{"no audience", func(_ *T, c map[string]any) { delete(c, "aud") }},
			{"an array that names another OP", func(_ *T, c map[string]any) { c["aud"] = []string{"https://other.example/"} }},
			{"an array that names nobody", func(_ *T, c map[string]any) { c["aud"] = []string{} }},
		}},
		// Ten minutes are beyond any tolerance for clocks, here as for nbf below.
		{"assertion-expired", "is refused when it has expired", "OIDC-9-ASSERTION-EXPIRED", []assertionFlaw{
			{"exp 600 s ago", func(_ *T, c map[string]any) { c["iat"], c["exp"] = secondsAgo(660), secondsAgo(600) }},
		}},
		{"assertion-no-exp", "is refused without exp", "OIDC-9-ASSERTION-NO-EXP", []assertionFlaw{
			{"no exp", func(_ *T, c map[string]any) { delete(c, "exp") }},
		}},
		{"assertion-iss-sub", "names the client as iss and as sub", "OIDC-9-ASSERTION-ISS-SUB", []assertionFlaw{
			{"iss is somebody else", func(_ *T, c map[string]any) { c["iss"] = "somebody-else" }},
			{"sub is somebody else", func(_ *T, c map[string]any) { c["sub"] = "somebody-else" }},
			{"iss is another client", func(t *T, c map[string]any) { c["iss"] = anotherClientID(t) }},
			{"sub is another client", func(t *T, c map[string]any) { c["sub"] = anotherClientID(t) }},
			{"no iss", func(_ *T, c map[string]any) { delete(c, "iss") }},
			{"no sub", func(_ *T, c map[string]any) { delete(c, "sub") }},
		}},
		{"assertion-nbf", "is refused before nbf", "RFC7523-3-ASSERTION-NBF", []assertionFlaw{
			{"nbf in 600 s", func(_ *T, c map[string]any) { c["nbf"], c["exp"] = secondsAgo(-600), secondsAgo(-900) }},
		}},
	} {
		assertionCase(c.id, c.title, Disturbing(c.requirement), func(t *T) {
			for _, e := range authEndpoints(t) {
				for _, f := range c.flaws {
					judgeAssertionFlaw(t, e, f)
				}
			}
		})
	}
	// RFC 7523 leaves jti optional while OIDC Core 9 requires it, so that an OP that takes
	// an assertion without one conforms to the one text.
	assertionCase("assertion-no-jti", "is recorded without jti", Disturbing("OIDC-9-ASSERTION-NO-JTI"), func(t *T) {
		a := usualAssertion(t)
		a.Edit = func(_, claims map[string]any) { delete(claims, "jti") }
		t.JudgeVariant("no jti", StartAuthenticatedBy(t, t.Client(), a))
	})
	assertionCase("assertion-bad-key", "is refused when signed with another key",
		Disturbing("OIDC-9-ASSERTION-BAD-KEY"), func(t *T) {
			for _, e := range authEndpoints(t) {
				judgeAssertion(t, "a key of nobody", e, func(a *ciba.Assertion) {
					key, err := jose.KeyOfNobody(a.Key.Alg(), a.Key.KID()) // only the key differs, not alg or kid
					MustNotFail(t, err)
					a.Key = key
				})
				judgeAssertion(t, "a key that the assertion itself brings", e, func(a *ciba.Assertion) { a.Token = signedByOwnKey(t, a.Key.Alg()) })
				if other := anotherKey(t); !other.IsZero() {
					judgeAssertion(t, "another client's key", e, func(a *ciba.Assertion) { a.Key = other })
					judgeAssertion(t, "another client's key under the kid of the right one", e, func(a *ciba.Assertion) {
						a.Key = other.WithKID(a.Key.KID())
					})
				}
			}
		})
	// With client_id beside it, an OP that ignores what it cannot read might take the
	// client for one that needs no credential.
	assertionCase("assertion-malformed", "is refused when it is no JWT", Disturbing("OIDC-9-ASSERTION-ALG-NONE"), func(t *T) {
		for _, e := range authEndpoints(t) {
			for _, text := range []string{"not-a-jwt", "a.b.c", "..", "e30.e30."} {
				judgeAssertion(t, text, e, func(a *ciba.Assertion) {
					a.Token, a.SendClientID = func(_, _ map[string]any) (string, error) { return text, nil }, true
				})
			}
		}
	})
	assertionCase("assertion-unsigned", "is refused without a signature", Disturbing("OIDC-9-ASSERTION-ALG-NONE"), func(t *T) {
		for _, e := range authEndpoints(t) {
			for _, alg := range []string{"none", "nOnE"} { // the second gets past a comparison with "none"
				judgeAssertion(t, "alg "+alg, e, func(a *ciba.Assertion) { a.Token = unsignedBy(alg) })
			}
		}
	})
	// Remembering jti is the OP's choice, and it keeps an assertion that was overheard from
	// being used by others.
	assertionCase("assertion-replay", "is recorded when used twice", Disturbing("OIDC-9-ASSERTION-REPLAY"), func(t *T) {
		a := usualAssertion(t)
		unused, token := a, ""
		a.Token = func(_, _ map[string]any) (_ string, err error) {
			token, err = unused.Sign() // anew if the OP's load control wants the call again
			return token, err
		}
		t.MustAccept("the first use of an assertion", StartAuthenticatedBy(t, t.Client(), a))
		a.Token = func(_, _ map[string]any) (string, error) { return token, nil }
		t.JudgeVariant("second use", StartAuthenticatedBy(t, t.Client(), a))
	})
	assertionCase("assertion-type", "comes with the jwt-bearer type", Disturbing("OIDC-9-ASSERTION-TYPE"), judgeAssertionTypes)
	Case("assertion-client-secret-jwt", "may be an HMAC of the client secret", Judges("OIDC-9-CLIENT-SECRET-JWT"), func(t *T) {
		t.JudgeAck("client_secret_jwt", t.Start(t.Request()))
	})
	// An OP that authenticates one client and then acts for the one that client_id names
	// lets any client start requests in the name of another.
	assertionCase("assertion-client-id-mismatch", "agrees with client_id", Disturbing("RFC7523-3-CLIENT-ID-MISMATCH"), func(t *T) {
		for _, e := range authEndpoints(t) {
			request := e.goodRequest()
			request.Form = request.Form.Add("client_id", t.Client().ClientID)
			if own := t.MustAnswer(t.Send(request)); driver.RefusesClient(own) {
				t.Abort("a good assertion is refused with the client's own client_id beside it: %s", own.Summary())
			}
			request = e.goodRequest()
			request.Form = request.Form.Add("client_id", t.Second().ClientID)
			judgeRefusal(t, "client_id of another client", e, request)
		}
	})
	assertionCase("assertion-token-aud-issuer", "addressed to the issuer works at the token endpoint",
		Judges("CIBA-10.1-TOKEN-AUTH-AUD-ISSUER").About(ciba.DefaultInterval), func(t *T) {
			flow := t.MustStart(t.Request())
			t.WaitTurn(flow)
			t.Judge(PollAuthenticatedBy(t, flow, Assertion(t, t.Client())))
		})
})

// usualAssertion is an assertion the backchannel endpoint takes from this
// client, to be altered: its audience is the issuer, or what the endpoint was
// seen to want instead. That it does is tried first, since the refusal of an
// altered assertion says nothing where a good one is refused too.
func usualAssertion(t *T) ciba.Assertion {
	Observe(t, "usual assertion", func(t *T) *ciba.Response {
		return t.MustAccept("a request with a good assertion", t.Start(t.Request()))
	})
	return assertionFor(t, t.StartRequest(nil))
}

// assertionFor is the assertion that the client would send with a request.
func assertionFor(t *T, r Request) ciba.Assertion {
	a, ok := r.Client.Auth(r.URL, t.Target().Issuer).(ciba.Assertion)
	if !ok {
		t.Abort("client %s does not authenticate by an assertion", t.Client().Name)
	}
	return a
}

// judgeAssertion judges the refusal of an assertion that is usual but for one thing.
func judgeAssertion(t *T, what string, e authEndpoint, spoil func(*ciba.Assertion)) {
	judgeAssertionBy(t, t.Requirement(), what, e, spoil)
}

// judgeAssertionBy is [judgeAssertion] by a requirement the case has altered.
func judgeAssertionBy(t *T, r catalogue.Requirement, what string, e authEndpoint, spoil func(*ciba.Assertion)) {
	request := e.goodRequest()
	a := assertionFor(t, request)
	spoil(&a)
	judgeRefusalBy(t, r, what, e, request.AuthenticatedBy(a))
}

// judgeAssertionFlaw judges the refusal of an assertion whose claims have a flaw.
func judgeAssertionFlaw(t *T, e authEndpoint, f assertionFlaw) {
	r := t.Requirement()
	if slices.Contains(malformedFlaws, f.name) {
		r = Tolerating(r, ciba.InvalidRequest)
	}
	judgeAssertionBy(t, r, f.name, e, func(a *ciba.Assertion) {
		a.Edit = func(_, claims map[string]any) { f.edit(t, claims) }
	})
}

// unsignedBy makes assertions without signature, with a spelling of none as alg.
func unsignedBy(alg string) func(header, claims map[string]any) (string, error) {
	return func(header, claims map[string]any) (string, error) {
		token, err := jose.Unsigned(header, claims)
		if err != nil {
			return "", err
		}
		return jose.Retell(token, func(header, _ map[string]any) { header["alg"] = alg })
	}
}

// anotherKey signs another client's assertions by the same method, and by the same algorithm
// where there is such a client. It is the zero Key where there is none, or all share one.
func anotherKey(t *T) jose.Key {
	if t.Client().AuthMethod == targetfile.AuthClientSecretJWT {
		return jose.SymmetricKey([]byte(anotherSecret(t)), t.Client().Key().Alg(), "")
	}
	own := t.Client().Key()
	var found jose.Key
	for _, c := range Strangers(t) {
		if c.AuthMethod != t.Client().AuthMethod || sameKey(c.Key(), own) {
			continue
		}
		if c.Key().Alg() == own.Alg() {
			return c.Key()
		}
		if found.IsZero() {
			found = c.Key()
		}
	}
	return found
}

func sameKey(a, b jose.Key) bool {
	one, _ := a.Public().WithKID("").JSON()
	other, _ := b.Public().WithKID("").JSON()
	return string(one) == string(other)
}

// signedByOwnKey signs with a key made up for the purpose, and puts it into the header: an OP
// that believes RFC 7515 4.1.3 on a key nobody registered lets anybody in.
func signedByOwnKey(t *T, alg string) func(header, claims map[string]any) (string, error) {
	return func(header, claims map[string]any) (string, error) {
		key := keyOfNobody(t, publicAlg(alg), "own")
		text, err := key.Public().JSON()
		MustNotFail(t, err)
		var public map[string]any
		MustNotFail(t, json.Unmarshal(text, &public))
		brought := map[string]any{"jwk": public}
		maps.Copy(brought, header)
		return jose.Sign(brought, claims, key)
	}
}

// keyOfNobody is a key made up for the purpose, for an algorithm or, where that is not known
// here, for ES256.
func keyOfNobody(t *T, alg, kid string) jose.Key {
	key, err := jose.KeyOfNobody(alg, kid)
	if err != nil {
		key, err = jose.KeyOfNobody("ES256", kid)
	}
	MustNotFail(t, err)
	return key
}

// publicAlg is an algorithm whose keys may be shown: the given one, or ES256 in place of an
// HMAC.
func publicAlg(alg string) string {
	if strings.HasPrefix(alg, "HS") || alg == "" {
		return "ES256"
	}
	return alg
}

// anotherClientID is the client_id of an existing client, or of a stranger where there
// is none.
func anotherClientID(t *T) string {
	if others := Strangers(t); len(others) > 0 {
		return others[0].ClientID
	}
	return "another-client"
}

// judgeAudience records whether the OP takes an audience. It never fails: CIBA Core 7.1
// obliges the OP to accept the audience, RFC 10070 and FAPI 2.0 oblige it to refuse
// (N-02).
func judgeAudience(t *T, audience string) {
	a := Assertion(t, t.Client())
	a.Audience = audience
	resp := StartAuthenticatedBy(t, t.Client(), a)
	t.JudgeVariant("audience "+audience, resp)
	if resp.Status/100 != 2 && !t.Failed() {
		t.Info("CIBA Core 7.1: accepted; RFC 10070: refused", "refused with %s", resp.Summary())
	}
}

// judgeAssertionTypes sends wrong values of client_assertion_type, which have to be refused,
// and none. One is the grant type of JWTs, which is easily mistaken for it.
// An OP that needs none guesses right: only JWTs are in use.
func judgeAssertionTypes(t *T) {
	for _, e := range authEndpoints(t) {
		judgeAssertion(t, "wrong type", e, func(a *ciba.Assertion) {
			a.Type = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"
		})
	}
	a := usualAssertion(t)
	a.Type = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	t.JudgeVariant("the grant type of JWTs as type", StartAuthenticatedBy(t, t.Client(), a))
	a = usualAssertion(t)
	a.OmitType = true
	resp := StartAuthenticatedBy(t, t.Client(), a)
	if resp.Status/100 == 2 {
		t.Expect(resp).As(result.Warn).To(HaveStatus(400, 401), "an assertion without client_assertion_type is refused")
		return
	}
	t.JudgeVariant("no type", resp)
}

// secondsAgo is a claim of time: that many seconds before now, or after it when they
// are negative.
func secondsAgo(seconds int64) int64 { return time.Now().Unix() - seconds }
