package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/internal/yamlfile"
	"github.com/cibatest/cibatest/suites"
	"github.com/spf13/cobra"
)

// targetWord begins the name of a key of the target file, as explain takes it.
const targetWord = "target"

// targetPath is the path of a key that was asked for as target.clients.name; empty for the
// whole file.
func targetPath(id string) (path string, ok bool) {
	if id == targetWord {
		return "", true
	}
	return strings.CutPrefix(id, targetWord+".")
}

// explainKey prints what the schema says of a key, and of those directly below it.
func explainKey(out io.Writer, path string) error {
	key, below, err := targetfile.Key(path)
	if err != nil {
		return usage(fmt.Errorf("target file: %w", err))
	}
	if path == "" {
		fmt.Fprint(out, "target (the target file)\n")
	} else {
		fmt.Fprintf(out, "target.%s (%s)\n", path, joinWords(key))
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
	for _, path := range targetfile.Keys() {
		words = append(words, targetWord+"."+path)
	}
	return words
}

// unexplained says that a word is unknown, with the one that was probably meant.
func unexplained(id string) error {
	hint := yamlfile.Instead(id, explainable())
	if !strings.HasPrefix(hint, "did you mean") {
		hint = `see "cibatest list" and "cibatest explain target"`
	}
	return fmt.Errorf("%q is no requirement, case, profile, note, capability or key of the target file; %s", id, hint)
}

// completeExplained completes the words of explain in a shell.
func completeExplained(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	words := append(explainable(), targetWord)
	for _, r := range catalogue.Must().List() {
		words = append(words, r.Notes...)
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}
