package rar

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	. "github.com/cibatest/cibatest/suites/harness"
)

// Objects are opaque to this tool: only the OP knows the definition of their types. What
// asks for more or for less than a valid object, and has a good chance to be valid too,
// is derived here from the look of its members.

// withLargerAmount is the object with a larger amount: the first number, or text that is
// a number, preferably one that is called an amount. Without any it is the object itself
// and false.
func (d detail) withLargerAmount() (detail, bool) {
	at := amountIn(d.object, "")
	if at == "" {
		return d, false
	}
	return d.edited(func(object map[string]any) {
		names := strings.Split(at, "\x00")
		for _, name := range names[:len(names)-1] {
			object = object[name].(map[string]any)
		}
		last := names[len(names)-1]
		object[last] = increased(object[last])
	}), true
}

// withShorterList is the object with one element less in a list of texts. Without any it
// is the object itself and false.
func (d detail) withShorterList() (detail, bool) {
	for _, name := range slices.Sorted(maps.Keys(d.object)) {
		if values, ok := StringsOf(d.object[name]); ok && len(values) > 1 {
			return d.having(name, d.object[name].([]any)[:len(values)-1]), true
		}
	}
	return d, false
}

// increased keeps the shape of a number: 50.00 becomes 90.00, 97 becomes 997.
func increased(value any) any {
	grow := func(digits string) string {
		if digits[0] == '9' {
			return "9" + digits
		}
		return "9" + digits[1:]
	}
	if n, ok := value.(json.Number); ok {
		return json.Number(grow(n.String()))
	}
	return grow(value.(string))
}

// decimal is a number as people write amounts.
var decimal = regexp.MustCompile(`^\d+(\.\d+)?$`)

// amountIn is the path of a positive number, its names joined by NUL; empty without one.
func amountIn(object map[string]any, prefix string) string {
	found := ""
	for _, name := range slices.Sorted(maps.Keys(object)) {
		switch v := object[name].(type) {
		case map[string]any:
			if inner := amountIn(v, prefix+name+"\x00"); inner != "" && (found == "" || isAmount(inner)) {
				found = inner
			}
		case string, json.Number:
			if decimal.MatchString(fmt.Sprint(v)) && (found == "" || isAmount(name)) {
				found = prefix + name
			}
		}
		if isAmount(found) {
			break
		}
	}
	return found
}

func isAmount(path string) bool { return strings.Contains(strings.ToLower(path), "amount") }
