package harness

import (
	"encoding/json"
	"slices"
	"strings"
)

// The functions here read values that an OP sends, and take no other type for the one that is
// due: a client in another language would not.

// IsStrings reports whether a value is an array of strings, of any length.
func IsStrings(value any) bool {
	list, ok := value.([]any)
	return ok && !slices.ContainsFunc(list, func(v any) bool { _, isString := v.(string); return !isString })
}

// NumberOf reads a JSON number, and reports whether the value is one that a float64 holds.
func NumberOf(value any) (float64, bool) {
	n, ok := value.(json.Number)
	if !ok {
		return 0, false
	}
	f, err := n.Float64()
	return f, err == nil
}

// StringsOf reads an array of strings, and reports whether the value is one.
func StringsOf(value any) ([]string, bool) {
	if !IsStrings(value) {
		return nil, false
	}
	var list []string
	for _, v := range value.([]any) {
		list = append(list, v.(string))
	}
	return list, true
}

// Optional is a member that may be missing, and reports whether it is there. A null stands
// for a missing one, with a warning: OIDC Core 5.3.2 advises to leave the name out.
func Optional(t *T, object map[string]any, name string) (any, bool) {
	value, there := object[name]
	if there && value == nil {
		t.Warn("no "+name+" where there is nothing to say", "%s is null", name)
	}
	return value, value != nil
}

// NoStore reports whether the lines of a header Cache-Control forbid to store the answer.
// RFC 9111 5.2.2.5.
func NoStore(values []string) bool {
	return strings.Contains(strings.ToLower(strings.Join(values, ",")), "no-store")
}
