// Package targetfile describes what is under test: an OP, the clients registered
// there, its users, how their decisions are made, and what a run may cost. A
// target file is checked whole before anything is sent, and every problem is told
// at once with its place.
package targetfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// maxFile bounds a target file; maxNodes bounds what its aliases may unfold to.
const (
	maxFile  = 1 << 20
	maxNodes = 50_000
	maxDepth = 32
)

// Env is where a target file takes values from outside. The zero value is the
// process environment and the file system, relative to the target file.
type Env struct {
	Lookup func(name string) (string, bool) // environment; nil: os.LookupEnv
	FS     fs.FS                            // for relative paths; nil: the folder of the file
}

// Load reads and checks a target file.
func Load(path string) (*Target, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("target file: %w", err)
	}
	if info.Size() > maxFile {
		return nil, Problems{{File: path, Message: fmt.Sprintf("the file has %d bytes; a target file has %d at most", info.Size(), maxFile)}}
	}
	data, err := os.ReadFile(path) //nolint:gosec // the user names the file
	if err != nil {
		return nil, fmt.Errorf("target file: %w", err)
	}
	return Parse(path, data, Env{})
}

// Parse checks the text of a target file, whose name is used in messages and,
// without an FS, as the place relative paths start from.
func Parse(name string, data []byte, env Env) (*Target, error) {
	p := &parser{file: name, env: env}
	t := p.parse(data)
	if len(p.problems) > 0 {
		p.problems.sort()
		return nil, p.problems
	}
	return t, nil
}

// parser collects problems and secrets while a file is read.
type parser struct {
	file     string
	env      Env
	root     *yaml.Node
	problems Problems
	secrets  []string
	nodes    int
	depth    int
}

// fail keeps a problem. A place that has one already gets no second.
func (p *parser) fail(at *yaml.Node, path, format string, args ...any) {
	problem := Problem{File: p.file, Path: path, Message: fmt.Sprintf(format, args...)}
	if at != nil {
		problem.Line, problem.Column = at.Line, at.Column
	}
	same := func(known Problem) bool {
		return known.Path == path && known.Line == problem.Line && known.Column == problem.Column
	}
	if path != "" && slices.ContainsFunc(p.problems, same) {
		return
	}
	p.problems = append(p.problems, problem)
}

func (p *parser) parse(data []byte) *Target {
	if len(data) > maxFile {
		p.fail(nil, "", "the file has %d bytes; a target file has %d at most", len(data), maxFile)
		return nil
	}
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		p.syntax(err)
		return nil
	}
	if len(document.Content) == 0 {
		p.fail(nil, "", "the file is empty; \"cibatest init ISSUER\" writes a first one")
		return nil
	}
	p.root = document.Content[0]
	value := p.value(p.root, "")
	p.validate(value)
	if t := p.decode(value); t != nil {
		p.meaning(t)
		return t
	}
	return nil
}

var lineOf = regexp.MustCompile(`line (\d+)`)

func (p *parser) syntax(err error) {
	problem := Problem{File: p.file, Message: "not readable as YAML: " + strings.TrimPrefix(err.Error(), "yaml: ")}
	if m := lineOf.FindStringSubmatch(err.Error()); m != nil {
		problem.Line, _ = strconv.Atoi(m[1])
		problem.Column = 1
	}
	p.problems = append(p.problems, problem)
}

// value turns a node into JSON-like values, resolving placeholders and refusing
// what YAML allows but a target file must not have.
func (p *parser) value(n *yaml.Node, path string) any {
	if p.nodes++; p.nodes > maxNodes {
		if p.nodes == maxNodes+1 {
			p.fail(n, path, "the file unfolds to more than %d values; aliases may not repeat that much", maxNodes)
		}
		return nil
	}
	if p.depth++; p.depth > maxDepth {
		p.fail(n, "", "the file nests deeper than %d levels", maxDepth)
		p.nodes = maxNodes + 1 // one complaint is enough, also for an alias that holds itself
		return nil
	}
	defer func() { p.depth-- }()
	switch n.Kind {
	case yaml.AliasNode:
		return p.value(n.Alias, path)
	case yaml.MappingNode:
		return p.mapping(n, path)
	case yaml.SequenceNode:
		list := make([]any, 0, len(n.Content))
		for i, item := range n.Content {
			list = append(list, p.value(item, fmt.Sprintf("%s[%d]", path, i)))
		}
		return list
	}
	return p.scalar(n, path)
}

func (p *parser) mapping(n *yaml.Node, path string) any {
	object := map[string]any{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := join(path, key.Value)
		if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
			p.fail(key, path, "keys are plain words; merge keys and complex keys are not supported")
			continue
		}
		if _, twice := object[key.Value]; twice {
			p.fail(key, at, "the key is given twice")
			continue
		}
		object[key.Value] = p.value(value, at)
	}
	return object
}

func (p *parser) scalar(n *yaml.Node, path string) any {
	switch n.Tag {
	case "!!str":
		return p.resolve(n, path)
	case "!!null":
		return nil
	case "!!bool":
		var b bool
		_ = n.Decode(&b)
		return b
	case "!!int", "!!float":
		if json.Valid([]byte(n.Value)) {
			return json.Number(n.Value)
		}
		return n.Value
	}
	return n.Value // timestamps and binaries are taken as written
}

var placeholder = regexp.MustCompile(`\$\{([^}]*)\}`)

// resolve replaces ${env:NAME} and ${file:path}. What it brings in is secret.
func (p *parser) resolve(n *yaml.Node, path string) string {
	return placeholder.ReplaceAllStringFunc(n.Value, func(match string) string {
		kind, name, _ := strings.Cut(match[2:len(match)-1], ":")
		value, err := p.outside(kind, name)
		if err != nil {
			p.fail(n, path, "%v", err)
			return "unresolved"
		}
		p.secrets = append(p.secrets, value)
		return value
	})
}

func (p *parser) outside(kind, name string) (string, error) {
	switch kind {
	case "env":
		lookup := p.env.Lookup
		if lookup == nil {
			lookup = os.LookupEnv
		}
		value, ok := lookup(name)
		if !ok || value == "" {
			return "", fmt.Errorf("the environment variable %s is not set", name)
		}
		return value, nil
	case "file":
		data, err := p.read(name)
		if err != nil {
			return "", fmt.Errorf("the file %s cannot be read: %w", name, errors.Unwrap(err))
		}
		return strings.TrimRight(string(data), "\r\n"), nil
	}
	return "", fmt.Errorf("unknown placeholder ${%s:...}; ${env:NAME} and ${file:PATH} are known", kind)
}

// read reads a file named in the target file, relative to it.
func (p *parser) read(name string) ([]byte, error) {
	if p.env.FS != nil {
		return fs.ReadFile(p.env.FS, filepath.ToSlash(filepath.Clean(filepath.Join("targets", name))))
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(p.file), name)
	}
	file, err := os.Open(name) //nolint:gosec // the target file names it
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return io.ReadAll(io.LimitReader(file, maxFile))
}

// decode fills the model. The schema has passed, so what fails here is a
// duration or the like, told with its path.
// decode reads whatever fits, so that the meaning of a file can be checked also
// when a part of it is malformed; what does not fit was told by the schema.
func (p *parser) decode(value any) *Target {
	object, ok := value.(map[string]any)
	if !ok {
		return nil
	}
	merged := withPersona(object)
	for _, path := range []string{"expiry_max", "clock_skew"} {
		p.durations(merged, path)
	}
	data, err := json.Marshal(merged)
	if err != nil {
		p.fail(p.root, "", "%v", err)
		return nil
	}
	t := &Target{}
	decoder := json.NewDecoder(bytes.NewReader(data))
	var unfit *json.UnmarshalTypeError
	if err := decoder.Decode(t); err != nil && (!errors.As(err, &unfit) || len(p.problems) == 0) {
		p.fail(p.root, "", "%v", err)
		return nil
	}
	t.file = p.file
	t.fillDefaults(merged)
	t.secrets = p.secrets
	return t
}

// durations turns a written duration of budgets into nanoseconds.
func (p *parser) durations(object map[string]any, name string) {
	budgets, ok := object["budgets"].(map[string]any)
	if !ok {
		return
	}
	text, ok := budgets[name].(string)
	if !ok {
		return
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		p.fail(p.nodeAt("budgets."+name), "budgets."+name, "%q is not a duration such as 130s or 2m", text)
	}
	budgets[name] = d.Nanoseconds()
}

// nodeAt finds the node of a path such as clients[1].name, or the nearest one
// above it that exists.
func (p *parser) nodeAt(path string) *yaml.Node {
	node := p.root
	for _, step := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		next := child(node, step)
		if next == nil {
			return node
		}
		node = next
	}
	return node
}

func child(n *yaml.Node, step string) *yaml.Node {
	if n == nil {
		return nil
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == step {
				return n.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && i < len(n.Content) {
			return n.Content[i]
		}
	}
	return nil
}

// keyAt finds the key node of a member, for what is wrong with the name itself.
func (p *parser) keyAt(path, name string) *yaml.Node {
	n := p.nodeAt(path)
	if n != nil && n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == name {
				return n.Content[i]
			}
		}
	}
	return n
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
