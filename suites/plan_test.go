package suites

import (
	"strings"
	"testing"

	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// Cases of a mode that no client has are skipped for one reason, not for one each.
func TestOneReasonWithoutAClientOfTheMode(t *testing.T) {
	notForGinkgo(t)
	t.Parallel()
	reasons := func(clients ...targetfile.Client) map[string]bool {
		p := &plan{run: &run{facts: &preflight.Facts{Target: &targetfile.Target{Clients: clients}}}}
		all := map[string]bool{}
		for _, def := range tree.Cases() {
			if def.Mode() == "ping" {
				all[p.wanted(def)] = true
			}
		}
		return all
	}
	if got := reasons(targetfile.Client{DeliveryMode: "poll"}); len(got) != 1 || !got["a ping client"] {
		t.Errorf("without a ping client cases want %v", got)
	}
	got := reasons(targetfile.Client{DeliveryMode: "ping"})
	if len(got) < 2 || got["a ping client"] {
		t.Errorf("with a ping client that does not fit, cases want %v", got)
	}
	for reason := range got {
		if strings.Contains(reason, "()") {
			t.Errorf("%q says that nothing is needed", reason)
		}
	}
}
