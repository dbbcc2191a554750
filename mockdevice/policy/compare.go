package policy

import (
	"slices"

	"github.com/cibatest/cibatest/mockdevice/tree"
)

// matcher chooses among the objects of authorization_details.
type matcher struct {
	types []string // empty: any
	where []comparison
}

// matches reports whether an object is one of the types and stands every comparison.
func (m *matcher) matches(object tree.Value) bool {
	if len(m.types) > 0 && !slices.Contains(m.types, object.Word("type")) {
		return false
	}
	return !slices.ContainsFunc(m.where, func(c comparison) bool { return !c.holds(object) })
}

// count is how many objects match.
func (m *matcher) count(objects []tree.Value) (n int) {
	for _, object := range objects {
		if m.matches(object) {
			n++
		}
	}
	return n
}

// test looks at one value.
type test func(tree.Value) bool

// passes reports whether a value stands every test.
func passes(v tree.Value, tests []test) bool {
	return !slices.ContainsFunc(tests, func(t test) bool { return !t(v) })
}

// comparison looks at the values a pointer finds. It holds if one of them passes
// every test or, with every, if there is one and all pass.
type comparison struct {
	at       tree.Pointer
	missing  *bool
	every    bool
	currency string
	tests    []test
}

// holds reports whether the comparison is true of an object.
func (c comparison) holds(object tree.Value) bool {
	values := c.at.Find(object)
	if c.missing != nil && *c.missing != (len(values) == 0) {
		return false
	}
	if len(c.tests) == 0 && c.currency == "" {
		return c.missing != nil
	}
	fails := func(f tree.Found) bool { return !c.fits(f) }
	if c.every {
		return len(values) > 0 && !slices.ContainsFunc(values, fails)
	}
	return slices.ContainsFunc(values, c.fits)
}

// fits reports whether one value passes.
func (c comparison) fits(f tree.Found) bool {
	return inCurrency(f, c.currency) && passes(f.Value, c.tests)
}

// inCurrency looks at the member currency beside an amount. An empty currency is any.
func inCurrency(amount tree.Found, currency string) bool {
	return currency == "" || amount.Parent.Word("currency") == currency
}

// equal compares JSON values: numbers by value, also those in texts, members in any order.
func equal(a, b tree.Value) bool {
	x, xOK := numberOf(a)
	y, yOK := numberOf(b)
	switch {
	case xOK && yOK:
		return x.Cmp(y) == 0
	case a.Kind != b.Kind || len(a.Items) != len(b.Items) || len(a.Members) != len(b.Members):
		return false
	case a.Kind == tree.Array:
		return slices.EqualFunc(a.Items, b.Items, equal)
	case a.Kind == tree.Object:
		return !slices.ContainsFunc(a.Members, func(m tree.Member) bool {
			other, ok := b.Get(m.Name)
			return !ok || !equal(m.Value, other)
		})
	}
	return a.Text == b.Text
}

// holdsElement reports whether a list has an element.
func holdsElement(list, element tree.Value) bool {
	return slices.ContainsFunc(list.Items, func(item tree.Value) bool { return equal(item, element) })
}
