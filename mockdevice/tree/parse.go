package tree

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxLevels bounds the nesting of a value.
const MaxLevels = 32

// Parse reads one JSON value. A member that appears twice is refused: the user would
// see one value and the OP might act on the other. Bytes that are no UTF-8 become
// U+FFFD, as encoding/json has it.
func Parse(raw []byte) (Value, error) {
	decoder := jsontext.NewDecoder(bytes.NewReader(raw), jsontext.AllowInvalidUTF8(true))
	value, err := read(decoder)
	if err != nil {
		return Value{}, err
	}
	if _, err := decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return Value{}, errors.New("more follows after the JSON value")
	}
	return value, nil
}

// kinds are the first bytes of values, as the decoder names their types.
var kinds = map[jsontext.Kind]Kind{
	'n': Null, 't': Bool, 'f': Bool, '0': Number, '"': String, '[': Array, '{': Object,
}

// read takes the next value of the decoder, whatever its type.
func read(decoder *jsontext.Decoder) (Value, error) {
	if decoder.StackDepth() >= MaxLevels {
		return Value{}, fmt.Errorf("more than %d levels of nesting", MaxLevels)
	}
	token, err := decoder.ReadToken()
	if err != nil {
		return Value{}, unreadable(err)
	}
	v := Value{Kind: kinds[token.Kind()]}
	switch v.Kind {
	case Array:
		return v, v.readItems(decoder)
	case Object:
		return v, v.readMembers(decoder)
	default:
		v.Text = token.String() // a number keeps its text
		return v, nil
	}
}

// readItems reads an array up to its end.
func (v *Value) readItems(decoder *jsontext.Decoder) error {
	for decoder.PeekKind() != ']' {
		item, err := read(decoder)
		if err != nil {
			return err
		}
		v.Items = append(v.Items, item)
	}
	_, err := decoder.ReadToken()
	return err
}

// readMembers reads an object up to its end. The decoder refuses repeated names.
func (v *Value) readMembers(decoder *jsontext.Decoder) error {
	for decoder.PeekKind() != '}' {
		token, err := decoder.ReadToken()
		if err != nil {
			return unreadable(err)
		}
		name := token.String()
		value, err := read(decoder)
		if err != nil {
			return err
		}
		v.Members = append(v.Members, Member{name, value})
	}
	_, err := decoder.ReadToken()
	return err
}

// unreadable words an error of the decoder.
func unreadable(err error) error {
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName) && errors.As(err, &syntax):
		return fmt.Errorf("member %.60q appears twice", syntax.JSONPointer.LastToken())
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("not JSON: %w", err)
}
