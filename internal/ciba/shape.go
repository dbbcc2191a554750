package ciba

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// The bounds of JSON that is read. In memory a value takes many times the bytes that it
// was written with.
const (
	maxDepth  = 64
	maxTokens = 50_000 // names, values, and the brackets around them
)

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
// of which it takes the last, any depth, and text after the value. What is no JSON at
// all is left to encoding/json, whose words people know, and so are escapes of half a
// character, since what an OP got wrong has to be shown.
func checkShape(data []byte) error {
	decoder := jsontext.NewDecoder(bytes.NewReader(data), jsontext.AllowInvalidUTF8(true))
	for tokens := 0; ; tokens++ {
		_, err := decoder.ReadToken()
		switch {
		case errors.Is(err, jsontext.ErrDuplicateName):
			return fmt.Errorf("the body has the member %.60q twice", repeatedName(err))
		case err != nil:
			return nil
		case decoder.StackDepth() > maxDepth:
			return fmt.Errorf("the body nests deeper than %d levels", maxDepth)
		case tokens > maxTokens:
			return fmt.Errorf("the body has more than %d names and values", maxTokens)
		case decoder.StackDepth() > 0:
			continue
		}
		if _, err := decoder.ReadToken(); !errors.Is(err, io.EOF) {
			return errors.New("the body goes on after the JSON value")
		}
		return nil
	}
}

// repeatedName is the name that an error of jsontext points at.
func repeatedName(err error) string {
	var at *jsontext.SyntacticError
	if !errors.As(err, &at) {
		return ""
	}
	return at.JSONPointer.LastToken()
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
