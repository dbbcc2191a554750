package selftest

import (
	"strings"
	"testing"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/cibatest/cibatest/suites"
)

// nobodyListens closes the notification endpoints.
func nobodyListens(o *suites.Options) { _ = o.Receiver.Away() }

// An OP whose calls do not arrive is accused of nothing: one note says what is to be looked
// at, ping and push clients take no part, and poll clients are judged all the same.
func TestReceiverOutOfReach(t *testing.T) {
	t.Parallel()
	run := judgeLab(t, lab.Options{}, nobodyListens, func(o *suites.Options) {
		o.Select.Arguments = []string{"CIBA-11-PENDING", "CIBA-10.2-PING-ON-SUCCESS", "CIBA-10.2-PING-BEARER", "CIBA-10.3-PUSH-DELIVERY"}
	})
	notes, keys := 0, 0
	for _, note := range run.Notes {
		if strings.HasPrefix(note, "client signed-hosted takes no part") { // whose keys are read there
			keys++
		}
		if strings.Contains(note, "the OP did not call ping-a, ping-b, ping-jwt, ping-signed, push-a, push-b, push-jwt, push-signed within 15s of an approval (the token endpoint says 200 with access_token)") {
			notes++
		}
	}
	if notes != 1 || keys != 1 || len(run.Notes) != 2 {
		t.Errorf("the notes are %q, want one diagnosis, and the client whose keys cannot be read", run.Notes)
	}
	judged := 0
	for _, c := range run.Cases {
		switch {
		case c.Mode == "" && c.Outcome != result.Error, c.Outcome == result.Fail:
			t.Errorf("%s: %s: %s", c.ID, c.Outcome, c.Message)
		case c.Mode == "poll" && c.Outcome == result.Pass:
			judged++
		}
	}
	if judged == 0 || run.Standing() != result.NotJudged {
		t.Errorf("%d poll cases were judged, and the run is %s and %v", judged, run.Verdict, run.Standing())
	}
}

// An OP that calls push clients and never a ping client at the same host is at fault, and
// no set-up is.
func TestPingClientsAreNeverCalled(t *testing.T) {
	t.Parallel()
	run := judgeLab(t, lab.Options{Faults: []string{"ping-never", "ping-denial-never"}}, selecting("CIBA-10.2-PING-ON-SUCCESS", "CIBA-10.3-PUSH-DELIVERY"))
	failed := false
	for _, c := range run.Cases {
		failed = failed || c.Outcome == result.Fail && c.Mode == "ping"
	}
	if !failed {
		t.Errorf("no ping case fails; notes %q", run.Notes)
	}
}
