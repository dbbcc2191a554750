package yamlfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Env is where a file takes values from outside. The zero value is the process
// environment and the file system, with paths relative to the file.
type Env struct {
	Lookup func(name string) (string, bool) // the environment; nil: os.LookupEnv
	FS     fs.FS                            // for relative paths; nil: the folder of the file
	Dir    string                           // the folder of the file within FS; without FS not used
}

// placeholder is any ${...}, so that a misspelled one is a mistake and no text.
var placeholder = regexp.MustCompile(`\$\{([^}]*)\}`)

// resolve replaces ${env:NAME} and ${file:PATH}. What it brings in is secret.
func (f *File) resolve(p Place) string {
	if !f.expands || f.outside[p.node] { // an alias leads here a second time
		return p.node.Value
	}
	p.node.Value = placeholder.ReplaceAllStringFunc(p.node.Value, func(match string) string {
		f.outside[p.node] = true
		kind, name, _ := strings.Cut(match[2:len(match)-1], ":")
		value, err := f.fetch(kind, name)
		if err != nil {
			p.Wrong("%v", err)
			return "unresolved"
		}
		f.secrets = append(f.secrets, value)
		return value
	})
	return p.node.Value
}

// fetch is the value of one placeholder.
func (f *File) fetch(kind, name string) (string, error) {
	switch kind {
	case "env":
		lookup := f.env.Lookup
		if lookup == nil {
			lookup = os.LookupEnv
		}
		value, ok := lookup(name)
		if !ok || value == "" {
			return "", fmt.Errorf("the environment variable %s is not set", name)
		}
		return value, nil
	case "file":
		data, err := f.ReadFile(name)
		if err != nil {
			return "", fmt.Errorf("the file %s cannot be read: %w", name, causeOf(err))
		}
		return strings.TrimRight(string(data), "\r\n"), nil
	}
	return "", fmt.Errorf("unknown placeholder ${%s:...}; ${env:NAME} and ${file:PATH} are known", kind)
}

// causeOf leaves out the path, which the message names as the user wrote it.
func causeOf(err error) error {
	if cause := errors.Unwrap(err); cause != nil {
		return cause
	}
	return err
}

// ReadFile reads at most [MaxSize] bytes of a file that this file names. A relative
// path starts at the folder of this file.
func (f *File) ReadFile(name string) ([]byte, error) {
	if f.env.FS != nil {
		return fs.ReadFile(f.env.FS, filepath.ToSlash(filepath.Clean(filepath.Join(f.env.Dir, name))))
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(f.name), name)
	}
	file, err := os.Open(name) //nolint:gosec // the file that is being read names it
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return io.ReadAll(io.LimitReader(file, MaxSize))
}
