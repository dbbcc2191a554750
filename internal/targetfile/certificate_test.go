package targetfile

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/fixtures"
)

// A certificate is read with its key, which has to fit and is a secret.
func TestCertificates(t *testing.T) {
	t.Parallel()
	parse := func(key string) (*Target, error) {
		return Parse("t.yaml", []byte(`issuer: https://op.example
clients:
  - name: a
    client_id: a
    auth_method: tls_client_auth
    certificate: {cert_file: ../keys/client-tls-a.pem, key_file: ../keys/`+key+`-key.pem, binds_tokens: true}
users: [{name: alice, login_hint: a}]
`), Env{Lookup: noEnv, FS: fixtures.Tree()})
	}
	got, err := parse("client-tls-a")
	if err != nil {
		t.Fatal(err)
	}
	shown, err := got.Clients[0].Certificate.TLS()
	if err != nil || shown.Leaf.Subject.CommonName != "client-tls-a" || !got.Clients[0].ByCertificate() {
		t.Errorf("got %+v, %v", shown, err)
	}
	text, _ := fs.ReadFile(fixtures.Keys(), "client-tls-a-key.pem")
	block, _ := pem.Decode(text)
	if secret := base64.StdEncoding.EncodeToString(block.Bytes); !slices.Contains(got.Secrets(), secret) {
		t.Error("the key is no secret")
	}
	if masked, _ := json.Marshal(got.Masked()); strings.Contains(string(masked), "PRIVATE KEY") {
		t.Errorf("the key is shown: %s", masked)
	}
	if _, err := parse("client-tls-b"); err == nil || !strings.Contains(err.Error(), "no certificate with its key") {
		t.Errorf("with the key of another one: %v", err)
	}
}
