package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

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

// artefactNames are the files of a run.
func artefactNames() []string {
	names := []string{journalName}
	for _, a := range artefacts {
		names = append(names, a.name)
	}
	return names
}

// writeResults prints the summary on standard output and writes every artefact. The
// summary comes first: what was found must not be lost with a full disk, nor the files
// with a reader who has gone.
func writeResults(cmd *cobra.Command, f conformFlags, to *folder, run result.Run) error {
	print := printText
	if f.json {
		print = func(out io.Writer, run result.Run) error { return result.Write(out, run) }
	}
	var errs []error
	if err := print(cmd.OutOrStdout(), run); !errors.Is(err, syscall.EPIPE) { // who has gone needs no summary
		errs = append(errs, err)
	}
	for _, a := range artefacts {
		if err := writeWhole(to.file(a.name), func(w io.Writer) error { return a.render(w, run) }); err != nil {
			errs = append(errs, fmt.Errorf("writing %s: %w", a.name, err))
		}
	}
	if err := appendStepSummary(run); err != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "step summary: %v\n", err)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if !f.json {
		fmt.Fprintf(cmd.ErrOrStderr(), "report: %s\n", to.file("report.html"))
	}
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
	if ext := filepath.Ext(path); ext == ".json" || ext == ".har" {
		to = behindDoor(to)
	}
	if err := render(to); err != nil {
		return err
	}
	temporary, err := createBeside(path)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temporary.Name()) }()
	_, err = temporary.Write(b.Bytes())
	if err := errors.Join(err, temporary.Close()); err != nil {
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
