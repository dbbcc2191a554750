package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/spf13/cobra"
)

// openReceiver opens the notification endpoints of a target, where the client is called by
// the OP, or has its keys read there, and they are not open yet.
func openReceiver(ctx context.Context, o *preflight.Opened, who cast) (release func(), err error) {
	isCalled := slices.ContainsFunc(o.Target.Clients, func(c targetfile.Client) bool {
		named := c.Name == who.client || who.client == "" && c.DeliveryMode == who.mode
		return c.Notified() && named || c.JWKSURI != "" && c.Name == who.client
	})
	if !isCalled || o.Receiver != nil {
		return func() {}, nil
	}
	if o.Receiver, err = preflight.Receive(ctx, o.Target); err != nil {
		return nil, err
	}
	if o.Receiver == nil {
		return nil, errors.New("notifications.listen is not set in the target file; the OP calls this client, so name an address to listen at")
	}
	return o.Receiver.Close, nil
}

// awaitCall waits for the OP's call about a request, prints it and, after a ping, fetches
// the tokens.
func awaitCall(cmd *cobra.Command, f flowFlags, h *byHand, resp *ciba.Response) error {
	flow, err := driver.NewFlow(h.client, h.user, resp)
	if err != nil {
		return &exitError{exitNonConformant, err}
	}
	patience := min(handPatience, time.Until(flow.ExpiredBy())+expiryGrace)
	calls, err := h.driver.AwaitNotifications(cmd.Context(), flow, 1, patience)
	if cmd.Context().Err() != nil {
		return &exitError{code: exitInterrupted}
	}
	if err != nil {
		return notJudged(err)
	}
	misled := h.driver.Witness(h.run.Inbox(flow).Misled())
	if err := h.print(cmd.OutOrStdout()); err != nil {
		return err
	}
	if len(calls) == 0 {
		return notCalled(cmd.Context(), h, patience, len(misled))
	}
	if h.client.DeliveryMode == targetfile.DeliveryPing {
		return pollOnce(cmd, f, h, flow.AuthReqID)
	}
	if _, isError := calls[0].Payload.OAuthError(); isError {
		return &exitError{exitNonConformant, refused(calls[0].Payload)}
	}
	return decided(cmd.OutOrStdout(), f, calls[0].Payload)
}

// notCalled says what was wrong with the calls that came, or that none did and what to look
// at: an OP that calls nobody, a user who did not decide and an address that cannot be
// reached are the same from here.
func notCalled(ctx context.Context, h *byHand, patience time.Duration, misled int) error {
	if misled > 0 {
		return &exitError{exitNonConformant, fmt.Errorf("the OP named this request in %d calls without its client_notification_token", misled)}
	}
	at := preflight.EndpointOf(h.receiver, h.client.Client)
	leads := func(at string) error { return preflight.Leads(ctx, h.receiver, h.target, at) }
	return notJudged(fmt.Errorf(
		"the OP did not call client %s at %s within %s; did the user decide, and is that what the OP has registered? %s",
		h.client.Name, at, patience.Round(time.Second), preflight.WhyNotCalled(h.target, h.receiver, at, leads)))
}

// pollOnce fetches the result of a ping. There is nothing to wait for any more.
func pollOnce(cmd *cobra.Command, f flowFlags, h *byHand, authReqID string) error {
	f.once = true
	return pollUntilDecided(cmd, f, h, ciba.AuthAck{AuthReqID: authReqID})
}
