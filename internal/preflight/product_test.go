package preflight

import (
	"maps"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/internal/targetfile"
)

// tenantOf is what a tenant of Auth0 publishes below an address, as it was recorded.
func tenantOf(t *testing.T, at string, changes map[string]any) string {
	t.Helper()
	document := map[string]any{
		"issuer": at, "backchannel_authentication_endpoint": at + "bc-authorize", "token_endpoint": at + "oauth/token",
		"mfa_challenge_endpoint": at + "mfa/challenge", "token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
	}
	maps.Copy(document, changes)
	return publishing(t, document)
}

// servedBy is an OP that serves its metadata where they belong.
func servedBy(issuer, metadata string) op {
	return op{strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration": metadata}
}

// A product is told by its address and by what it publishes, and never by one thing alone that
// others may have as well.
func TestProducts(t *testing.T) {
	t.Parallel()
	const own = "https://login.example.com/"
	for name, c := range map[string]struct {
		issuer, metadata, want string
	}{
		"a tenant":                   {"https://example.us.auth0.com/", tenantOf(t, "https://example.us.auth0.com/", nil), "auth0"},
		"a tenant without the slash": {"https://example.us.auth0.com", tenantOf(t, "https://example.us.auth0.com/", nil), "auth0"},
		"a domain of its own":        {own, tenantOf(t, own, nil), "auth0"},
		"the path alone":             {own, tenantOf(t, own, map[string]any{"mfa_challenge_endpoint": nil}), "core"},
		"the member alone":           {own, tenantOf(t, own, map[string]any{"backchannel_authentication_endpoint": own + "ciba"}), "core"},
		"another host of that name":  {"https://auth0.com.example/", publishing(t, map[string]any{"issuer": "https://auth0.com.example/"}), "core"},
		"keycloak": {"https://kc.example/realms/a", publishing(t, map[string]any{
			"issuer":                              "https://kc.example/realms/a",
			"backchannel_authentication_endpoint": "https://kc.example/realms/a/protocol/openid-connect/ext/ciba/auth",
		}), "keycloak"},
		"anybody": {own, publishing(t, map[string]any{"issuer": own}), "core"},
	} {
		text, err := Init(t.Context(), servedBy(c.issuer, c.metadata), c.issuer, targetfile.TLS{}, (*Facts).Pieces)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := targetfile.Parse("t.yaml", text, secretsOnly(t))
		if err != nil || got.Persona != c.want {
			t.Errorf("%s: the persona is %v (%v), want %s:\n%s", name, got, err, c.want, text)
		}
	}
}

// The first file of a tenant has what is particular to it: hints made of subjects, the most
// usual method, the limits of its persona, and where the API is named.
func TestInitForATenant(t *testing.T) {
	t.Parallel()
	const at = "https://example.us.auth0.com/"
	written, err := Init(t.Context(), servedBy(at, tenantOf(t, at, nil)), at, targetfile.TLS{}, (*Facts).Pieces)
	if err != nil {
		t.Fatal(err)
	}
	text := string(written)
	got, err := targetfile.Parse("t.yaml", written, secretsOnly(t))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if got.Clients[0].AuthMethod != targetfile.AuthClientSecretPost || got.Budgets.PerUserMinute.Notifications != 5 ||
		got.Budgets.RequestsPerSecond != 5 || !got.BindingMessageRequired ||
		got.Users[0].LoginHint != `{"format":"iss_sub","iss":"`+at+`","sub":"auth0|CHANGE-ME-ALICE"}` {
		t.Errorf("got %+v", got)
	}
	if !strings.Contains(text, "# start_params: {audience:") || strings.Contains(text, "nobody-4711") {
		t.Errorf("the file is\n%s", text)
	}
	report := CheckReport{}
	report.untouched(got)
	if said := said(report); strings.Count(said, "placeholder") != 4 {
		t.Errorf("check says of the untouched file: %s", said)
	}
}

// Types that belong to an API are of no use to requests that name none.
func TestCheckWantsAnAudience(t *testing.T) {
	t.Parallel()
	const file = `issuer: https://example.us.auth0.com/
persona: auth0
clients: [{name: a, client_id: a, auth_method: client_secret_post, client_secret: s}]
users: [{sub: "auth0|1"}]
`
	const types = "rar: {types: [payment], valid: [{type: payment}]}\n"
	for more, want := range map[string]string{
		"":    "",
		types: "t.yaml:5: rar.types belong to an API at this OP, and requests name none",
		types + "start_params: {audience: https://api.example}":              "",
		types + "start_params: {resource: https://api.example}":              "",
		strings.Replace(types, "{types", "{needs_audience: false, types", 1): "",
	} {
		target, err := targetfile.Parse("t.yaml", []byte(file+more), secretsOnly(t))
		if err != nil {
			t.Fatal(err)
		}
		report := CheckReport{}
		report.audience(target)
		if said := said(report); (want == "") != (said == "") || !strings.Contains(said, want) {
			t.Errorf("%q: check says %q, want %q", more, said, want)
		}
	}
}

// said is everything a report says.
func said(r CheckReport) string {
	var lines []string
	for _, f := range r.Findings {
		lines = append(lines, f.Text)
	}
	return strings.Join(lines, "\n")
}
