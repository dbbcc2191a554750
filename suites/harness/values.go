package harness

import (
	"encoding/json"
	"slices"
	"strings"
)

func IsStrings(value any) bool {
	list, ok := value.([]any)
	return ok && !slices.ContainsFunc(list, func(v any) bool { _, isString := v.(string); return !isString })
}

// NumberOf reads a JSON number.
func NumberOf(value any) (float64, bool) {
	n, ok := value.(json.Number)
	if !ok {
		return 0, false
	}
	f, err := n.Float64()
	return f, err == nil
}

// TextsOf reads an array of strings.
func TextsOf(value any) ([]string, bool) {
	if !IsStrings(value) {
		return nil, false
	}
	var list []string
	for _, v := range value.([]any) {
		list = append(list, v.(string))
	}
	return list, true
}

// Optional is a member that may be missing. A null stands for that too, though
// OIDC Core 5.3.2 advises to leave the name out.
func Optional(t *T, object map[string]any, name string) (any, bool) {
	value, there := object[name]
	if there && value == nil {
		t.Warn("no "+name+" where there is nothing to say", "%s is null", name)
	}
	return value, value != nil
}

func NoStore(values []string) bool {
	return strings.Contains(strings.ToLower(strings.Join(values, ",")), "no-store")
}

// MustNotFail ends the case as error when the harness itself failed.
func MustNotFail(t *T, err error) {
	if err != nil {
		t.Abort("preparing the request: %v", err)
	}
}
