package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/refop/faults"
	"github.com/cibatest/cibatest/suites"
	"github.com/spf13/cobra"
)

func newList() *cobra.Command {
	var asJSON, uncovered, cases bool
	cmd := &cobra.Command{
		Use:   "list [WORD ...]",
		Short: "List requirements, the cases that judge them, and what is uncovered",
		Long: `Lists the requirement catalogue with its coverage, which is computed from the cases.
Words narrow the list to requirements whose id, text, area or source contains all of them,
and to the cases that judge these or have all words in their id, title or area.`,
		Example: `  cibatest list slow_down
  cibatest list --cases polling
  cibatest list --uncovered
  cibatest list --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			listing := suites.List(faultsByRequirement())
			listing.Requirements = narrow(listing.Requirements, args, uncovered)
			listing.Cases = narrowCases(listing.Cases, listing.Requirements, args)
			switch {
			case asJSON:
				encoder := json.NewEncoder(cmd.OutOrStdout())
				encoder.SetIndent("", "  ")
				return encoder.Encode(listing)
			case cases && len(listing.Cases) == 0:
				return usage(fmt.Errorf("no case matches %q", strings.Join(args, " ")))
			case cases:
				return printCases(cmd.OutOrStdout(), listing)
			case len(listing.Requirements) == 0:
				return usage(noRequirement(args, len(listing.Cases)))
			}
			return printRequirements(cmd.OutOrStdout(), listing)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&uncovered, "uncovered", false, "only requirements without a case")
	cmd.Flags().BoolVar(&cases, "cases", false, "list the cases instead of the requirements")
	cmd.MarkFlagsMutuallyExclusive("cases", "uncovered") // what is uncovered has no case
	return cmd
}

// noRequirement says that no requirement has the words, and where cases have them.
func noRequirement(args []string, found int) error {
	words := strings.Join(args, " ")
	if found > 0 {
		return fmt.Errorf("no requirement matches %q, but %s: see \"cibatest list --cases %s\"", words, cases(found), words)
	}
	return fmt.Errorf("no requirement matches %q", words)
}

// faultsByRequirement are the planted defects of the reference OP by the clause
// they break.
func faultsByRequirement() map[string][]string {
	byRequirement := map[string][]string{}
	for _, f := range faults.All() {
		byRequirement[f.Breaks] = append(byRequirement[f.Breaks], f.Name)
	}
	return byRequirement
}

func narrow(all []suites.ListedRequirement, words []string, uncovered bool) []suites.ListedRequirement {
	wanted := map[string]bool{}
	for _, r := range catalogue.Must().Search(strings.Join(words, " ")) {
		wanted[r.ID] = true
	}
	list := []suites.ListedRequirement{}
	for _, r := range all {
		if wanted[r.ID] && (!uncovered || len(r.Cases) == 0) {
			list = append(list, r)
		}
	}
	return list
}

// narrowCases keeps the cases that judge one of the requirements, or have every word in
// their id, title or area. Without words it keeps all.
func narrowCases(all []suites.ListedCase, requirements []suites.ListedRequirement, args []string) []suites.ListedCase {
	words := strings.Fields(strings.ToLower(strings.Join(args, " ")))
	if len(words) == 0 {
		return all
	}
	judges := map[string]bool{}
	for _, r := range requirements {
		for _, id := range r.Cases {
			judges[id] = true
		}
	}
	list := []suites.ListedCase{}
	for _, c := range all {
		if judges[c.ID] || hasAll(c.ID+" "+c.Title+" "+c.Area, words) {
			list = append(list, c)
		}
	}
	return list
}

// hasAll reports whether a text, whatever its case, holds every word.
func hasAll(text string, words []string) bool {
	text = strings.ToLower(text)
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
}

func printRequirements(out io.Writer, l suites.Listing) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	covered := 0
	for _, r := range l.Requirements {
		by := strings.Join(r.Cases, " ")
		if by != "" {
			covered++
		} else {
			by = "- " + r.Reason
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.ID, r.Level, r.Area, by)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n%d requirements, %d covered\n", len(l.Requirements), covered)
	return err
}

func printCases(out io.Writer, l suites.Listing) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, c := range l.Cases {
		fmt.Fprintf(w, "%s\t%s\t%s\n", c.ID, strings.Join(c.Requirements, " "), c.Title)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n%d cases\n", len(l.Cases))
	return err
}

func newExplain() *cobra.Command {
	return &cobra.Command{
		Use:   "explain ID",
		Short: "Say what a clause demands and how it is tested, or what a key of a file means",
		Long: `Explains a requirement, the requirements of a case, a profile, a key of the target file or of
the registration of 'cibatest op', a capability that cases need, or a note. A note (N-01,
N-02, ...) is about a question that the texts leave open: what they say, how products read
it, and what cibatest makes of it.`,
		Example: `  cibatest explain CIBA-11-PENDING
  cibatest explain poll-pending
  cibatest explain rar
  cibatest explain target.clients
  cibatest explain op.apis
  cibatest explain device_observer
  cibatest explain N-03`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeExplained,
		RunE: func(cmd *cobra.Command, args []string) error {
			return explain(cmd.OutOrStdout(), args[0])
		},
	}
}

// explain tells of one note, profile, key of the target file or requirement, or of all
// requirements of a case.
func explain(out io.Writer, id string) error {
	if note, ok := catalogue.Must().Note(id); ok {
		explainNote(out, note)
		return nil
	}
	if file, path, ok := keyPath(id); ok {
		return explainKey(out, file, path)
	}
	if p, ok := catalogue.Must().Profile(id); ok {
		explainProfile(out, p)
		return nil
	}
	listing := suites.List(faultsByRequirement())
	ids := []string{id}
	for _, c := range listing.Cases {
		if c.ID == id {
			ids = c.Requirements
		}
	}
	for _, id := range ids {
		r, ok := catalogue.Must().Get(id)
		if need := catalogue.Need(id); !ok && need.Known() {
			explainNeed(out, need)
			return nil
		}
		if !ok {
			return usage(unexplained(id))
		}
		explainRequirement(out, r, listing)
	}
	return nil
}

func explainRequirement(out io.Writer, r catalogue.Requirement, l suites.Listing) {
	fmt.Fprintf(out, "%s (%s, %s)\n", r.ID, r.Level, r.Area)
	field := func(name, text string) { explainField(out, name, text) }
	field("source", r.Source)
	field("clause", r.Requirement)
	field("test", r.Test)
	field("needs", strings.Join(catalogue.Words(r.Needs), ", "))
	field("verdict", r.Verdict+" when the expectation is missed")
	field("expect", expectation(r))
	for _, line := range r.Expect.Body {
		field("body", line)
	}
	for _, line := range r.Expect.Headers {
		field("header", line)
	}
	field("because", r.Expect.Why)
	field("pitfalls", r.Pitfalls)
	for _, note := range catalogue.Must().NotesOf(r) {
		field("note", note.ID+" "+note.Title+": "+note.Text[0])
		field("read on", "cibatest explain "+note.ID+", or "+notePlace(note))
	}
	for _, c := range l.Cases {
		for _, id := range c.Requirements {
			if id == r.ID {
				field("case", c.ID+": "+c.Title)
			}
		}
	}
	field("faults", strings.Join(faultsByRequirement()[r.ID], ", "))
	field("uncovered", suites.Uncovered(r))
	fmt.Fprintln(out)
}

// explainNeed prints what a capability is, what has it met and which clauses wait for it.
func explainNeed(out io.Writer, n catalogue.Need) {
	fmt.Fprintf(out, "%s (capability)\n", n)
	explainField(out, "met", n.Meaning())
	var clauses []string
	for _, r := range catalogue.Must().List() {
		if slices.Contains(r.Needs, n) {
			clauses = append(clauses, r.ID)
		}
	}
	explainField(out, "clauses", strings.Join(clauses, ", "))
	explainField(out, "yours", "cibatest check --target FILE says whether your target has it, and why not")
	fmt.Fprintln(out)
}

// explainField prints a named text; an empty one is left out.
func explainField(out io.Writer, name, text string) {
	if text != "" {
		fmt.Fprintf(out, "  %-10s %s\n", name, strings.Join(strings.Fields(text), " "))
	}
}

// explainNote prints the whole note.
func explainNote(out io.Writer, n catalogue.Note) {
	fmt.Fprintf(out, "%s %s\n", n.ID, n.Title)
	for _, paragraph := range n.Text {
		fmt.Fprintf(out, "\n  %s\n", paragraph)
	}
	fmt.Fprintf(out, "\n  %s\n\n", notePlace(n))
}

// notePlace is where a note stands in the repository.
func notePlace(n catalogue.Note) string { return "docs/notes.md#" + strings.ToLower(n.ID) }

func expectation(r catalogue.Requirement) string {
	var parts []string
	if len(r.Expect.Status) > 0 {
		parts = append(parts, fmt.Sprintf("status %v", r.Expect.Status))
	}
	if len(r.Expect.Error) > 0 {
		parts = append(parts, "error "+strings.Join(r.Expect.Error, " or "))
	}
	if r.Expect.OrSuccess {
		parts = append(parts, "or success")
	}
	if len(r.Expect.ToleratedStatus)+len(r.Expect.Tolerated) > 0 {
		parts = append(parts, fmt.Sprintf("tolerated: %v %s", r.Expect.ToleratedStatus, strings.Join(r.Expect.Tolerated, " ")))
	}
	if r.Expect.AnyRefusal {
		parts = append(parts, "tolerated: any other refusal")
	}
	return strings.Join(parts, ", ")
}

// completeNames completes case ids, requirement ids and areas in a shell.
func completeNames(_ *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return suites.Names(), cobra.ShellCompDirectiveNoFileComp
}

var errNoTarget = errors.New("which target? name a target file with --target FILE, or set CIBATEST_TARGET")
