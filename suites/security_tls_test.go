package suites

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/memnet"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
)

// The self-test speaks plain HTTP, so the cases about TLS are shown here that
// they pass and that they can fail.
func TestTLSVersions(t *testing.T) {
	notForGinkgo(t)
	build()
	for _, c := range []struct {
		name   string
		config *tls.Config
		want   result.Outcome
	}{
		{"current", &tls.Config{MinVersion: tls.VersionTLS12}, result.Pass},
		{"only 1.3", &tls.Config{MinVersion: tls.VersionTLS13}, result.Pass},
		{"1.1 too", &tls.Config{MinVersion: tls.VersionTLS11}, result.Warn},
		{"1.0 only", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, result.Warn},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewUnstartedServer(http.NotFoundHandler())
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.TLS = c.config
			server.StartTLS()
			t.Cleanup(server.Close)
			got := runBody(t, "tls-versions", &targetfile.Target{Endpoints: targetfile.Endpoints{Token: server.URL + "/token"}})
			if got.Outcome != c.want {
				t.Errorf("got %s %s %s, want %s", got.Outcome, got.Message, got.Reason, c.want)
			}
		})
	}
}

// runBody runs one case against a target that was not discovered.
func runBody(t *testing.T, id string, tgt *targetfile.Target) result.Case {
	t.Helper()
	run, err := driver.NewRun(driver.Options{Target: tgt, RoundTripper: http.DefaultTransport})
	if err != nil {
		t.Fatal(err)
	}
	s := &Session{target: tgt, catalogue: catalogue.Must(), run: run}
	return s.runCase(t.Context(), &job{def: registry.byID[id]}, Options{})
}

// inTheClear is an OP behind https whose host also answers plain HTTP.
type inTheClear struct {
	secure http.RoundTripper
	plain  string
}

func (n inTheClear) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme == "https" {
		r.URL.Scheme, r.URL.Host = "http", "127.0.0.1:9001"
		return n.secure.RoundTrip(r)
	}
	if !strings.HasPrefix(r.URL.Host, "op.example") {
		return n.secure.RoundTrip(r)
	}
	recorder := httptest.NewRecorder()
	recorder.WriteHeader(http.StatusOK)
	_, _ = recorder.WriteString(n.plain)
	return recorder.Result(), nil
}

func TestNothingStartsInTheClear(t *testing.T) {
	notForGinkgo(t)
	build()
	for plain, want := range map[string]result.Outcome{
		`<html>moved</html>`: result.Pass,
		`{"auth_req_id":"1c266114-a1be-4252-8ad1-04986c5b9ac1","expires_in":120}`: result.Fail,
	} {
		t.Run(string(want), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := memnet.New()
				defer network.Close()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				l, err := lab.Start(ctx, lab.Options{Network: network, Issuer: "https://op.example"})
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				run, err := Run(ctx, Options{
					Target: l.Target, Approver: l.Approver, RoundTripper: inTheClear{l.RoundTripper, plain},
					Select: Selection{Arguments: []string{"metadata-endpoint-https"}},
				})
				if err != nil {
					t.Fatal(err)
				}
				if got := run.Cases[0]; got.Outcome != want {
					t.Errorf("got %s %s %s, want %s", got.Outcome, got.Message, got.Reason, want)
				}
			})
		})
	}
}
