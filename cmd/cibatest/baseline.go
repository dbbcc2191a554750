package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/baseline"
	"github.com/cibatest/cibatest/reports"
	"github.com/cibatest/cibatest/reports/result"
)

// readBaseline reads the file of known deviations; nil where none is named. A file that
// the run shall write may be missing so far.
func readBaseline(f conformFlags) (*baseline.Baseline, error) {
	if f.baseline == "" {
		switch {
		case f.update:
			return nil, errors.New("--update-baseline needs --baseline FILE")
		case f.pin:
			return nil, errors.New("--pin-baseline needs --update-baseline and --baseline FILE")
		case f.reasons:
			return nil, errors.New("--strict-baseline needs --baseline FILE")
		}
		return nil, nil //nolint:nilnil // there is no baseline, and nothing is wrong with that
	}
	if f.pin && !f.update {
		return nil, errors.New("--pin-baseline needs --update-baseline, as it is about the entries that are added")
	}
	if f.update {
		if err := writable(filepath.Dir(f.baseline)); err != nil {
			return nil, fmt.Errorf("--baseline cannot be updated: %w", err)
		}
	}
	known, err := baseline.Load(f.baseline, time.Now())
	if f.update && errors.Is(err, os.ErrNotExist) {
		return &baseline.Baseline{File: f.baseline}, nil
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w; --update-baseline writes it with what this run finds", err)
	}
	return known, err
}

// tellBaseline tells of entries that do not hold, and of new warnings, which the exit code
// does not show.
func tellBaseline(errOut io.Writer, run result.Run) {
	if run.Baseline == nil {
		return
	}
	for _, p := range run.Baseline.Problems {
		fmt.Fprintf(errOut, "baseline: %s: %s\n", reports.OneLine(p.Entry), reports.OneLine(p.Text))
	}
	told := slices.ContainsFunc(run.Baseline.Problems, func(p result.BaselineProblem) bool { return p.Kind == result.Unlisted })
	if ids := baseline.NewWarnings(run); len(ids) > 0 && !told {
		fmt.Fprintf(errOut, "baseline: new warnings, which fail nothing: %s\n", reports.OneLine(strings.Join(ids, " ")))
	}
}

// updateBaseline edits the file of known deviations, if the user asks for it. It reads the
// file again: a person may have changed it while the run took its time.
func updateBaseline(errOut io.Writer, f conformFlags, run result.Run) error {
	if !f.update {
		return nil
	}
	text, err := readFile(f.baseline, maxInput)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	updated, err := baseline.Update(f.baseline, text, run, baseline.Options{Now: time.Now(), Pin: f.pin})
	if errors.Is(err, baseline.ErrInterrupted) {
		fmt.Fprintf(errOut, "baseline: %v\n", err)
		return nil // the exit code tells of the interruption
	}
	if err != nil {
		return err
	}
	err = writeWhole(f.baseline, func(w io.Writer) error {
		_, err := w.Write(updated.Text)
		return err
	})
	if err != nil {
		return err
	}
	for _, line := range updated.Lines {
		fmt.Fprintf(errOut, "baseline: %s\n", reports.OneLine(line))
	}
	return nil
}
