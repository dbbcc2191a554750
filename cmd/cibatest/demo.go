package main

import (
	"fmt"
	"time"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/suites"
	"github.com/spf13/cobra"
)

// The demo's OP is quicker than a product would be, so that a newcomer sees a
// whole run within half a minute.
const (
	demoInterval  = time.Second
	demoExpiresIn = 20 * time.Second
)

func newDemo() *cobra.Command {
	f := conformFlags{}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Judge the reference OP in one process and write a report",
		Long: `Starts the reference OP and an authentication device in this process, runs every
conformance case against them and writes out/report.html. No flags, no containers.`,
		Example: "  cibatest demo\n  cibatest demo --out /tmp/demo",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := lab.Start(cmd.Context(), lab.Options{Interval: demoInterval, ExpiresIn: demoExpiresIn})
			if err != nil {
				return notJudged(fmt.Errorf("starting the reference OP: %w", err))
			}
			defer l.Close()
			fmt.Fprintf(cmd.ErrOrStderr(), "reference OP %s, device %s\n", l.Issuer, l.DeviceURL)
			return judge(cmd, f, suites.Selection{}, &bench{target: l.Target, approver: l.Approver, roundTripper: l.RoundTripper})
		},
	}
	cmd.Flags().StringVarP(&f.out, "out", "o", "out", "folder for the results")
	return cmd
}
