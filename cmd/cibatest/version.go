package main

import (
	"fmt"
	"runtime/debug"

	"github.com/cibatest/cibatest/reports/result"
	"github.com/spf13/cobra"
)

// newVersion is the command for whoever does not try the flag.
func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version, as --version does",
		Example: "  cibatest version",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "cibatest version %s\n", version())
			return err
		},
	}
}

// tool is this program as results name it.
func tool() result.Tool {
	t := result.Tool{Name: "cibatest", Version: version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				t.Commit = s.Value
			}
		}
	}
	return t
}

// version is the module version of a release build, or the revision of a build
// from a checkout.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "devel-" + s.Value[:12]
		}
	}
	return "devel"
}
