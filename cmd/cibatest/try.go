package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/spf13/cobra"
)

func newTry() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "try",
		Short: "Try one part of a target file alone",
	}
	cmd.AddCommand(newTryApproval())
	return cmd
}

func newTryApproval() *cobra.Command {
	var target, client, user string
	cmd := &cobra.Command{
		Use:   "approval",
		Short: "Start two requests, deny one and approve the other, and see whether polls tell",
		Long: `Tries the approval section of a target file and nothing else: starts a request, has its
user deny it, polls, and does the same with an approval. Nothing is judged. The first thing
that does not work is told in the OP's own words or those of the approval hook.`,
		Example: "  cibatest try approval --target staging.yaml\n  cibatest try approval --target staging.yaml --user bob",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if target == "" {
				return usage(errNoTarget)
			}
			opened, err := openTarget(cmd, target)
			if err != nil {
				return err
			}
			defer opened.Close()
			return tryApproval(cmd, opened, client, user)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&target, "target", "t", os.Getenv("CIBATEST_TARGET"), "target file (CIBATEST_TARGET)")
	flags.StringVar(&client, "client", "", "client by its name in the target file; empty: the first poll client")
	flags.StringVar(&user, "user", "", "user by name in the target file; empty: the first")
	return cmd
}

func tryApproval(cmd *cobra.Command, opened *preflight.Opened, client, user string) error {
	h, err := newByHand(cmd.Context(), cmd.ErrOrStderr(), opened, cast{client: client, user: user})
	if err != nil {
		return err
	}
	for _, allow := range []bool{false, true} {
		if err := tryDecision(cmd, h, opened, allow); err != nil {
			return err
		}
	}
	return nil
}

// decisionNames are how the two decisions are called in what is printed.
var decisionNames = map[bool]string{true: "approval", false: "denial"}

// tryDecision carries one request from its start to what a poll says after the decision.
func tryDecision(cmd *cobra.Command, h *byHand, opened *preflight.Opened, allow bool) error {
	ctx, name, out := cmd.Context(), decisionNames[allow], cmd.OutOrStdout()
	resp, err := h.start(ctx, nil)
	if err != nil {
		return notJudged(err)
	}
	flow, err := driver.NewFlow(h.client, h.user, resp)
	if err != nil {
		return notJudged(fmt.Errorf("%s: the request of client %s for user %s was not accepted: %s; %s",
			name, h.client.Name, h.user.Name, driver.InItsWords(resp), lookAt(opened.Target, h, resp)))
	}
	if err := opened.Approver.Decide(ctx, approve.Decision{AuthReqID: flow.AuthReqID, User: flow.User, Allow: allow}); err != nil {
		return notJudged(fmt.Errorf("%s: the decision could not be delivered: %w; see approval in %s",
			name, err, opened.Target.Where("approval")))
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s delivered; the next poll is due in %s\n", name, time.Until(flow.NextPoll()).Round(time.Second))
	told, err := pollDecided(ctx, h, flow, opened.Target.Where("approval"))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: delivered, and a poll is answered %s\n", name, told)
	return nil
}

// lookAt says where to look when a request was not accepted: at the client where it is refused
// as such, and else at what the request is made of.
func lookAt(t *targetfile.Target, h *byHand, resp *ciba.Response) string {
	if driver.RefusesClient(resp) {
		return fmt.Sprintf("compare client_id, auth_method and secret or key in %s with its registration", t.Where("clients."+h.client.Name))
	}
	return fmt.Sprintf("compare the user's hint in %s, scope, binding_message and start_params with what this OP takes",
		t.Where("users."+h.user.Name))
}

// pollDecided polls until the answer is neither pending nor slow_down, for as long as an
// OP may take until a decision shows. hook is where the target file says how to decide.
func pollDecided(ctx context.Context, h *byHand, f *driver.Flow, hook string) (string, error) {
	patience := time.Now().Add(f.DecisionWindow())
	for {
		resp, err := h.driver.Send(ctx, h.run.Poll(f))
		switch {
		case err != nil:
			return "", &exitError{code: exitInterrupted}
		case resp.Err != nil:
			return "", notJudged(resp.Err)
		case !driver.Undecided(resp):
			return driver.InItsWords(resp), nil
		case time.Now().After(patience):
			return "", notJudged(fmt.Errorf("the decision was delivered, yet after %s a poll is still answered %s; "+
				"does the hook in %s decide about this request?", f.DecisionWindow(), driver.InItsWords(resp), hook))
		}
	}
}
