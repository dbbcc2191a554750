package refop

import (
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
)

// DecodeJSON reads one JSON value and keeps numbers as they are written. Text after
// the value is an error.
func DecodeJSON(text string) (any, error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON value")
	}
	return value, nil
}

// CloneJSON copies a value, so that an edit of one place does not reach another.
func CloneJSON(v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(x))
		for name, value := range x {
			out[name] = CloneJSON(value)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, value := range x {
			out[i] = CloneJSON(value)
		}
		return out
	}
	return v
}

// Within reports whether every value of a list is one of another list, or narrower:
// that is what a user may narrow a request to, and a client a grant. How texts
// and numbers compare is up to the type (RFC 9396 12); here they have to be equal.
func Within(list, whole []any) bool {
	for _, part := range list {
		if !slices.ContainsFunc(whole, func(w any) bool { return narrower(part, w) }) {
			return false
		}
	}
	return true
}

// narrower reports whether a value is another one with fewer elements in its lists.
func narrower(part, whole any) bool {
	switch p := part.(type) {
	case map[string]any:
		w, ok := whole.(map[string]any)
		if !ok || len(p) != len(w) {
			return false
		}
		for name, value := range p {
			if other, there := w[name]; !there || !narrower(value, other) {
				return false
			}
		}
		return true
	case []any:
		w, ok := whole.([]any)
		return ok && Within(p, w)
	}
	return reflect.DeepEqual(part, whole)
}
