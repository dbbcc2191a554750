package yamlfile

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Place is a value in a file, with the way that leads to it. Its readers give a zero
// value for what is absent or of another type: the schema has complained of that.
type Place struct {
	file *File
	path string
	key  *yaml.Node // the name of a member; nil for items and for the whole
	node *yaml.Node // nil: absent
	near *yaml.Node // where to point at: the value, or what it is missing from
}

// Root is the whole file.
func (f *File) Root() Place { return f.place("", nil, f.root, f.root) }

// place follows an alias, so that nobody else has to.
func (f *File) place(path string, key, node, near *yaml.Node) Place {
	if node != nil && node.Kind == yaml.AliasNode {
		node = node.Alias
		near = node
	}
	return Place{f, path, key, node, near}
}

// At is the member of a mapping. One that is absent is a place, too: it stands
// where it is missing from.
func (p Place) At(name string) Place {
	path := join(p.path, name)
	if p.IsMapping() {
		for i := 0; i+1 < len(p.node.Content); i += 2 {
			if key, value := p.node.Content[i], p.node.Content[i+1]; key.Value == name {
				return p.file.place(path, key, value, value)
			}
		}
	}
	return p.file.place(path, nil, nil, p.near)
}

// Item is one element of a list, counted from 0. One that is absent stands where it
// is missing from.
func (p Place) Item(i int) Place {
	path := fmt.Sprintf("%s[%d]", p.path, i)
	if p.IsList() && i >= 0 && i < len(p.node.Content) {
		return p.file.place(path, nil, p.node.Content[i], p.node.Content[i])
	}
	return p.file.place(path, nil, nil, p.near)
}

// Members are the members of a mapping, in the order of the file.
func (p Place) Members() []Place {
	if !p.IsMapping() {
		return nil
	}
	members := make([]Place, 0, len(p.node.Content)/2)
	for i := 0; i+1 < len(p.node.Content); i += 2 {
		key, value := p.node.Content[i], p.node.Content[i+1]
		members = append(members, p.file.place(join(p.path, key.Value), key, value, value))
	}
	return members
}

// Items are the elements of a list.
func (p Place) Items() []Place {
	if !p.IsList() {
		return nil
	}
	items := make([]Place, len(p.node.Content))
	for i := range items {
		items[i] = p.Item(i)
	}
	return items
}

// follow goes the way of a schema's complaint.
func (p Place) follow(steps []string) Place {
	for _, step := range steps {
		if i, err := strconv.Atoi(step); err == nil && p.IsList() {
			p = p.Item(i)
		} else {
			p = p.At(step)
		}
	}
	return p
}

// Exists reports whether the file has the place.
func (p Place) Exists() bool { return p.node != nil }

// IsMapping reports whether the value is a mapping.
func (p Place) IsMapping() bool { return p.node != nil && p.node.Kind == yaml.MappingNode }

// IsList reports whether the value is a list.
func (p Place) IsList() bool { return p.node != nil && p.node.Kind == yaml.SequenceNode }

// IsText reports whether the value is a text.
func (p Place) IsText() bool { return p.isScalar() && !p.IsNull() && !p.IsBool() && !p.IsNumber() }

// IsNumber reports whether the value is a number to YAML, which knows more of them
// than JSON does: 0x1f, 1_000 and .inf, for example. Those read as texts.
func (p Place) IsNumber() bool {
	return p.isScalar() && (p.node.Tag == "!!int" || p.node.Tag == "!!float")
}

// IsBool reports whether the value is true or false.
func (p Place) IsBool() bool { return p.isScalar() && p.node.Tag == "!!bool" }

// IsNull reports whether the value is empty: nothing after the colon, ~ or null.
func (p Place) IsNull() bool { return p.isScalar() && p.node.Tag == "!!null" }

// isScalar reports whether the value has no parts. null is a scalar, too.
func (p Place) isScalar() bool { return p.node != nil && p.node.Kind == yaml.ScalarNode }

// Name is the key of a member; empty for anything else.
func (p Place) Name() string {
	if p.key == nil {
		return ""
	}
	return p.key.Value
}

// Path is the way from the top, such as clients[1].name.
func (p Place) Path() string { return p.path }

// Line is where the value begins, 1-based.
func (p Place) Line() int { return p.near.Line }

// Text is a scalar as it is written, placeholders replaced; empty for lists,
// mappings and null.
func (p Place) Text() string {
	if !p.isScalar() || p.IsNull() {
		return ""
	}
	return p.node.Value
}

// Texts is a list of scalars; one scalar is a list of one.
func (p Place) Texts() []string {
	if p.isScalar() && !p.IsNull() {
		return []string{p.node.Value}
	}
	var texts []string
	for _, item := range p.Items() {
		texts = append(texts, item.Text())
	}
	return texts
}

// Bool is a truth value.
func (p Place) Bool() bool { return p.IsBool() && strings.EqualFold(p.node.Value, "true") }

// Int is a whole number. One that is written with a fraction or an exponent, or that
// exceeds 64 bits, is noted as wrong.
func (p Place) Int() int64 {
	n, err := strconv.ParseInt(p.Text(), 10, 64)
	if err != nil && p.isScalar() {
		p.Wrong("is %s; wanted a whole number in digits", p.described())
	}
	return n
}

// Float is a number, or a text that holds one.
func (p Place) Float() float64 {
	n, err := strconv.ParseFloat(p.Text(), 64)
	if err != nil && p.isScalar() {
		p.Wrong("is %s; wanted a number", p.described())
	}
	return n
}

// Duration is a text such as 800ms or 2m. One beyond the longest is noted as wrong.
func (p Place) Duration(longest time.Duration) time.Duration {
	d, err := time.ParseDuration(p.Text())
	switch {
	case !p.isScalar():
		return 0
	case err != nil || d < 0:
		p.Wrong("is %s; wanted a duration such as 800ms, 8s or 2m", p.described())
		return 0
	case d > longest:
		p.Wrong("is %s; the longest is %s", p.described(), longest)
	}
	return min(d, longest)
}

// Value is the value as JSON values, as [File.Value] has it; nil for what is absent.
func (p Place) Value() any { return p.file.values[p.node] }

// Wrong notes what is wrong with the value.
func (p Place) Wrong(format string, args ...any) { p.file.add(p.near, p.path, format, args...) }

// WrongName notes what is wrong with the key of a member.
func (p Place) WrongName(format string, args ...any) {
	at := p.near
	if p.key != nil {
		at = p.key
	}
	p.file.add(at, p.path, format, args...)
}

// Shown is a scalar as a message may quote it: not when it is long, and not when it
// came from outside.
func (p Place) Shown() string {
	switch text := p.Text(); {
	case p.file.outside[p.node]:
		return "a value from outside"
	case len(text) > 40:
		return "too long a value"
	default:
		return strconv.Quote(text)
	}
}

// join adds a name to a path.
func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
