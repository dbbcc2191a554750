package targetfile

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/internal/yamlfile"
	"github.com/google/go-cmp/cmp"
)

func noEnv(string) (string, bool) { return "", false }

const good = `issuer: http://127.0.0.1:1/
clients:
  - {name: a, client_id: a, auth_method: client_secret_basic, client_secret: s3cr3t}
  - {name: rs, client_id: rs, auth_method: client_secret_post, client_secret: s3cr3t, purpose: resource-server}
users:
  - {login_hint: alice}
rar:
  types: [payment]
  valid: [{type: payment, amount: "50.00", count: 1.50}]
budgets: {expiry_max: 2m}
`

func TestDefaults(t *testing.T) {
	t.Parallel()
	got, err := Parse("t.yaml", []byte(good), Env{Lookup: noEnv})
	if err != nil {
		t.Fatal(err)
	}
	if !got.Clients[0].CIBA || got.Clients[1].CIBA || got.Clients[0].DeliveryMode != "poll" || got.Users[0].Name != "user-1" ||
		got.Approval.Kind != "none" || got.Budgets.ExpiryMax.Minutes() != 2 || got.BindingMessage != "AB12CD34" {
		t.Errorf("got %+v", got)
	}
	if want := `{"amount":"50.00","count":1.50,"type":"payment"}`; string(got.RAR.Valid[0]) != want {
		t.Errorf("got %s, want %s", got.RAR.Valid[0], want)
	}
}

// Every problem is told at once, with its place.
func TestBadFiles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"empty":    {"", []string{`t.yaml: the file is empty; "cibatest init ISSUER" writes a first one`}},
		"not yaml": {"issuer: [\n", []string{"t.yaml:1:1: not readable as YAML: did not find expected node content"}},
		"many at once": {`issuer: op.example.com
clints: []
clients:
  - {name: a, client_id: a, auth_method: basic, client_secret: x}
  - {name: a, auth_method: client_secret_post, user_code: "yes"}
users: []
`, []string{
			`t.yaml:1:9: issuer: is "op.example.com"; wanted an http or https URL without query and fragment`,
			`t.yaml:2:1: clints: unknown key; did you mean "clients"?`,
			`t.yaml:4:42: clients[0].auth_method: is "basic"; allowed are client_secret_basic, client_secret_post, client_secret_jwt, ` +
				`private_key_jwt, tls_client_auth, self_signed_tls_client_auth, none`,
			"t.yaml:5:5: clients[1].client_id: is missing",
			`t.yaml:5:5: clients[1].client_secret: is missing; client_secret_post needs one, for example ${env:CLIENT_SECRET}`,
			`t.yaml:5:12: clients[1].name: "a" names two clients`,
			"t.yaml:5:59: clients[1].user_code: is a text; wanted true or false",
			"t.yaml:6:8: users: needs at least 1 entry",
		}},
		"meaning": {`issuer: https://op.example
persona: auth1
clients:
  - {name: a, client_id: a, auth_method: client_secret_basic}
  - {name: a, client_id: b, auth_method: private_key_jwt, jwks_file: nowhere.json}
users: [{name: alice}]
approval: {kind: url, url: "https://op.example/{who}"}
capabilities: {telepathy: true}
budgets: {expiry_max: soon}
`, []string{
			`t.yaml:2:10: persona: is "auth1"; known are auth0, core, glewlwyd, keycloak, oidc-provider`,
			`t.yaml:4:5: clients[0].client_secret: is missing; client_secret_basic needs one, for example ${env:CLIENT_SECRET}`,
			`t.yaml:5:12: clients[1].name: "a" names two clients`,
			`t.yaml:5:70: clients[1].jwks_file: the file nowhere.json cannot be read`,
			`t.yaml:6:9: users[0]: has no hint; give login_hint, login_hint_token or id_token_hint`,
			`t.yaml:7:28: approval.url: unknown placeholder {who}; known are {auth_req_id}, {action}, {login_hint}, {user}, {sub}, {authorization_details}`,
			`t.yaml:8:16: capabilities.telepathy: unknown capability; the names are those of applies.needs in "cibatest list --json"`,
			`t.yaml:9:23: budgets.expiry_max: is "soon"; wanted a duration such as 800ms, 8s or 2m`,
		}},
		"signed requests": {`issuer: https://op.example
clients:
  - {name: a, client_id: a, auth_method: client_secret_basic, client_secret: s, request_signing_alg: ES256}
  - {name: b, client_id: b, auth_method: client_secret_basic, client_secret: s, request_signing_alg: HS256}
  - {name: c, client_id: c, auth_method: client_secret_basic, client_secret: s, jwks_uri: "https://client.example/keys"}
users: [{name: alice, login_hint: a}]
`, []string{
			`t.yaml:3:5: clients[0].jwks_file: is missing; request_signing_alg needs a file with the private key as a JSON Web Key Set`,
			`t.yaml:4:5: clients[1].jwks_file: is missing; request_signing_alg needs a file with the private key as a JSON Web Key Set`,
			`t.yaml:4:102: clients[1].request_signing_alg: is "HS256"; allowed are RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519`,
			`t.yaml:5:5: clients[2].jwks_file: is missing; jwks_uri needs a file with the private key as a JSON Web Key Set`,
			`t.yaml:5:91: clients[2].jwks_uri: is served by nobody; set notifications.listen, or leave it out where the OP reads the keys elsewhere`,
		}},
		"notifications": {`issuer: https://op.example
clients: [{name: a, client_id: a, auth_method: none, delivery_mode: ping, notification_endpoint: client.example}]
users: [{name: alice, login_hint: a}]
notifications: {listen: ":8443", tls: {cert_file: c.pem, ca_file: ca.pem}}
`, []string{
			`t.yaml:2:98: clients[0].notification_endpoint: is "client.example"; wanted an http or https URL`,
			`t.yaml:4:16: notifications.public_url: is missing; the OP cannot call :8443, so name the URL by which it reaches this host`,
			`t.yaml:4:67: notifications.tls.ca_file: stands beside cert_file and key_file; give either these two or ca_file`,
		}},
		"a certificate that is not there": {`issuer: https://op.example
clients: [{name: a, client_id: a, auth_method: none}]
users: [{name: alice, login_hint: a}]
notifications: {listen: "127.0.0.1:8443", tls: {verified: true}}
`, []string{
			`t.yaml:4:59: notifications.tls.verified: has no certificate to be about; give cert_file and key_file, or ca_file`,
		}},
		"certificates": {`issuer: https://op.example
clients:
  - {name: a, client_id: a, auth_method: tls_client_auth}
  - {name: b, client_id: b, auth_method: self_signed_tls_client_auth, certificate: {cert_file: nowhere.pem}}
  - {name: c, client_id: c, auth_method: none, certificate: {cert_file: nowhere.pem, key_file: nowhere.pem}}
users: [{name: alice, login_hint: a}]
`, []string{
			`t.yaml:3:5: clients[0].certificate.cert_file: is missing; give the certificate of the client and its key, ` +
				`as PEM files in cert_file and key_file`,
			`t.yaml:4:84: clients[1].certificate.key_file: is missing; give the certificate of the client and its key, ` +
				`as PEM files in cert_file and key_file`,
			`t.yaml:5:73: clients[2].certificate.cert_file: the file nowhere.pem cannot be read`,
		}},
		"guardian": {`issuer: https://op.example
clients: [{name: a, client_id: a, auth_method: none}]
users: [{name: alice, login_hint: a}]
approval: {kind: guardian, narrow: true, push: {listen: nowhere}, observe: {listen: "127.0.0.1:9003"}}
`, []string{
			`t.yaml:4:36: approval.narrow: is true, but a device of kind guardian can accept or reject and not grant less`,
			`t.yaml:4:57: approval.push.listen: "nowhere" is no address; write host:port, such as 127.0.0.1:9004`,
			`t.yaml:4:85: approval.observe.listen: stands beside kind guardian, whose devices see what users are asked; leave it out`,
		}},
		"outside": {`issuer: https://op.example
clients: [{name: a, client_id: a, auth_method: client_secret_basic, client_secret: "${env:NOPE}"}]
users: [{name: alice, login_hint: "${vault:x}", login_hint: b}]
`, []string{
			"t.yaml:2:84: clients[0].client_secret: the environment variable NOPE is not set",
			"t.yaml:3:35: users[0].login_hint: unknown placeholder ${vault:...}; ${env:NAME} and ${file:PATH} are known",
			"t.yaml:3:49: users[0].login_hint: the key is given twice",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse("t.yaml", []byte(c.text), Env{Lookup: noEnv})
			var problems yamlfile.Problems
			if !errors.As(err, &problems) {
				t.Fatalf("got %v, want problems", err)
			}
			var got []string
			for _, p := range problems {
				got = append(got, p.String())
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestSecretsStaySecret(t *testing.T) {
	t.Parallel()
	text := strings.Replace(good, "s3cr3t, purpose", "\"${env:CANARY}\", purpose", 1)
	got, err := Parse("t.yaml", []byte(text), Env{Lookup: func(string) (string, bool) { return "canary-value", true }})
	if err != nil {
		t.Fatal(err)
	}
	shown := fmt.Sprintf("%v %+v %#v %s %q", got.Clients, got.Clients, got.Clients, got.Clients[1].ClientSecret,
		got.Clients[1].ClientSecret) + fmt.Sprint(got.Masked())
	if strings.Contains(shown, "canary") || strings.Contains(shown, "s3cr3t") {
		t.Errorf("a secret shows in %s", shown)
	}
	if secrets := strings.Join(got.Secrets(), " "); !strings.Contains(secrets, "canary-value") || !strings.Contains(secrets, "s3cr3t") {
		t.Errorf("the masker is not told of %s", secrets)
	}
	// A value from outside that breaks the schema is not quoted.
	_, err = Parse("t.yaml", []byte(strings.Replace(good, "auth_method: client_secret_basic", `auth_method: "${env:X}"`, 1)),
		Env{Lookup: func(string) (string, bool) { return "canary-value", true }})
	if err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("got %v", err)
	}
}

func TestPersonasAreValid(t *testing.T) {
	t.Parallel()
	for _, name := range Personas() {
		text := strings.Replace(good, "{login_hint: alice}", `{sub: "auth0|alice", login_hint_token: a.b.c}`, 1)
		if _, err := Parse(name, []byte("persona: "+name+"\n"+text), Env{Lookup: noEnv}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(good)
	f.Add("a: &a [*a]")
	f.Add("issuer: ${file:/etc/x}\nclients: 5")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := Parse("t.yaml", []byte(text), Env{Lookup: noEnv})
		if (got == nil) == (err == nil) {
			t.Errorf("got %v and %v", got, err)
		}
	})
}

// Every key is described, and only there: explain and editors read the schema.
func TestEveryKeyIsDescribed(t *testing.T) {
	t.Parallel()
	paths := Keys()
	if len(paths) < 60 {
		t.Errorf("%d keys are known: %v", len(paths), paths)
	}
	for _, path := range paths {
		if key, _, err := Key(path); err != nil || len(key.Description) < 10 || key.Type == "" && len(key.Values) == 0 {
			t.Errorf("%s: %+v, %v", path, key, err)
		}
	}
	if _, below, err := Key(""); err != nil || len(below) < 14 {
		t.Errorf("the whole file has %d keys, %v", len(below), err)
	}
}
