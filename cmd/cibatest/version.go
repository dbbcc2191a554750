package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/spf13/cobra"
)

// What a build hands in by -ldflags -X; all are empty where it hands in nothing.
var (
	release  string // the version of a release, v1.2.3
	revision string // the commit, with -modified behind it where files were changed
	built    string // when the commit was made, RFC 3339; two builds of one commit say the same
)

// newVersion is the command for whoever does not try the flag, and for bug reports.
func newVersion() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print what this program was built from, and which catalogue it judges by",
		Example: "  cibatest version\n" +
			"  cibatest version --json",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(thisBuild())
			}
			return thisBuild().writeText(cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// build is what is known of this program. What is not known is empty.
type build struct {
	Version      string `json:"version"`
	Commit       string `json:"commit,omitempty"`
	Date         string `json:"date,omitempty"`
	Go           string `json:"go"`
	Platform     string `json:"platform"`
	Catalogue    string `json:"catalogue"` // the edition: two programs of one edition judge by the same text
	Requirements int    `json:"requirements"`
}

func thisBuild() build {
	c := catalogue.Must()
	return build{
		Version: version(), Commit: commit(), Date: cmp.Or(built, setting("vcs.time")),
		Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Catalogue: c.Edition(), Requirements: len(c.List()),
	}
}

func (b build) writeText(w io.Writer) error {
	_, err := fmt.Fprintf(w, "cibatest version %s\ncommit     %s\ndate       %s\ngo         %s %s\ncatalogue  edition %s, %d requirements\n",
		b.Version, cmp.Or(b.Commit, "unknown"), cmp.Or(b.Date, "unknown"), b.Go, b.Platform, b.Catalogue, b.Requirements)
	return err
}

// commit is the revision of this program, as far as it is known: of a build from a
// checkout, of a release, or of a pseudo-version that go install has built.
func commit() string { return cmp.Or(revision, setting("vcs.revision")) }

// setting is a value that the go command has put into this program, empty where it has not.
func setting(key string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

// tool is this program as results name it.
func tool() result.Tool {
	return result.Tool{Name: "cibatest", Version: version(), Commit: commit()}
}

// version is that of a release, else the version of the module that go install has
// built, else the revision of a build from a checkout.
func version() string {
	if release != "" {
		return release
	}
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
