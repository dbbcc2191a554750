package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/spf13/cobra"
)

// flowFlags are shared by authorize and poll.
type flowFlags struct {
	target, client, user string
	params               []string
	once, showTokens     bool
}

func (f *flowFlags) bind(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&f.target, "target", "t", os.Getenv("CIBATEST_TARGET"), "target file (CIBATEST_TARGET)")
	flags.StringVar(&f.client, "client", "", "client by its name in the target file; empty: the first poll client")
	flags.BoolVar(&f.once, "once", false, "poll once only")
	flags.BoolVar(&f.showTokens, "show-tokens", false, "print the token response in clear; it is masked otherwise")
}

func newAuthorize() *cobra.Command {
	var f flowFlags
	cmd := &cobra.Command{
		Use:   "authorize",
		Short: "Run one flow by hand and print the exchanges",
		Long: `Sends one backchannel authentication request and polls until the user has decided. The
decision is yours: on the phone, or wherever this OP asks its users. Every exchange is
printed, secrets masked.`,
		Example: `  cibatest authorize --target staging.yaml --user alice
  cibatest authorize --target staging.yaml --param requested_expiry=30`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withFlow(cmd, f, func(h *byHand) error {
				extra, err := parseParams(f.params)
				if err != nil {
					return usage(err)
				}
				return authorize(cmd, f, h, extra)
			})
		},
	}
	f.bind(cmd)
	cmd.Flags().StringVar(&f.user, "user", "", "user by name in the target file; empty: the first")
	cmd.Flags().StringArrayVar(&f.params, "param", nil, "name=value to set in the request; an empty value removes it; repeatable")
	return cmd
}

func newPoll() *cobra.Command {
	var f flowFlags
	cmd := &cobra.Command{
		Use:     "poll AUTH_REQ_ID",
		Short:   "Poll the token endpoint for an auth_req_id",
		Example: "  cibatest poll --target staging.yaml --once 1c266114-a1be-4252-8ad1-04986c5b9ac1",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withFlow(cmd, f, func(h *byHand) error {
				return pollUntilDecided(cmd, f, h, args[0], 5*time.Second)
			})
		},
	}
	f.bind(cmd)
	return cmd
}

func withFlow(cmd *cobra.Command, f flowFlags, do func(*byHand) error) error {
	if f.target == "" {
		return usage(errNoTarget)
	}
	opened, err := openTarget(cmd, f.target)
	if err != nil {
		return err
	}
	defer opened.Close()
	h, err := newByHand(cmd.Context(), opened, f.client, f.user)
	if err != nil {
		return err
	}
	return do(h)
}

func parseParams(pairs []string) (ciba.Params, error) {
	var p ciba.Params
	for _, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--param %q is not name=value", pair)
		}
		p = append(p, ciba.Param{Name: name, Value: value})
	}
	return p, nil
}

func authorize(cmd *cobra.Command, f flowFlags, h *byHand, extra ciba.Params) error {
	resp, err := h.start(cmd.Context(), extra)
	if err != nil {
		return notJudged(err)
	}
	if err := h.print(cmd.OutOrStdout()); err != nil {
		return err
	}
	ack, err := resp.Ack()
	if err != nil {
		return &exitError{exitNonConformant, fmt.Errorf("the request was not accepted: %s", resp.Summary())}
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "auth_req_id %q, expires in %s; waiting for the user's decision\n", ack.AuthReqID, ack.ExpiresIn)
	interval := ack.Interval
	if interval == 0 {
		interval = 5 * time.Second
	}
	return pollUntilDecided(cmd, f, h, ack.AuthReqID, interval)
}

// pollUntilDecided polls at the interval, lengthened by 5 s for each slow_down,
// until the answer is neither pending nor slow_down.
func pollUntilDecided(cmd *cobra.Command, f flowFlags, h *byHand, id string, interval time.Duration) error {
	for {
		if !f.once {
			if err := sleep(cmd.Context(), interval); err != nil {
				return &exitError{code: exitInterrupted}
			}
		}
		resp, err := h.poll(cmd.Context(), id)
		if cmd.Context().Err() != nil {
			return &exitError{code: exitInterrupted}
		}
		if err != nil {
			return notJudged(err)
		}
		if err := h.print(cmd.OutOrStdout()); err != nil {
			return err
		}
		e, isError := resp.OAuthError()
		code := ciba.ErrorCode(e.Code)
		switch waiting := slices.Contains([]ciba.ErrorCode{ciba.AuthorizationPending, ciba.SlowDown}, code); {
		case resp.Err != nil:
			return notJudged(resp.Err)
		case isError && waiting && !f.once:
			if code == ciba.SlowDown {
				interval += 5 * time.Second
			}
			continue
		case resp.Status == 200 && f.showTokens:
			return printTokens(cmd.OutOrStdout(), resp)
		case resp.Status != 200 && !waiting:
			return &exitError{exitNonConformant, errors.New(resp.Summary())}
		}
		return nil
	}
}

func printTokens(out io.Writer, resp *ciba.Response) error {
	object, err := resp.Object()
	if err != nil {
		return &exitError{exitNonConformant, err}
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(object)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
