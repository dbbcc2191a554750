package mockdevice

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// tree is a JSON value that keeps the order of members and the text of numbers,
// since both are what the user is to see.
type tree struct {
	kind    treeKind
	text    string // of a string, a number, true, false or null
	members []member
	items   []tree
}

type member struct {
	name  string
	value tree
}

type treeKind int

const (
	isNull treeKind = iota
	isBool
	isNumber
	isString
	isArray
	isObject
)

// parseDetails reads authorization_details: an array of objects, or nothing at
// all. A member that appears twice is refused: the user would see one value and
// the OP might act on the other.
func parseDetails(raw json.RawMessage) ([]tree, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	value, err := parseTree(raw)
	if err != nil {
		return nil, fmt.Errorf("authorization_details: %w", err)
	}
	if value.kind != isArray {
		return nil, errors.New("authorization_details is not an array")
	}
	for i, item := range value.items {
		if item.kind != isObject {
			return nil, fmt.Errorf("authorization_details[%d] is not an object", i)
		}
	}
	return value.items, nil
}

func parseTree(raw []byte) (tree, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	value, err := readTree(decoder, maxLevels)
	if err != nil {
		return tree{}, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return tree{}, errors.New("more follows after the JSON value")
	}
	return value, nil
}

func readTree(decoder *json.Decoder, levels int) (tree, error) {
	if levels == 0 {
		return tree{}, fmt.Errorf("more than %d levels of nesting", maxLevels)
	}
	token, err := decoder.Token()
	if err != nil {
		return tree{}, notJSON(err)
	}
	switch v := token.(type) {
	case json.Delim:
		if v == '[' {
			return readArray(decoder, levels)
		}
		return readObject(decoder, levels)
	case string:
		return tree{kind: isString, text: v}, nil
	case json.Number:
		return tree{kind: isNumber, text: v.String()}, nil
	case bool:
		return tree{kind: isBool, text: strconv.FormatBool(v)}, nil
	}
	return tree{kind: isNull, text: "null"}, nil
}

func notJSON(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("not JSON: %w", err)
}

func readArray(decoder *json.Decoder, levels int) (tree, error) {
	t := tree{kind: isArray}
	for decoder.More() {
		item, err := readTree(decoder, levels-1)
		if err != nil {
			return tree{}, err
		}
		t.items = append(t.items, item)
	}
	_, err := decoder.Token()
	return t, err
}

func readObject(decoder *json.Decoder, levels int) (tree, error) {
	t := tree{kind: isObject}
	seen := map[string]bool{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return tree{}, notJSON(err)
		}
		name, _ := token.(string)
		if seen[name] {
			return tree{}, fmt.Errorf("member %.60q appears twice", name)
		}
		seen[name] = true
		value, err := readTree(decoder, levels-1)
		if err != nil {
			return tree{}, err
		}
		t.members = append(t.members, member{name, value})
	}
	_, err := decoder.Token()
	return t, err
}

// get is the member of an object.
func (t tree) get(name string) (tree, bool) {
	for _, m := range t.members {
		if m.name == name {
			return m.value, true
		}
	}
	return tree{}, false
}

// word is the text of a string member, or empty.
func (t tree) word(name string) string {
	if v, ok := t.get(name); ok && v.kind == isString {
		return v.text
	}
	return ""
}

// scalar is the text of a string, number or boolean; false for anything else.
func (t tree) scalar() (string, bool) {
	return t.text, t.kind == isString || t.kind == isNumber || t.kind == isBool
}

// pointer is a JSON pointer (RFC 6901) whose segments are unescaped. A segment
// "*" stands for every element of an array.
type pointer []string

// parsePointer reads "/lines/*/qty". The empty text is the whole value.
func parsePointer(text string) (pointer, error) {
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

// found is a value with the object it is a member of.
type found struct{ value, parent tree }

// find follows a pointer; "*" makes it find many.
func (p pointer) find(t tree) []found {
	at := []found{{value: t}}
	for _, segment := range p {
		var next []found
		for _, f := range at {
			next = append(next, step(f.value, segment)...)
		}
		at = next
	}
	return at
}

func step(t tree, segment string) []found {
	switch t.kind {
	case isObject:
		if v, ok := t.get(segment); ok {
			return []found{{v, t}}
		}
	case isArray:
		if segment == "*" {
			all := make([]found, len(t.items))
			for i, item := range t.items {
				all[i] = found{item, t}
			}
			return all
		}
		if i, err := strconv.Atoi(segment); err == nil && i >= 0 && i < len(t.items) && segment == strconv.Itoa(i) {
			return []found{{t.items[i], t}}
		}
	}
	return nil
}

// first is the one value at a pointer.
func (p pointer) first(t tree) (tree, bool) {
	if at := p.find(t); len(at) > 0 {
		return at[0].value, true
	}
	return tree{}, false
}

// MarshalJSON writes the value as it came.
func (t tree) MarshalJSON() ([]byte, error) {
	switch t.kind {
	case isString:
		return json.Marshal(t.text)
	case isArray:
		if t.items == nil {
			return []byte("[]"), nil
		}
		return json.Marshal(t.items)
	case isObject:
		return t.marshalObject()
	}
	return []byte(t.text), nil
}

func (t tree) marshalObject() ([]byte, error) {
	var b bytes.Buffer
	for i, m := range t.members {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	return []byte("{" + b.String() + "}"), nil
}
