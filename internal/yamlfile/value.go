package yamlfile

import (
	"encoding/json"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// valueOf turns a place into JSON-like values. It replaces placeholders and refuses
// what YAML allows but no file of ours may have.
func (f *File) valueOf(p Place) any {
	if f.tooMuch(p) {
		return nil
	}
	f.depth++
	defer func() { f.depth-- }()
	value := f.partsOf(p)
	f.values[p.node] = value
	return value
}

func (f *File) partsOf(p Place) any {
	switch p.node.Kind {
	case yaml.MappingNode:
		return f.mappingOf(p)
	case yaml.SequenceNode:
		list := make([]any, 0, len(p.node.Content))
		for _, item := range p.Items() {
			list = append(list, f.valueOf(item))
		}
		return list
	}
	return f.scalarOf(p)
}

// tooMuch reports whether the bounds are exceeded. One complaint is enough, also
// for an alias that holds itself.
func (f *File) tooMuch(p Place) bool {
	switch f.nodes++; {
	case f.nodes == maxNodes+1:
		p.Wrong("the file unfolds to more than %d values; aliases may not repeat that much", maxNodes)
	case f.depth >= maxDepth && !f.exceeded():
		f.add(p.node, "", "the file nests deeper than %d levels", maxDepth)
		f.nodes = maxNodes + 1
	}
	return f.exceeded()
}

// exceeded reports whether a bound was exceeded, after which nothing is looked at.
func (f *File) exceeded() bool { return f.nodes > maxNodes }

// mappingOf is a mapping with plain keys, each given once.
func (f *File) mappingOf(p Place) any {
	object := map[string]any{}
	for _, m := range p.Members() {
		if m.key.Kind != yaml.ScalarNode || m.key.Tag == "!!merge" {
			f.add(m.key, p.path, "keys are plain words; merge keys and complex keys are not supported")
			continue
		}
		if _, twice := object[m.Name()]; twice {
			m.WrongName("the key is given twice")
			continue
		}
		object[m.Name()] = f.valueOf(m)
	}
	return object
}

// plainNumber is a number as JSON writes it, and short enough to compute with.
var plainNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,59})(\.[0-9]{1,60})?([eE][+-]?[0-9]{1,2})?$`)

// scalarOf is a value without parts, of the type that YAML gives it.
func (f *File) scalarOf(p Place) any {
	switch text := p.node.Value; p.node.Tag {
	case "!!str":
		return f.resolve(p)
	case "!!null":
		return nil
	case "!!bool":
		return strings.EqualFold(text, "true")
	case "!!int", "!!float":
		switch {
		case plainNumber.MatchString(text):
			return json.Number(text)
		case json.Valid([]byte(text)):
			p.Wrong("is too large or too long a number")
			return json.Number("0")
		}
		return text // 0123 and 0x1f are names more often than numbers; see [Place.IsNumber]
	default:
		return text // timestamps and binaries are taken as written
	}
}
