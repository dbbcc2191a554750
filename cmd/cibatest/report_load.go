package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/cibatest/cibatest/reports"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/spf13/cobra"
)

// loadArtefacts are the files made from a load result.
var loadArtefacts = []struct {
	flag, use, name string
	render          func(io.Writer, result.Load) error
}{
	{"json", "result", "load.json", result.WriteLoad},
	{"html", "HTML report", "report.html", reports.LoadHTML},
	{"junit", "JUnit XML", "junit.xml", reports.LoadJUnit},
	{"markdown", "Markdown summary", "summary.md", reports.LoadMarkdown},
}

// loadJournalName is the file with the seconds of a load run as they go by.
const loadJournalName = "load.ndjson"

// loadArtefactNames are the files of a load run.
func loadArtefactNames() []string {
	names := []string{loadJournalName}
	for _, a := range loadArtefacts {
		names = append(names, a.name)
	}
	return names
}

// newReportLoad renders the results of load runs again.
func newReportLoad() *cobra.Command {
	files := map[string]*string{}
	cmd := &cobra.Command{
		Use:   "load LOAD.JSON",
		Short: "Render the result of a load run, or the journal of one that was killed",
		Long: `Renders a result again, and ends with the exit code that the load had: 1 where an
objective was missed, 3 where it could not be judged, 130 where it was interrupted.`,
		Example: `  cibatest report load out/load.json --html report.html
  cibatest report load out/load.ndjson`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := readLoad(args[0])
			if err != nil {
				return usage(err)
			}
			if err := renderLoad(cmd, l, files); err != nil {
				return err
			}
			return concludeLoad(l)
		},
	}
	bindLoadArtefacts(cmd, files)
	return cmd
}

// newReportMerge adds up the results of several generators.
func newReportMerge() *cobra.Command {
	files := map[string]*string{}
	cmd := &cobra.Command{
		Use:   "merge LOAD.JSON ...",
		Short: "Add up the results of load generators that ran side by side",
		Long: `Adds counters and histograms exactly, bucket by bucket, and lays the windows side by
side by the clock. Objectives stay those of the parts, and the worst verdict is that of
the whole, with the exit code of a load: 1 missed, 3 not judged, 130 where a part was
interrupted. A run that is in two files is refused, and so are runs with time between
them, whose rates do not add up.`,
		Example: "  cibatest report merge shard-*/load.json --json load.json --html report.html",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var parts []result.Load
			for _, path := range args {
				l, err := readLoad(path)
				if err != nil {
					return usage(err)
				}
				parts = append(parts, l)
			}
			merged, err := result.MergeLoads(parts)
			if err != nil {
				return usage(err)
			}
			if err := renderLoad(cmd, merged, files); err != nil {
				return err
			}
			return concludeLoad(merged)
		},
	}
	bindLoadArtefacts(cmd, files)
	return cmd
}

func bindLoadArtefacts(cmd *cobra.Command, files map[string]*string) {
	for _, a := range loadArtefacts {
		files[a.flag] = cmd.Flags().String(a.flag, "", "write the "+a.use+" to this file")
	}
}

// renderLoad writes the files that were asked for, or the summary.
func renderLoad(cmd *cobra.Command, l result.Load, files map[string]*string) error {
	written := false
	for _, a := range loadArtefacts {
		path := *files[a.flag]
		if path == "" {
			continue
		}
		written = true
		if err := writeWhole(path, func(w io.Writer) error { return a.render(w, l) }); err != nil {
			return usage(fmt.Errorf("--%s: %w", a.flag, err))
		}
	}
	if written {
		return nil
	}
	return printLoadText(cmd.OutOrStdout(), l)
}

func readLoad(path string) (result.Load, error) {
	file, err := os.Open(path) //nolint:gosec // the user names the file
	if err != nil {
		return result.Load{}, err
	}
	l, err := result.ReadLoad(file)
	if err = errors.Join(err, file.Close()); err != nil {
		return result.Load{}, fmt.Errorf("%s: %w", path, err)
	}
	return l, nil
}

// writeLoad writes every artefact into a folder.
func writeLoad(folder string, l result.Load) error {
	for _, a := range loadArtefacts {
		if err := writeWhole(filepath.Join(folder, a.name), func(w io.Writer) error { return a.render(w, l) }); err != nil {
			return fmt.Errorf("writing %s: %w", a.name, err)
		}
	}
	return nil
}

func printLoadText(out io.Writer, l result.Load) error {
	width, _ := terminal(out)
	return reports.LoadText(drawn(out), l, reports.TextOptions{Color: colored(out), Width: width})
}
