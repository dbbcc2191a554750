package suites

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// A target file means the same to the ginkgo command as to the binary: what is reached
// with tls.ca_file there is reached here, and connections are kept as long.
func TestGinkgoReachesTheOPAsTheBinaryDoes(t *testing.T) {
	notForGinkgo(t)
	l, err := lab.Start(t.Context(), lab.Options{TLS: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := t.TempDir()
	caFile, file := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "t.yaml")
	text := "issuer: " + l.Issuer + "\ntls: {ca_file: " + caFile + "}\nusers: [{login_hint: alice}]\n" +
		"clients: [{name: a, client_id: a, auth_method: client_secret_basic, client_secret: not-a-real-secret}]\n"
	for name, data := range map[string][]byte{caFile: l.CertificatePEM, file: []byte(text)} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("CIBATEST_TARGET", file)
	options, closeAll, err := ginkgoTarget(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll()
	if _, err := begin(t.Context(), options); err != nil {
		t.Errorf("the OP of the target file is not reached: %v", err)
	}
	want, err := preflight.Transport(&targetfile.Target{TLS: targetfile.TLS{CAFile: caFile}})
	if err != nil {
		t.Fatal(err)
	}
	got, _ := options.RoundTripper.(*http.Transport)
	if got == nil || got.IdleConnTimeout != want.IdleConnTimeout || got.DisableCompression != want.DisableCompression ||
		got.MaxIdleConnsPerHost != want.MaxIdleConnsPerHost {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
