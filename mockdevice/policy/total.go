package policy

import (
	"math/big"

	"github.com/cibatest/cibatest/mockdevice/tree"
)

// total adds up numbers over all objects. A value that is not a number, or of another
// currency, makes the sum unknown, and then no test holds.
type total struct {
	of       *matcher
	at       tree.Pointer
	times    string // a member beside each value to multiply it with
	currency string
	tests    []test
}

// holds reports whether the sum over all objects that match stands every test.
func (t *total) holds(objects []tree.Value) bool {
	sum := new(big.Rat)
	for _, object := range objects {
		if !t.of.matches(object) {
			continue
		}
		for _, found := range t.at.Find(object) {
			n, ok := t.term(found)
			if !ok {
				return false
			}
			sum.Add(sum, n)
		}
	}
	return passes(tree.Value{Kind: tree.Number, Text: sum.FloatString(20)}, t.tests)
}

// term is what one value adds to the sum; false if that is unknown.
func (t *total) term(found tree.Found) (*big.Rat, bool) {
	n, ok := numberOf(found.Value)
	if !ok || !inCurrency(found, t.currency) {
		return nil, false
	}
	if t.times == "" {
		return n, true
	}
	factor, _ := found.Parent.Get(t.times)
	by, ok := numberOf(factor)
	if !ok {
		return nil, false
	}
	return new(big.Rat).Mul(n, by), true
}
