package refop

import (
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"net/http"
	"net/url"
	"testing"

	"github.com/cibatest/cibatest/fixtures"
)

// showing shows a certificate of the fixtures at TLS.
func showing(t *testing.T, name string) request {
	t.Helper()
	text, err := fs.ReadFile(fixtures.Keys(), name+".pem")
	if err != nil {
		t.Fatal(err)
	}
	shown, err := parseCertificate(text)
	if err != nil {
		t.Fatal(err)
	}
	return func(r *http.Request) { r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{shown}} }
}

// A certificate authenticates the one client that it is of. RFC 8705 2.
func TestCertificatesOfClients(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, row := range []struct {
		client, certificate string
		fits                bool
	}{
		{"tls-a", "client-tls-a", true},
		{"tls-a", "client-tls-b", false},
		{"tls-a", "client-tls-self-a", false},
		{"tls-self-a", "client-tls-self-a", true},
		{"tls-self-a", "client-tls-self-b", false},
		{"tls-self-a", "client-tls-a", false},
		{"basic-a", "client-tls-a", false}, // who has a secret shows it
		{"", "client-tls-a", false},
	} {
		form := url.Values{"client_id": {row.client}, "scope": {"openid"}, "login_hint": {"alice"}}
		answer := b.post(PathStart, form, showing(t, row.certificate))
		if answer.is(http.StatusOK) != row.fits || !row.fits && answer.code() != "invalid_client" {
			t.Errorf("%s with %s: %d %v", row.client, row.certificate, answer.status, answer.body)
		}
	}
	if answer := b.post(PathStart, url.Values{"client_id": {"tls-a"}, "scope": {"openid"}, "login_hint": {"alice"}}); !answer.is(http.StatusUnauthorized) {
		t.Errorf("without a certificate: %d %v", answer.status, answer.body)
	}
}

// boundChecks refuse who does not show what tokens are to be bound to.
var boundChecks = []CheckName{CheckPollBound, CheckRefreshBound}

// Tokens of clients that registered for it are bound to the certificate that was shown for
// them, and good with no other. RFC 8705 3.
func TestBoundTokens(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.op.Client("basic-a").Bound = true
	own, other := showing(t, "client-tls-a"), showing(t, "client-tls-b")
	id := b.start()
	b.decide(id, "allow")
	if answer := b.post(PathToken, poll(id), b.as("basic-a")); answer.code() != "invalid_request" || b.refusedBy != boundChecks[0] {
		t.Errorf("a poll without a certificate: %d %v by %s", answer.status, answer.body, b.refusedBy)
	}
	tokens := b.post(PathToken, poll(id), b.as("basic-a"), own)
	cnf, _ := decoded(t, tokens.text("access_token")).Claims["cnf"].(map[string]any)
	if cnf["x5t#S256"] == nil {
		t.Fatalf("the token is bound to nothing: %v", tokens.body)
	}
	bearer := withBearer(tokens.text("access_token"))
	for name, c := range map[string]struct {
		shown []request
		want  int
	}{"own": {[]request{own}, 200}, "other": {[]request{other}, 401}, "none": {nil, 401}} {
		if answer := b.get(PathUserInfo, append(c.shown, bearer)...); !answer.is(c.want) {
			t.Errorf("UserInfo with %s: %d", name, answer.status)
		}
	}
	told := b.post(PathIntrospect, url.Values{"token": {tokens.text("access_token")}}, b.as("api"))
	if confirmed, _ := told.body["cnf"].(map[string]any); confirmed["x5t#S256"] != cnf["x5t#S256"] {
		t.Errorf("introspection says %v, the token %v", confirmed, cnf)
	}
	b.refusedBy = ""
	refreshed := b.post(PathToken, refresh(tokens.text("refresh_token")), b.as("basic-a"))
	if refreshed.code() != "invalid_request" || b.refusedBy != boundChecks[1] {
		t.Errorf("a refresh without a certificate: %d %v by %s", refreshed.status, refreshed.body, b.refusedBy)
	}
}

// Where clients can show certificates, the metadata say so. RFC 8705 3.3 and 5.
func TestMutualTLSMetadata(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if _, there := b.op.mutualTLSMetadata(map[string]any{})["mtls_endpoint_aliases"]; there {
		t.Error("aliases are published, and no client can show a certificate")
	}
	b.op.mutualTLS = "https://mtls.op.example"
	got := b.op.mutualTLSMetadata(map[string]any{"token_endpoint": "https://op.example/t", "token_endpoint_auth_methods_supported": []any{"x"}})
	aliases, _ := got["mtls_endpoint_aliases"].(map[string]any)
	methods, _ := got["token_endpoint_auth_methods_supported"].([]any)
	if aliases["token_endpoint"] != "https://mtls.op.example/t" || got["tls_client_certificate_bound_access_tokens"] != true || len(methods) != 3 {
		t.Errorf("got %v", got)
	}
}
