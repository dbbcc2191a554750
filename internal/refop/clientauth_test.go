package refop

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/jose"
)

// clientRows are requests whose client is not authenticated.
var clientRows = []struct {
	name      string
	form      url.Values
	header    request // nil: none
	check     CheckName
	status    int
	code      string
	challenge bool
}{
	{"no client", aliceSigns, nil, CheckClient, 401, "invalid_client", false},
	{"name only", with(aliceSigns, "client_id", "basic-a"), nil, CheckClient, 401, "invalid_client", false},
	{"unknown client", aliceSigns, basic("nobody", "x"), CheckClient, 401, "invalid_client", true},
	{"wrong secret", aliceSigns, basic("basic-b", "x"), CheckClient, 401, "invalid_client", true},
	{"secret of another", aliceSigns, basic("basic-b", "basic-c-secret-b2a774"), CheckClient, 401, "invalid_client", true},
	{"empty secret", aliceSigns, basic("basic-b", ""), CheckClient, 401, "invalid_client", true},
	{
		"another method", with(aliceSigns, "client_id", "basic-b", "client_secret", "basic-b-secret-51c09e"), nil, CheckClient,
		401, "invalid_client", false,
	},
	{"Basic of a post client", aliceSigns, basic("post-a", "post-a-secret-66a1d0"), CheckClient, 401, "invalid_client", true},
	{"public client", aliceSigns, basic("public-app", ""), CheckClient, 401, "invalid_client", true},
	{
		"two methods", with(aliceSigns, "client_id", "post-a", "client_secret", "post-a-secret-66a1d0"),
		basic("basic-b", "basic-b-secret-51c09e"), CheckOneAuthentication, 400, "invalid_request", false,
	},
	{
		"Basic that is none", aliceSigns, func(r *http.Request) { r.Header.Set("Authorization", "Basic ***") }, CheckClient, 401,
		"invalid_client", true,
	},
	{
		"JSON", aliceSigns, func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, CheckForm, 400,
		"invalid_request", false,
	},
	{"long body", with(aliceSigns, "x", strings.Repeat("x", maxForm)), nil, CheckForm, 413, "invalid_request", false},
	{"confidential only", with(aliceSigns, "client_id", "public-app"), passAsPublic, CheckClientConfidential, 401, "invalid_client", false},
}

// passAsPublic marks a request for which [TestClientAuthentication] overlooks that a
// public client proves nothing, as no other request comes as far as the check that
// refuses such clients.
func passAsPublic(r *http.Request) { r.Header.Set("X-Public", "1") }

func TestClientAuthentication(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(p *Plan) {
		p.Wrap(CheckClient, func(inner CheckFunc) CheckFunc {
			return func(c *Call) *OAuthError {
				if c.Request.Header.Get("X-Public") == "" {
					return inner(c)
				}
				c.Client = c.OP.Client("public-app")
				return nil
			}
		})
		p.Wrap(CheckClientCIBA, func(CheckFunc) CheckFunc { return func(*Call) *OAuthError { return nil } })
	})
	for _, row := range clientRows {
		t.Run(row.name, func(t *testing.T) {
			var edits []request
			if row.header != nil {
				edits = append(edits, row.header)
			}
			answer := b.post(PathStart, row.form, edits...)
			if answer.status != row.status || answer.code() != row.code || b.refusedBy != row.check {
				t.Errorf("got %d %v by %s, want %d %s by %s", answer.status, answer.body, b.refusedBy, row.status, row.code, row.check)
			}
			if got := answer.header.Get("WWW-Authenticate") != ""; got != row.challenge {
				t.Errorf("challenge %v, want %v", got, row.challenge)
			}
		})
	}
}

func TestBrokenForm(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, testIssuer+PathStart, strings.NewReader("scope=%zz"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if answer := b.send(r, b.as("basic-a")); !answer.is(http.StatusBadRequest) || b.refusedBy != CheckForm {
		t.Errorf("got %d by %s", answer.status, b.refusedBy)
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, row := range []struct {
		method, path, allow string
		status              int
	}{
		{http.MethodGet, PathStart, "POST", 405},
		{http.MethodPut, PathToken, "POST", 405},
		{http.MethodDelete, PathUserInfo, "GET, POST", 405},
		{http.MethodPost, PathJWKS, "GET, HEAD", 405},
		{http.MethodPost, PathUserInfo, "", 401},
		{http.MethodDelete, "/nowhere", "", 404},
	} {
		answer := b.send(httptest.NewRequestWithContext(t.Context(), row.method, testIssuer+row.path, nil))
		if answer.status != row.status || answer.header.Get("Allow") != row.allow {
			t.Errorf("%s %s: %d, Allow %q; want %d, %q", row.method, row.path, answer.status, answer.header.Get("Allow"), row.status, row.allow)
		}
	}
}

// goodAssertion are the claims of an assertion of jwt-a that is in order.
func goodAssertion() map[string]any {
	return map[string]any{
		"iss": "jwt-a", "sub": "jwt-a", "aud": testIssuer, "jti": RandomID(16),
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
	}
}

// assertionRows are assertions that are not in order: one claim or parameter is
// another one, nil for none.
var assertionRows = []struct {
	name   string
	claims map[string]any
	form   []string
	key    string // whose key signs; jwt-a when empty
	check  CheckName
}{
	{"no type", nil, []string{"client_assertion_type", "-"}, "", CheckAssertionType},
	{"SAML", nil, []string{"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"}, "", CheckAssertionType},
	{"no JWT", nil, []string{"client_assertion", "x"}, "", CheckAssertionJWT},
	{"unknown client", map[string]any{"sub": "nobody"}, nil, "", CheckAssertionClient},
	{"another issuer", map[string]any{"iss": "jwt-b"}, nil, "", CheckAssertionIssuer},
	{"another client_id", nil, []string{"client_id", "jwt-b"}, "", CheckAssertionClientID},
	{"Basic client", map[string]any{"iss": "basic-a", "sub": "basic-a"}, nil, "", CheckAssertionMethod},
	{"key of another", nil, nil, "jwt-b", CheckAssertionSignature},
	{"EC key of an HMAC client", map[string]any{"iss": "hmac-a", "sub": "hmac-a"}, nil, "jwt-a", CheckAssertionSignature},
	{"no audience", map[string]any{"aud": nil}, nil, "", CheckAssertionAudience},
	{"another OP", map[string]any{"aud": "https://other.example"}, nil, "", CheckAssertionAudience},
	{"other OPs", map[string]any{"aud": []any{"https://other.example"}}, nil, "", CheckAssertionAudience},
	{"issuer and more", map[string]any{"aud": testIssuer + ".evil.example"}, nil, "", CheckAssertionAudience},
	{"no exp", map[string]any{"exp": nil}, nil, "", CheckAssertionWithExp},
	{"exp in words", map[string]any{"exp": "tomorrow"}, nil, "", CheckAssertionWithExp},
	{"expired", map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}, nil, "", CheckAssertionExpired},
	{"not yet", map[string]any{"nbf": time.Now().Add(time.Hour).Unix()}, nil, "", CheckAssertionNotBefore},
	{"used before", map[string]any{"jti": "once"}, nil, "", CheckAssertionReplay},
}

// asserted is the good request with an assertion.
func (b *bench) asserted(claims map[string]any, key jose.Key, pairs ...string) url.Values {
	b.t.Helper()
	all := goodAssertion()
	for name, value := range claims {
		if all[name] = value; value == nil {
			delete(all, name)
		}
	}
	token, err := jose.Sign(nil, all, key)
	if err != nil {
		b.t.Fatal(err)
	}
	form := with(aliceSigns, "client_assertion_type", AssertionType, "client_assertion", token)
	return with(form, pairs...)
}

func TestAssertions(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	key := func(id string) jose.Key { return b.op.Client(id).KeySet()[0] }
	if answer := b.post(PathStart, b.asserted(map[string]any{"jti": "once"}, key("jwt-a"))); !answer.is(http.StatusOK) {
		t.Fatalf("the good assertion: %d %v", answer.status, answer.body)
	}
	for _, row := range assertionRows {
		t.Run(row.name, func(t *testing.T) {
			signer := row.key
			if signer == "" {
				signer = "jwt-a"
			}
			answer := b.post(PathStart, b.asserted(row.claims, key(signer), row.form...))
			if answer.status != http.StatusUnauthorized || answer.code() != "invalid_client" || b.refusedBy != row.check {
				t.Errorf("got %d %v by %s, want 401 invalid_client by %s", answer.status, answer.body, b.refusedBy, row.check)
			}
		})
	}
}

// What an assertion may be: addressed to any name of the OP, with a clock a little
// off, without jti, and signed with a secret by clients registered for that.
func TestGoodAssertions(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	hmac := jose.SymmetricKey([]byte(b.op.Client("hmac-a").Secret), "HS256", "")
	for _, row := range []struct {
		name   string
		claims map[string]any
		key    jose.Key
	}{
		{"token endpoint", map[string]any{"aud": testIssuer + PathToken}, b.op.Client("jwt-a").KeySet()[0]},
		{"backchannel endpoint", map[string]any{"aud": testIssuer + PathStart}, b.op.Client("jwt-a").KeySet()[0]},
		{"one of several", map[string]any{"aud": []any{"https://other.example", testIssuer}}, b.op.Client("jwt-a").KeySet()[0]},
		{"no jti", map[string]any{"jti": nil}, b.op.Client("jwt-a").KeySet()[0]},
		{"clock behind", map[string]any{"exp": time.Now().Add(-30 * time.Second).Unix()}, b.op.Client("jwt-a").KeySet()[0]},
		{"secret", map[string]any{"iss": "hmac-a", "sub": "hmac-a"}, hmac},
	} {
		t.Run(row.name, func(t *testing.T) {
			if answer := b.post(PathStart, b.asserted(row.claims, row.key)); !answer.is(http.StatusOK) {
				t.Errorf("got %d %v by %s", answer.status, answer.body, b.refusedBy)
			}
		})
	}
}
