package main

import (
	"fmt"
	"os"

	"github.com/cibatest/cibatest/mockdevice/audit"
	"github.com/spf13/cobra"
)

func newDeviceAudit() *cobra.Command {
	cmd := &cobra.Command{Use: "audit", Short: "Work with the audit of a device"}
	cmd.AddCommand(newAuditVerify())
	return cmd
}

func newAuditVerify() *cobra.Command {
	var head string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Check that nobody changed an audit file, line by line",
		Long: `Checks the hash chain of an audit file. Bytes after the last whole line, as a crash leaves
them, are told and no fault. Lines cut off at the end break no chain: keep the head
hash elsewhere and compare it with --head.

Exit code 1 when the file was changed.`,
		Example: "  cibatest device audit verify device.jsonl\n  cibatest device audit verify device.jsonl --head 3f9a...",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return verifyAudit(cmd, args[0], head, asJSON)
		},
	}
	cmd.Flags().StringVar(&head, "head", "", "hash the last line has to have")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func verifyAudit(cmd *cobra.Command, path, head string, asJSON bool) error {
	file, err := os.Open(path) //nolint:gosec // the user names the file
	if err != nil {
		return usage(err)
	}
	defer func() { _ = file.Close() }()
	v, err := audit.Verify(file, nil)
	if err == nil && head != "" && v.Head != head {
		err = fmt.Errorf("the last line has the hash %s, not the one given: lines were added or cut off", v.Head)
	}
	if err != nil {
		return &exitError{exitNonConformant, fmt.Errorf("%s: %w", path, err)}
	}
	if asJSON {
		return writeIndented(cmd.OutOrStdout(), v)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: %d lines, unchanged\nhead %s\n", path, v.Lines, v.Head)
	if v.Torn > 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "%d bytes of a torn line follow, as a crash leaves them\n", v.Torn)
	}
	return nil
}
