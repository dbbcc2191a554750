package yamlfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Schema is a JSON Schema with the words for what it wants. It is compiled when it
// is first used.
type Schema struct {
	document []byte
	compiled func() (*jsonschema.Schema, error)
	parsed   func() any
}

// NewSchema takes the text of a JSON Schema, which is compiled into the program.
func NewSchema(document []byte) *Schema {
	return &Schema{
		document: document,
		compiled: sync.OnceValues(func() (*jsonschema.Schema, error) { return compile(document) }),
		parsed: sync.OnceValue(func() any {
			var value any
			_ = json.Unmarshal(document, &value) // compile tells what is wrong
			return value
		}),
	}
}

// Document is the text of the schema, for editors and other tools.
func (s *Schema) Document() []byte { return bytes.Clone(s.document) }

// schemaURL is the address of a schema within its compiler. Nothing is ever fetched.
const schemaURL = "schema.json"

// compile checks the schema itself. An error is a mistake of ours, not of the user.
func compile(document []byte) (*jsonschema.Schema, error) {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(schemaURL, value); err != nil {
		return nil, err
	}
	return compiler.Compile(schemaURL)
}

// check holds the values of a file against the schema and places every complaint.
func (s *Schema) check(f *File) {
	schema, err := s.compiled()
	if err != nil {
		f.Root().Wrong("the built-in schema: %v", err)
		return
	}
	c := complaints{s, f}
	if err := schema.Validate(f.value); err != nil {
		c.tell(err)
	}
}

// part is the part of the schema that a complaint points at, with what it says.
type part struct {
	title string
	keys  []string // the names of its properties, sorted
}

// part finds a part by its address, such as schema.json#/$defs/rule.
func (s *Schema) part(address string) part {
	_, pointer, _ := strings.Cut(address, "#")
	node := s.parsed()
	for step := range strings.SplitSeq(strings.Trim(pointer, "/"), "/") {
		if step == "" {
			continue
		}
		node = stepInto(node, strings.NewReplacer("~1", "/", "~0", "~", "%24", "$").Replace(step))
	}
	object, _ := node.(map[string]any)
	properties, _ := object["properties"].(map[string]any)
	title, _ := object["title"].(string)
	return part{title, slices.Sorted(maps.Keys(properties))}
}

// stepInto follows one step of a JSON pointer; nil if it leads nowhere.
func stepInto(node any, step string) any {
	switch n := node.(type) {
	case map[string]any:
		return n[step]
	case []any:
		var i int
		if _, err := fmt.Sscan(step, &i); err == nil && i >= 0 && i < len(n) {
			return n[i]
		}
	}
	return nil
}
