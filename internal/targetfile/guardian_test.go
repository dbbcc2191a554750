package targetfile

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// The enrollments that are there are read, those that are not are no mistake, and their
// keys are among the secrets.
func TestEnrollments(t *testing.T) {
	t.Parallel()
	text := `issuer: https://tenant.example/
clients: [{name: a, client_id: a, auth_method: none}]
users: [{name: alice, login_hint: a}, {name: "../bob", login_hint: b}, {name: carol, login_hint: c}]
approval: {kind: guardian, push: {listen: "127.0.0.1:9004", token: push-secret}}
`
	files := fstest.MapFS{
		"targets/guardian/alice.json":    {Data: []byte(`{"key":{"kty":"RSA","d":"key-of-alice"}}`)},
		"targets/guardian/..%2Fbob.json": {Data: []byte(`{"key":{"kty":"RSA","d":"key-of-bob"}}`)},
	}
	got, err := Parse("t.yaml", []byte(text), Env{Lookup: noEnv, FS: files})
	if err != nil {
		t.Fatal(err)
	}
	a := got.Approval
	if a.Guardian.URL != "https://tenant.example/appliance-mfa" || !a.Observe.Nameless() || !a.Observed() {
		t.Errorf("got %+v", a)
	}
	if len(a.Guardian.Devices) != 2 || a.Guardian.Devices[1].User.LoginHint != "b" {
		t.Errorf("got %+v", a.Guardian.Devices)
	}
	masked, _ := json.Marshal(got.Masked())
	for _, secret := range []string{"push-secret", "key-of-alice", "key-of-bob"} {
		if !slices.Contains(got.Secrets(), secret) || strings.Contains(string(masked), secret) {
			t.Errorf("%s is not kept secret", secret)
		}
	}
}
