package ciba

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/cibatest/cibatest/fixtures"
)

// certificateOf is a client certificate of the fixtures.
func certificateOf(t *testing.T, name string) *tls.Certificate {
	t.Helper()
	read := func(file string) []byte {
		data, err := fs.ReadFile(fixtures.Keys(), file)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	shown, err := tls.X509KeyPair(read(name+".pem"), read(name+"-key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	return &shown
}

// A call shows the certificate that it names and no other, also when calls with several
// certificates are under way at once, and also one that the server does not know.
func TestCertificates(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := "nobody"
		if shown := r.TLS.PeerCertificates; len(shown) > 0 {
			name = shown[0].Subject.CommonName
		}
		fmt.Fprintf(w, `{"sub":%q,"client":%q}`, name, r.PostFormValue("client_id"))
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, ClientCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	transport := server.Client().Transport.(*http.Transport)
	h := NewHTTP(transport, Options{})
	a, b := certificateOf(t, "client-tls-a"), certificateOf(t, "client-tls-self-b")
	var all sync.WaitGroup
	for i := range 30 {
		call, want := Call{URL: server.URL, Form: P("x", "y")}, "nobody"
		switch i % 3 {
		case 1:
			call.Auth, want = ByCertificate("one", a), "client-tls-a"
		case 2:
			call.Auth, want = ByCertificate("two", b), "client-tls-self-b"
		}
		all.Go(func() {
			resp := h.Do(t.Context(), nil, call)
			object, err := resp.Object()
			if err != nil || object["sub"] != want || (object["client"] == "") != (want == "nobody") {
				t.Errorf("want %s, got %v, %v", want, object, err)
			}
		})
	}
	all.Wait()
	if transport.TLSClientConfig.GetClientCertificate != nil {
		t.Error("a certificate is shown by the transport of calls without one")
	}
}

// What cannot show a certificate says so, and sends nothing.
func TestCertificateNeedsATransport(t *testing.T) {
	t.Parallel()
	h := NewHTTP(struct{ http.RoundTripper }{http.DefaultTransport}, Options{})
	if resp := h.Do(t.Context(), nil, Call{URL: "https://127.0.0.1:1", Certificate: certificateOf(t, "client-tls-a")}); resp.Err == nil ||
		!strings.Contains(resp.Err.Error(), "cannot be shown") {
		t.Errorf("got %v", resp.Err)
	}
}
