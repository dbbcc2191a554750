package selftest

import (
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cibatest/cibatest/fixtures"
	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/baseline"
	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/memnet"
	"github.com/cibatest/cibatest/internal/opfile"
	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/personas"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/internal/yamlfile"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/cibatest/cibatest/suites"
)

// judgeStandIn judges the reference OP in the shape of a product, with what is written for the
// product: its persona for target files.
func judgeStandIn(t *testing.T, product string, options []string) result.Run {
	t.Helper()
	persona, err := personas.Get(product)
	if err != nil {
		t.Fatal(err)
	}
	settings, err := persona.Settings(options)
	if err != nil {
		t.Fatal(err)
	}
	text, err := fixtures.PersonaRegistration(product)
	if err != nil {
		t.Fatal(err)
	}
	registered, err := opfile.Parse(product+".yaml", text, yamlfile.Env{FS: fixtures.Tree(), Dir: "registrations"})
	if err != nil {
		t.Fatal(err)
	}
	registered.Registration.Open = refop.Open{}
	var run result.Run
	cases()
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		defer network.Close()
		l, err := lab.Start(t.Context(), lab.Options{
			Network: network, Issuer: "http://127.0.0.1:9001" + persona.IssuerPath(settings), Persona: &persona, Settings: settings, Registration: &registered.Registration,
		})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		options := suites.Options{RoundTripper: l.RoundTripper, Tool: result.Tool{Name: "cibatest", Version: "test"}}
		described, err := l.DescribeBrought()
		if err != nil {
			t.Fatal(err)
		}
		env := targetfile.Env{FS: fixtures.Tree(), Lookup: func(string) (string, bool) { return "", false }}
		if options.Target, err = targetfile.Parse("op.yaml", described, env); err != nil {
			t.Fatal(err)
		}
		if options.Approver, err = approve.New(options.Target.Approval, approve.Options{RoundTripper: l.RoundTripper}); err != nil {
			t.Fatal(err)
		}
		options.Select.Arguments = chosenCases()
		if run, err = suites.Run(t.Context(), options); err != nil {
			t.Fatal(err)
		}
	})
	return run
}

// A tenant of Auth0 is judged to what the shipped baseline lists, and nothing else: no failure,
// no warning, nothing listed that does not hold, and not one request that is too many.
func TestAuth0IsAsItsBaselineSays(t *testing.T) {
	t.Parallel()
	run := judgeStandIn(t, "auth0", []string{"limits=on"})
	if ids := tooOften(run); len(ids) > 0 {
		t.Errorf("requests were too many in %q", ids)
	}
	text, err := os.ReadFile("../../fixtures/ops/auth0/baseline.yaml")
	if err != nil {
		t.Fatal(err)
	}
	known, err := baseline.Parse("baseline.yaml", text, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	known.Apply(&run, true)
	if run.Standing() != result.AsExpected {
		t.Errorf("the run is not as expected: %+v", run.Baseline)
	}
	judged := 0
	for _, c := range run.Cases {
		if c.Outcome == result.Error {
			t.Errorf("%s was not judged: %s", c.ID, c.Reason)
		}
		if c.Outcome.Judged() {
			judged++
		}
		// What refuses a client may not be taken for a user who has too much open.
		if refusals := []string{"auth-wrong-secret-post", "client-switch"}; slices.Contains(refusals, c.ID) && !c.Outcome.Judged() {
			t.Errorf("%s: %s: %s", c.ID, c.Outcome, c.Reason)
		}
	}
	if judged < 190 && *onlyCase == "" {
		t.Errorf("%d cases were judged", judged)
	}
	t.Logf("%d cases judged in %d s", judged, run.Timing.WallMS/1000)
}
