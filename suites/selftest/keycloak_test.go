package selftest

import (
	"os"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/baseline"
	"github.com/cibatest/cibatest/reports/result"
)

// The stand-in for Keycloak fails in nothing in which the product does not.
func TestKeycloakFailsAsTheProduct(t *testing.T) {
	t.Parallel()
	run := judgeStandIn(t, "keycloak", nil)
	text, err := os.ReadFile("../../fixtures/ops/keycloak/baseline.yaml")
	if err != nil {
		t.Fatal(err)
	}
	known, err := baseline.Parse("baseline.yaml", text, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	known.Apply(&run, true)
	judged := 0
	for _, c := range run.Cases {
		if c.Outcome.Judged() {
			judged++
		}
		if (c.Outcome == result.Fail || c.Outcome == result.Error) && c.Known == "" {
			t.Errorf("%s: %s %+v %s", c.ID, c.Outcome, c.Findings, c.Reason)
		}
	}
	if judged < 150 && *onlyCase == "" {
		t.Errorf("%d cases were judged", judged)
	}
}
