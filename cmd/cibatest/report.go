package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/cibatest/cibatest/reports"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/spf13/cobra"
)

func newReport() *cobra.Command {
	files := map[string]*string{}
	renderers := []struct {
		flag, use string
		render    func(io.Writer, result.Run) error
	}{
		{"html", "HTML report", reports.HTML},
		{"junit", "JUnit XML", reports.JUnit},
		{"markdown", "Markdown summary", reports.Markdown},
		{"badge", "badge JSON", reports.Badge},
		{"har", "HTTP archive, for browsers' tools and proxies", reports.HAR},
	}
	statement := statementFlags{}
	var curl string
	cmd := &cobra.Command{
		Use:   "report RUN.JSON",
		Short: "Render a result file again",
		Long: `Renders a run.json as text on standard output, or into the files named by flags. Of a run
that was killed there is run.ndjson, with the cases that had ended.

--curl CASE prints the requests of a case as a shell script of curl commands. Secrets are
shell variables, as a result file never holds them: the script takes them from the answers
where it can, and asks for the others. --har writes all exchanges as an HTTP archive.

--statement writes a few pages to hand over: verdict, scope, texts, deviations with their
clauses, and the SHA-256 of the result file. The OP's name and version come from product
in the target file, or from --product.`,
		Example: `  cibatest report out/run.json
  cibatest report out/run.json --html report.html --junit junit.xml
  cibatest report out/run.json --statement statement.html --product 'Example OP 4.2'
  cibatest report out/run.json --curl poll-pending > poll-pending.sh
  cibatest report diff before/run.json after/run.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			run, err := readRun(args[0])
			if err != nil {
				return usage(err)
			}
			if curl != "" {
				return printCurl(cmd.OutOrStdout(), run, curl)
			}
			run.Target.Product = cmp.Or(statement.product, run.Target.Product)
			written, err := statement.write(args[0], run)
			if err != nil {
				return err
			}
			for _, r := range renderers {
				path := *files[r.flag]
				if path == "" {
					continue
				}
				written = true
				if err := writeWhole(path, func(w io.Writer) error { return r.render(w, run) }); err != nil {
					return usage(fmt.Errorf("--%s: %w", r.flag, err))
				}
			}
			if written {
				return nil
			}
			return printText(cmd.OutOrStdout(), run)
		},
	}
	for _, r := range renderers {
		files[r.flag] = cmd.Flags().String(r.flag, "", "write the "+r.use+" to this file")
	}
	statement.bind(cmd)
	cmd.Flags().StringVar(&curl, "curl", "", "print the requests of this case as curl commands")
	cmd.AddCommand(newReportDiff(), newReportMatrix(), newReportLoad(), newReportMerge())
	return cmd
}

// printCurl prints the requests of one case of a run.
func printCurl(out io.Writer, run result.Run, id string) error {
	i := slices.IndexFunc(run.Cases, func(c result.Case) bool { return c.ID == id })
	if i < 0 {
		return usage(fmt.Errorf("--curl: the run has no case %q; \"cibatest list --cases\" shows them", id))
	}
	if len(run.Cases[i].Exchanges) == 0 {
		return usage(fmt.Errorf("--curl: case %s sent nothing (%s)", id, run.Cases[i].Outcome))
	}
	return reports.Curl(out, run.Cases[i])
}

func readRun(path string) (result.Run, error) {
	file, err := os.Open(path) //nolint:gosec // the user names the file
	if err != nil {
		return result.Run{}, err
	}
	from := result.Read
	if filepath.Ext(path) == ".ndjson" {
		from = readJournal
	}
	run, err := from(file)
	if err = errors.Join(err, file.Close()); err != nil {
		return result.Run{}, fmt.Errorf("%s: %w", path, err)
	}
	return run, nil
}
