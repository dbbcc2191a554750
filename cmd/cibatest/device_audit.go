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
	var head, keyEnv string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Check that the chain of an audit file is consistent, line by line",
		Long: `Checks the hash chain of an audit file. Bytes after the last whole line, as a crash leaves
them, are told and no fault.

A consistent chain alone does not say who has written it: anybody can compute one anew, and
lines cut off at the end break none. Two things do. Keep the head hash elsewhere, which
'cibatest device' prints when it ends, and compare it with --head. Or have the device
seal the audit with a key, and check it with the same key in the environment.

Exit code 1 when the chain breaks, or does not end in the head or fit the key.`,
		Example: "  cibatest device audit verify device.jsonl\n  cibatest device audit verify device.jsonl --head 3f9a...",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return verifyAudit(cmd, args[0], head, []byte(os.Getenv(keyEnv)), asJSON)
		},
	}
	cmd.Flags().StringVar(&head, "head", "", "hash the last line has to have")
	cmd.Flags().StringVar(&keyEnv, "key-env", auditKeyEnv, "environment variable with the key that sealed the audit; not set: none did")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func verifyAudit(cmd *cobra.Command, path, head string, key []byte, asJSON bool) error {
	file, err := os.Open(path) //nolint:gosec // the user names the file
	if err != nil {
		return usage(err)
	}
	defer func() { _ = file.Close() }()
	v, err := audit.Verify(file, key)
	if err == nil && head != "" && v.Head != head {
		err = fmt.Errorf("the last line has the hash %s, not the one given: lines were added or cut off", v.Head)
	}
	if err != nil {
		return &exitError{exitNonConformant, fmt.Errorf("%s: %w", path, err)}
	}
	if asJSON {
		return writeIndented(cmd.OutOrStdout(), v)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: %d lines, the chain is consistent%s\nhead %s\n", path, v.Lines, meaningOf(v, head), v.Head)
	if v.Torn > 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "%d bytes of a torn line follow, as a crash leaves them\n", v.Torn)
	}
	return nil
}

// meaningOf is what a consistent chain says, and what it does not.
func meaningOf(v audit.Verification, head string) string {
	switch {
	case v.Keyed && head != "":
		return ", sealed with the key, and ends in the head given"
	case v.Keyed:
		return " and sealed with the key; whether lines were cut off at its end, only --head tells"
	case head != "":
		return " and ends in the head given"
	}
	return "; that nobody computed it anew, only --head or a key tells"
}
