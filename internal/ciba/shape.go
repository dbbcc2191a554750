package ciba

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxDepth bounds the nesting of JSON that is read.
const maxDepth = 64

// DecodeObject reads exactly one JSON object, refusing repeated member names and
// deep nesting. Numbers are json.Number. The error is a sentence about "the body".
func DecodeObject(data []byte) (map[string]any, error) {
	if err := checkShape(data); err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, fmt.Errorf("the body is not JSON: %w", err)
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("the body is JSON but not an object, it is %s", jsonType(value))
	}
	return object, nil
}

// checkShape walks the tokens once, for what encoding/json lets pass: repeated names,
// of which it takes the last, any depth, and text after the value. The jsontext
// package of the coming encoding/json/v2 would find repeated names, but not before
// it is stable, and it also refuses escapes that this client has to show.
func checkShape(data []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var s shape
	for {
		token, err := decoder.Token()
		if err != nil {
			return fmt.Errorf("the body is not JSON: %w", err)
		}
		if err := s.take(token); err != nil {
			return err
		}
		if len(s) > 0 {
			continue
		}
		if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
			return errors.New("the body goes on after the JSON value")
		}
		return nil
	}
}

// shape is the objects and arrays around a token, the outermost first.
type shape []level

// level is an object, or an array when it has no names.
type level struct {
	names     map[string]bool
	nameComes bool // the next token is a name, or closes the object
}

// take follows one token: a bracket opens or closes a level, and in an object names and
// values come in turn.
func (s *shape) take(token json.Token) error {
	switch token {
	case json.Delim('}'), json.Delim(']'):
		*s = (*s)[:len(*s)-1]
		return nil
	}
	if len(*s) > 0 {
		inner := &(*s)[len(*s)-1]
		if inner.nameComes {
			return inner.name(token.(string))
		}
		inner.nameComes = inner.names != nil
	}
	switch token {
	case json.Delim('{'):
		return s.open(level{map[string]bool{}, true})
	case json.Delim('['):
		return s.open(level{})
	}
	return nil
}

func (s *shape) open(inner level) error {
	if len(*s) == maxDepth {
		return fmt.Errorf("the body nests deeper than %d levels", maxDepth)
	}
	*s = append(*s, inner)
	return nil
}

func (l *level) name(name string) error {
	if l.names[name] {
		return fmt.Errorf("the body has the member %.60q twice", name)
	}
	l.names[name] = true
	l.nameComes = false
	return nil
}

// jsonType is the type of a value that was read, with its article.
func jsonType(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case json.Number:
		return "a number"
	case string:
		return "a string"
	case []any:
		return "an array"
	}
	return "an object"
}
