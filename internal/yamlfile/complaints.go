package yamlfile

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// complaints puts what a schema has against a file into words for the person who
// wrote it.
type complaints struct {
	schema *Schema
	file   *File
}

// tell takes what the validator returned.
func (c complaints) tell(err error) {
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		c.file.Root().Wrong("%v", err)
		return
	}
	c.complain(invalid)
}

// complain walks to the complaints that have no cause of their own.
func (c complaints) complain(e *jsonschema.ValidationError) {
	if c.file.full() {
		return
	}
	switch e.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf:
		c.chooseBranch(e)
		return
	}
	for _, cause := range e.Causes {
		c.complain(cause)
	}
	if len(e.Causes) == 0 {
		c.complainOf(e)
	}
}

// chooseBranch complains of a value that may take several shapes. If its type fits
// one of them only, the writer meant that one, and hears what is wrong with it.
func (c complaints) chooseBranch(e *jsonschema.ValidationError) {
	var meant []*jsonschema.ValidationError
	var types []string // of the shapes that were not meant
	for _, branch := range e.Causes {
		if wanted := typesWanted(branch, len(e.InstanceLocation)); wanted == nil {
			meant = append(meant, branch)
		} else {
			types = append(types, wanted...)
		}
	}
	place := c.file.Root().follow(e.InstanceLocation)
	switch title := c.schema.part(e.SchemaURL).title; {
	case len(meant) == 1:
		c.complain(meant[0])
	case title != "":
		c.complainOf(e)
	case len(meant) == 0 && len(types) > 0:
		place.Wrong("is %s; wanted %s", place.typeName(), typeNames(types))
	default:
		for _, branch := range e.Causes {
			c.complain(branch)
		}
	}
}

// typesWanted are the types that a shape asks of the value itself, where the value
// is of another one; nil when its type fits.
func typesWanted(branch *jsonschema.ValidationError, depth int) []string {
	for _, leaf := range leaves(branch) {
		if k, ok := leaf.ErrorKind.(*kind.Type); ok && len(leaf.InstanceLocation) == depth {
			return k.Want
		}
	}
	return nil
}

// leaves are the complaints without a cause of their own.
func leaves(e *jsonschema.ValidationError) []*jsonschema.ValidationError {
	if len(e.Causes) == 0 {
		return []*jsonschema.ValidationError{e}
	}
	var found []*jsonschema.ValidationError
	for _, cause := range e.Causes {
		found = append(found, leaves(cause)...)
	}
	return found
}

// complainOf words one complaint.
func (c complaints) complainOf(e *jsonschema.ValidationError) {
	place := c.file.Root().follow(e.InstanceLocation)
	says := c.schema.part(e.SchemaURL)
	switch k := e.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		for _, m := range place.Members() {
			if !c.file.full() && slices.Contains(k.Properties, m.Name()) {
				m.WrongName("unknown key; %s", Instead(m.Name(), says.keys))
			}
		}
	case *kind.Required:
		for _, name := range k.Missing {
			place.At(name).Wrong("is missing")
		}
	case *kind.Enum:
		place.Wrong("is %s; allowed are %s", place.described(), listed(k.Want))
	case *kind.MinLength:
		place.Wrong("is empty")
	case *kind.MinItems:
		place.Wrong("needs %s", cmp.Or(says.title, fmt.Sprintf("at least %d entry", k.Want)))
	case *kind.Type: // what stands in the wrong place may be a secret, so it is not quoted
		place.Wrong("is %s; wanted %s", place.typeName(), cmp.Or(says.title, typeNames(k.Want)))
	default:
		c.complainOfValue(place, cmp.Or(says.title, limit(e.ErrorKind)), e.ErrorKind)
	}
}

// complainOfValue says what a value is and what it should have been. What is wrong with
// a mapping is none of its members, so there is nothing to quote.
func (c complaints) complainOfValue(place Place, wanted string, why jsonschema.ErrorKind) {
	switch {
	case wanted == "":
		place.Wrong("%v", why)
	case place.IsMapping():
		place.Wrong("wanted %s", wanted)
	default:
		place.Wrong("is %s; wanted %s", place.described(), wanted)
	}
}

// limit words what a schema without a title wants of a text or a number.
func limit(why jsonschema.ErrorKind) string {
	switch k := why.(type) {
	case *kind.Pattern:
		return "the form " + k.Want
	case *kind.Minimum:
		return "at least " + k.Want.RatString()
	case *kind.Maximum:
		return "at most " + k.Want.RatString()
	}
	return ""
}

// described is a value in a sentence: a scalar as it is written, or the type of
// anything else.
func (p Place) described() string {
	if p.IsText() || p.IsNumber() || p.IsBool() {
		return p.Shown()
	}
	return p.typeName()
}

// typeName is the type of a value in a sentence: "is a list".
func (p Place) typeName() string {
	switch {
	case p.IsMapping():
		return "a mapping"
	case p.IsList():
		return "a list"
	case p.IsBool():
		return "true or false"
	case p.IsNumber() && plainNumber.MatchString(p.Text()):
		return "a number"
	case p.IsNull():
		return "empty"
	}
	return "a text"
}

// typeWords are the types of JSON Schema in the words of YAML.
var typeWords = map[string]string{
	"string": "a text", "object": "a mapping", "array": "a list", "integer": "a whole number",
	"number": "a number", "boolean": "true or false", "null": "nothing",
}

// typeNames writes the types of JSON Schema in the words of YAML. That a value may
// also be left empty goes without saying.
func typeNames(types []string) string {
	var words []string
	for _, name := range types {
		if name != "null" || len(types) == 1 {
			words = append(words, typeWords[name])
		}
	}
	return strings.Join(words, " or ")
}

// listed writes the allowed values. The empty text, which some schemas allow, is not worth a
// word.
func listed(values []any) string {
	var words []string
	for _, v := range values {
		if word := fmt.Sprint(v); word != "" {
			words = append(words, word)
		}
	}
	return strings.Join(words, ", ")
}

// Instead names the known word that was probably meant, or all there are.
func Instead(name string, known []string) string {
	best, distance := "", 3
	for _, key := range known {
		if d := editDistance(name, key); d < distance && d <= len(name)/2 {
			best, distance = key, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return "allowed are " + strings.Join(known, ", ")
}

// editDistance is the Levenshtein distance in bytes.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		previous := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			previous, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, previous+cost)
		}
	}
	return row[len(b)]
}
