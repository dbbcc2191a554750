package security

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/cibatest/cibatest/suites/harness"
)

// The self-test speaks plain HTTP, so the cases about TLS are shown here that
// they pass and that they can fail.
func TestTLSVersions(t *testing.T) {
	tree := harness.Compose(Cases)
	tree.Cases() // builds the tree, before the parallel parts
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
			got := runCase(t, tree, "tls-versions", &targetfile.Target{Endpoints: targetfile.Endpoints{Token: server.URL + "/token"}})
			if got.Outcome != c.want {
				t.Errorf("got %s %s %s, want %s", got.Outcome, got.Message, got.Reason, c.want)
			}
		})
	}
}

// runCase runs one case of this family against a target that was not discovered.
func runCase(t *testing.T, tree *harness.Tree, id string, tgt *targetfile.Target) result.Case {
	t.Helper()
	run, err := driver.NewRun(driver.RunOptions{Target: tgt, RoundTripper: http.DefaultTransport})
	if err != nil {
		t.Fatal(err)
	}
	session := harness.NewSession(&preflight.Facts{Target: tgt}, run)
	c, _ := session.Run(t.Context(), tree.Case(id), harness.Cast{})
	return c
}
