package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/cibatest/cibatest/reports"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/spf13/cobra"
)

// artefact is one file made from a result.
type artefact struct {
	name   string
	render func(io.Writer, result.Run) error
}

var artefacts = []artefact{
	{"run.json", result.Write},
	{"report.html", reports.HTML},
	{"junit.xml", reports.JUnit},
	{"summary.md", reports.Markdown},
	{"badge.json", reports.Badge},
}

// writeResults writes every artefact and the summary on standard output.
func writeResults(cmd *cobra.Command, f conformFlags, run result.Run) error {
	for _, a := range artefacts {
		if err := writeWhole(filepath.Join(f.out, a.name), func(w io.Writer) error { return a.render(w, run) }); err != nil {
			return fmt.Errorf("writing %s: %w", a.name, err)
		}
	}
	if err := appendStepSummary(run); err != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "step summary: %v\n", err)
	}
	if f.json {
		return result.Write(cmd.OutOrStdout(), run)
	}
	if err := printText(cmd.OutOrStdout(), run); err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "report: %s\n", filepath.Join(f.out, "report.html"))
	return nil
}

// writable makes the folder when it is missing, and reports why nothing can be written there.
func writable(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // reports are made to be read by others
		return err
	}
	probe, err := os.CreateTemp(folder, ".cibatest.*")
	if err != nil {
		return err
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// writeWhole writes a file so that a reader sees the old one or the new one,
// never half of it. JSON goes through the door, as people look at it on terminals.
func writeWhole(path string, render func(io.Writer) error) error {
	var b bytes.Buffer
	var to io.Writer = &b
	if filepath.Ext(path) == ".json" {
		to = behindDoor(to)
	}
	if err := render(to); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temporary.Name()) }()
	_, err = temporary.Write(b.Bytes())
	if closed := temporary.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	if err := os.Chmod(temporary.Name(), 0o644); err != nil { //nolint:gosec // reports are made to be read by others
		return err
	}
	return os.Rename(temporary.Name(), path)
}

// appendStepSummary adds the Markdown summary to a CI step's page, where the
// environment names one.
func appendStepSummary(run result.Run) error {
	path := os.Getenv("GITHUB_STEP_SUMMARY")
	if path == "" {
		return nil
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600) //nolint:gosec // the path is the CI's own
	if err != nil {
		return err
	}
	err = reports.Markdown(file, run)
	if closed := file.Close(); err == nil {
		err = closed
	}
	return err
}

func printText(out io.Writer, run result.Run) error {
	return reports.Text(drawn(out), run, textOptions(out))
}

func textOptions(out io.Writer) reports.TextOptions {
	width, _ := terminal(out)
	return reports.TextOptions{Color: colored(out), Width: width}
}

// drawn is where a report goes that may have colours: such a one is inert by itself.
func drawn(out io.Writer) io.Writer {
	if colored(out) {
		return raw(out)
	}
	return out
}
