package preflight

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/targetfile"
)

// secureServer answers over TLS with a certificate that the system does not trust, and
// keeps the header of the last request. The file holds what to trust.
func secureServer(t *testing.T) (url, caFile string, last func() http.Header) {
	t.Helper()
	headers := make(chan http.Header, 1)
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { headers <- r.Header }))
	t.Cleanup(server.Close)
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return server.URL, written(t, "ca.pem", string(certificate)), func() http.Header { return <-headers }
}

func written(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// get sends one request by a transport and returns what keeps it from an answer.
func get(t *testing.T, rt http.RoundTripper, url string) error {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := rt.RoundTrip(req)
	if err == nil {
		_ = resp.Body.Close()
	}
	return err
}

func TestTransportTrustsTheFile(t *testing.T) {
	t.Parallel()
	url, caFile, last := secureServer(t)
	trusting, err := Transport(&targetfile.Target{TLS: targetfile.TLS{CAFile: caFile}})
	if err != nil {
		t.Fatal(err)
	}
	defer trusting.CloseIdleConnections()
	if err := get(t, trusting, url); err != nil {
		t.Errorf("with tls.ca_file: %v", err)
	}
	if encodings := last().Get("Accept-Encoding"); encodings != "" {
		t.Errorf("compression is asked for: %q", encodings)
	}
	wary, err := Transport(&targetfile.Target{})
	if err != nil {
		t.Fatal(err)
	}
	if err := get(t, wary, url); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("without tls.ca_file: got %v, want a complaint about the certificate", err)
	}
	if wary.IdleConnTimeout != 2*time.Second || trusting.IdleConnTimeout != 2*time.Second {
		t.Errorf("connections are kept for %s and %s", wary.IdleConnTimeout, trusting.IdleConnTimeout)
	}
}

func TestTransportNamesTheMistake(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		filepath.Join(t.TempDir(), "nowhere.pem"): "tls.ca_file: open ",
		written(t, "empty.pem", "no certificate"): "holds no PEM certificate",
	} {
		if _, err := Transport(&targetfile.Target{TLS: targetfile.TLS{CAFile: file}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", file, err, want)
		}
	}
}
