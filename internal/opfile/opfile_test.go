package opfile

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cibatest/cibatest/fixtures"
	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/yamlfile"
)

const good = `
persona: auth0
options: {binding_message: documented}
open: [users, scopes]
expires_in: 90s
scopes: [read]
clients:
  - {client_id: agent, client_secret: "${env:AGENT_SECRET}", apis: [https://bank.example]}
  - {client_id: worker, auth_method: private_key_jwt, jwks_file: ../keys/client-jwt-a.json, ciba: false}
users:
  - {sub: "auth0|ada", login_hints: [ada], name: Ada, email: ada@users.example, enrolled: none}
unknown_users: ["auth0|ghost"]
apis:
  - identifier: https://bank.example
    scopes: [transfers:write]
    access: require_client_grant
    rar_types:
      transfer:
        schema:
          type: object
          required: [amount]
          properties: {type: true, amount: {type: number, maximum: 100}, to: {type: string, pattern: '^[A-Z]{2}'}}
          additionalProperties: false
      anything: {}
`

// here is where the tests' files come from.
var here = yamlfile.Env{
	FS: fixtures.Tree(), Dir: "registrations", Lookup: func(string) (string, bool) { return "from-outside", true },
}

func TestParse(t *testing.T) {
	t.Parallel()
	f, err := Parse("op.yaml", []byte(good), here)
	if err != nil {
		t.Fatal(err)
	}
	r := f.Registration
	if f.Persona != "auth0" || !slices.Equal(f.Options, []string{"binding_message=documented"}) {
		t.Errorf("persona %q with %q", f.Persona, f.Options)
	}
	if r.Open != (refop.Open{Users: true, Scopes: true}) || r.ExpiresIn != 90*time.Second || !slices.Contains(r.Scopes, "read") {
		t.Errorf("open %+v, %v, %v", r.Open, r.ExpiresIn, r.Scopes)
	}
	agent, worker := r.Clients[0], r.Clients[1]
	if agent.Secret != "from-outside" || agent.AuthMethod != refop.MethodAny || agent.NoCIBA || !slices.Equal(agent.APIs, []string{"https://bank.example"}) {
		t.Errorf("agent is %+v", agent)
	}
	if !worker.NoCIBA || len(worker.KeySet()) != 1 {
		t.Errorf("worker has %d keys, without CIBA: %v", len(worker.KeySet()), worker.NoCIBA)
	}
	if u := r.Users[0]; u.LoginHint != "ada" || !slices.Contains(u.Logins, "ada@users.example") || !u.NoPhone || u.Sub != "auth0|ada" {
		t.Errorf("the user is %+v", u)
	}
	api := r.APIs[0]
	if r.API != api.Identifier || api.Access != refop.RequireGrant || len(api.Types) != 2 || api.Types["anything"].Check != nil {
		t.Errorf("the API is %+v", api)
	}
}

// A type's schema is held against objects as they come off the wire, and says where they fail.
func TestSchemasOfTypes(t *testing.T) {
	t.Parallel()
	f, err := Parse("op.yaml", []byte(good), here)
	if err != nil {
		t.Fatal(err)
	}
	check := f.Registration.APIs[0].Types["transfer"].Check
	for text, says := range map[string]string{
		`{"type":"transfer","amount":50}`:               "",
		`{"type":"transfer","amount":1e2,"to":"DE1"}`:   "",
		`{"type":"transfer"}`:                           "amount",
		`{"type":"transfer","amount":"50"}`:             "/amount",
		`{"type":"transfer","amount":100.01}`:           "/amount",
		`{"type":"transfer","amount":5,"to":"de"}`:      "/to",
		`{"type":"transfer","amount":5,"colour":"red"}`: "colour",
	} {
		object, err := refop.DecodeJSON(text)
		if err != nil {
			t.Fatal(err)
		}
		switch err := check(object.(map[string]any)); {
		case says == "" && err != nil:
			t.Errorf("%s: %v", text, err)
		case says != "" && (err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n")):
			t.Errorf("%s: %q, want one line with %q", text, err, says)
		}
	}
}

// Every mistake is told at once, with its place and what to do about it.
func TestMistakes(t *testing.T) {
	t.Parallel()
	const one = "clients: [{client_id: a, client_secret: s}]\nusers: [{sub: u}]\n"
	for text, says := range map[string]string{
		"":                       "--print-registration",
		"persona: auth1\n" + one: "op.yaml:1:10: persona: there is no persona",
		"persona: auth0\noptions: {x: y}\n" + one:      "options: the persona auth0 has no option",
		"options: {latency: none}\n" + one:             "options: options are those of a persona",
		"open: [doors]\n" + one:                        "open[0]",
		"interval: 5\n" + one:                          "interval",
		"interval: 9000h\n" + one:                      "the longest is",
		"users: [{sub: u}]":                            "clients: there are no clients",
		"clients: [{client_id: a, client_secret: s}]":  "users: there are no users",
		one + "colour: red":                            "colour",
		one + "signing_keys_file: nowhere.json":        "signing_keys_file: cannot be read",
		"clients: [{client_id: a}]\nusers: [{sub: u}]": "clients[0].client_secret: a client needs a client_secret, a jwks_file or auth_method: none",
		"clients: [{client_id: a, auth_method: private_key_jwt}]\nusers: [{sub: u}]":                       "clients[0].jwks_file",
		"clients: [{client_id: a, client_secret: s, delivery_mode: ping}]\nusers: [{sub: u}]":              "clients[0].notification_endpoint",
		"clients: [{client_id: a, client_secret: s, apis: [x]}]\nusers: [{sub: u}]":                        `clients[0].apis[0]: there is no API "x"`,
		"clients: [{client_id: a, client_secret: s}, {client_id: a, client_secret: s}]\nusers: [{sub: u}]": "clients[1].client_id",
		one + "apis: [{identifier: x, rar_types: {t: {schema: {type: nonsense}}}}]":                        "apis[0].rar_types.t.schema: is no JSON Schema",
		one + `apis: [{identifier: x, rar_types: {t: {schema: {$ref: "file:///etc/passwd"}}}}]`:            "apis[0].rar_types.t.schema: is no JSON Schema",
		one + "apis: [{identifier: x, rar_types: {t: {schema_file: nowhere.json}}}]":                       "schema_file: cannot be read",
		one + "apis: [{identifier: x, rar_types: {t: {schema: true, schema_file: y}}}]":                    "and not both",
		one + "apis: [{identifier: x, scopes: ['a b']}]":                                                   "apis[0].scopes[0]",
	} {
		_, err := Parse("op.yaml", []byte(text), here)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want it to say %q", text, err, says)
		}
	}
	_, err := Parse("op.yaml", []byte("interval: never\nclients: [{client_secret: s}]\nusers: 7"), here)
	var problems yamlfile.Problems
	if !errors.As(err, &problems) || len(problems) != 3 {
		t.Errorf("three mistakes are told as %v", err)
	}
}

// What follows from another mistake is not told as one of its own.
func TestOneMistakeIsToldOnce(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"":                                      "the file is empty",
		"\xff\x00":                              "not readable as YAML",
		"clients: [":                            "not readable as YAML",
		strings.Repeat("#", yamlfile.MaxSize+1): "larger than",
		"clients: [{client_id: a, jwks_file: nowhere.json}]\nusers: [{sub: u}]":                               "jwks_file: cannot be read",
		"clients: [{client_id: a, auth_method: private_key_jwt, jwks_file: nowhere.json}]\nusers: [{sub: u}]": "jwks_file: cannot be read",
	} {
		_, err := Parse("op.yaml", []byte(text), here)
		var problems yamlfile.Problems
		if !errors.As(err, &problems) || len(problems) != 1 || !strings.Contains(err.Error(), says) {
			t.Errorf("%.60q: %v, want %q alone", text, err, says)
		}
	}
}

// Paths begin at the file that names them.
func TestLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "op.yaml")
	for name, text := range map[string]string{
		file:                         "open: [clients, users]\napis: [{identifier: x, rar_types: {t: {schema_file: t.json}}}]",
		filepath.Join(dir, "t.json"): `{"required": ["a"]}`,
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Registration.APIs[0].Types["t"].Check(map[string]any{}); err == nil {
		t.Error("the schema of the file is not asked")
	}
	if _, err := Load(filepath.Join(dir, "nowhere.yaml")); err == nil {
		t.Error("a file that is not there was read")
	}
}

// What the personas begin with is good.
func TestPersonasBeginWithGoodFiles(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"auth0", "keycloak"} {
		text, err := fixtures.PersonaRegistration(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Parse(name+".yaml", text, here)
		if err != nil || f.Persona != name || f.Registration.Open != refop.Everything {
			t.Errorf("%s: %v, %+v", name, err, f.Registration.Open)
		}
	}
}

// Every key is described: explain and editors read the schema.
func TestEveryKeyIsDescribed(t *testing.T) {
	t.Parallel()
	if len(Keys()) < 35 {
		t.Errorf("%d keys are known: %v", len(Keys()), Keys())
	}
	for _, path := range Keys() {
		if key, _, err := Key(path); err != nil || key.Description == "" {
			t.Errorf("%s is not described: %v", path, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(good)
	f.Add("open: &a [*a]")
	f.Add("clients: 5\napis: [{identifier: x, rar_types: {t: {schema: {$ref: '#'}}}}]")
	f.Add("persona: ${file:/etc/x}\noptions: {latency: }")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := Parse("op.yaml", []byte(text), here)
		if err != nil {
			return
		}
		if len(got.Registration.Users) == 0 && !got.Registration.Open.Users {
			t.Error("a registration of nobody was read")
		}
		for _, api := range got.Registration.APIs {
			for _, kind := range api.Types {
				if kind.Check != nil {
					_ = kind.Check(map[string]any{"type": "x", "amount": []any{nil, true}})
				}
			}
		}
	})
}
