package refop

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/jose"
)

// signedBy is the value of request that a client signs for alice, spoiled by a flaw; nil: by
// none.
func signedBy(b *bench, client string, flaw *jose.Flaw) string {
	key := b.op.Client(client).keys[0]
	if alg := b.op.Client(client).RequestAlg; alg != "" {
		key = key.WithAlg(alg)
	}
	now := time.Now()
	claims := map[string]any{
		"iss": client, "aud": testIssuer, "jti": RandomID(16), "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Minute).Unix(),
		"scope": "openid", "login_hint": "alice",
	}
	if flaw == nil {
		flaw = &jose.Flaw{Forge: jose.Sign}
	}
	token, err := flaw.Forge(map[string]any{}, claims, key)
	if err != nil {
		b.t.Fatal(err)
	}
	return token
}

// signedForm is a form with nothing but a signed request.
func signedForm(client string, flaw *jose.Flaw) func(*bench) url.Values {
	return func(b *bench) url.Values { return url.Values{RequestObject: {signedBy(b, client, flaw)}} }
}

// postSigned authenticates a client by its secret or by an assertion.
func (b *bench) postSigned(client string, form url.Values) reply {
	b.t.Helper()
	registered := b.op.Client(client)
	if registered.AuthMethod == MethodBasic {
		return b.post(PathStart, form, b.as(client))
	}
	claims := map[string]any{"iss": client, "sub": client, "aud": testIssuer, "jti": RandomID(16), "exp": time.Now().Add(time.Minute).Unix()}
	assertion, err := jose.Sign(nil, claims, registered.keys[0])
	if err != nil {
		b.t.Fatal(err)
	}
	return b.post(PathStart, with(form, "client_assertion", assertion, "client_assertion_type", AssertionType))
}

func spoiled(f jose.Flaw) func(*bench) url.Values { return signedForm("signed-a", &f) }

// signedRows are refused signed requests, one for each check at least.
var signedRows = []struct {
	name, client string
	form         func(*bench) url.Values
	check        CheckName
}{
	{"request_uri", "signed-a", params(RequestURI, "https://client.example/r"), CheckRequestURI},
	{"plain", "signed-a", params(), CheckRequestPlain},
	{"encrypted", "signed-a", encryptedForAnother, CheckRequestEncrypted},
	{"no JWT", "signed-a", spoiled(jose.Verbatim("text", "abc")), CheckRequestJWT},
	{"no claims", "signed-a", spoiled(jose.Saying("array", "[]")), CheckRequestJWT},
	{"none", "signed-a", spoiled(jose.AlgNone("none")), CheckRequestAlg},
	{"HS256", "signed-a", spoiled(jose.MACBySecret("HS256", "signed-a-secret-61d0f7")), CheckRequestAlg},
	{"another alg", "signed-rsa", signedForm("signed-rsa", new(jose.AlgSwitched("RS256"))), CheckRequestRegisteredAlg},
	{"another client's key", "signed-a", signedByAnother, CheckRequestSignature},
	{"own key", "signed-a", spoiled(jose.BringingKey()), CheckRequestSignature},
	{"zeros", "signed-a", spoiled(jose.Zeroed()), CheckRequestSignature},
	{"critical", "signed-a", spoiled(jose.Heading("crit", "crit", []string{"exp"})), CheckRequestSignature},
	{"no iss", "signed-a", spoiled(jose.Lacking("iss")), CheckRequestWithIssuer},
	{"another iss", "signed-a", spoiled(jose.Claiming("iss", "iss", "signed-b")), CheckRequestIssuer},
	{"no aud", "signed-a", spoiled(jose.Lacking("aud")), CheckRequestWithAudience},
	{"another aud", "signed-a", spoiled(jose.Claiming("aud", "aud", testIssuer+PathStart)), CheckRequestAudience},
	{"no exp", "signed-a", spoiled(jose.Lacking("exp")), CheckRequestWithExp},
	{"exp in words", "signed-a", spoiled(jose.Claiming("exp", "exp", "soon")), CheckRequestWithExp},
	{"expired", "signed-a", spoiled(jose.Claiming("exp", "exp", time.Now().Add(-2*time.Minute).Unix())), CheckRequestExpired},
	{"no iat", "signed-a", spoiled(jose.Lacking("iat")), CheckRequestWithIat},
	{"no nbf", "signed-a", spoiled(jose.Lacking("nbf")), CheckRequestWithNbf},
	{"early", "signed-a", spoiled(jose.Claiming("nbf", "nbf", time.Now().Add(2*time.Minute).Unix())), CheckRequestNotBefore},
	{"no jti", "signed-a", spoiled(jose.Lacking("jti")), CheckRequestWithJTI},
	{"a parameter outside", "signed-a", func(b *bench) url.Values { return with(signedForm("signed-a", nil)(b), "scope", "openid") }, CheckRequestOutside},
	{"scope as array", "signed-a", spoiled(jose.Claiming("scope", "scope", []string{"openid"})), CheckRequestParameters},
	{"request inside", "signed-a", spoiled(jose.Claiming("request", "request", "e30.e30.")), CheckRequestParameters},
	{"details as text", "signed-a", spoiled(jose.Claiming("rar", "authorization_details", "[]")), CheckRequestParameters},
	{"used twice", "signed-a", usedTwice, CheckRequestReplay},
	{"no scope", "signed-a", spoiled(jose.Lacking("scope")), CheckScopeMissing},
	{"no hint", "signed-a", spoiled(jose.Lacking("login_hint")), CheckHintNone},
	{"details of no type", "signed-a", spoiled(jose.Claiming("rar", "authorization_details", []any{map[string]any{}})), CheckDetails},
	{"requested_expiry of 0", "signed-a", spoiled(jose.Claiming("expiry", "requested_expiry", 0)), CheckRequestedExpiry},
}

func encryptedForAnother(b *bench) url.Values {
	return spoiled(jose.SealedFor("encrypted", "ECDH-ES", b.op.Client("signed-b").keys[0]))(b)
}

func signedByAnother(b *bench) url.Values {
	return spoiled(jose.SignedBy("another client's", b.op.Client("signed-b").keys[0]))(b)
}

// usedTwice is a signed request that was accepted once.
func usedTwice(b *bench) url.Values {
	form := signedForm("signed-a", nil)(b)
	if answer := b.postSigned("signed-a", form); !answer.is(http.StatusOK) {
		b.t.Fatalf("the first use: %d %v", answer.status, answer.body)
	}
	return form
}

func TestSignedRequestsRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, row := range signedRows {
		t.Run(row.name, func(t *testing.T) {
			answer := b.postSigned(row.client, row.form(b))
			if answer.status != http.StatusBadRequest || b.refusedBy != row.check || answer.text("auth_req_id") != "" {
				t.Errorf("got %d %v by %s, want 400 by %s", answer.status, answer.body, b.refusedBy, row.check)
			}
		})
	}
}

func TestSignedRequestsAccepted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, row := range map[string]struct {
		client    string
		form      func(*bench) url.Values
		expiresIn int64
	}{
		"usual":                  {"signed-a", signedForm("signed-a", nil), 120},
		"PS256":                  {"signed-rsa", signedForm("signed-rsa", nil), 120},
		"not registered to sign": {"jwt-a", signedForm("jwt-a", nil), 120},
		"audiences":              {"signed-a", spoiled(jose.Claiming("aud", "aud", []string{"https://x.example", testIssuer})), 120},
		"expiry as number":       {"signed-a", spoiled(jose.Claiming("expiry", "requested_expiry", 30)), 30},
		"expiry as text":         {"signed-a", spoiled(jose.Claiming("expiry", "requested_expiry", "30")), 30},
		"details":                {"signed-a", spoiled(jose.Claiming("rar", "authorization_details", []any{})), 120},
		"unknown claim":          {"signed-a", spoiled(jose.Claiming("unknown", "x_unknown", map[string]any{"a": 1})), 120},
		"typ":                    {"signed-a", spoiled(jose.Heading("typ", "typ", "oauth-authz-req+jwt")), 120},
		"client_id beside":       {"signed-a", func(b *bench) url.Values { return with(signedForm("signed-a", nil)(b), "client_id", "signed-a") }, 120},
	} {
		t.Run(name, func(t *testing.T) {
			answer := b.postSigned(row.client, row.form(b))
			if !answer.is(http.StatusOK) {
				t.Fatalf("got %d %v", answer.status, answer.body)
			}
			if got := number(answer.body["expires_in"]); got != row.expiresIn {
				t.Errorf("expires_in is %d, want %d", got, row.expiresIn)
			}
		})
	}
}

// keysAt answers whatever is asked with a key set that can be changed, and counts how often.
type keysAt struct {
	keys []jose.Key
	read int
}

func (k *keysAt) RoundTrip(*http.Request) (*http.Response, error) {
	k.read++
	text, err := jose.MarshalJWKS(k.keys)
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(text))}, err
}

// TestKeysOfClients: keys that a client publishes itself are read when one is needed that is not
// known, and no more often. OIDC Core 10.1.1.
func TestKeysOfClients(t *testing.T) {
	t.Parallel()
	at := &keysAt{}
	b := newBench(t)
	b.op.clientsBy = at
	client := b.op.Client("signed-hosted")
	client.JWKSURI = "https://client.example/keys"
	fresh, err := jose.GenerateKey("ES256", "fresh")
	if err != nil {
		t.Fatal(err)
	}
	by := func(key jose.Key) url.Values {
		return url.Values{RequestObject: {signedBy(b, "signed-hosted", new(jose.SignedBy("a key", key)))}}
	}
	for _, step := range []struct {
		name      string
		key       jose.Key
		published []jose.Key
		status    int
		read      int
	}{
		{"the first key", client.keys[0], client.keys, http.StatusOK, 1},
		{"the same again", client.keys[0], client.keys, http.StatusOK, 1},
		{"a key that nobody published", fresh, client.keys, http.StatusBadRequest, 2},
		{"once it is published", fresh, append([]jose.Key{fresh}, client.keys...), http.StatusOK, 3},
		{"the old one beside it", client.keys[0], client.keys, http.StatusOK, 3},
	} {
		at.keys = step.published
		if answer := b.postSigned("signed-hosted", by(step.key)); answer.status != step.status || at.read != step.read {
			t.Errorf("%s: got %d %v after reading %d times, want %d after %d", step.name, answer.status, answer.body, at.read, step.status, step.read)
		}
	}
}
