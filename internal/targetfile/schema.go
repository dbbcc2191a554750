package targetfile

import (
	"bytes"
	_ "embed" // the schema is published with the program
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

//go:embed schema.json
var schemaDocument []byte

// Schema is the JSON Schema of target files, for editors and other tools.
func Schema() []byte { return bytes.Clone(schemaDocument) }

var compiled = sync.OnceValues(func() (*jsonschema.Schema, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaDocument))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("target.schema.json", document); err != nil {
		return nil, err
	}
	return compiler.Compile("target.schema.json")
})

// validate holds the values against the schema and places every complaint.
func (p *parser) validate(value any) bool {
	schema, err := compiled()
	if err != nil {
		p.fail(p.root, "", "the built-in schema: %v", err)
		return false
	}
	err = schema.Validate(value)
	var invalid *jsonschema.ValidationError
	if errors.As(err, &invalid) {
		p.leaves(invalid)
	} else if err != nil {
		p.fail(p.root, "", "%v", err)
	}
	return err == nil
}

// leaves walks to the complaints that have no cause of their own.
func (p *parser) leaves(e *jsonschema.ValidationError) {
	if len(e.Causes) > 0 {
		for _, cause := range e.Causes {
			p.leaves(cause)
		}
		return
	}
	path := pathOf(e.InstanceLocation)
	node := p.nodeAt(path)
	switch k := e.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			p.fail(p.keyAt(path, name), join(path, name), "unknown key%s", p.suggestion(e, name))
		}
	case *kind.Required:
		for _, name := range k.Missing {
			p.fail(node, join(path, name), "is missing")
		}
	case *kind.Enum:
		p.fail(node, path, "is %s; allowed are %s", p.shown(k.Got), list(k.Want))
	case *kind.Type:
		p.fail(node, path, "is %s; wanted %s", article(k.Got), strings.Join(k.Want, " or "))
	case *kind.Pattern:
		p.fail(node, path, "is %s; wanted %s", p.shown(k.Got), formOf(k.Want))
	case *kind.Minimum:
		p.fail(node, path, "is below %s", k.Want.RatString())
	case *kind.MinLength:
		p.fail(node, path, "is empty")
	case *kind.MinItems:
		p.fail(node, path, "needs at least %d entry", k.Want)
	default:
		p.fail(node, path, "%v", e.ErrorKind)
	}
}

// formOf puts a pattern of the schema into words.
func formOf(pattern string) string {
	if strings.Contains(pattern, "https?://") {
		return "an http or https URL without query and fragment"
	}
	return "the form " + pattern
}

func pathOf(location []string) string {
	path := ""
	for _, step := range location {
		if _, err := strconv.Atoi(step); err == nil {
			path += "[" + step + "]"
			continue
		}
		path = join(path, step)
	}
	return path
}

// shown quotes a value of the file only when it is short and not from outside.
func (p *parser) shown(v any) string {
	text := fmt.Sprint(v)
	if slices.Contains(p.secrets, text) {
		return "a value from outside"
	}
	if len(text) > 40 {
		return "too long a value"
	}
	return strconv.Quote(text)
}

func list(values []any) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = fmt.Sprint(v)
	}
	return strings.Join(words, ", ")
}

func article(kind string) string {
	switch kind {
	case "array", "object", "integer":
		return "an " + kind
	case "null":
		return "empty"
	}
	return "a " + kind
}

// suggestion names a known key that is one or two letters away.
func (p *parser) suggestion(e *jsonschema.ValidationError, name string) string {
	best, distance := "", 3
	for _, known := range p.knownKeys(e.SchemaURL) {
		if d := editDistance(name, known); d < distance {
			best, distance = known, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// knownKeys reads the properties of the schema a complaint comes from.
func (p *parser) knownKeys(url string) []string {
	_, pointer, _ := strings.Cut(url, "#")
	var node any
	if json.Unmarshal(schemaDocument, &node) != nil {
		return nil
	}
	for _, step := range strings.Split(strings.Trim(pointer, "/"), "/") {
		if object, ok := node.(map[string]any); ok && step != "" {
			node = object[step]
		}
	}
	object, _ := node.(map[string]any)
	properties, _ := object["properties"].(map[string]any)
	keys := make([]string, 0, len(properties))
	for name := range properties {
		keys = append(keys, name)
	}
	slices.Sort(keys)
	return keys
}

// editDistance is the Levenshtein distance.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		previous := row[0]
		row[0] = i + 1
		for j := range b {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			previous, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, previous+cost)
		}
	}
	return row[len(b)]
}
