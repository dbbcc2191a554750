package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/suites"
	"github.com/spf13/cobra"
)

// The demo's OP is quicker than a product would be, so that a newcomer sees a
// whole run within a minute.
const (
	demoInterval  = time.Second
	demoExpiresIn = 20 * time.Second
)

func newDemo() *cobra.Command {
	f := conformFlags{}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Judge the reference OP in one process, load it, and write the reports",
		Long: `Starts the reference OP and an authentication device in this process, runs every
conformance case against them and writes out/report.html. Meanwhile another one is loaded
for ten seconds; that report is out/load/report.html. No flags, no containers.`,
		Example: "  cibatest demo\n  cibatest demo --out /tmp/demo",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return demo(cmd, f)
		},
	}
	cmd.Flags().StringVarP(&f.out, "out", "o", "out", "folder for the results")
	return cmd
}

func demo(cmd *cobra.Command, f conformFlags) error {
	l, err := lab.Start(cmd.Context(), lab.Options{Interval: demoInterval, ExpiresIn: demoExpiresIn})
	if err != nil {
		return notJudged(fmt.Errorf("starting the reference OP: %w", err))
	}
	defer l.Close()
	fmt.Fprintf(cmd.ErrOrStderr(), "reference OP %s, device %s\n", l.Issuer, l.DeviceURL)
	loaded := demoLoad(cmd, filepath.Join(f.out, "load"))
	judged := judge(cmd, f, suites.Selection{}, &preflight.Opened{
		Target:       l.Target,
		Approver:     l.Approver,
		RoundTripper: l.RoundTripper, Receiver: l.Receiver,
		Close: l.Close,
	})
	return errors.Join(judged, concludeDemoLoad(cmd, f, <-loaded))
}

// demoLoad loads a reference OP of its own while most cases only wait.
func demoLoad(cmd *cobra.Command, out string) <-chan error {
	load := newLoad()
	load.SetOut(io.Discard)
	load.SetErr(io.Discard)
	load.SetArgs([]string{"--target=", "--out", out, "--rate", "20/s", "--duration", "10s", "--drain", "20s", "--mix", "approve=90,deny=10"})
	done := make(chan error, 1)
	go func() { done <- load.ExecuteContext(cmd.Context()) }()
	return done
}

// concludeDemoLoad tells where the load report is. That this machine was too
// slow for the load is no failure of a demo; anything else is.
func concludeDemoLoad(cmd *cobra.Command, f conformFlags, err error) error {
	var exit *exitError
	if errors.As(err, &exit) && exit.code == exitNotJudged && exit.err == nil {
		fmt.Fprintln(cmd.ErrOrStderr(), "the load was more than this machine could generate; its report says so")
		err = nil
	}
	if err == nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "load report: %s\n", filepath.Join(f.out, "load", "report.html"))
	}
	return err
}
