package targetfile

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func TestTheFirstHintOfAUserCounts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		user        User
		name, value string
	}{
		{User{LoginHint: "alice", LoginHintToken: "token", IDTokenHint: "old"}, "login_hint", "alice"},
		{User{LoginHintToken: "token", IDTokenHint: "old"}, "login_hint_token", "token"},
		{User{IDTokenHint: "old"}, "id_token_hint", "old"},
		{User{Name: "alice", ExpiredLoginHintToken: "expired"}, "", ""},
	} {
		if name, value := c.user.Hint(); name != c.name || value != c.value {
			t.Errorf("got %s %q, want %s %q", name, value, c.name, c.value)
		}
	}
}

// A literal header of the approval hook is a secret by its name, and one from outside by
// where it came from.
func TestSecretHeaders(t *testing.T) {
	t.Parallel()
	text := good + `approval:
  kind: url
  url: "http://127.0.0.1/decide?id={auth_req_id}&key=${env:URL_KEY}"
  headers:
    Content-Type: application/json
    Accept-Language: en-GB
    X-Tenant: "${env:TENANT}"
    Authorization: Basic bGl0ZXJhbA==
    X-Api-Key: literal-api-key
    Cookie: sid=literal-cookie
`
	env := Env{Lookup: func(name string) (string, bool) { return "value-of-" + name, true }}
	target, err := Parse("t.yaml", []byte(text), env)
	if err != nil {
		t.Fatal(err)
	}
	secrets := target.Secrets()
	for value, secret := range map[string]bool{
		"application/json": false, "en-GB": false, "value-of-TENANT": true, "value-of-URL_KEY": true,
		"bGl0ZXJhbA==": true, "literal-api-key": true, "sid=literal-cookie": true,
	} {
		if slices.Contains(secrets, value) != secret {
			t.Errorf("%q among the secrets %q, want %t", value, secrets, secret)
		}
	}
	shown, _ := json.Marshal(target.Masked())
	for _, value := range []string{"value-of-", "literal-", "bGl0ZXJhbA"} {
		if strings.Contains(string(shown), value) {
			t.Errorf("the configuration shows %s: %s", value, shown)
		}
	}
}
