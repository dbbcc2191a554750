package selftest

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/refop/variants"
)

// somePairs is how many pairs of variants are tried: what fits into half a minute. The seed is
// fixed, so that a run tells about the change at hand; another one is a hunt.
const (
	somePairs = 40
	pairSeed  = 7
)

// Two legal departures of one OP accuse nobody either: a product has many at once.
func TestPairsOfVariants(t *testing.T) {
	if testing.Short() {
		t.Skip("with -short each variant is tried alone only")
	}
	t.Parallel()
	random := rand.New(rand.NewPCG(pairSeed, 0)) //nolint:gosec // a choice
	all := variants.All()
	for range somePairs {
		pair := []string{all[random.IntN(len(all))].Name, all[random.IntN(len(all))].Name}
		t.Run(strings.Join(pair, "+"), func(t *testing.T) {
			t.Parallel()
			accusesNobody(t, judgeLab(t, lab.Options{Variants: pair}))
		})
	}
}
