package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/cibatest/cibatest/fixtures"
	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/suites"
	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
)

func newCheck() *cobra.Command {
	var file string
	var schema, asJSON, flow bool
	cmd := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Validate a target file and what it says against the OP, judging nothing",
		Long: `Validates a target file, every problem at once, then reads the OP's discovery document
and keys, lets every client show its credentials at both endpoints, and says what can be
tested and what is missing: as YAML to add, with the number of cases that wait for it. No user
is asked anything, unless --flow says so: then good requests are carried through, and the OP
has to call each ping and push client. Credentials go to no endpoint that is neither at the
issuer's host nor named in the file.`,
		Example: "  cibatest check staging.yaml\n  cibatest check --schema > target.schema.json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if schema {
				_, err := cmd.OutOrStdout().Write(targetfile.Schema())
				return err
			}
			if len(args) == 1 {
				file = args[0]
			}
			if file == "" {
				return usage(errNoTarget)
			}
			return check(cmd, file, asJSON, flow)
		},
	}
	cmd.Flags().StringVarP(&file, "target", "t", os.Getenv("CIBATEST_TARGET"), "target file (CIBATEST_TARGET)")
	cmd.Flags().BoolVar(&schema, "schema", false, "print the JSON Schema of target files")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&flow, "flow", false,
		"also carry good requests, denials and approvals through, up to the calls that ping and push clients get; users are asked")
	return cmd
}

func check(cmd *cobra.Command, file string, asJSON, flow bool) error {
	t, err := targetfile.Load(file)
	if err != nil {
		return usage(err)
	}
	transport, err := preflight.Transport(t)
	if err != nil {
		return usage(err)
	}
	defer transport.CloseIdleConnections()
	report := preflight.Check(cmd.Context(), transport, t)
	if report.Reached && !report.HasProblems() {
		refused, err := suites.Refused(cmd.Context(), t, transport)
		if err != nil {
			return notJudged(err)
		}
		report.Clients(t, refused)
	}
	if flow && report.Reached && !report.HasProblems() {
		if err := rehearse(cmd, file, &report); err != nil {
			return err
		}
	}
	printReport := printCheck
	if asJSON {
		printReport = printCheckJSON
	}
	if err := printReport(cmd.OutOrStdout(), report); err != nil {
		return err
	}
	switch {
	case report.Unreachable():
		return &exitError{code: exitNotJudged}
	case report.HasProblems():
		return &exitError{code: exitUsage}
	}
	return nil
}

// rehearse carries good requests and decisions through, as a run does before its first
// case, and adds what that found.
func rehearse(cmd *cobra.Command, file string, report *preflight.CheckReport) error {
	opened, err := openTarget(cmd, file)
	if err != nil {
		return err
	}
	defer opened.Close()
	found, err := suites.Rehearse(cmd.Context(), suites.Options{
		Target:       opened.Target,
		Approver:     opened.Approver,
		RoundTripper: opened.RoundTripper,
	})
	if found.Facts != nil {
		report.Facts, report.Capabilities = found.Facts, found.Facts.Capabilities.ByName()
	}
	for _, note := range found.Notes {
		report.Add(preflight.CheckWarning, "%s", note)
	}
	for _, came := range found.Called {
		report.Add(preflight.CheckOK, "%s", came)
	}
	switch {
	case err != nil:
		report.Add(preflight.CheckProblem, "%v", err)
	case found.Undeliverable:
		report.Add(preflight.CheckProblem, "decisions do not reach the OP; \"cibatest try approval\" tries them alone")
	case found.NotCalled:
		report.Add(preflight.CheckProblem, "calls of the OP do not arrive for all ping and push clients; "+
			"\"cibatest authorize --mode ping\" tries one, and \"cibatest listen\" prints whatever comes")
	case len(found.Notes) == 0:
		report.Add(preflight.CheckOK, "good requests are accepted for every user, and decisions are delivered")
	}
	return nil
}

// printCheckJSON writes a report for machines.
func printCheckJSON(out io.Writer, r preflight.CheckReport) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		preflight.CheckReport
		Unlocks []unlock `json:"unlocks"`
	}{r, unlocks(r.Facts)})
}

// printCheck writes a report for people.
func printCheck(out io.Writer, r preflight.CheckReport) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s\n\n", r.Issuer)
	for _, f := range r.Findings {
		fmt.Fprintf(w, "%s\t%s\n", f.Level, f.Text)
	}
	if len(r.Capabilities) > 0 {
		fmt.Fprint(w, "\ncapability\thas\thow it is known\n")
	}
	yesNo := map[bool]string{true: "yes", false: "no"}
	for _, name := range slices.Sorted(maps.Keys(r.Capabilities)) {
		c := r.Capabilities[name]
		fmt.Fprintf(w, "%s\t%s\t%s\n", name, yesNo[c.Has], strings.ToValidUTF8(c.Reason, "?"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	printUnlocks(out, r.Facts)
	return nil
}

func newInit() *cobra.Command {
	var out, caFile string
	var force, schema, known bool
	cmd := &cobra.Command{
		Use:   "init ISSUER",
		Short: "Write a target file from an OP's discovery document",
		Long: `Writes a first target file from an OP's discovery document. The URL of that document is
taken for its issuer, too. What else could be judged stands there in comments, to be filled
in or left out. What the OP publishes is copied as text; an issuer or an endpoint
of another host is shown in a comment, for you to judge.`,
		Example: `  cibatest init https://op.example.com > target.yaml
  cibatest init https://op.example.com --ca-file ca.pem --out target.yaml --schema`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case out != "":
			case schema:
				return usage(errors.New("--schema writes beside --out FILE, which is not given; \"cibatest check --schema\" prints the schema"))
			case known:
				return usage(errors.New("--baseline writes beside --out FILE, which is not given"))
			}
			text, err := firstTarget(cmd, args[0], targetfile.TLS{CAFile: caFile})
			if err != nil {
				return err
			}
			if schema {
				text = append([]byte("# yaml-language-server: $schema="+schemaName+"\n"), text...)
			}
			if err := writeTargetFile(cmd, text, out, force); err != nil {
				return err
			}
			beside := func(name string) string { return filepath.Join(filepath.Dir(out), name) }
			if schema {
				if err := writeTargetFile(cmd, targetfile.Schema(), beside(schemaName), true); err != nil {
					return err
				}
			}
			if known {
				return writeBaseline(cmd, text, beside(baselineName), force)
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", "", "file to write; empty: standard output")
	cmd.Flags().StringVar(&caFile, "ca-file", "", "certificates to trust besides the system's, as PEM; goes into the file as tls.ca_file")
	cmd.Flags().BoolVar(&force, "force", false, "replace an existing file")
	cmd.Flags().BoolVar(&known, "baseline", false,
		"also write "+baselineName+" beside --out: what is known to be otherwise at the OP's product, where that is known")
	cmd.Flags().BoolVar(&schema, "schema", false, "also write "+schemaName+" beside --out, by which an editor completes and explains the keys")
	return cmd
}

// schemaName is the file beside a target file by which editors know its keys.
const schemaName = "cibatest.schema.json"

// baselineName is the file with what is known of a product, beside its target file.
const baselineName = "baseline.yaml"

// writeBaseline writes what is known of the product that a first target file is for.
func writeBaseline(cmd *cobra.Command, target []byte, out string, force bool) error {
	var of struct {
		Persona string `yaml:"persona"`
	}
	if err := yaml.Unmarshal(target, &of); err != nil {
		return notJudged(fmt.Errorf("the target file: %w", err))
	}
	known, err := fixtures.Baseline(of.Persona)
	if err != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "no %s: nothing is known of an OP with persona %s\n", baselineName, of.Persona)
		return nil
	}
	return writeTargetFile(cmd, known, out, force)
}

// firstTarget makes the text of a target file for the OP of an issuer.
func firstTarget(cmd *cobra.Command, pasted string, trusted targetfile.TLS) ([]byte, error) {
	issuer, err := preflight.IssuerOf(pasted)
	if err != nil {
		return nil, usage(err)
	}
	transport, err := preflight.Transport(&targetfile.Target{TLS: trusted})
	if err != nil {
		return nil, usage(err)
	}
	defer transport.CloseIdleConnections()
	text, err := preflight.Init(cmd.Context(), transport, issuer, trusted, worthwhile)
	if err != nil {
		return nil, notJudged(err)
	}
	return text, nil
}

// writeTargetFile writes to a file that is not there yet, or to standard output.
func writeTargetFile(cmd *cobra.Command, text []byte, out string, force bool) error {
	if out == "" {
		_, err := cmd.OutOrStdout().Write(text)
		return err
	}
	if _, err := os.Stat(out); err == nil && !force {
		return usage(fmt.Errorf("%s exists; --force replaces it", out))
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return usage(err)
	}
	return writeWhole(out, func(w io.Writer) error {
		_, err := io.Copy(w, bytes.NewReader(text))
		return err
	})
}
