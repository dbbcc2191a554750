package loadgen

import (
	"fmt"
	"math"
	"math/bits"
)

// entropy bounds the entropy of identifiers from above: at each position no more
// than the logarithm of the number of different characters seen there. A random
// identifier is never accused, as the sample is large. The cases of the suites judge
// the same clause by a looser bound, one alphabet for all positions, because they
// see a few dozen values only. Where the length varies, the
// positions of the shortest count.
type entropy struct {
	positions [][4]uint64 // sets of bytes
	samples   int
	shortest  int
}

const (
	sampleIDs      = 5000
	fewIDs         = 200 // fewer tell nothing
	entropyOfRules = 96  // bits; 96 to 128 is tolerated, a random UUID has 122
	longestSampled = 512
)

// add takes an identifier into the sample, until it is large enough.
func (e *entropy) add(id string) {
	if e.samples == sampleIDs {
		return
	}
	id = id[:min(len(id), longestSampled)]
	if e.samples == 0 || len(id) < e.shortest {
		e.shortest = len(id)
	}
	e.samples++
	for len(e.positions) < len(id) {
		e.positions = append(e.positions, [4]uint64{})
	}
	for i := range len(id) {
		e.positions[i][id[i]/64] |= 1 << (id[i] % 64)
	}
}

// bits is the bound, and false when the sample is too small for one.
func (e *entropy) bits() (float64, bool) {
	sum := 0.0
	for _, set := range e.positions[:e.shortest] {
		sum += math.Log2(float64(max(1, ones(set))))
	}
	return sum, e.samples >= fewIDs && e.shortest < longestSampled
}

// ones is the number of elements of a set of bytes.
func ones(set [4]uint64) (n int) {
	for _, word := range set {
		n += bits.OnesCount64(word)
	}
	return n
}

// judgeEntropy is done once, at the end.
func (c *checks) judgeEntropy(e *engine) {
	if bits, ok := c.entropy.bits(); ok && bits < entropyOfRules {
		c.report(e, nil, idGuessable, "")
		c.found[idGuessable].Text = fmt.Sprintf("auth_req_ids have at most %.0f bits of entropy in a sample of %d", bits, c.entropy.samples)
	}
}
