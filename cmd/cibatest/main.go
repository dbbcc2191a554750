// Command cibatest tells whether a CIBA endpoint obeys the specifications, plays
// the end-user's device, and is a reference OP to develop against.
//
// Results go to standard output; progress and messages go to standard error.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/spf13/cobra"
	_ "golang.org/x/crypto/x509roots/fallback" // public CAs, where the machine has none: an image from scratch
)

// The exit codes of every command.
const (
	exitOK            = 0   // everything selected was judged and is as expected
	exitNonConformant = 1   // non-conformance, or an objective missed
	exitUsage         = 2   // wrong usage or configuration, or nothing selected
	exitNotJudged     = 3   // target unreachable, partial run
	exitInterrupted   = 130 // Ctrl-C; what was measured is written
)

// exitError ends the program with a code. Its error may be nil when everything
// there is to say was already printed.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func usage(err error) error     { return &exitError{exitUsage, err} }
func notJudged(err error) error { return &exitError{exitNotJudged, err} }

func main() {
	outliveReaders()
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is main without the process: it returns the exit code.
func run(args []string, in io.Reader, out, errOut io.Writer) int {
	ctx, release := interruptible()
	defer release()
	out, errOut = behindDoor(out), behindDoor(errOut)
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	return exitCode(root.ExecuteContext(ctx), errOut)
}

// exitCode prints the error, if there is one left to print, and names its code.
// An error of unknown kind is one of usage: cobra's own are.
func exitCode(err error, errOut io.Writer) int {
	if err == nil {
		return exitOK
	}
	var exit *exitError
	if !errors.As(err, &exit) {
		exit = &exitError{exitUsage, err}
	}
	if exit.err != nil && !errors.Is(exit.err, syscall.EPIPE) { // a reader who has gone needs no word
		fmt.Fprintf(errOut, "cibatest: %v\n", exit.err)
	}
	return exit.code
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "cibatest",
		Short: "Does our CIBA endpoint work, and will it hold?",
		Long: `cibatest judges OpenID Connect CIBA endpoints against the specifications, clause by
clause, with the evidence. It also plays the end-user's authentication device and is
a reference OP to develop against.

Exit codes: 0 as expected, 1 non-conformance, 2 usage or configuration,
3 could not judge, 130 interrupted.`,
		Example: `  cibatest demo
  cibatest conform --target op.yaml --out out`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version(),
	}
	root.AddCommand(newDemo(), newConform(), newList(), newExplain(), newInit(), newCheck(),
		newOP(), newDevice(), newGuardian(), newAuthorize(), newPoll(), newListen(), newTry(), newReport(), newLoad(), newVersion())
	return root
}
