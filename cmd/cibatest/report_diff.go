package main

import (
	"fmt"
	"io"
	"os"

	"github.com/cibatest/cibatest/reports"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/spf13/cobra"
)

// difference is what two runs of one kind differ in.
type difference interface {
	WriteText(w io.Writer, o reports.TextOptions) error
	WriteJSON(w io.Writer) error
	Bad() bool
}

func newReportDiff() *cobra.Command {
	var asJSON, strict bool
	cmd := &cobra.Command{
		Use:   "diff BEFORE.JSON AFTER.JSON",
		Short: "Compare two runs of conformance or of load: what is worse now, what is better",
		Long: `Compares two results of conformance case by case: new failures, what cannot be judged any
more, what still fails, what is newly skipped, what is fixed; and finding by finding, as
a case that still fails may fail for something else as well. Compares two load runs by
objectives, violations, counts, rates and quantiles, and says where their plans differ.

Exit codes: 0 nothing is worse; 1 something fails that did not fail before or, with
--strict, a case of both runs warns about something new, an objective
is missed that was not missed before, or the protocol is violated in a new way; 2 usage;
3 one of two load runs says nothing about the OP. What only got slower fails nothing: how
slow is too slow is what an objective says.`,
		Example: `  cibatest report diff main/run.json out/run.json
  cibatest report diff --json main/load.json out/load.json`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := compared(args[0], args[1])
			if err != nil {
				return usage(err)
			}
			return printDiff(cmd.OutOrStdout(), d, asJSON, strict)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&strict, "strict", false, "a new warning of a conformance run gives exit code 1, too")
	return cmd
}

// compared reads two results of one kind and compares them.
func compared(before, after string) (difference, error) {
	kind, err := kindOf(before)
	if err != nil {
		return nil, err
	}
	other, err := kindOf(after)
	if err != nil {
		return nil, err
	}
	if kind != other && kind != "" && other != "" {
		return nil, fmt.Errorf("%s is the result of a %s run and %s of a %s run; compare two of one kind", before, kind, after, other)
	}
	if kind == "load" {
		return ofBoth(before, after, readLoad, func(a, b result.Load) difference { return reports.CompareLoads(a, b) })
	}
	return ofBoth(before, after, readRun, func(a, b result.Run) difference { return reports.Compare(a, b) })
}

func ofBoth[R any](before, after string, read func(string) (R, error), compare func(before, after R) difference) (difference, error) {
	a, err := read(before)
	if err != nil {
		return nil, err
	}
	b, err := read(after)
	if err != nil {
		return nil, err
	}
	return compare(a, b), nil
}

func kindOf(path string) (string, error) {
	file, err := os.Open(path) //nolint:gosec // the user names the file
	if err != nil {
		return "", err
	}
	defer file.Close() //nolint:errcheck // it was only read
	return result.KindOf(file), nil
}

func printDiff(out io.Writer, d difference, asJSON, strict bool) error {
	write := func() error { return d.WriteText(drawn(out), textOptions(out)) }
	if asJSON {
		write = func() error { return d.WriteJSON(out) }
	}
	if err := write(); err != nil {
		return err
	}
	if l, ok := d.(reports.LoadDifference); ok && l.Unsaid() {
		return &exitError{code: exitNotJudged}
	}
	if c, ok := d.(reports.Difference); d.Bad() || ok && strict && c.Warns() {
		return &exitError{code: exitNonConformant}
	}
	return nil
}
