package selftest

import (
	"slices"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// The stranger may be a client with a speciality where there is no other: then the
// cases with a second client are judged, and nobody is accused.
func TestStrangerWithSpeciality(t *testing.T) {
	t.Parallel()
	for _, odd := range []string{"with-user-code", "payments-only", "pairwise-a"} {
		t.Run(odd, func(t *testing.T) {
			t.Parallel()
			run := judgeLab(t, lab.Options{}, describing(func(tgt *targetfile.Target) {
				tgt.Clients = slices.DeleteFunc(tgt.Clients, func(c targetfile.Client) bool { return c.Name != "basic-a" && c.Name != odd })
			}))
			accusesNobody(t, run)
			for _, c := range run.Cases {
				if strings.HasPrefix(c.Reason, "second_client:") {
					t.Errorf("%s is skipped: %s", c.ID, c.Reason)
				}
			}
		})
	}
}
