package selftest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/memnet"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/cibatest/cibatest/suites"
)

// A set-up in which nothing works is told in one sentence, and nobody is accused.
func TestSetUpWithoutWorkingClient(t *testing.T) {
	t.Parallel()
	cases()
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		defer network.Close()
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		l, err := lab.Start(ctx, lab.Options{Network: network})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		for i := range l.Target.Clients {
			l.Target.Clients[i].ClientID += "-unknown"
		}
		_, err = suites.Run(ctx, suites.Options{Target: l.Target, Approver: l.Approver, RoundTripper: l.RoundTripper})
		if !errors.Is(err, suites.ErrSetUp) || !strings.Contains(err.Error(), "401 invalid_client") {
			t.Errorf("got %v, want what the OP says to the clients", err)
		}
	})
}

// Part of a set-up that does not work takes no part, which a note says in the OP's own
// words, and spoils nothing else.
func TestSetUpInPart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		describe func(*targetfile.Target)
		note     string
		fails    string // the one case that is left to judge what is refused; empty: none
	}{
		"one user is unknown": {func(tgt *targetfile.Target) { tgt.Users[0].LoginHint = "alicf" }, `user alice takes no part: a good request is refused with 400 unknown_user_id, "the hint names no user"`, ""},
		"every login_hint is unknown": {func(tgt *targetfile.Target) {
			for i := range tgt.Users {
				tgt.Users[i].LoginHint += "-unknown"
			}
		}, "ordinary requests are sent with login_hint_token", "hint-login"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := judgeLab(t, lab.Options{}, describing(c.describe), func(o *suites.Options) { o.Select.Smoke = true })
			if notes := strings.Join(run.Notes, "\n"); !strings.Contains(notes, c.note) {
				t.Errorf("the notes say %q", notes)
			}
			for _, one := range run.Cases {
				if (one.Outcome == result.Fail || one.Outcome == result.Error) && one.ID != c.fails {
					t.Errorf("%s: %s: %s", one.ID, one.Outcome, one.Message)
				}
			}
		})
	}
}

// Where decisions cannot be delivered the cases that need them are skipped, with the
// reason, and the run is no whole truth.
func TestSetUpWithoutDecisions(t *testing.T) {
	t.Parallel()
	run := judgeLab(t, lab.Options{}, func(o *suites.Options) {
		o.Select.Smoke = true
		o.Target.Approval = targetfile.Approval{Kind: "url", URL: o.Target.Issuer + "/no-such-hook?id={auth_req_id}&action={action}", Method: "POST"}
		var err error
		if o.Approver, err = approve.New(o.Target.Approval, approve.Options{RoundTripper: o.RoundTripper}); err != nil {
			t.Fatal(err)
		}
	})
	accusesNobody(t, run)
	if run.Verdict != result.Partial {
		t.Errorf("verdict %s, want partial", run.Verdict)
	}
	if notes := strings.Join(run.Notes, "\n"); !strings.Contains(notes, "cases that need the decision approve are skipped, as it could not be delivered: the approval hook answers 404") {
		t.Errorf("the notes say %q", notes)
	}
}
