package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/cibatest/cibatest/reports"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/spf13/cobra"
)

func newReportMatrix() *cobra.Command {
	var page, markdown, data string
	cmd := &cobra.Command{
		Use:   "matrix [NAME=]RUN.JSON ...",
		Short: "Lay several OPs, or versions of one, side by side",
		Long: `Lays the results of several conformance runs side by side: verdicts, profiles, areas, and
every requirement that one of them judged, those on which they differ first. A column is
called by product in the target file, or by the issuer, or as NAME=RUN.JSON says. Without
a flag that names a file it prints Markdown.`,
		Example: `  cibatest report matrix keycloak/run.json auth0/run.json -o matrix.html
  cibatest report matrix 'Example OP 4.1=old/run.json' 'Example OP 4.2=new/run.json' --markdown matrix.md`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			matrix, err := sideBySide(args)
			if err != nil {
				return usage(err)
			}
			written := false
			for _, to := range []struct {
				flag, path string
				write      func(io.Writer) error
			}{{"html", page, matrix.WriteHTML}, {"markdown", markdown, matrix.WriteMarkdown}, {"json", data, matrix.WriteJSON}} {
				if to.path == "" {
					continue
				}
				written = true
				if err := writeWhole(to.path, to.write); err != nil {
					return usage(fmt.Errorf("--%s: %w", to.flag, err))
				}
			}
			if written {
				return nil
			}
			return matrix.WriteMarkdown(cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVarP(&page, "html", "o", "", "write one self-contained HTML page to this file")
	cmd.Flags().StringVar(&markdown, "markdown", "", "write Markdown to this file")
	cmd.Flags().StringVar(&data, "json", "", "write JSON to this file")
	return cmd
}

// sideBySide reads runs and lays them side by side. Whoever reads NAME=FILE calls the
// column NAME, unless there is a file of the whole name.
func sideBySide(args []string) (reports.SideBySide, error) {
	var runs []result.Run
	var problems []error
	for _, arg := range args {
		name, path, named := strings.Cut(arg, "=")
		if _, err := os.Stat(arg); err == nil || !named {
			name, path = "", arg
		}
		run, err := readRun(path)
		run.Target.Product = cmp.Or(name, run.Target.Product)
		problems = append(problems, err)
		runs = append(runs, run)
	}
	if err := errors.Join(problems...); err != nil {
		return reports.SideBySide{}, err
	}
	return reports.LaySideBySide(runs, args), nil
}
