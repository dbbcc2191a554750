package selftest

import (
	"cmp"
	"crypto/sha256"
	"maps"
	"slices"
	"testing"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/refop/variants"
)

// somePairs is how many pairs of variants are tried: what fits into half a minute. Another word
// in pairsOf is a hunt.
const (
	somePairs = 24
	pairsOf   = "2026-11"
)

// contradicting are pairs that no OP can be at once, with the reason.
var contradicting = map[[2]string]string{
	{"token-scope-narrowed", "token-scope-inner"}: "each takes another part of the scope away, and tells of its own only",
}

// Two legal departures of one OP accuse nobody either: a product has many at once.
func TestPairsOfVariants(t *testing.T) {
	if testing.Short() {
		t.Skip("with -short each variant is tried alone only")
	}
	t.Parallel()
	for _, pair := range chosenPairs(somePairs) {
		t.Run(pair[0]+"+"+pair[1], func(t *testing.T) {
			t.Parallel()
			accusesNobody(t, judgeLab(t, lab.Options{Variants: pair[:]}))
		})
	}
}

// chosenPairs are some pairs of variants, by the hash of their names: so most stay the same when
// variants are added.
func chosenPairs(n int) [][2]string {
	all := variants.All()
	ranks := map[[2]string]string{}
	for i, a := range all {
		for _, b := range all[i+1:] {
			if contradicting[[2]string{a.Name, b.Name}] != "" {
				continue
			}
			sum := sha256.Sum256([]byte(pairsOf + a.Name + "+" + b.Name))
			ranks[[2]string{a.Name, b.Name}] = string(sum[:])
		}
	}
	pairs := slices.Collect(maps.Keys(ranks))
	slices.SortFunc(pairs, func(a, b [2]string) int { return cmp.Compare(ranks[a], ranks[b]) })
	return pairs[:n]
}
