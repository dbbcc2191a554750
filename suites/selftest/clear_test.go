package selftest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/internal/lab"
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
			run := judgeLab(t, lab.Options{Issuer: "https://op.example"}, selecting("metadata-endpoint-https"), func(o *suites.Options) {
				o.RoundTripper = inTheClear{o.RoundTripper, plain}
			})
			if got := run.Cases[0]; got.Outcome != want {
				t.Errorf("got %s %s %s, want %s", got.Outcome, got.Message, got.Reason, want)
			}
		})
	}
}
