package selftest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/memnet"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/cibatest/cibatest/suites"
)

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
	for plain, want := range map[string]result.Outcome{
		`<html>moved</html>`: result.Pass,
		`{"auth_req_id":"1c266114-a1be-4252-8ad1-04986c5b9ac1","expires_in":120}`: result.Fail,
	} {
		t.Run(string(want), func(t *testing.T) {
			cases()
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
				run, err := suites.Run(ctx, suites.Options{
					Target: l.Target, Approver: l.Approver, RoundTripper: inTheClear{l.RoundTripper, plain},
					Select: suites.Selection{Arguments: []string{"metadata-endpoint-https"}},
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
