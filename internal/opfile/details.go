package opfile

import (
	"bytes"
	"errors"
	"strings"

	"github.com/cibatest/cibatest/internal/yamlfile"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemaURL is the address of a type's schema within its compiler. Nothing is ever fetched.
const schemaURL = "details.json"

// checkBy is what a type of authorization_details demands of its objects, nil for nothing.
func checkBy(file *yamlfile.File, kind yamlfile.Place) func(map[string]any) error {
	document, at, there := schemaOf(file, kind)
	if !there {
		return nil
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(jsonschema.SchemeURLLoader{}) // no scheme: a schema reads no files of this machine
	err := compiler.AddResource(schemaURL, document)
	var schema *jsonschema.Schema
	if err == nil {
		schema, err = compiler.Compile(schemaURL)
	}
	if err != nil {
		at.Wrong("is no JSON Schema that can be used: %v", oneLine(err))
		return nil
	}
	return func(object map[string]any) error {
		if err := schema.Validate(object); err != nil {
			return errors.New(brief(err))
		}
		return nil
	}
}

// schemaOf is the schema that a type names, and where.
func schemaOf(file *yamlfile.File, kind yamlfile.Place) (document any, at yamlfile.Place, there bool) {
	inline, named := kind.At("schema"), kind.At("schema_file")
	switch {
	case inline.Exists() && named.Exists():
		named.Wrong("a type has schema or schema_file, and not both")
	case inline.Exists():
		return inline.Value(), inline, !inline.IsNull()
	case named.Exists():
		text, err := file.ReadFile(named.Text())
		if err != nil {
			named.Wrong("cannot be read: %v", err)
			return nil, named, false
		}
		document, err = jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			named.Wrong("is no JSON: %v", err)
		}
		return document, named, err == nil
	}
	return nil, kind, false
}

// brief is the first thing that is wrong with an object, in one line that says where.
func brief(err error) string {
	for line := range strings.Lines(err.Error()) {
		if said, found := strings.CutPrefix(strings.TrimSpace(line), "- at "); found {
			return said
		}
	}
	return oneLine(err)
}

// oneLine is a message without its line breaks.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
