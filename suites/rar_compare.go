package suites

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// The ways an object of authorization_details can come back otherwise than it
// was asked for.
type differenceKind int

const (
	changed   differenceKind = iota // another value, or a value of another kind
	rewritten                       // the same number, written or typed otherwise where text was asked for
	grown                           // a list has an element that was not asked for
	extra                           // a member that was not asked for
	absent                          // a member that was asked for is not there
	shrunk                          // a list has lost an element
)

// difference is one departure, at a path such as instructedAmount.amount.
type difference struct {
	kind        differenceKind
	path        string
	asked, told any
}

func (d difference) String() string {
	switch d.kind {
	case changed, rewritten:
		return fmt.Sprintf("%s is %s, not %s", oneLine(d.path), inWords(d.told), inWords(d.asked))
	case grown:
		return fmt.Sprintf("%s has gained %s", oneLine(d.path), inWords(d.told))
	case extra:
		return fmt.Sprintf("%s has been added as %s", oneLine(d.path), inWords(d.told))
	case shrunk:
		return fmt.Sprintf("%s has lost %s", oneLine(d.path), inWords(d.asked))
	}
	return oneLine(d.path) + " is missing"
}

// differences compares what was asked with what came back, as JSON values: the
// order of members and elements, white space and the spelling of numbers do not
// count. RFC 9396 7 and 7.1 let the OP leave out values and fill in placeholders.
func differences(asked, told any, path string) []difference {
	if isPlaceholder(asked) {
		return nil
	}
	switch a := asked.(type) {
	case map[string]any:
		if b, ok := told.(map[string]any); ok {
			return differencesOfObjects(a, b, path)
		}
	case []any:
		if b, ok := told.([]any); ok {
			return differencesOfLists(a, b, path)
		}
	default:
		if told != nil {
			return differencesOfScalars(asked, told, path)
		}
	}
	if told == nil {
		return []difference{{absent, path, asked, nil}}
	}
	return []difference{{changed, path, asked, told}}
}

// isPlaceholder says whether a value is empty, so that the OP may fill it.
func isPlaceholder(value any) bool {
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

func differencesOfObjects(a, b map[string]any, path string) []difference {
	var list []difference
	at := func(name string) string { return strings.TrimPrefix(path+"."+name, ".") }
	for _, name := range sortedKeys(a) {
		if told, there := b[name]; there {
			list = append(list, differences(a[name], told, at(name))...)
		} else {
			list = append(list, difference{absent, at(name), a[name], nil})
		}
	}
	for _, name := range sortedKeys(b) {
		if _, there := a[name]; !there {
			list = append(list, difference{extra, at(name), nil, b[name]})
		}
	}
	return list
}

// differencesOfLists pairs equal elements first, then objects with objects when
// none was added or lost: an object in a list may differ like any other.
func differencesOfLists(a, b []any, path string) []difference {
	path += "[]"
	a, b = slices.Clone(a), slices.Clone(b)
	for i := len(a) - 1; i >= 0; i-- {
		same := func(told any) bool {
			if isPlaceholder(a[i]) { // an empty element is a value like others
				return reflect.DeepEqual(a[i], told)
			}
			return len(differences(a[i], told, path)) == 0
		}
		if j := slices.IndexFunc(b, same); j >= 0 {
			a, b = slices.Delete(a, i, i+1), slices.Delete(b, j, j+1)
		}
	}
	var list []difference
	if objects, others := onlyObjects(a), onlyObjects(b); objects != nil && len(objects) == len(others) {
		for _, p := range paired(objects, others, func(map[string]any, map[string]any) bool { return true }).pairs {
			list = append(list, differencesOfObjects(p.asked, p.told, path)...)
		}
		return list
	}
	for _, asked := range a {
		list = append(list, difference{shrunk, path, asked, nil})
	}
	for _, told := range b {
		list = append(list, difference{grown, path, nil, told})
	}
	return list
}

func onlyObjects(list []any) []map[string]any {
	var objects []map[string]any
	for _, item := range list {
		object, ok := item.(map[string]any)
		if !ok {
			return nil
		}
		objects = append(objects, object)
	}
	return objects
}

// differencesOfScalars takes numbers and texts that are numbers by value. Where
// text was asked for, other spelling is a difference of its own.
func differencesOfScalars(asked, told any, path string) []difference {
	if asked == told {
		return nil
	}
	a, isNumber := numericValue(asked)
	b, both := numericValue(told)
	switch {
	case !isNumber || !both || a.Cmp(b) != 0:
		return []difference{{changed, path, asked, told}}
	case isText(asked) || isText(told):
		return []difference{{rewritten, path, asked, told}}
	}
	return nil
}

func isText(value any) bool { _, ok := value.(string); return ok }

// decimal is a number as people write amounts.
var decimal = regexp.MustCompile(`^\d+(\.\d+)?$`)

// jsonNumber is a number of RFC 8259 6 whose exact value is cheap to compute: a
// hostile exponent must not cost gigabytes.
var jsonNumber = regexp.MustCompile(`^-?\d{1,100}(\.\d{1,100})?([eE][+-]?\d{1,3})?$`)

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

// pairing says which object that came back answers which one that was asked for.
type pairing struct {
	pairs   []pair
	missing []map[string]any // asked for, without counterpart
	surplus []map[string]any // came back, without counterpart
}

type pair struct{ asked, told map[string]any }

// counterparts pairs objects of equal type, the most alike first.
func counterparts(asked, told []map[string]any) pairing {
	return paired(asked, told, func(a, b map[string]any) bool { return a["type"] == b["type"] })
}

func paired(asked, told []map[string]any, fit func(a, b map[string]any) bool) pairing {
	type candidate struct{ i, j, cost int }
	var candidates []candidate
	for i, a := range asked {
		for j, b := range told {
			if fit(a, b) {
				candidates = append(candidates, candidate{i, j, distance(a, b)})
			}
		}
	}
	slices.SortStableFunc(candidates, func(a, b candidate) int { return a.cost - b.cost })
	var p pairing
	takenAsked, takenTold := make([]bool, len(asked)), make([]bool, len(told))
	for _, c := range candidates {
		if !takenAsked[c.i] && !takenTold[c.j] {
			takenAsked[c.i], takenTold[c.j] = true, true
			p.pairs = append(p.pairs, pair{asked[c.i], told[c.j]})
		}
	}
	for i, a := range asked {
		if !takenAsked[i] {
			p.missing = append(p.missing, a)
		}
	}
	for j, b := range told {
		if !takenTold[j] {
			p.surplus = append(p.surplus, b)
		}
	}
	return p
}

// distance weighs changed values far more than left out ones.
func distance(a, b map[string]any) int {
	cost := 0
	for _, d := range differencesOfObjects(a, b, "") {
		switch d.kind {
		case changed:
			cost += 100
		case rewritten, grown:
			cost += 10
		default:
			cost++
		}
	}
	return cost
}

// beyond says how objects go beyond a grant, or nothing: other values, other
// elements, or objects that answer none of the granted ones.
func beyond(granted, told []map[string]any) string {
	p := counterparts(granted, told)
	for _, pair := range p.pairs {
		for _, d := range differencesOfObjects(pair.asked, pair.told, "") {
			if d.kind == changed || d.kind == grown {
				return d.String()
			}
		}
	}
	for _, object := range p.surplus {
		return "it has one more object of type " + inWords(object["type"])
	}
	return ""
}

// excess finds among objects that came back one that answers an object which was
// not granted rather than one that was. Objects the OP has enriched are as far
// from both.
func excess(granted, refused, told []map[string]any) string {
	nearest := func(list []map[string]any, object map[string]any) int {
		least := math.MaxInt
		for _, candidate := range list {
			if candidate["type"] == object["type"] {
				least = min(least, distance(candidate, object))
			}
		}
		return least
	}
	for _, object := range told {
		if nearest(refused, object) < nearest(granted, object) {
			return unlike(granted, object)
		}
	}
	return ""
}

// unlike says what sets an object apart from all granted ones.
func unlike(granted []map[string]any, object map[string]any) string {
	for _, pair := range counterparts(granted, []map[string]any{object}).pairs {
		for _, d := range differencesOfObjects(pair.asked, pair.told, "") {
			if d.kind == changed || d.kind == grown {
				return d.String()
			}
		}
	}
	return "an object of type " + inWords(object["type"])
}
