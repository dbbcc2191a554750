package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/spf13/cobra"
)

// flowFlags are shared by authorize and poll.
type flowFlags struct {
	target, client, user string
	mode                 string
	params               []string
	once, showTokens     bool
}

func (f *flowFlags) bind(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&f.target, "target", "t", os.Getenv("CIBATEST_TARGET"), "target file (CIBATEST_TARGET)")
	flags.StringVar(&f.client, "client", "", "client by its name in the target file; empty: the first of its delivery mode")
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
printed, secrets masked.

A client of delivery mode ping or push is called by the OP instead: the call is received at
the address of notifications in the target file, and after a ping the tokens are fetched.`,
		Example: `  cibatest authorize --target staging.yaml --user alice
  cibatest authorize --target staging.yaml --mode push
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
	cmd.Flags().StringVar(&f.mode, "mode", "", "delivery mode of the client, where --client names none: poll, ping or push; empty: poll")
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
				return pollUntilDecided(cmd, f, h, ciba.AuthAck{AuthReqID: args[0]})
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
	modes := []string{targetfile.DeliveryPoll, targetfile.DeliveryPing, targetfile.DeliveryPush}
	if f.mode != "" && !slices.Contains(modes, f.mode) {
		return usage(fmt.Errorf("--mode %q is none of %s", f.mode, strings.Join(modes, ", ")))
	}
	opened, err := openTarget(cmd, f.target)
	if err != nil {
		return err
	}
	defer opened.Close()
	who := cast{client: f.client, user: f.user, mode: f.mode}
	release, err := openReceiver(cmd.Context(), opened, who)
	if err != nil {
		return usage(err)
	}
	defer release()
	h, err := newByHand(cmd.Context(), cmd.ErrOrStderr(), opened, who)
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
		return &exitError{exitNonConformant, notAccepted(resp, err)}
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "auth_req_id %q, expires in %s; waiting for the user's decision\n", ack.AuthReqID, ack.ExpiresIn)
	if h.client.Notified() {
		fmt.Fprintf(cmd.ErrOrStderr(), "the OP calls %s then\n", preflight.EndpointOf(h.receiver, h.client.Client))
		return awaitCall(cmd, f, h, resp)
	}
	return pollUntilDecided(cmd, f, h, ack)
}

// notAccepted says why an answer is no acknowledgement: a refusal in the OP's own
// code, a success in what is wrong with it.
func notAccepted(resp *ciba.Response, err error) error {
	if resp.Status/100 == 2 {
		return fmt.Errorf("the request was answered with %d, but %w", resp.Status, err)
	}
	return fmt.Errorf("the request was not accepted: %s", resp.Summary())
}

const (
	// handPatience bounds how long a request is polled by hand, whatever lifetime and
	// interval the OP names.
	handPatience = 15 * time.Minute

	// expiryGrace is for the poll after the end, which shows how the OP tells it.
	expiryGrace = 10 * time.Second
)

// pollUntilDecided polls at the interval, lengthened by 5 s for each slow_down,
// until the answer is neither pending nor slow_down. It gives up when the request is
// over, and where the next poll would come after that.
func pollUntilDecided(cmd *cobra.Command, f flowFlags, h *byHand, ack ciba.AuthAck) error {
	interval := cmp.Or(ack.Interval, ciba.DefaultInterval)
	until := time.Now().Add(min(handPatience, cmp.Or(ack.ExpiresIn, handPatience)) + expiryGrace)
	for {
		if !f.once {
			if time.Now().Add(interval).After(until) {
				return &exitError{exitNonConformant, fmt.Errorf("given up without a decision: the next poll is due in %s, "+
					"but the request lives for %s and is polled for %s at most", interval, ack.ExpiresIn, handPatience)}
			}
			if err := sleep(cmd.Context(), interval); err != nil {
				return &exitError{code: exitInterrupted}
			}
		}
		resp, err := h.poll(cmd.Context(), ack.AuthReqID)
		if cmd.Context().Err() != nil {
			return &exitError{code: exitInterrupted}
		}
		if err != nil {
			return notJudged(err)
		}
		if err := h.print(cmd.OutOrStdout()); err != nil {
			return err
		}
		if f.once || !waiting(resp) {
			return decided(cmd.OutOrStdout(), f, resp)
		}
		if resp.Is(ciba.SlowDown) {
			interval += ciba.SlowDownStep
		}
	}
}

// waiting reports whether an answer asks to poll again.
func waiting(resp *ciba.Response) bool {
	return resp.Is(ciba.AuthorizationPending, ciba.SlowDown)
}

// decided turns the last answer to a poll into an exit: tokens, or what --once was
// told, are as expected.
func decided(out io.Writer, f flowFlags, resp *ciba.Response) error {
	_, noTokens := resp.Tokens()
	switch {
	case waiting(resp):
		return nil
	case resp.Err != nil:
		return notJudged(resp.Err)
	case resp.Status != http.StatusOK:
		return &exitError{exitNonConformant, refused(resp)}
	case noTokens != nil:
		return &exitError{exitNonConformant, fmt.Errorf("200 without tokens: %w", noTokens)}
	case f.showTokens:
		return printTokens(out, resp)
	}
	return nil
}

// refused says that no tokens came of a request, for an answer or a pushed error.
func refused(resp *ciba.Response) error {
	if resp.Is(ciba.AccessDenied) {
		return errors.New("the user denied the request (access_denied)")
	}
	return errors.New(resp.Summary())
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
