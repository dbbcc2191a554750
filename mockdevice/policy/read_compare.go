package policy

import (
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/cibatest/cibatest/internal/yamlfile"
	"github.com/cibatest/cibatest/mockdevice/tree"
)

// readMatcher reads what chooses among objects.
func readMatcher(at yamlfile.Place) *matcher {
	m := &matcher{types: at.At("type").Texts()}
	for _, item := range at.At("where").Items() {
		m.where = append(m.where, readComparison(item))
	}
	return m
}

// readComparison reads one line of where. One that tests nothing would be taken for one that
// always holds, so it is a mistake.
func readComparison(at yamlfile.Place) comparison {
	c := comparison{
		at: pointerAt(at.At("at")), every: at.At("every").Bool(), currency: at.At("currency").Text(),
		tests: append(readTests(at, sizes), readTests(at, valueTests)...),
	}
	if given := at.At("missing"); given.Exists() {
		missing := given.Bool()
		c.missing = &missing
	}
	if at.IsMapping() && len(c.tests) == 0 && c.currency == "" && c.missing == nil {
		at.Wrong("tests nothing; add equals, at_most, in, missing or another test")
	}
	return c
}

// readTotal reads a sum over all objects.
func readTotal(at yamlfile.Place) *total {
	t := &total{
		of: readMatcher(at), at: pointerAt(at.At("at")), times: at.At("times").Text(), currency: at.At("currency").Text(),
		tests: readTests(at, sizes),
	}
	if equals := at.At("equals"); equals.Exists() {
		t.tests = append(t.tests, size(func(order int) bool { return order == 0 })(equals))
	}
	return t
}

// pointerAt is the JSON pointer at a place. One that is absent points at the whole.
func pointerAt(at yamlfile.Place) tree.Pointer {
	p, err := tree.ParsePointer(at.Text())
	if err != nil {
		at.Wrong("%v", err)
	}
	return p
}

// testReaders make tests of the members of a mapping, by name.
type testReaders map[string]func(yamlfile.Place) test

// readTests makes a test of each member that has a reader.
func readTests(at yamlfile.Place, readers testReaders) []test {
	var tests []test
	for _, m := range at.Members() {
		if read := readers[m.Name()]; read != nil {
			tests = append(tests, read(m))
		}
	}
	return tests
}

// sizes compare numbers. What is no number has no size.
var sizes = testReaders{
	"less":     size(func(order int) bool { return order < 0 }),
	"at_most":  size(func(order int) bool { return order <= 0 }),
	"more":     size(func(order int) bool { return order > 0 }),
	"at_least": size(func(order int) bool { return order >= 0 }),
}

// size compares by value; less is an order below zero.
func size(fits func(order int) bool) func(yamlfile.Place) test {
	return func(at yamlfile.Place) test {
		wanted, ok := parseNumber(at.Text())
		if !ok {
			wanted = new(big.Rat) // the schema has complained
		}
		return func(v tree.Value) bool {
			n, ok := numberOf(v)
			return ok && fits(n.Cmp(wanted))
		}
	}
}

// valueTests are the other comparisons.
var valueTests = testReaders{
	"equals":   against(equal),
	"not":      against(func(v, wanted tree.Value) bool { return !equal(v, wanted) }),
	"in":       against(func(v, wanted tree.Value) bool { return holdsElement(wanted, v) }),
	"not_in":   against(func(v, wanted tree.Value) bool { return !holdsElement(wanted, v) }),
	"contains": against(func(v, wanted tree.Value) bool { return v.Kind == tree.Array && holdsElement(v, wanted) }),
	"only":     against(hasOnly),
	"prefix": against(func(v, wanted tree.Value) bool {
		return v.Kind == tree.String && strings.HasPrefix(v.Text, wanted.Text)
	}),
	"regex": func(at yamlfile.Place) test {
		re := regexAt(at)
		return func(v tree.Value) bool { return matchesText(re, v) }
	},
	"numeric": func(at yamlfile.Place) test {
		wanted := at.Bool()
		return func(v tree.Value) bool {
			_, ok := numberOf(v)
			return ok == wanted
		}
	},
}

// against compares with a value of the file.
func against(fits func(v, wanted tree.Value) bool) func(yamlfile.Place) test {
	return func(at yamlfile.Place) test {
		wanted := treeAt(at)
		return func(v tree.Value) bool { return fits(v, wanted) }
	}
}

// hasOnly reports whether a list has no element that is not allowed.
func hasOnly(v, allowed tree.Value) bool {
	return v.Kind == tree.Array && !slices.ContainsFunc(v.Items, func(item tree.Value) bool { return !holdsElement(allowed, item) })
}

// matchesText reports whether a text matches. Numbers and lists are no texts.
func matchesText(re *regexp.Regexp, v tree.Value) bool {
	return v.Kind == tree.String && re.MatchString(v.Text)
}

// treeAt is a value to compare with. Numbers keep their text. What is a number to YAML
// only is refused, since it would compare as a text.
func treeAt(at yamlfile.Place) tree.Value {
	switch {
	case at.IsList():
		list := tree.Value{Kind: tree.Array}
		for _, item := range at.Items() {
			list.Items = append(list.Items, treeAt(item))
		}
		return list
	case at.IsMapping():
		object := tree.Value{Kind: tree.Object}
		for _, m := range at.Members() {
			object.Members = append(object.Members, tree.Member{Name: m.Name(), Value: treeAt(m)})
		}
		return object
	case at.IsNull():
		return tree.Value{Kind: tree.Null, Text: "null"}
	case at.IsBool():
		return tree.Value{Kind: tree.Bool, Text: strconv.FormatBool(at.Bool())}
	case at.IsNumber():
		if _, ok := parseNumber(at.Text()); !ok {
			at.Wrong("is %s; wanted a decimal number, or a text in quotes", at.Shown())
		}
		return tree.Value{Kind: tree.Number, Text: at.Text()}
	}
	return tree.Value{Kind: tree.String, Text: at.Text()}
}
