package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/opfile"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/internal/yamlfile"
	"github.com/cibatest/cibatest/suites"
	"github.com/spf13/cobra"
)

// writtenFile is a kind of file that people write, whose keys explain knows.
type writtenFile struct {
	word string // that begins the name of a key, as in target.clients.name
	what string
	key  func(path string) (of yamlfile.Key, below []yamlfile.Key, err error)
	keys func() []string
}

var writtenFiles = []writtenFile{
	{"target", "the target file", targetfile.Key, targetfile.Keys},
	{"op", "the registration file of cibatest op", opfile.Key, opfile.Keys},
}

// keyPath is the file and the path of a key that was asked for as target.clients.name; the
// path is empty for the whole file.
func keyPath(id string) (file writtenFile, path string, ok bool) {
	for _, file := range writtenFiles {
		if id == file.word {
			return file, "", true
		}
		if path, ok := strings.CutPrefix(id, file.word+"."); ok {
			return file, path, true
		}
	}
	return writtenFile{}, "", false
}

// explainKey prints what the schema says of a key, and of those directly below it.
func explainKey(out io.Writer, file writtenFile, path string) error {
	key, below, err := file.key(path)
	if err != nil {
		return usage(fmt.Errorf("%s: %w", file.what, err))
	}
	if path == "" {
		fmt.Fprintf(out, "%s (%s)\n", file.word, file.what)
	} else {
		fmt.Fprintf(out, "%s.%s (%s)\n", file.word, path, joinWords(key))
		explainField(out, "meaning", key.Description)
		explainField(out, "values", strings.Join(key.Values, ", "))
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, k := range below {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", k.Path, joinWords(k), k.Description)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	return nil
}

// joinWords says what a key holds, and whether it has to be there.
func joinWords(k yamlfile.Key) string {
	words := k.Type
	if words == "" {
		words = "one of " + fmt.Sprint(len(k.Values))
	}
	if k.Required {
		words += ", required"
	}
	return words
}

// explainable are all words that explain knows.
func explainable() []string {
	words := append(suites.Names(), suites.Profiles()...)
	words = append(words, catalogue.Words(catalogue.Needs())...)
	for _, file := range writtenFiles {
		for _, path := range file.keys() {
			words = append(words, file.word+"."+path)
		}
	}
	return words
}

// unexplained says that a word is unknown, with the one that was probably meant.
func unexplained(id string) error {
	hint := yamlfile.Instead(id, explainable())
	if !strings.HasPrefix(hint, "did you mean") {
		hint = `see "cibatest list" and "cibatest explain target"`
	}
	return fmt.Errorf("%q is no requirement, case, profile, note, capability or key of a file; %s", id, hint)
}

// completeExplained completes the words of explain in a shell.
func completeExplained(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	words := explainable()
	for _, file := range writtenFiles {
		words = append(words, file.word)
	}
	for _, r := range catalogue.Must().List() {
		words = append(words, r.Notes...)
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}
