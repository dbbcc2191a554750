package policy

import (
	"math/big"
	"regexp"

	"github.com/cibatest/cibatest/mockdevice/tree"
)

// plainNumber is a decimal as JSON writes it. The exponent is short, so that no
// number is too large to compute with.
var plainNumber = regexp.MustCompile(`^-?[0-9]{1,60}(\.[0-9]{1,60})?([eE][+-]?[0-9]{1,2})?$`)

// plainAmount is how money is written in a text: no exponent, no thousands
// separators. "1e3" and "1,000" are texts, since readers disagree about them.
var plainAmount = regexp.MustCompile(`^-?[0-9]{1,60}(\.[0-9]{1,60})?$`)

// parseNumber reads a decimal exactly. Money must not be compared as binary fractions.
func parseNumber(text string) (*big.Rat, bool) {
	if !plainNumber.MatchString(text) {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}

// numberOf is the value of a JSON number, or of a text that holds one.
func numberOf(v tree.Value) (*big.Rat, bool) {
	if v.Kind == tree.Number || v.Kind == tree.String && plainAmount.MatchString(v.Text) {
		return parseNumber(v.Text)
	}
	return nil, false
}
