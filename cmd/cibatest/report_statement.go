package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/cibatest/cibatest/reports"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/spf13/cobra"
)

// statementFlags ask for a statement of conformance.
type statementFlags struct {
	file    string
	product string // what the OP is called; empty: as the run calls it
}

func (f *statementFlags) bind(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.file, "statement", "", "write a statement of conformance, a few pages of HTML to print, to this file")
	cmd.Flags().StringVar(&f.product, "product", "", "name and version of the OP, in place of product in the target file")
}

// write writes the statement where one was asked for, and reports whether it was.
func (f *statementFlags) write(path string, run result.Run) (bool, error) {
	if f.file == "" {
		return false, nil
	}
	digest, err := sha256Of(path)
	if err != nil {
		return false, usage(err)
	}
	from := reports.Source{File: filepath.Base(path), SHA256: digest}
	if err := writeWhole(f.file, func(w io.Writer) error { return reports.Statement(w, run, from) }); err != nil {
		return false, usage(fmt.Errorf("--statement: %w", err))
	}
	return true, nil
}

// sha256Of is the digest of a file, in hex.
func sha256Of(path string) (digest string, err error) {
	file, err := os.Open(path) //nolint:gosec // the user names the file
	if err != nil {
		return "", err
	}
	defer file.Close() //nolint:errcheck // it was only read
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
