// Package details compares authorization_details of RFC 9396: what a client asked
// for with what came back in a token response, a token, an introspection answer or
// a prompt. It knows what the text lets an OP do, which is to leave out values, to
// fill in empty ones and to enrich objects (RFC 9396 7 and 7.1), and it tells every
// other departure by kind and place. It never judges: which departure is a failure
// depends on the clause.
//
// Values are JSON as [encoding/json] reads it. Numbers as [json.Number] are compared
// exactly and by value; those as float64 are compared as they are. Values come from
// an OP, so nothing here takes more time or memory than their size suggests, and all
// text about them is safe to print.
package details

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
)

// Read takes a member authorization_details for what it has to be, an array of
// objects with a type, of any length. The error is a phrase with subject and verb:
// "authorization_details[1] has no type". RFC 9396 2.
func Read(value any) ([]map[string]any, error) {
	list, ok := value.([]any)
	if !ok {
		return nil, fmt.Errorf("authorization_details is %s", InWords(value))
	}
	objects := make([]map[string]any, 0, len(list))
	for i, item := range list {
		object, ok := item.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("authorization_details[%d] is %s", i, InWords(item))
		}
		if kind, ok := object["type"].(string); !ok || kind == "" {
			return nil, fmt.Errorf("authorization_details[%d] has no type", i)
		}
		objects = append(objects, object)
	}
	return objects, nil
}

// Text is a JSON value as text, without the escaping that HTML would need.
func Text(value any) string {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return "unreadable"
	}
	return strings.TrimSpace(text.String())
}

// The most characters that are shown of a value and of the path to it.
const (
	longestValue = 80
	longestPath  = 400
)

// InWords is a JSON value for people: short, and harmless to a terminal.
func InWords(value any) string { return shown(Text(value), longestValue) }

// shown is a text of an OP on one line and of at most limit characters. What cannot
// be printed, such as a change of the writing direction, is replaced.
func shown(text string, limit int) string {
	harmless := []rune(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text))
	if len(harmless) > limit {
		harmless = append(harmless[:limit-1], '…')
	}
	return string(harmless)
}
