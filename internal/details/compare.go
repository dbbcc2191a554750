package details

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// Kind is a way in which an object can come back otherwise than it was asked for.
type Kind int

// The kinds of differences.
const (
	Changed   Kind = iota // another value, or a value of another type
	Rewritten             // the same number, spelt otherwise or with another type, where one of both is text
	Grown                 // a list has an element that was not asked for
	Extra                 // a member that was not asked for
	Absent                // a member that was asked for is not there, or is null
	Shrunk                // a list has lost an element
)

// Difference is one departure from what was asked for.
type Difference struct {
	Kind          Kind
	Path          string // names joined by dots, [] for an element: "payments[].amount"
	Asked, Actual any    // nil where there is no value
}

// String is a clause that says what became of the value. It is safe to print.
func (d Difference) String() string {
	path := shown(d.Path, longestPath)
	switch d.Kind {
	case Changed, Rewritten:
		return fmt.Sprintf("%s is %s, not %s", path, InWords(d.Actual), InWords(d.Asked))
	case Grown:
		return fmt.Sprintf("%s has gained %s", path, InWords(d.Actual))
	case Extra:
		return fmt.Sprintf("%s has been added as %s", path, InWords(d.Actual))
	case Shrunk:
		return fmt.Sprintf("%s has lost %s", path, InWords(d.Asked))
	case Absent: // there is no value to show
	}
	return path + " is missing"
}

// Compare is how an object that came back differs from the one that was asked for.
// The order of members and elements, white space and the spelling of numbers do not
// count, nor what an OP puts in place of an empty value. RFC 9396 7 and 7.1.
func Compare(asked, actual map[string]any) []Difference { return compareObjects(asked, actual, "") }

// Agree reports whether an object that came back answers the one that was asked for
// without any value of its own: it may lack values and have further members.
func Agree(asked, actual map[string]any) bool {
	return !slices.ContainsFunc(Compare(asked, actual), func(d Difference) bool {
		return d.Kind == Changed || d.Kind == Rewritten || d.Kind == Grown
	})
}

// IsPlaceholder reports whether a value is empty, so that the OP may fill it.
// RFC 9396 7.1.
func IsPlaceholder(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}

// compareValues compares two values of any type. A null that came back is a value that
// is not there.
func compareValues(asked, actual any, path string) []Difference {
	if IsPlaceholder(asked) {
		return nil
	}
	if actual == nil {
		return []Difference{{Absent, path, asked, nil}}
	}
	switch a := asked.(type) {
	case map[string]any:
		if b, ok := actual.(map[string]any); ok {
			return compareObjects(a, b, path)
		}
	case []any:
		if b, ok := actual.([]any); ok {
			return compareLists(a, b, path)
		}
	default:
		return compareScalars(asked, actual, path)
	}
	return []Difference{{Changed, path, asked, actual}}
}

// compareObjects compares member by member, in the order of their names, so that the
// same two objects always give the same list.
func compareObjects(a, b map[string]any, path string) []Difference {
	var list []Difference
	at := func(name string) string { return strings.TrimPrefix(path+"."+name, ".") }
	for _, name := range slices.Sorted(maps.Keys(a)) {
		actual, there := b[name]
		if equalScalars(a[name], actual) { // the usual case, for which no path has to be made
			continue
		}
		if there {
			list = append(list, compareValues(a[name], actual, at(name))...)
		} else {
			list = append(list, Difference{Absent, at(name), a[name], nil})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b)) {
		if _, there := a[name]; !there {
			list = append(list, Difference{Extra, at(name), nil, b[name]})
		}
	}
	return list
}

// compareLists takes out equal elements first. When only objects are left, as many
// on both sides, each differs from its nearest counterpart like any other object.
func compareLists(a, b []any, path string) []Difference {
	path += "[]"
	compare := func(i, j int) []Difference { return compareElements(a[i], b[j], path) }
	if len(a) == len(b) { // only then are elements compared once more below
		compare = remembered(compare)
	}
	before, after := unequal(len(a), len(b), compare)
	var list []Difference
	if len(a) == len(b) && onlyObjects(a, before) && onlyObjects(b, after) {
		difference := func(i, j int) (int, bool) { return weight(compare(before[i], after[j])), true }
		for _, c := range nearestFirst(len(before), len(after), difference) {
			list = append(list, compare(before[c.i], after[c.j])...)
		}
		return list
	}
	for _, i := range before {
		list = append(list, Difference{Shrunk, path, a[i], nil})
	}
	for _, j := range after {
		list = append(list, Difference{Grown, path, nil, b[j]})
	}
	return list
}

// compareElements differs from the comparison of members in that an empty element is
// a value like others and no placeholder.
func compareElements(asked, actual any, path string) []Difference {
	a, isObject := asked.(map[string]any)
	b, both := actual.(map[string]any)
	switch {
	case isObject && both:
		return compareObjects(a, b, path)
	case !IsPlaceholder(asked):
		return compareValues(asked, actual, path)
	case reflect.DeepEqual(asked, actual):
		return nil
	}
	return []Difference{{Changed, path, asked, actual}}
}

// remembered makes a comparison once for each pair. Without it the time that nested
// lists of objects take would be multiplied on every level.
func remembered(compare func(i, j int) []Difference) func(i, j int) []Difference {
	known := map[[2]int][]Difference{}
	return func(i, j int) []Difference {
		list, there := known[[2]int{i, j}]
		if !there {
			list = compare(i, j)
			known[[2]int{i, j}] = list
		}
		return list
	}
}

// unequal is what remains of two lists, as indexes, when every element that the
// other one has too is taken out of both.
func unequal(lenA, lenB int, compare func(i, j int) []Difference) (restA, restB []int) {
	for j := range lenB {
		restB = append(restB, j)
	}
	for i := lenA - 1; i >= 0; i-- {
		if at := slices.IndexFunc(restB, func(j int) bool { return len(compare(i, j)) == 0 }); at >= 0 {
			restB = slices.Delete(restB, at, at+1)
		} else {
			restA = append(restA, i)
		}
	}
	slices.Reverse(restA)
	return restA, restB
}

// onlyObjects reports whether all elements at some places, at least one, are objects.
func onlyObjects(list []any, places []int) bool {
	return len(places) > 0 && !slices.ContainsFunc(places, func(i int) bool {
		_, isObject := list[i].(map[string]any)
		return !isObject
	})
}

// compareScalars takes numbers, and texts that are numbers, by their value. Where
// one of both is text, another spelling is a difference of its own kind.
func compareScalars(asked, actual any, path string) []Difference {
	if equalScalars(asked, actual) {
		return nil
	}
	a, isNumber := numericValue(asked)
	b, both := numericValue(actual)
	if !isNumber || !both || a.Cmp(b) != 0 {
		return []Difference{{Changed, path, asked, actual}}
	}
	if isText(asked) || isText(actual) {
		return []Difference{{Rewritten, path, asked, actual}}
	}
	return nil
}

// equalScalars reports whether two values are one and the same text, number or
// truth value.
func equalScalars(a, b any) bool {
	switch a.(type) {
	case string, json.Number, float64, bool:
		return a == b
	}
	return false
}

func isText(value any) bool { _, ok := value.(string); return ok }

// jsonNumber is a number of RFC 8259 6 whose exact value is cheap to compute: a
// hostile exponent must not cost gigabytes.
var jsonNumber = regexp.MustCompile(`^-?\d{1,100}(\.\d{1,100})?([eE][+-]?\d{1,3})?$`)

// numericValue is the exact value of a number, or of a text that could be one.
func numericValue(value any) (*big.Rat, bool) {
	var text string
	switch v := value.(type) {
	case json.Number:
		text = v.String()
	case string:
		text = v
	}
	if !jsonNumber.MatchString(text) {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}
