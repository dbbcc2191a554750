// Package targetfile describes what is under test: an OP, the clients registered
// there, its users, how their decisions are made, and what a run may cost. A
// target file is checked whole before anything is sent, and every problem is told
// at once with its place.
package targetfile

import (
	_ "embed" // the schema is published with the program
	"fmt"
	"io/fs"
	"math"

	"github.com/cibatest/cibatest/internal/yamlfile"
)

//go:embed schema.json
var schemaDocument []byte

var fileKind = yamlfile.Kind{
	Schema: yamlfile.NewSchema(schemaDocument),
	Expand: true,
	Empty:  `"cibatest init ISSUER" writes a first one`,
}

// Schema is the JSON Schema of target files, for editors and other tools.
func Schema() []byte { return fileKind.Schema.Document() }

// Env is where a target file takes values from outside. The zero value is the
// process environment and the file system, relative to the target file.
type Env struct {
	// Lookup is the environment; nil: os.LookupEnv.
	Lookup func(name string) (string, bool)

	// FS is for relative paths, which start at its folder targets; nil: the folder of
	// the file.
	FS fs.FS
}

// Key is what the schema says of one key of a target file, and of those directly below it.
// The path has dots: "clients.auth_method"; empty is the whole file. The error names the key
// that was probably meant.
func Key(path string) (of yamlfile.Key, below []yamlfile.Key, err error) {
	return fileKind.Schema.Explain(path)
}

// Keys are the paths of all keys of a target file.
func Keys() []string { return fileKind.Schema.Paths() }

func (e Env) outside() yamlfile.Env {
	return yamlfile.Env{Lookup: e.Lookup, FS: e.FS, Dir: "targets"}
}

// Load reads and checks a target file. Mistakes in it are [yamlfile.Problems].
func Load(path string) (*Target, error) {
	file, err := fileKind.Load(path, Env{}.outside())
	if err != nil {
		return nil, fmt.Errorf("target file: %w", err)
	}
	return read(path, file)
}

// Parse checks the text of a target file, whose name is used in messages and,
// without an FS, as the place relative paths start from.
func Parse(name string, text []byte, env Env) (*Target, error) {
	return read(name, fileKind.Parse(name, text, env.outside()))
}

// read makes the model. Whatever fits is read, so that the meaning of a file is
// checked also when a part of it is malformed.
func read(name string, file *yamlfile.File) (*Target, error) {
	object, ok := file.Value().(map[string]any)
	if !ok {
		return nil, file.Err()
	}
	t := &Target{file: name, secrets: file.Secrets()}
	merged := withPersona(object)
	countNanoseconds(file.Root().At("budgets"), merged)
	file.Decode(merged, t)
	t.fillDefaults(merged)
	t.places = placesIn(file.Root(), t)
	meaning{file, t}.check()
	if err := file.Err(); err != nil {
		return nil, err
	}
	return t, nil
}

// countNanoseconds turns the written durations of budgets into what JSON decodes.
func countNanoseconds(given yamlfile.Place, target map[string]any) {
	budgets, _ := target["budgets"].(map[string]any)
	for _, name := range []string{"expiry_max", "clock_skew"} {
		if written := given.At(name); written.Exists() && !written.IsNull() {
			budgets[name] = written.Duration(math.MaxInt64).Nanoseconds()
		}
	}
}
