package main

import (
	"fmt"
	"runtime/debug"
	"strings"

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

// revision is the commit that "make build" built, with -modified behind it where files
// were changed; empty otherwise.
var revision string

// commit is the revision of this program, as far as it is known.
func commit() string {
	if info, ok := debug.ReadBuildInfo(); ok && revision == "" {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return revision
}

// tool is this program as results name it.
func tool() result.Tool {
	return result.Tool{Name: "cibatest", Version: version(), Commit: commit()}
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
	if c := commit(); len(c) >= 12 {
		c, changed := strings.CutSuffix(c, "-modified")
		return "devel-" + c[:12] + map[bool]string{true: "-modified"}[changed]
	}
	return "devel"
}
