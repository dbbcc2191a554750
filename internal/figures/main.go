// Command figures measures the source of this module: size, comments, the length
// of functions, tests. "make figures" prints it, and with -check it fails when a
// limit of the tables in limits.go is broken, so that the figures which readers
// feel most cannot drift unseen.
//
// What counts: a code line holds at least one token; a comment line holds a
// comment and no token, so remarks at the end of a code line count as code. The
// share of comments is comment lines in code and comment lines together. A
// function is a declared one, from its first line to its last; literals belong to
// the function around them. Tests are measured in relation to the code only.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		os.Exit(1) //nolint:forbidigo // a program of its own
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("figures", flag.ContinueOnError)
	root := flags.String("root", ".", "folder of the module")
	check := flags.Bool("check", false, "fail when a limit is broken; print nothing else")
	if err := flags.Parse(args); err != nil {
		return err
	}
	packages, err := measure(os.DirFS(*root))
	if err != nil {
		return err
	}
	if *check {
		return errors.Join(broken(packages)...)
	}
	return write(out, packages)
}
