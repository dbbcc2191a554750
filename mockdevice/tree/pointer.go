package tree

import (
	"fmt"
	"strconv"
	"strings"
)

// Pointer is a JSON pointer (RFC 6901) whose segments are unescaped. A segment "*"
// stands for every element of an array. The zero value is the whole.
type Pointer []string

// ParsePointer reads "/lines/*/qty". The empty text is the whole value.
func ParsePointer(text string) (Pointer, error) {
	if text == "" {
		return nil, nil
	}
	if text[0] != '/' {
		return nil, fmt.Errorf("JSON pointer %.60q does not start with /", text)
	}
	segments := strings.Split(text[1:], "/")
	for i, s := range segments {
		if strings.Contains(strings.NewReplacer("~0", "", "~1", "").Replace(s), "~") {
			return nil, fmt.Errorf("JSON pointer %.60q has a ~ that is not ~0 or ~1", text)
		}
		segments[i] = strings.ReplaceAll(strings.ReplaceAll(s, "~1", "/"), "~0", "~")
	}
	return segments, nil
}

// String writes the pointer as it was configured.
func (p Pointer) String() string {
	var b strings.Builder
	for _, s := range p {
		b.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(s))
	}
	return b.String()
}

// Found is a value with the object or array that holds it.
type Found struct{ Value, Parent Value }

// Find follows the pointer; "*" makes it find many.
func (p Pointer) Find(v Value) []Found {
	at := []Found{{Value: v}}
	for _, segment := range p {
		var next []Found
		for _, f := range at {
			next = append(next, step(f.Value, segment)...)
		}
		at = next
	}
	return at
}

// step follows one segment. An index has no leading zero (RFC 6901, 4).
func step(v Value, segment string) []Found {
	switch v.Kind {
	case Object:
		if member, ok := v.Get(segment); ok {
			return []Found{{member, v}}
		}
	case Array:
		if segment == "*" {
			elements := make([]Found, len(v.Items))
			for i, item := range v.Items {
				elements[i] = Found{item, v}
			}
			return elements
		}
		if i, err := strconv.Atoi(segment); err == nil && i >= 0 && i < len(v.Items) && segment == strconv.Itoa(i) {
			return []Found{{v.Items[i], v}}
		}
	default: // nothing else has parts
	}
	return nil
}

// First is the first value the pointer finds.
func (p Pointer) First(v Value) (Value, bool) {
	if at := p.Find(v); len(at) > 0 {
		return at[0].Value, true
	}
	return Value{}, false
}
