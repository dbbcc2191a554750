package rar

import (
	"reflect"
	"slices"

	"github.com/cibatest/cibatest/internal/details"
	. "github.com/cibatest/cibatest/suites/harness"
)

// judgeFaithful compares what came back with what was asked for, all of it approved.
// RFC 9396 7 and 7.1 allow reduction, enrichment and merging with earlier grants, so that
// only other values are a failure. Additions are one where the target file says that this
// OP does not enrich.
func judgeFaithful(t *T, where string, asked, returned []map[string]any) {
	expected := where + " has what was asked for and granted"
	p := details.Counterparts(asked, returned)
	for _, pair := range p.Pairs {
		for _, d := range details.Compare(pair.Asked, pair.Actual) {
			if d.Kind == details.Grown && wasAskedElsewhere(asked, pair.Asked, d.Actual) {
				t.Info(expected, "%s, perhaps from another object of its type", d)
				continue
			}
			judgeDifference(t, expected, d)
		}
	}
	for _, object := range p.Missing {
		t.Info(expected, "there is no counterpart of %s", details.InWords(object))
	}
	for _, object := range p.Surplus {
		judgeSurplus(t, expected, asked, object)
	}
}

// judgeSurplus warns of an object that nobody can have meant. An object of a type that was
// asked for may be left from an earlier grant of the user, which RFC 9396 7 lets an OP
// merge in.
func judgeSurplus(t *T, expected string, asked []map[string]any, object map[string]any) {
	sameType := func(a map[string]any) bool { return a["type"] == object["type"] }
	same := func(a map[string]any) bool { return len(details.Compare(a, object)) == 0 }
	switch {
	case !slices.ContainsFunc(asked, sameType):
		t.Warn(expected, "it has an object of a type that was not requested: %s", details.InWords(object))
	case slices.ContainsFunc(asked, same):
		t.Warn(expected, "it has one object twice: %s", details.InWords(object))
	default:
		t.Info(expected, "it also has %s, perhaps from an earlier grant", details.InWords(object))
	}
}

// judgeDifference judges one departure from an object that was asked for.
func judgeDifference(t *T, expected string, d details.Difference) {
	enriches, isDeclared := t.Target().Capabilities["rar_enrich"]
	switch d.Kind {
	case details.Changed:
		t.Check(false, expected, "%s", d)
	case details.Grown, details.Extra:
		switch {
		case isDeclared && !enriches:
			t.Check(false, expected+", as the target file says that this OP adds nothing", "%s", d)
		case d.Kind == details.Grown:
			t.Warn(expected, "%s", d)
		case !isDeclared:
			t.Info(expected, "%s", d)
		}
	case details.Absent, details.Shrunk:
		t.Info(expected, "%s", d)
	case details.Rewritten: // numbers count by value here; judgeCompleteness is stricter
	}
}

// wasAskedElsewhere reports whether another object of the same type, which may have been
// merged with this one, has an element in a list.
func wasAskedElsewhere(asked []map[string]any, object map[string]any, element any) bool {
	for _, other := range asked {
		isOther := other["type"] == object["type"] && len(details.Compare(object, other)) > 0
		if isOther && hasInList(other, element) {
			return true
		}
	}
	return false
}

// hasInList reports whether a list at any depth of a JSON value has an element.
func hasInList(value, element any) bool {
	switch v := value.(type) {
	case map[string]any:
		for _, inner := range v {
			if hasInList(inner, element) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, func(item any) bool {
			return reflect.DeepEqual(item, element) || hasInList(item, element)
		})
	}
	return false
}
