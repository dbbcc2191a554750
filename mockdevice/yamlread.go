package mockdevice

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Problem is one mistake in a policy or adapter file.
type Problem struct {
	File         string
	Line, Column int // 1-based
	Path         string
	Message      string
}

func (p Problem) String() string {
	text := fmt.Sprintf("%s:%d:%d: ", p.File, p.Line, p.Column)
	if p.Path != "" {
		text += p.Path + ": "
	}
	return text + p.Message
}

// Problems are all mistakes of a file, in its order.
type Problems []Problem

// Lines are the problems as text.
func (ps Problems) Lines() []string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return lines
}

func (ps Problems) Error() string { return strings.Join(ps.Lines(), "\n") }

// maxFile bounds a policy or adapter file.
const maxFile = 1 << 20

// value is a place in a YAML file that is being read. What is wrong with it is
// noted, never fatal, so that a file tells all its mistakes at once.
type value struct {
	*yaml.Node
	path string
	file *file
}

type file struct {
	name     string
	problems Problems
}

// readYAML has read take in the document, and returns every problem it met.
func readYAML(name string, text []byte, read func(value)) error {
	f := &file{name: name}
	var document yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	err := decoder.Decode(&document)
	switch {
	case len(text) > maxFile:
		f.add(1, 1, "", fmt.Sprintf("the file is larger than %d bytes", maxFile))
	case errors.Is(err, io.EOF) || err == nil && len(document.Content) == 0:
		f.add(1, 1, "", "the file is empty")
	case err != nil:
		f.syntax(err)
	default:
		root := value{document.Content[0], "", f}
		if root.refuseAliases(); len(f.problems) == 0 {
			read(root)
		}
		if decoder.Decode(&document) == nil {
			f.add(document.Line, document.Column, "", "a second document begins here; one is allowed")
		}
	}
	if len(f.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(f.problems, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return f.problems
}

func (f *file) add(line, column int, path, message string) {
	f.problems = append(f.problems, Problem{f.name, line, column, path, message})
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// syntax places an error of the YAML parser, which knows the line only.
func (f *file) syntax(err error) {
	message := err.Error()
	at := yamlLine.FindStringSubmatch(message)
	line := 1
	if at != nil {
		message = message[len(at[0]):]
		if n, err := strconv.Atoi(at[1]); err == nil {
			line = n
		}
	}
	f.add(line, 1, "", "not YAML: "+message)
}

// refuseAliases keeps files readable top to bottom, and small ones small.
func (v value) refuseAliases() {
	if v.Kind == yaml.AliasNode {
		v.wrong("aliases are not understood here; write the value out")
		return
	}
	for _, child := range v.Content {
		value{child, v.path, v.file}.refuseAliases()
	}
}

func (v value) wrong(format string, args ...any) {
	v.file.add(v.Line, v.Column, v.path, fmt.Sprintf(format, args...))
}

func (v value) at(node *yaml.Node, name string) value {
	path := name
	if v.path != "" && !strings.HasPrefix(name, "[") {
		path = v.path + "." + name
	} else if v.path != "" {
		path = v.path + name
	}
	return value{node, path, v.file}
}

// fields reads a mapping: each known name by its function. Unknown and repeated
// names are refused; required ones are missed.
func (v value) fields(known map[string]func(value), required ...string) {
	if v.Kind != yaml.MappingNode {
		v.wrong("want a mapping with %s", oneOf(slices.Sorted(maps.Keys(known))))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(v.Content); i += 2 {
		name := v.Content[i].Value
		field := v.at(v.Content[i], name)
		read := known[name]
		switch {
		case read == nil:
			field.wrong("unknown; allowed are %s", oneOf(slices.Sorted(maps.Keys(known))))
		case seen[name]:
			field.wrong("appears twice")
		default:
			seen[name] = true
			read(v.at(v.Content[i+1], name))
		}
	}
	for _, name := range required {
		if !seen[name] {
			v.wrong("%s is missing", name)
		}
	}
}

// items are the elements of a list.
func (v value) items() []value {
	if v.Kind != yaml.SequenceNode {
		v.wrong("want a list")
		return nil
	}
	list := make([]value, len(v.Content))
	for i, child := range v.Content {
		list[i] = v.at(child, fmt.Sprintf("[%d]", i))
	}
	return list
}

func (v value) isText() bool {
	return v.Kind == yaml.ScalarNode && v.Tag != "!!null"
}

func (v value) text() string {
	if !v.isText() {
		v.wrong("want a text")
		return ""
	}
	if v.Value == "" {
		v.wrong("is empty")
	}
	return v.Value
}

// texts reads one text or a list of them.
func (v value) texts() []string {
	if v.isText() {
		return []string{v.text()}
	}
	var list []string
	for _, item := range v.items() {
		list = append(list, item.text())
	}
	if v.Kind == yaml.SequenceNode && len(list) == 0 {
		v.wrong("is an empty list")
	}
	return list
}

func (v value) choice(choices ...string) string {
	if text := v.text(); slices.Contains(choices, text) {
		return text
	}
	v.wrong("%.40q is not %s", v.Value, oneOf(choices))
	return ""
}

func (v value) integer(low, high int64) int64 {
	n, err := strconv.ParseInt(v.Value, 10, 64)
	if v.Kind != yaml.ScalarNode || err != nil || n < low || n > high {
		v.wrong("want a whole number from %d to %d", low, high)
	}
	return n
}

func (v value) boolean() bool {
	if v.Kind != yaml.ScalarNode || v.Tag != "!!bool" {
		v.wrong("want true or false")
	}
	return v.Value == "true"
}

func (v value) float(low, high float64) float64 {
	n, err := strconv.ParseFloat(v.Value, 64)
	if v.Kind != yaml.ScalarNode || err != nil || !(n >= low && n <= high) {
		v.wrong("want a number from %g to %g", low, high)
		return low
	}
	return n
}

func (v value) number() *big.Rat {
	n, ok := parseNumber(v.Value)
	if v.Kind != yaml.ScalarNode || !ok {
		v.wrong("want a decimal number")
		return new(big.Rat)
	}
	return n
}

func (v value) duration() time.Duration {
	d, err := time.ParseDuration(v.Value)
	if v.Kind != yaml.ScalarNode || err != nil || d < 0 || d > maxLife {
		v.wrong("want a duration such as 800ms, 8s or 2m")
		return 0
	}
	return d
}

func (v value) regex() *regexp.Regexp {
	text := v.text()
	re, err := regexp.Compile(text)
	if err != nil {
		v.wrong("%v", err)
		return regexp.MustCompile("")
	}
	return re
}

func (v value) pointer() pointer {
	p, err := parsePointer(v.text())
	if err != nil {
		v.wrong("%v", err)
	}
	return p
}

// json is a value to compare with. Numbers keep their text.
func (v value) json() tree {
	switch v.Kind {
	case yaml.SequenceNode:
		t := tree{kind: isArray}
		for _, item := range v.items() {
			t.items = append(t.items, item.json())
		}
		return t
	case yaml.MappingNode:
		t := tree{kind: isObject}
		for i := 0; i+1 < len(v.Content); i += 2 {
			name := v.Content[i].Value
			if _, twice := t.get(name); twice {
				v.at(v.Content[i], name).wrong("appears twice")
			}
			t.members = append(t.members, member{name, v.at(v.Content[i+1], name).json()})
		}
		return t
	}
	switch v.Tag {
	case "!!null":
		return tree{kind: isNull, text: "null"}
	case "!!bool":
		return tree{kind: isBool, text: strconv.FormatBool(v.Value == "true")}
	case "!!int", "!!float":
		if _, ok := parseNumber(v.Value); ok {
			return tree{kind: isNumber, text: v.Value}
		}
		v.wrong("want a decimal number; quote it if it is a text")
	}
	return tree{kind: isString, text: v.Value}
}

// plainNumber is a decimal as JSON writes it. The exponent is short, so that no
// number is too large to compute with.
var plainNumber = regexp.MustCompile(`^-?[0-9]{1,60}(\.[0-9]{1,60})?([eE][+-]?[0-9]{1,2})?$`)

func parseNumber(text string) (*big.Rat, bool) {
	if !plainNumber.MatchString(text) {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}

// plainAmount is how money is written in a text: no exponent, no thousands
// separators. "1e3" and "1,000" are texts, since readers disagree about them.
var plainAmount = regexp.MustCompile(`^-?[0-9]{1,60}(\.[0-9]{1,60})?$`)

// number is the value of a JSON number, or of a text that holds one.
func (t tree) number() (*big.Rat, bool) {
	switch {
	case t.kind == isNumber, t.kind == isString && plainAmount.MatchString(t.text):
		return parseNumber(t.text)
	}
	return nil, false
}
