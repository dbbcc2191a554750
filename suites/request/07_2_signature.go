package request

import (
	"net/http"
	"slices"
	"time"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/internal/targetfile"
	. "github.com/cibatest/cibatest/suites/harness"
)

// CIBA Core 7.1.1 and 7.2: the JWT is signed, by an asymmetric algorithm, by a key of the client
// that authenticates, and the OP verifies it before it believes anything inside. Whoever gets
// around that has users prompted with what the client never asked for.
var _ = Cases.Describe("Signed request's signature", func() {
	Case("signed-alg-none", "is not left out", Disturbing("CIBA-7.1.1-RO-ALG-NONE").Smoke(), func(t *T) {
		judgeFlaws(t, jose.AlgNone("none"), jose.AlgNone("None"), jose.AlgNone("nOnE"), jose.NoneOverSignature())
	})
	// A public key is not secret, so an OP that takes it for the key of an HMAC takes anybody's
	// requests; RFC 8725 2.1.
	Case("signed-hmac-public-key", "is no HMAC keyed with what is public", Disturbing("CIBA-7.1.1-RO-HS256"), func(t *T) {
		judgeFlaws(t, jose.MACByPublicKey("HS256")...)
	})
	Case("signed-hmac-secret", "is no HMAC keyed with the client_secret",
		Disturbing("CIBA-7.1.1-RO-HS256").Needs(catalogue.NeedClientSecret), func(t *T) {
			secret := t.Client().ClientSecret.Reveal()
			judgeFlaws(t, jose.MACBySecret("HS256", secret), jose.MACBySecret("HS512", secret))
		})
	Case("signed-bad-signature", "is verified", Disturbing("CIBA-7.2-RO-BAD-SIGNATURE").Smoke(), func(t *T) {
		judgeFlaws(t, jose.Flipped(), jose.Retold("scope", t.Request().Get("scope")+" x"), jose.Retold("binding_message", "X1"),
			jose.Unsealed(), jose.Halved(), jose.Zeroed(), jose.SignedByNobody(), jose.BringingKey())
		// RFC 7515 4.1.11 has it refused; an OP that passes it over is let off with a warning, as
		// the signature itself is good.
		judgeFlawsBy(t, warning(t.Requirement()), jose.Heading("a critical extension that nobody knows", "crit", []string{"x-cibatest"}))
	})
	// Whoever has an OP fetch a key from where the JWT says has it call hosts that only it reaches,
	// and take anybody's signature; RFC 8725 3.10.
	Case("signed-key-by-reference", "is not verified by a key that the JWT points to",
		Disturbing("CIBA-7.2-RO-BAD-SIGNATURE").Needs(catalogue.NeedNotificationReceiver).About(promptWait), judgeKeyByReference)
	Case("signed-other-key", "is not another client's", Disturbing("CIBA-7.2-RO-OTHER-CLIENT-KEY"), func(t *T) {
		other := object(t, t.Second()).Key
		if !other.IsPrivate() {
			t.Skip("second_client: the other client %s has no key to sign with", t.Second().Name)
		}
		judgeFlaws(t, jose.SignedBy("another client's key", other),
			jose.SignedBy("another client's key under the kid of the right one", other.WithKID(object(t, t.Client()).Key.KID())))
	})
	Case("signed-registered-alg", "has the registered algorithm", Disturbing("CIBA-7.1.1-RO-REGISTERED-ALG"), judgeOtherAlgorithms)
	Case("signed-key-rotated", "is verified by a key that was published a moment ago",
		Judges("OIDC-10.1.1-RO-KEY-ROTATION").Limit(rotationPatience+time.Minute), judgeRotation)
	Case("signed-malformed", "is looked for in what is no JWT without harm", Judges("CIBA-7.2-RO-MALFORMED"), func(t *T) {
		good, err := object(t, t.Client()).Sign(t.Request())
		MustNotFail(t, err)
		judgeFlaws(t, jose.Verbatim("abc", "abc"), jose.Verbatim("a.b.c", "a.b.c"), jose.Verbatim("two dots", ".."),
			jose.Verbatim("three empty objects", "e30.e30.e30"), jose.Verbatim("two parts", good[:len(good)/2]),
			jose.Verbatim("a JWT and one part more", good+".x"), jose.Verbatim("two JWTs", good+","+good),
			jose.Verbatim("characters beyond ASCII", "ä.ö.ü"), jose.Verbatim("an address", "https://client.example/request"),
			jose.Saying("an array as claims", `["openid"]`), jose.Saying("a text as claims", `"openid"`), jose.Saying("null as claims", "null"),
			jose.Saying("claims that are no JSON", `{"iss":`), jose.Saying("no claims", ""))
	})
	// A server before the OP may cut what is this long, or say so in its own words.
	Case("signed-overlong", "is looked for in 200 kB without harm", Judges("CIBA-7.2-RO-MALFORMED").AfterAll(), func(t *T) {
		long := jose.Verbatim("200 kB", longText)
		resp := t.Send(spoiled(t, long))
		if resp.Err != nil && resp.Status == 0 {
			t.Skip("a request of 200 kB got no answer; a proxy may cut it")
		}
		JudgeVariantBy(t, ExpectingStatus(t.Requirement(), 400, 413, 414, 422, 431), long.Name, resp)
	})
	Case("signed-encrypted", "is not looked for inside a JWE", Judges("CIBA-7.1.1-RO-ENCRYPTED"), judgeEncrypted)
	Case("signed-no-side-effect", "comes before the user is asked",
		Judges("CIBA-7.2-NO-SIDE-EFFECT-ON-ERROR").Needs(catalogue.NeedSignedRequest, catalogue.NeedSigningClient).About(promptWait),
		judgeNoPrompt)
	Case("signed-is-no-authentication", "does not authenticate its client", Disturbing("CIBA-7.1.1-RO-JWT-IS-NOT-AUTH"), func(t *T) {
		mustTakeSigned(t)
		p := t.Request()
		t.JudgeVariant("client_id alone", t.Send(t.StartRequest(p.Add("client_id", t.Client().ClientID)).AuthenticatedBy(nil)))
		// Where nothing names a client, a parameter is missing as well.
		r := AlsoExpecting(ExpectingStatus(t.Requirement(), http.StatusUnauthorized, http.StatusBadRequest), ciba.InvalidRequest)
		JudgeVariantBy(t, r, "nothing that names a client", t.Send(t.StartRequest(p).AuthenticatedBy(nil)))
	})
	// It has no sub, which an assertion has; RFC 7523 3.
	Case("signed-is-no-assertion", "is no client assertion",
		Disturbing("CIBA-7.1.1-RO-JWT-IS-NOT-AUTH").Methods(targetfile.AuthPrivateKeyJWT), func(t *T) {
			mustTakeSigned(t)
			token, err := object(t, t.Client()).Sign(t.Request())
			MustNotFail(t, err)
			as := ciba.Assertion{ClientID: t.Client().ClientID, Token: func(_, _ map[string]any) (string, error) { return token, nil }}
			t.JudgeVariant("a signed request as client_assertion", t.Send(t.StartRequest(t.Request()).AuthenticatedBy(as)))
		})
})

// longText is longer than what ordinary servers take.
var longText = string(slices.Repeat([]byte("A"), 200_000))

// judgeOtherAlgorithms signs with what the client is not registered for: by the right key where
// it is of a type for several algorithms, and by another key of the client.
func judgeOtherAlgorithms(t *T) {
	for _, c := range signers(t) {
		flaws := otherAlgorithms(t, c)
		if len(flaws) == 0 {
			continue
		}
		t.As(c, func() { judgeFlaws(t, flaws...) })
		return
	}
	t.Skip("no client that signs its requests has a key for another algorithm, as RSA keys are")
}

// otherAlgorithms are the ways of a client to sign with an algorithm that the OP offers and the
// client is not registered for.
func otherAlgorithms(t *T, c *Client) []jose.Flaw {
	own := object(t, c).Key
	var flaws []jose.Flaw
	for _, alg := range []string{"RS256", "PS256", "ES256", "EdDSA"} {
		switch {
		case alg == c.RequestSigningAlg || !Advertises(t, "backchannel_authentication_request_signing_alg_values_supported", alg):
		case own.SignsWith(alg):
			flaws = append(flaws, jose.AlgSwitched(alg))
		default:
			if key, has := keyFor(c, alg); has {
				flaws = append(flaws, jose.SignedBy("alg "+alg+" by another key of the client", key))
			}
		}
	}
	return flaws
}

// keyFor is a key of a client's file for an algorithm.
func keyFor(c *Client, alg string) (jose.Key, bool) {
	of := c.Client
	of.RequestSigningAlg = alg
	key, err := of.RequestKey()
	return key, err == nil
}

// judgeEncrypted nests a good signed request in a JWE: for a key that the OP publishes, where it
// has one to encrypt to, and for one of nobody. An OP that decrypts has an extension.
func judgeEncrypted(t *T) {
	nobody, err := jose.KeyOfNobody("ES256", "nobody")
	MustNotFail(t, err)
	flaws := []jose.Flaw{jose.SealedFor("a JWE for a key of nobody", "ECDH-ES", nobody)}
	if t.Target().Endpoints.JWKS != "" {
		if set, err := ReadKeySet(KeySetAnswer(t)); err == nil {
			flaws = append(flaws, sealedForOP(set)...)
		}
	}
	judgeFlaws(t, flaws...)
}

// sealedForOP are JWEs for the first key of each type that the OP publishes.
func sealedForOP(set KeySet) []jose.Flaw {
	var flaws []jose.Flaw
	for _, kind := range []struct{ alg, name, jwe string }{
		{"RS256", "an RSA key of the OP", "RSA-OAEP-256"},
		{"ES256", "an EC key of the OP", "ECDH-ES"},
	} {
		i := slices.IndexFunc(set.Keys, func(k jose.Key) bool { return k.IsFor(kind.alg) })
		if i >= 0 {
			flaws = append(flaws, jose.SealedFor("a JWE for "+kind.name, kind.jwe, set.Keys[i]))
		}
	}
	return flaws
}

// promptWait is how long a prompt may be on its way, and anything else that an OP does about a
// request; CIBA-7.2-NO-SIDE-EFFECT-ON-ERROR.
const promptWait = 5 * time.Second

// judgeNoPrompt sends requests that are refused, each with a message of its own, and waits for the
// prompt that nobody signed for.
func judgeNoPrompt(t *T) {
	if !t.Request().Has("binding_message") {
		t.Skip("requests have no binding_message here, so the prompt of a refused one cannot be told from others")
	}
	mustTakeSigned(t)
	var refused []string
	for _, f := range []jose.Flaw{
		jose.Flipped(), jose.AlgNone("none"), jose.SignedByNobody(), jose.Lacking("exp"), jose.Claiming("aud", "aud", "https://other.example/"),
	} {
		message := t.Random().Text()[:8]
		if resp := t.Send(spoiledFor(t, t.Request().With("binding_message", message), f)); resp.Status/100 == 4 {
			t.At(resp)
			refused = append(refused, message)
		}
	}
	if len(refused) == 0 {
		t.Skip("no forged request was refused; see the cases about signatures")
	}
	_, shown := WaitPrompt(t, func(p approve.Prompt) bool { return slices.Contains(refused, p.BindingMessage) }, promptWait)
	t.Check(!shown, "no prompt within "+promptWait.String()+" of a refused signed request", "the device was asked")
}

// judgeKeyByReference points to an address of the run, and watches whether somebody asks there.
func judgeKeyByReference(t *T) {
	mustTakeSigned(t)
	at, fetched := Trap(t)
	nobody := jose.SignedByNobody()
	for _, member := range []string{"jku", "x5u"} {
		forge := func(header, claims map[string]any, key jose.Key) (string, error) {
			header[member] = at
			return nobody.Forge(header, claims, key.WithKID("elsewhere"))
		}
		pointing := jose.Flaw{Name: "a key that " + member + " points to", Forge: forge}
		t.JudgeVariant(pointing.Name, t.Send(spoiled(t, pointing)))
	}
	t.Wait(promptWait)
	if calls := fetched(); len(calls) > 0 {
		t.At(calls[0].Payload)
		t.Warn("no request to the address in the header of the JWT", "a %s request", ciba.Printable(calls[0].Method))
	}
}

// An OP may read the keys of a client no more often than every few minutes.
const (
	rotationPatience = 5 * time.Minute
	rotationPause    = 30 * time.Second
)

// judgeRotation publishes a new key and signs with it, at once and again until the OP has had its
// time to read it. OIDC Core 10.1.1.
func judgeRotation(t *T) {
	mustTakeSigned(t)
	o := object(t, t.Client())
	o.Key = RotateKey(t)
	began := time.Now()
	resp := t.Send(t.StartRequest(t.Request()).SignedAs(o))
	for t.MustAnswer(resp).Status/100 == 4 && time.Since(began) < rotationPatience {
		t.Wait(rotationPause)
		resp = t.Send(t.StartRequest(t.Request()).SignedAs(o))
	}
	t.JudgeAck("a request signed with a key that was published "+time.Since(began).Round(time.Second).String()+" ago", resp)
}
