package selftest

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/cibatest/cibatest/suites"
)

// A set-up in which nothing works is told in one sentence, and nobody is accused: the
// metadata are judged all the same, and nothing else.
func TestSetUpWithoutWorkingClient(t *testing.T) {
	t.Parallel()
	run := judgeLab(t, lab.Options{}, describing(func(tgt *targetfile.Target) {
		for i := range tgt.Clients {
			tgt.Clients[i].ClientID += "-unknown"
		}
	}))
	if notes := strings.Join(run.Notes, "\n"); !strings.Contains(notes, "the OP refuses every client") || !strings.Contains(notes, "401 invalid_client") {
		t.Errorf("the notes say %q, want what the OP says to the clients", notes)
	}
	judgedMetadataOnly(t, run, result.Partial)
}

// What stops a run is a finding, too: metadata without the endpoint fail the clause that
// demands it, and what else they say is judged.
func TestRunThatMetadataStop(t *testing.T) {
	t.Parallel()
	for fault, failing := range map[string]string{
		"metadata-endpoint-missing": "metadata-endpoint", "metadata-token-endpoint-missing": "metadata-required", "metadata-cut": "metadata-response",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			run := judgeLab(t, lab.Options{Faults: []string{fault}})
			judgedMetadataOnly(t, run, result.NonConformant)
			for _, c := range run.Cases {
				if (c.Outcome == result.Fail) != (c.ID == failing) {
					t.Errorf("%s: %s: %s", c.ID, c.Outcome, c.Message)
				}
			}
			if notes := strings.Join(run.Notes, "\n"); !strings.Contains(notes, "no flow can be driven") {
				t.Errorf("the notes say %q", notes)
			}
		})
	}
}

// judgedMetadataOnly holds a run to a verdict that rests on nothing but metadata.
func judgedMetadataOnly(t *testing.T, run result.Run, want result.Verdict) {
	t.Helper()
	judged := 0
	for _, c := range run.Cases {
		if !c.Outcome.Judged() {
			continue
		}
		judged++
		if !strings.HasPrefix(c.ID, "metadata-") && !strings.HasPrefix(c.ID, "jwks-") {
			t.Errorf("%s was judged: %s", c.ID, c.Outcome)
		}
	}
	if judged == 0 || run.Verdict != want {
		t.Errorf("the run is %s with %d cases judged, want %s", run.Verdict, judged, want)
	}
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
		"rar.valid is a skeleton": {func(tgt *targetfile.Target) {
			tgt.RAR.Valid = []json.RawMessage{json.RawMessage(`{"type":"payment_initiation"}`)}
		}, "cases about authorization_details are skipped: rar.valid[0] has a type only and is refused with 400 invalid_authorization_details", ""},
		"one user is unknown": {func(tgt *targetfile.Target) { tgt.Users[0].LoginHint = "alicf" }, `user alice takes no part: a good request is refused with 400 unknown_user_id, "the hint names no user"`, ""},
		"every login_hint is unknown": {func(tgt *targetfile.Target) {
			for i := range tgt.Users {
				tgt.Users[i].LoginHint += "-unknown"
			}
		}, "ordinary requests are sent with login_hint_token", "hint-login"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := judgeLab(t, lab.Options{}, describing(c.describe), func(o *suites.Options) { o.Select.Smoke = name != "rar.valid is a skeleton" })
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
	if notes := strings.Join(run.Notes, "\n"); strings.Count(notes, "the approval hook answers 404") != 1 || !strings.Contains(notes, "cases that need a decision are skipped") {
		t.Errorf("the notes say %q", notes)
	}
}

// A client that the OP refuses takes no part also where a case judges one client of each
// ID Token algorithm, and it is the only one of its algorithm.
func TestRefusedClientOfAnAlgorithm(t *testing.T) {
	t.Parallel()
	run := judgeLab(t, lab.Options{}, describing(func(tgt *targetfile.Target) {
		for i := range tgt.Clients {
			if name := tgt.Clients[i].Name; name == "post-a" || name == "push-b" { // the ones with PS256
				tgt.Clients[i].ClientSecret = "of-nobody"
			}
		}
	}))
	for _, c := range run.Cases {
		// Whether each method works at both endpoints cannot be told of a client that is refused at both.
		if !strings.HasPrefix(c.ID, "auth-") && (c.Outcome == result.Error || c.Outcome == result.Fail) {
			t.Errorf("%s: %s: %s", c.ID, c.Outcome, c.Message+c.Reason)
		}
	}
}

// A target with clients of one delivery mode only has its own way of finding out that an
// OP keeps one open request for each user.
func TestOneRequestPerUserInOneMode(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{targetfile.DeliveryPing, targetfile.DeliveryPush} {
		for _, variant := range []string{"one-request-supersedes", "one-request-refuses"} {
			t.Run(mode+" "+variant, func(t *testing.T) {
				t.Parallel()
				run := judgeLab(t, lab.Options{Variants: []string{variant}}, describing(func(tgt *targetfile.Target) {
					tgt.Clients = slices.DeleteFunc(tgt.Clients, func(c targetfile.Client) bool { return c.DeliveryMode != mode })
				}))
				for _, c := range run.Cases {
					if c.Outcome == result.Error || c.Outcome == result.Fail {
						t.Errorf("%s: %s: %s", c.ID, c.Outcome, c.Message+c.Reason)
					}
				}
			})
		}
	}
}
