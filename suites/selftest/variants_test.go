package selftest

import (
	"slices"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/refop/variants"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/cibatest/cibatest/suites"
)

// A legal departure accuses nobody: no case fails, and what could be judged on
// the healthy OP can still be judged.
func TestVariants(t *testing.T) {
	t.Parallel()
	brief := testing.Short() && *onlyCase == "" // under the race detector, where all of it takes minutes
	for i, v := range inShard(t, variants.All()) {
		if brief && i%4 != 0 {
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			accusesNobody(t, judgeLab(t, lab.Options{Variants: []string{v.Name}}, func(o *suites.Options) {
				o.Select.Smoke = brief
			}))
		})
	}
}

// The same where a target names two users and two clients that authenticate by
// private_key_jwt, or clients that sign their requests alone: each case has to do with them,
// whatever it prefers.
func TestVariantsOnSmallTargets(t *testing.T) {
	if !*whole {
		t.Skip("without -whole the variants are tried on the whole target only")
	}
	t.Parallel()
	targets := map[string]func(targetfile.Client) bool{
		"assertions":      func(c targetfile.Client) bool { return c.Name == "jwt-a" || c.Name == "jwt-b" },
		"signed requests": func(c targetfile.Client) bool { return c.RequestSigningAlg != "" },
	}
	for _, v := range inShard(t, variants.All()) {
		for name, takesPart := range targets {
			if name == "signed requests" && strings.HasPrefix(v.Name, "signed-not-offered") {
				continue // nobody is left whose requests the OP takes
			}
			t.Run(v.Name+", "+name, func(t *testing.T) {
				t.Parallel()
				accusesNobody(t, judgeLab(t, lab.Options{Variants: []string{v.Name}}, describing(func(tgt *targetfile.Target) {
					tgt.Users = tgt.Users[:2]
					tgt.Clients = slices.DeleteFunc(tgt.Clients, func(c targetfile.Client) bool { return !takesPart(c) })
				})))
			})
		}
	}
}

// A case that asks a second user does so while no other case has that user for itself, such
// as to lock the account: what happens to the user meanwhile is not the OP's fault.
func TestTwoUsers(t *testing.T) {
	t.Parallel()
	run := judgeLab(t, lab.Options{}, describing(func(tgt *targetfile.Target) { tgt.Users = tgt.Users[:2] }))
	for _, c := range run.Cases {
		if c.Outcome == result.Fail || c.Outcome == result.Error || c.Outcome == result.Warn {
			t.Errorf("%s: %s: %s %s", c.ID, c.Outcome, c.Message, c.Reason)
		}
	}
}

// Where all clients ask one user and the OP takes its time, each has its turn before the first
// case: a client that waits for it is neither stuck nor left out.
func TestOneUserOfASlowOP(t *testing.T) {
	t.Parallel()
	run := judgeLab(t, lab.Options{Variants: []string{"starts-take-20s"}}, selecting("ping-on-success", "ping-on-denial"),
		describing(func(tgt *targetfile.Target) { tgt.Users = tgt.Users[:1] }))
	accusesNobody(t, run)
	if run.Summary.Pass == 0 {
		t.Errorf("no case passed: %+v, %q", run.Summary, run.Notes)
	}
}
