package selftest

import (
	"slices"
	"testing"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/refop/variants"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/suites"
)

// A legal departure accuses nobody: no case fails, and what could be judged on
// the healthy OP can still be judged.
func TestVariants(t *testing.T) {
	t.Parallel()
	for _, v := range inShard(t, variants.All()) {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			accusesNobody(t, judgeLab(t, lab.Options{Variants: []string{v.Name}}, func(o *suites.Options) {
				o.Select.Smoke = testing.Short() && *onlyCase == "" // the whole takes minutes under the race detector
			}))
		})
	}
}

// The same where a target names two users and two clients that authenticate by
// private_key_jwt: each case has to do with them, whatever it prefers.
func TestVariantsOnSmallTargets(t *testing.T) {
	if !*whole {
		t.Skip("without -whole the variants are tried on the whole target only")
	}
	t.Parallel()
	for _, v := range inShard(t, variants.All()) {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			accusesNobody(t, judgeLab(t, lab.Options{Variants: []string{v.Name}}, describing(func(tgt *targetfile.Target) {
				tgt.Users = tgt.Users[:2]
				tgt.Clients = slices.DeleteFunc(tgt.Clients, func(c targetfile.Client) bool { return c.Name != "jwt-a" && c.Name != "jwt-b" })
			})))
		})
	}
}
