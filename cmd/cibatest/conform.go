package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/cibatest/cibatest/suites"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// conformFlags are the flags of conform.
type conformFlags struct {
	target      string
	out         string
	baseline    string
	profiles    []string
	labelFilter string
	smoke       bool
	budget      int
	strict      bool
	json        bool
	quiet       bool
	dryRun      bool
	concurrency int
	timeout     time.Duration
	seed        int64
	update      bool // edit the baseline so that it lists what was found
	pin         bool // the entries that the edit adds are pinned to what was seen
	reasons     bool // an entry of the baseline without a person's reason fails the run
}

func newConform() *cobra.Command {
	var f conformFlags
	cmd := &cobra.Command{
		Use:   "conform [CASE|REQUIREMENT|AREA ...]",
		Short: "Judge a CIBA endpoint clause by clause",
		Long: `Runs the conformance suites against a target and writes run.json, report.html,
junit.xml and summary.md into the output folder. Without --target the embedded
reference OP is judged.

The verdict is stated for each profile that the OP claims: CIBA Core in a delivery mode, and
the features beside it. What it claims is read from the target file and the metadata, or told
by --profile. "cibatest explain rar" says what a profile demands.`,
		Example: `  cibatest conform --target staging.yaml --out out
  cibatest conform --target staging.yaml --smoke
  cibatest conform --target staging.yaml --profile poll --profile rar
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
	flags.BoolVar(&f.update, "update-baseline", false, "edit the --baseline file so that it lists what was judged; all else in it stays")
	flags.BoolVar(&f.pin, "pin-baseline", false, "entries that --update-baseline adds hold only for what was seen now")
	flags.BoolVar(&f.reasons, "strict-baseline", false, "an entry of the --baseline file without a reason of yours fails the run")
	flags.StringSliceVar(&f.profiles, "profile", nil,
		"judge this claim, and state the verdict for it alone: "+strings.Join(suites.Profiles(), ", ")+"; repeatable")
	cobra.CheckErr(cmd.RegisterFlagCompletionFunc("profile", completeProfiles))
	flags.StringVarP(&f.labelFilter, "label-filter", "l", "", `Ginkgo label query, e.g. "area: containsAny rar" or "!slow"`)
	flags.BoolVar(&f.smoke, "smoke", false, "a spread over all areas without expiry waits")
	flags.IntVar(&f.budget, "budget", 0,
		"ask users about so many times: runs what asks nobody, and of the rest the cases that tell most for a prompt; 0: no limit")
	flags.BoolVar(&f.strict, "strict", false, "departures from a SHOULD count as failures")
	flags.BoolVar(&f.json, "json", false, "print run.json on standard output instead of the text summary")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "no progress and no news on standard error while cases run")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print the selected cases and stop")
	flags.IntVar(&f.concurrency, "concurrency", 0, "cases at once; 0: budgets.concurrency of the target, 1: one after the other")
	flags.DurationVar(&f.timeout, "timeout", defaultTimeout, "of the whole run, which is partial when it strikes; 0: none")
	flags.Int64Var(&f.seed, "seed", 0,
		"seed for every random choice and text of a run; keys and the jti of assertions are always new; 0: a new one, printed")
	return cmd
}

// defaultTimeout is far beyond what an OP takes that answers in time.
const defaultTimeout = 2 * time.Hour

func conform(cmd *cobra.Command, f conformFlags, args []string) error {
	if err := noFiles(args, f.target); err != nil {
		return usage(err)
	}
	if err := knownProfiles(f.profiles); err != nil {
		return usage(err)
	}
	selection := suites.Selection{Arguments: args, Profiles: f.profiles, LabelFilter: f.labelFilter, Smoke: f.smoke, Budget: f.budget}
	if f.dryRun {
		return printSelected(cmd.OutOrStdout(), selection)
	}
	if f.budget < 0 {
		return usage(errors.New("--budget is a number of prompts, 0 or more"))
	}
	if f.concurrency < 0 {
		return usage(errors.New("--concurrency is a number of cases, 0 or more"))
	}
	if f.timeout < 0 {
		return usage(errors.New("--timeout is a duration such as 30m, or 0 for none"))
	}
	opened, err := openTarget(cmd, f.target)
	if err != nil {
		return err
	}
	defer opened.Close()
	return judge(cmd, f, selection, opened)
}

// noFiles refuses a file where a case, requirement or area is named: whoever forgets the
// flag means the file as the target, and would get the verdict over another OP.
func noFiles(args []string, target string) error {
	for _, arg := range args {
		if info, err := os.Stat(arg); err != nil || info.IsDir() || slices.Contains(suites.Names(), arg) {
			continue
		}
		if target == "" {
			return fmt.Errorf("%q is a file; did you mean --target %s?", arg, shellWord(arg))
		}
		return fmt.Errorf("%q is a file, and no case, requirement or area", arg)
	}
	return nil
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
	command := again(cmd.Flags(), selection.Arguments, f, seed)
	begun := head(f, selection, o, seed, command)
	diary, err := openJournal(to.file(journalName), begun)
	if err != nil {
		return usage(fmt.Errorf("--out: %w", err))
	}
	var watch suites.Watch
	show := newProgress(faceOf(cmd.ErrOrStderr(), f, o), &watch, func(c result.Case) bool { return !known.Knows(begun, c) })
	run, err := conduct(cmd, suites.Options{
		Target: o.Target, Approver: o.Approver, RoundTripper: o.RoundTripper, Receiver: o.Receiver,
		Select: selection, Strict: f.strict, Concurrency: f.concurrency, Limit: f.timeout, Seed: seed, Tool: tool(),
		Command: command, Reproduce: reproduce(f.target), Watch: &watch,
	}, diary, show)
	if err != nil {
		_ = diary.close(true) // nothing was judged
		return asExit(err)
	}
	if known != nil {
		known.Apply(&run, f.reasons)
	}
	err = writeResults(cmd, f, to, run)
	if closed := diary.close(err == nil); closed != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: %v\n", journalName, closed)
	}
	if err != nil {
		return notJudged(err)
	}
	tellBaseline(cmd.ErrOrStderr(), run)
	if err := updateBaseline(cmd.ErrOrStderr(), f, run); err != nil {
		return usage(err)
	}
	return conclude(run)
}

// head is what is known of a result before its run.
func head(f conformFlags, selection suites.Selection, o *preflight.Opened, seed int64, command string) result.Run {
	return result.Run{
		Version: result.Version, Kind: "conformance", Tool: tool(), Command: command,
		Target: result.Target{
			Issuer: o.Target.Issuer, Product: o.Target.Product, Persona: o.Target.Persona, Configuration: o.Target.Masked(),
		},
		Started: time.Now().UTC(), Seed: seed,
		Selection: result.Selection{
			Arguments: selection.Arguments, Profiles: selection.Profiles, LabelFilter: selection.LabelFilter, Smoke: selection.Smoke,
			Budget: selection.Budget,
			Strict: f.strict, Concurrency: f.concurrency,
		},
	}
}

// conduct runs the suites, shows how far they are and keeps each case in the journal.
func conduct(cmd *cobra.Command, o suites.Options, diary *journal, show *progress) (result.Run, error) {
	defer show.done()
	o.OnEvent = func(e suites.Event) {
		diary.addCase(e.Result)
		if cmd.Context().Err() == nil { // what was not run is no news to whoever ended the run
			show.event(e)
		}
	}
	return suites.Run(cmd.Context(), o)
}

// faceOf is how the run shows itself. Where a person decides on this terminal, lines leave
// room for the questions.
func faceOf(out io.Writer, f conformFlags, o *preflight.Opened) face {
	switch {
	case f.quiet:
		return silent{}
	case drawable(out) && !o.Approver.IsPerson():
		return newAreasFace(out, o.Target.Issuer)
	}
	return plain{out}
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
	return &preflight.Opened{Target: l.Target, Approver: l.Approver, RoundTripper: l.RoundTripper, Receiver: l.Receiver, Close: l.Close}, nil
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

// again is the command that does a run once more: the flags that were given, the target
// wherever it was named, and the seed.
func again(flags *pflag.FlagSet, args []string, f conformFlags, seed int64) string {
	words := []string{"cibatest", "conform"}
	add := func(flag, value string) { words = append(words, "--"+flag, shellWord(value)) }
	if f.target != "" {
		add("target", f.target)
	}
	add("seed", strconv.FormatInt(seed, 10))
	flags.Visit(func(given *pflag.Flag) {
		list, several := given.Value.(pflag.SliceValue)
		switch {
		case given.Name == "target" || given.Name == "seed":
		case several:
			for _, value := range list.GetSlice() {
				add(given.Name, value)
			}
		case given.Value.Type() == "bool":
			words = append(words, strings.TrimSuffix("--"+given.Name+"="+given.Value.String(), "=true"))
		default:
			add(given.Name, given.Value.String())
		}
	})
	for _, argument := range args {
		words = append(words, shellWord(argument))
	}
	return strings.Join(words, " ")
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

// conclude turns the standing of a run into an exit code.
func conclude(run result.Run) error {
	switch run.Standing() {
	case result.Deviates:
		return &exitError{code: exitNonConformant}
	case result.NotJudged:
		return &exitError{code: exitNotJudged}
	case result.Interrupted:
		return &exitError{code: exitInterrupted}
	case result.AsExpected:
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
