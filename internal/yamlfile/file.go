package yamlfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The bounds of every file. They are far beyond what a person writes.
const (
	MaxSize  = 1 << 20 // bytes
	maxNodes = 50_000  // values that aliases may unfold to
	maxDepth = 64      // levels of nesting
	maxWrong = 500     // problems that are told; nobody reads more
)

// Kind is one kind of file.
type Kind struct {
	Schema *Schema

	// Expand has ${env:NAME} and ${file:PATH} replaced. Leave it off for text that
	// comes over the network, which must not read the files of this machine.
	Expand bool

	// Empty is what to do about an empty file, said to whoever gave one. Without it
	// an empty file is read as an empty mapping.
	Empty string
}

// File is a file that has been read. Whatever is wrong with it is in [File.Err].
type File struct {
	name     string
	text     []byte
	env      Env
	expands  bool
	root     *yaml.Node // never nil; an empty mapping when the file is not readable
	value    any
	problems Problems
	outside  map[*yaml.Node]bool // scalars that hold a value from outside
	secrets  []string
	values   map[*yaml.Node]any // what has been made of each node

	readable     bool
	nodes, depth int // while values are made
}

// Load reads the file of that path. The error tells that it cannot be read at all.
func (k Kind) Load(path string, env Env) (*File, error) {
	file, err := os.Open(path) //nolint:gosec // the user names the file
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, MaxSize+1))
	if err != nil {
		return nil, err
	}
	return k.Parse(path, text, env), nil
}

// Parse reads the text of a file. The name is used in messages and, without an FS
// in env, as the place that relative paths start from.
func (k Kind) Parse(name string, text []byte, env Env) *File {
	f := &File{
		name: name, text: text, env: env, expands: k.Expand, root: emptyMapping(),
		outside: map[*yaml.Node]bool{}, values: map[*yaml.Node]any{},
	}
	if len(text) > MaxSize {
		f.add(nil, "", "the file is larger than %d bytes", MaxSize)
		return f
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF), err == nil && len(document.Content) == 0:
		if f.readable = k.Empty == ""; !f.readable {
			f.add(nil, "", "the file is empty; %s", k.Empty)
		}
		return f
	case err != nil:
		f.syntax(err)
		return f
	}
	f.root = document.Content[0]
	f.refuseMore(decoder)
	f.value = f.valueOf(f.Root())
	if f.exceeded() {
		f.root, f.value = emptyMapping(), nil
		return f
	}
	f.readable = true
	k.Schema.check(f)
	return f
}

func emptyMapping() *yaml.Node { return &yaml.Node{Kind: yaml.MappingNode} }

// refuseMore complains of a second document, which nobody would read.
func (f *File) refuseMore(decoder *yaml.Decoder) {
	var second yaml.Node
	switch err := decoder.Decode(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		f.syntax(err)
	default:
		f.add(&second, "", "a second document begins here; a file has one")
	}
}

// syntaxLine is how the YAML parser begins its errors.
var syntaxLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// syntax places an error of the YAML parser, which knows no column.
func (f *File) syntax(err error) {
	message := err.Error()
	at := &yaml.Node{Line: 1, Column: 1}
	if found := syntaxLine.FindStringSubmatch(message); found != nil {
		message = message[len(found[0]):]
		if line, err := strconv.Atoi(found[1]); err == nil {
			at.Line = line
		}
	}
	f.add(at, "", "not readable as YAML: %s", message)
}

// add keeps a problem. A place that has one already gets no second.
func (f *File) add(at *yaml.Node, path, format string, args ...any) {
	problem := Problem{File: f.name, Path: path, Message: f.withoutSecrets(fmt.Sprintf(format, args...))}
	if at != nil {
		problem.Line, problem.Column = at.Line, at.Column
	}
	if f.full() {
		return
	}
	known := slices.ContainsFunc(f.problems, func(p Problem) bool {
		return path != "" && p.Path == path && p.Line == problem.Line && p.Column == problem.Column
	})
	if !known {
		f.problems = append(f.problems, problem)
	}
}

// shortestSecret is the length in bytes below which a value from outside is too common to
// be hidden in a message.
const shortestSecret = 4

// withoutSecrets hides what came from outside in a message, which quotes what is wrong.
func (f *File) withoutSecrets(message string) string {
	for _, value := range f.secrets {
		if len(value) < shortestSecret {
			continue
		}
		quoted := strconv.Quote(value)
		message = strings.NewReplacer(value, "[secret]", quoted[1:len(quoted)-1], "[secret]").Replace(message)
	}
	return message
}

// full reports whether as many problems are known as will be told.
func (f *File) full() bool { return len(f.problems) >= maxWrong }

// Err is nil, or of type [Problems] with everything that was found so far.
func (f *File) Err() error {
	if len(f.problems) == 0 {
		return nil
	}
	problems := f.problems.inOrder()
	if f.full() {
		problems = append(problems, Problem{File: f.name, Message: fmt.Sprintf("there may be more; only %d problems are told", maxWrong)})
	}
	return problems
}

// Readable reports whether there is a value to look at, whatever is wrong with it. A
// file that is no YAML, is empty where it may not be, or exceeds a bound has none.
func (f *File) Readable() bool { return f.readable }

// Text is the file as it was written.
func (f *File) Text() []byte { return bytes.Clone(f.text) }

// Value is the whole file as JSON values, placeholders replaced. Numbers are
// [json.Number]. It is nil for a file that cannot be read.
func (f *File) Value() any { return f.value }

// Secrets are the values that came from outside. No output may show them.
func (f *File) Secrets() []string { return slices.Clone(f.secrets) }

// Decode fills a model with JSON tags from value, which is [File.Value] or made of
// it. What the schema has refused already is left out of the model without another
// complaint.
func (f *File) Decode(value, into any) {
	data, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	var unfit *json.UnmarshalTypeError
	if err != nil && (!errors.As(err, &unfit) || len(f.problems) == 0) {
		f.Root().Wrong("%s", strings.TrimPrefix(err.Error(), "json: "))
	}
}
