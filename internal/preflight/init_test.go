package preflight

import (
	"strings"
	"testing"

	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/google/go-cmp/cmp"
)

// secretsOnly is an environment that has what Init asks a person to set, and fails the
// test when anything else is looked up.
func secretsOnly(t *testing.T) targetfile.Env {
	t.Helper()
	return targetfile.Env{Lookup: func(name string) (string, bool) {
		if !strings.HasPrefix(name, "CIBA_") {
			t.Errorf("the file reads the environment variable %s", name)
		}
		return "not-a-real-secret", true
	}}
}

// loaded is what the file that Init writes for some metadata means.
func loaded(t *testing.T, document string) *targetfile.Target {
	t.Helper()
	text := initialised(t, document)
	got, err := targetfile.Parse("t.yaml", []byte(text), secretsOnly(t))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return got
}

func initialised(t *testing.T, document string) string {
	t.Helper()
	text, err := Init(t.Context(), op{metadata: document}, issuer, targetfile.TLS{}, (*Facts).Pieces)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestInit(t *testing.T) {
	t.Parallel()
	got := loaded(t, publishing(t, map[string]any{
		"issuer": issuer + "/", "token_endpoint_auth_methods_supported": []string{"private_key_jwt", "client_secret_post"},
		"authorization_details_types_supported":     []string{"payment", "account: \"x\" # \u202e"},
		"backchannel_user_code_parameter_supported": true,
	}))
	if got.Issuer != issuer+"/" || got.Clients[0].AuthMethod != targetfile.AuthClientSecretPost || got.Users[0].UserCode == "" {
		t.Errorf("got %+v", got)
	}
	if diff := cmp.Diff([]string{"payment", "account: \"x\" # \u202e"}, got.RAR.Types); diff != "" {
		t.Errorf("types: -want +got\n%s", diff)
	}
}

// What the file lacks stands below its key as a comment, which is YAML once the mark is gone.
func TestInitWritesPiecesAsComments(t *testing.T) {
	t.Parallel()
	text := initialised(t, publishing(t, map[string]any{"authorization_details_types_supported": []string{"a", "b"}}))
	for _, want := range []string{
		"  # - name: private-key-jwt\n", "  # - {name: tokened, ", "  # # authorization_details that have to be refused:\n", "  # observe: {listen: ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the file lacks %q:\n%s", want, text)
		}
	}
	uncommented := strings.NewReplacer("  # - name: public\n", "  - name: public\n", "  #   client_id: CHANGE-ME\n  #   auth_method: none\n  #   ciba: false\n",
		"    client_id: CHANGE-ME\n    auth_method: none\n    ciba: false\n").Replace(text)
	got, err := targetfile.Parse("t.yaml", []byte(uncommented), secretsOnly(t))
	if err != nil || len(got.Clients) != 3 || got.Clients[2].AuthMethod != targetfile.AuthNone {
		t.Errorf("got %v from\n%s", err, uncommented)
	}
	if without := initialised(t, publishing(t, nil)); !strings.Contains(without, "# rar:\n#   # authorization_details, where the OP takes them:\n") {
		t.Errorf("an OP that lists no types:\n%s", without)
	}
}

// What an OP publishes is data. A placeholder in it would be replaced when the file is
// read, by a variable or a file of this machine, and sent to the OP.
func TestInitImportsNoPlaceholders(t *testing.T) {
	t.Parallel()
	const canary = "${env:HOME}"
	for name, change := range map[string]map[string]any{
		"issuer":    {"issuer": issuer + "/" + canary},
		"a type":    {"authorization_details_types_supported": []string{"${file:/etc/hostname}", "a" + canary, "payment"}},
		"endpoint":  {"token_endpoint": "https://elsewhere.example/" + canary},
		"all types": {"authorization_details_types_supported": []string{canary}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			document := publishing(t, change)
			if text := initialised(t, document); strings.Contains(text, "HOME") || strings.Contains(text, "hostname") {
				t.Errorf("the placeholder is in the file:\n%s", text)
			}
			got := loaded(t, document)
			if got.Issuer != issuer || len(got.RAR.Types) > 1 {
				t.Errorf("got issuer %q, types %q", got.Issuer, got.RAR.Types)
			}
		})
	}
}

// An issuer that is not the one that was asked is not taken over, but told of.
func TestInitKeepsTheIssuer(t *testing.T) {
	t.Parallel()
	document := publishing(t, map[string]any{"issuer": "https://evil.example/x\n\x1b[31m"})
	if got := loaded(t, document); got.Issuer != issuer {
		t.Errorf("got %q", got.Issuer)
	}
	if text := initialised(t, document); !strings.Contains(text, `# The OP calls itself "https://evil.example/x\n\x1b[31m"`) {
		t.Errorf("nothing is said about the published issuer:\n%s", text)
	}
}

// An endpoint at another host is offered for confirmation and not taken over.
func TestInitAsksForForeignEndpoints(t *testing.T) {
	t.Parallel()
	document := publishing(t, map[string]any{"token_endpoint": "https://elsewhere.example/token", "backchannel_authentication_endpoint": "http://op.example/start"})
	if got := loaded(t, document); got.Endpoints != (targetfile.Endpoints{}) {
		t.Errorf("got %+v", got.Endpoints)
	}
	text := initialised(t, document)
	for _, want := range []string{
		`#   token: "https://elsewhere.example/token"`, `#   backchannel_authentication: "http://op.example/start"`, "gets the clients' credentials",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing:\n%s", want, text)
		}
	}
}

// An OP without a backchannel endpoint leaves a gap to fill.
func TestInitLeavesGaps(t *testing.T) {
	t.Parallel()
	text := initialised(t, publishing(t, map[string]any{"backchannel_authentication_endpoint": nil}))
	if !strings.Contains(text, "backchannel_authentication: \"\"   # the OP publishes none; fill it in") {
		t.Errorf("got\n%s", text)
	}
}

// The issuer may be pasted as people have it at hand.
func TestInitIssuer(t *testing.T) {
	t.Parallel()
	for pasted, want := range map[string]string{
		"https://op.example":                                            "https://op.example",
		"https://op.example/":                                           "https://op.example/",
		" https://op.example/tenant ":                                   "https://op.example/tenant",
		"https://op.example/.well-known/openid-configuration":           "https://op.example",
		"https://op.example/tenant/.well-known/openid-configuration":    "https://op.example/tenant",
		"https://op.example/.well-known/oauth-authorization-server":     "https://op.example",
		"https://op.example/.well-known/oauth-authorization-server/a/b": "https://op.example/a/b",
	} {
		if got, err := IssuerOf(pasted); err != nil || got != want {
			t.Errorf("%q: got %q and %v, want %q", pasted, got, err, want)
		}
	}
	for pasted, want := range map[string]string{
		"op.example.com":              `"op.example.com" is no URL; an issuer is one, as https://op.example.com`,
		"op.example.com/tenant":       "as https://op.example.com/tenant",
		"ftp://op.example":            "an http or https URL",
		"https://":                    "an http or https URL",
		"https://op.example?x=1":      "without query and fragment",
		"https://op.example/#x":       "without query and fragment",
		"https://me:pw@op.example":    "without user",
		"https://op.example/${env:X}": "placeholder",
		"http://[::1":                 "no URL",
		"":                            "no URL",
	} {
		if got, err := IssuerOf(pasted); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %q and %v, want %q", pasted, got, err, want)
		}
	}
}

// The certificates that were trusted for asking are trusted by the file.
func TestInitKeepsTheCertificates(t *testing.T) {
	t.Parallel()
	text, err := Init(t.Context(), op{metadata: publishing(t, nil)}, issuer, targetfile.TLS{CAFile: "my \"ca\".pem"}, (*Facts).Pieces)
	if err != nil {
		t.Fatal(err)
	}
	got, err := targetfile.Parse("t.yaml", text, secretsOnly(t))
	if err != nil || got.TLS.CAFile != "my \"ca\".pem" {
		t.Errorf("got %+v and %v:\n%s", got, err, text)
	}
	if _, err := Init(t.Context(), op{metadata: publishing(t, nil)}, issuer, targetfile.TLS{CAFile: "${file:x}"}, (*Facts).Pieces); err == nil {
		t.Error("a placeholder was taken for a file name")
	}
}

// FuzzInit holds the file to its metadata: whatever an OP publishes, the file loads,
// reads nothing of this machine, and says what was published or leaves it out.
func FuzzInit(f *testing.F) {
	f.Add("https://op.example", "payment", "https://op.example/token")
	f.Add("https://op.example/${env:HOME}", "${file:/etc/passwd}", "https://x.example/${env:HOME}")
	f.Add("'\"\n# \u2028: {", "*a &b !c", "\x00\xff")
	f.Fuzz(func(t *testing.T, published, kind, endpoint string) {
		document := publishing(t, map[string]any{
			"issuer": published, "authorization_details_types_supported": []string{kind}, "token_endpoint": endpoint,
		})
		got := loaded(t, document)
		if got.Issuer != issuer && got.Issuer != published {
			t.Errorf("the issuer is %q", got.Issuer)
		}
		if kinds := got.RAR.Types; len(kinds) > 0 && kinds[0] != string([]rune(kind)) { // JSON has no invalid UTF-8
			t.Errorf("the type %q became %q", kind, kinds)
		}
	})
}
