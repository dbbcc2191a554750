package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/baseline"
	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/cibatest/cibatest/suites"
	"github.com/spf13/cobra"
)

// conformFlags are the flags of conform.
type conformFlags struct {
	target      string
	out         string
	baseline    string
	labelFilter string
	smoke       bool
	strict      bool
	json        bool
	dryRun      bool
	concurrency int
	seed        int64
	write       bool // write a baseline of what was found
}

func newConform() *cobra.Command {
	var f conformFlags
	cmd := &cobra.Command{
		Use:   "conform [CASE|REQUIREMENT|AREA ...]",
		Short: "Judge a CIBA endpoint clause by clause",
		Long: `Runs the conformance suites against a target and writes run.json, report.html,
junit.xml and summary.md into the output folder. Without --target the embedded
reference OP is judged.`,
		Example: `  cibatest conform --target staging.yaml --out out
  cibatest conform --target staging.yaml --smoke
  cibatest conform --target staging.yaml CIBA-11-PENDING rar`,
		ValidArgsFunction: completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			return conform(cmd, f, args)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.target, "target", "t", os.Getenv("CIBATEST_TARGET"), "target file; empty: the embedded reference OP (CIBATEST_TARGET)")
	flags.StringVarP(&f.out, "out", "o", "out", "folder for the results; created when missing")
	flags.StringVar(&f.baseline, "baseline", "", "file of known deviations; red only for news")
	flags.BoolVar(&f.write, "update-baseline", false, "write what failed into the --baseline file")
	flags.StringVarP(&f.labelFilter, "label-filter", "l", "", `Ginkgo label query, e.g. "area: containsAny rar" or "!slow"`)
	flags.BoolVar(&f.smoke, "smoke", false, "a spread over all areas without expiry waits")
	flags.BoolVar(&f.strict, "strict", false, "departures from a SHOULD count as failures")
	flags.BoolVar(&f.json, "json", false, "print run.json on standard output instead of the text summary")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print the selected cases and stop")
	flags.IntVar(&f.concurrency, "concurrency", 0, "cases at once; 0: budgets.concurrency of the target, 1: one after the other")
	flags.Int64Var(&f.seed, "seed", 0, "seed for everything random; 0: a new one, printed in the result")
	return cmd
}

func conform(cmd *cobra.Command, f conformFlags, args []string) error {
	selection := suites.Selection{Arguments: args, LabelFilter: f.labelFilter, Smoke: f.smoke}
	if f.dryRun {
		return printSelected(cmd.OutOrStdout(), selection)
	}
	if f.concurrency < 0 {
		return usage(errors.New("--concurrency is a number of cases, 0 or more"))
	}
	opened, err := openTarget(cmd, f.target)
	if err != nil {
		return err
	}
	defer opened.Close()
	return judge(cmd, f, selection, opened)
}

// judge runs the suites, writes the results and turns the verdict into an exit.
func judge(cmd *cobra.Command, f conformFlags, selection suites.Selection, o *preflight.Opened) error {
	known, err := readBaseline(f)
	if err != nil {
		return usage(err)
	}
	if _, err := selection.Cases(); err != nil { // before anything is written
		return asExit(err)
	}
	to, err := openFolder(f.out, artefactNames()...)
	if err != nil {
		return usage(fmt.Errorf("--out: %w", err))
	}
	defer to.Close()
	seed := seedOr(f.seed)
	diary, err := openJournal(to.file(journalName), head(f, selection, o, seed))
	if err != nil {
		return usage(fmt.Errorf("--out: %w", err))
	}
	run, err := conduct(cmd, suites.Options{
		Target: o.Target, Approver: o.Approver, RoundTripper: o.RoundTripper,
		Select: selection, Strict: f.strict, Concurrency: f.concurrency, Seed: seed, ToolVersion: version(),
		Reproduce: reproduce(f.target),
	}, diary)
	if err != nil {
		_ = diary.close(true) // nothing was judged
		return asExit(err)
	}
	news := known.Apply(&run)
	if f.write {
		if err := baseline.Write(f.baseline, run); err != nil {
			return errors.Join(usage(err), diary.close(false))
		}
	}
	err = writeResults(cmd, f, to, run)
	if closed := diary.close(err == nil); closed != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: %v\n", journalName, closed)
	}
	if err != nil {
		return notJudged(err)
	}
	return conclude(cmd.ErrOrStderr(), run, known, news)
}

// head is what is known of a result before its run.
func head(f conformFlags, selection suites.Selection, o *preflight.Opened, seed int64) result.Run {
	return result.Run{
		Version: result.Version, Kind: "conformance", Tool: result.Tool{Name: "cibatest", Version: version()},
		Target:  result.Target{Issuer: o.Target.Issuer, Persona: o.Target.Persona, Configuration: o.Target.Masked()},
		Started: time.Now().UTC(), Seed: seed,
		Selection: result.Selection{
			Arguments: selection.Arguments, LabelFilter: selection.LabelFilter, Smoke: selection.Smoke,
			Strict: f.strict, Concurrency: f.concurrency,
		},
	}
}

// conduct runs the suites, shows how far they are and keeps each case in the journal.
func conduct(cmd *cobra.Command, o suites.Options, diary *journal) (result.Run, error) {
	progress := newProgress(cmd.ErrOrStderr())
	defer progress.done()
	o.OnEvent = func(e suites.Event) {
		diary.add(e.Result)
		progress.event(e)
	}
	return suites.Run(cmd.Context(), o)
}

func readBaseline(f conformFlags) (*baseline.Baseline, error) {
	if f.baseline == "" {
		if f.write {
			return nil, errors.New("--update-baseline needs --baseline FILE")
		}
		return &baseline.Baseline{}, nil
	}
	known, err := baseline.Load(f.baseline, time.Now())
	if f.write && errors.Is(err, os.ErrNotExist) {
		return &baseline.Baseline{}, nil
	}
	return known, err
}

// openTarget opens a target file or, without one, starts the embedded reference OP.
func openTarget(cmd *cobra.Command, file string) (*preflight.Opened, error) {
	if file == "" {
		return openLab(cmd)
	}
	opened, err := preflight.Open(file, preflight.Terminal{In: cmd.InOrStdin(), Out: cmd.ErrOrStderr()})
	if err != nil {
		return nil, usage(err)
	}
	return opened, nil
}

func openLab(cmd *cobra.Command) (*preflight.Opened, error) {
	l, err := lab.Start(cmd.Context(), lab.Options{})
	if err != nil {
		return nil, notJudged(fmt.Errorf("starting the embedded reference OP: %w", err))
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "no --target: judging the embedded reference OP at %s\n", l.Issuer)
	return &preflight.Opened{Target: l.Target, Approver: l.Approver, RoundTripper: l.RoundTripper, Close: l.Close}, nil
}

// asExit tells an unreachable target from a wrong selection.
func asExit(err error) error {
	if errors.Is(err, suites.ErrNothingSelected) || errors.Is(err, suites.ErrSelection) {
		return usage(err)
	}
	return notJudged(err)
}

func reproduce(file string) func(string) string {
	prefix := "cibatest conform "
	if file != "" {
		prefix += "--target " + shellWord(file) + " "
	}
	return func(id string) string { return prefix + id }
}

// shellWord quotes a word where a shell would split or expand it.
func shellWord(s string) string {
	if !strings.ContainsAny(s, " \t\n'\"\\$`&|;<>()*?[]#~!{}") {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func seedOr(seed int64) int64 {
	if seed != 0 {
		return seed
	}
	return time.Now().UnixNano()
}

// conclude turns the verdict, seen through the baseline, into an exit code.
func conclude(errOut io.Writer, run result.Run, known *baseline.Baseline, news baseline.News) error {
	for _, line := range news.Lines() {
		fmt.Fprintln(errOut, line)
	}
	switch {
	case run.Interrupted:
		return &exitError{code: exitInterrupted}
	case !known.Empty() && news.Bad():
		return &exitError{code: exitNonConformant}
	case known.Empty() && run.Verdict == result.NonConformant:
		return &exitError{code: exitNonConformant}
	case run.Verdict == result.Partial, news.NotJudged():
		return &exitError{code: exitNotJudged}
	}
	return nil
}

func printSelected(out io.Writer, selection suites.Selection) error {
	cases, err := selection.Cases()
	if err != nil {
		return asExit(err)
	}
	for _, c := range cases {
		fmt.Fprintf(out, "%-40s %s\n", c.ID, strings.Join(c.Requirements, " "))
	}
	return nil
}
