package tree

import (
	"bytes"
	"encoding/json"
)

// Value is a JSON value. The zero value is null without a text; make others with
// [Parse].
type Value struct {
	Kind    Kind
	Text    string // of a string, a number, true, false or null
	Members []Member
	Items   []Value
}

// Member is a member of an object.
type Member struct {
	Name  string
	Value Value
}

// Kind is the type of a value.
type Kind int

// The types of JSON.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

// Get is the member of an object.
func (v Value) Get(name string) (Value, bool) {
	for _, m := range v.Members {
		if m.Name == name {
			return m.Value, true
		}
	}
	return Value{}, false
}

// Word is the text of a string member, or empty.
func (v Value) Word(name string) string {
	if member, ok := v.Get(name); ok && member.Kind == String {
		return member.Text
	}
	return ""
}

// Scalar is the text of a string, number or boolean; false for anything else.
func (v Value) Scalar() (string, bool) {
	return v.Text, v.Kind == String || v.Kind == Number || v.Kind == Bool
}

// MarshalJSON writes the value as it came.
func (v Value) MarshalJSON() ([]byte, error) {
	switch v.Kind {
	case String:
		return json.Marshal(v.Text)
	case Array:
		if v.Items == nil {
			return []byte("[]"), nil
		}
		return json.Marshal(v.Items)
	case Object:
		return v.marshalObject()
	default: // null, booleans and numbers are written as their text
		return []byte(v.Text), nil
	}
}

// marshalObject keeps the order of the members, which a map would not.
func (v Value) marshalObject() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range v.Members {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(m.Name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(m.Value)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
