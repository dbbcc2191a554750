package selftest

import (
	"slices"
	"testing"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/internal/refop/variants"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/cibatest/cibatest/suites"
)

// Every clause is judged, or says why not; of poll mode's own nearly all are.
func TestCoverage(t *testing.T) {
	covered := 0
	for _, r := range catalogue.Must().List() {
		if preflight.Outside(r) == "" && suites.Uncovered(r) == "" {
			covered++
		}
	}
	if covered < 195 {
		t.Errorf("%d requirements of poll mode have a case, want 195 at least", covered)
	}
	for _, r := range suites.List(nil).Requirements {
		if len(r.Cases) == 0 && r.Reason == "" {
			t.Errorf("%s has neither a case nor a reason why not", r.ID)
		}
	}
}

// mostCriticalPath is the longest that a whole run may take on the reference OP, in
// milliseconds: the longest life of a request that is watched, 55 s, and what comes after
// all, of which the longest is a ping client's flow.
const mostCriticalPath = 70_000

// callbacksOverTLS is the clause that needs notification endpoints with a certificate.
const callbacksOverTLS = "CIBA-9-PING-TLS-ONLY"

// An OP that looks at the certificate of a notification endpoint passes, however it calls.
func TestCallbacksOverTLS(t *testing.T) {
	t.Parallel()
	for _, v := range append([]variants.Variant{{}}, slices.Concat(variants.Notification, variants.Push)...) {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			o := lab.Options{TLS: true}
			if v.Name != "" {
				o.Variants = []string{v.Name}
			}
			for _, c := range judgeLab(t, o, selecting(callbacksOverTLS)).Cases {
				if c.Outcome != result.Pass {
					t.Errorf("%s: %s: %s %s", c.ID, c.Outcome, c.Message, c.Reason)
				}
			}
		})
	}
}

// The healthy OP passes every case; what it does not offer is skipped.
func TestHealthy(t *testing.T) {
	t.Parallel()
	run := judgeLab(t, lab.Options{})
	for _, c := range run.Cases {
		if c.Outcome != result.Pass && c.Outcome != result.Info && c.Outcome != result.Skip {
			t.Errorf("%s: %s: %s %s", c.ID, c.Outcome, c.Message, c.Reason)
		}
	}
	t.Logf("verdict %s, %+v, critical path %d ms, wall %d ms, sum %d ms", run.Verdict, run.Summary, run.Timing.CriticalPathMS, run.Timing.WallMS, run.Timing.SumMS)
	if path := run.Timing.CriticalPathMS; path > mostCriticalPath && *onlyCase == "" {
		t.Errorf("the critical path is %d ms, and a whole run is to take %d at most at an interval of 5 s", path, mostCriticalPath)
	}
	if slack := run.Timing.WallMS - run.Timing.CriticalPathMS; slack > 15_000 && *onlyCase == "" {
		t.Errorf("the run took %d ms longer than its critical path", slack)
	}
}

// A target may name little: one client, one user, nobody who decides. What cannot
// be judged is skipped, and all else is judged as ever.
func TestSmallTargets(t *testing.T) {
	t.Parallel()
	only := func(fits func(targetfile.Client) bool) func(*targetfile.Target) {
		return func(tgt *targetfile.Target) {
			tgt.Users = tgt.Users[:1]
			i := slices.IndexFunc(tgt.Clients, fits)
			tgt.Clients = tgt.Clients[i : i+1]
		}
	}
	by := func(method string) func(*targetfile.Target) {
		return only(func(c targetfile.Client) bool { return c.AuthMethod == method })
	}
	for name, describe := range map[string]func(*targetfile.Target){
		"client_secret_basic": by(targetfile.AuthClientSecretBasic),
		"client_secret_post":  by(targetfile.AuthClientSecretPost),
		"client_secret_jwt":   by(targetfile.AuthClientSecretJWT),
		"private_key_jwt":     by(targetfile.AuthPrivateKeyJWT),
		"user_code":           only(func(c targetfile.Client) bool { return c.UserCode }),
		"pairwise":            only(func(c targetfile.Client) bool { return c.SubjectType == "pairwise" }),
		"signed requests":     only(func(c targetfile.Client) bool { return c.RequestSigningAlg != "" }),
		"signed requests by all": func(tgt *targetfile.Target) {
			tgt.Clients = slices.DeleteFunc(tgt.Clients, func(c targetfile.Client) bool { return c.RequestSigningAlg == "" })
		},
		"only login hints": func(tgt *targetfile.Target) {
			for i := range tgt.Users {
				tgt.Users[i] = targetfile.User{Name: tgt.Users[i].Name, LoginHint: tgt.Users[i].LoginHint}
			}
			tgt.UnknownUser = targetfile.User{}
		},
		"only hint tokens": func(tgt *targetfile.Target) {
			for i := range tgt.Users {
				tgt.Users[i] = targetfile.User{Name: tgt.Users[i].Name, LoginHintToken: tgt.Users[i].LoginHintToken}
			}
		},
		"bare": func(tgt *targetfile.Target) {
			by(targetfile.AuthClientSecretBasic)(tgt)
			tgt.Users[0] = targetfile.User{Name: "alice", LoginHint: "alice"}
			tgt.Scope, tgt.BindingMessage, tgt.UnknownUser, tgt.RAR, tgt.Capabilities = "openid", "", targetfile.User{}, targetfile.RAR{}, nil
			tgt.Approval = targetfile.Approval{Kind: "none"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			accusesNobody(t, judgeLab(t, lab.Options{}, describing(describe)))
		})
	}
}

// Clients of all modes need neither somebody who decides nor a place where calls arrive: what
// takes one of them is left out.
func TestCallbacksWithLess(t *testing.T) {
	t.Parallel()
	for name, lacking := range map[string]func(*suites.Options){
		"nobody decides": describing(func(tgt *targetfile.Target) { tgt.Approval = targetfile.Approval{Kind: "none"} }),
		"no receiver":    func(o *suites.Options) { o.Receiver, o.Target.Notifications = nil, targetfile.Notifications{} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := judgeLab(t, lab.Options{}, lacking)
			accusesNobody(t, run)
			if run.Summary.Pass == 0 {
				t.Error("no case passed")
			}
		})
	}
}

// Where the target file says nothing about id_token_hint, an OP that takes none is
// not accused: CIBA-7.1-ITH-OK is for the kinds of hints an OP supports.
func TestUnsaidHint(t *testing.T) {
	t.Parallel()
	run := judgeLab(t, lab.Options{Variants: []string{"hint-id-token-not-taken"}}, describing(func(tgt *targetfile.Target) {
		delete(tgt.Capabilities, "id_token_hint")
		for i := range tgt.Users {
			tgt.Users[i].IDTokenHint = ""
		}
	}))
	accusesNobody(t, run)
}

// What a text allows without reserve is not even a warning.
func TestWithoutReserve(t *testing.T) {
	t.Parallel()
	for variant, arguments := range map[string][]string{
		"auth-400-at-token":                     {"client-auth"},
		"client-id-contradicts-invalid-client":  {"security", "client-auth"},
		"client-id-contradicts-invalid-request": {"security", "client-auth"},
		"client-id-contradicts-invalid-grant":   {"security", "client-auth"},
		"start-scope-unknown-invalid-target":    {"initiation"},
		"token-wider-scope-refused":             {"token-response"},
		"first-polls-take-3-s":                  {"polling"},
		"expired-whatever-became-of-it":         {"CIBA-10.1.1-REUSE"},
	} {
		t.Run(variant, func(t *testing.T) {
			t.Parallel()
			healthy := judgeLab(t, lab.Options{}, selecting(arguments...))
			for i, c := range judgeLab(t, lab.Options{Variants: []string{variant}}, selecting(arguments...)).Cases {
				if want := healthy.Cases[i]; c.Outcome != want.Outcome && c.Outcome != result.Pass {
					t.Errorf("%s: %s, on the healthy OP %s: %s", c.ID, c.Outcome, want.Outcome, c.Message)
				}
			}
		})
	}
}

// An issuer may have a path or end in a slash; all addresses follow from it.
func TestIssuers(t *testing.T) {
	t.Parallel()
	for name, issuer := range map[string]string{"path": "http://127.0.0.1:9001/tenant/a", "slash": "http://127.0.0.1:9001/"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			accusesNobody(t, judgeLab(t, lab.Options{Issuer: issuer}))
		})
	}
}

// accusesNobody holds a run to: no case fails, and none could not be judged.
func accusesNobody(t *testing.T, run result.Run) {
	t.Helper()
	for _, c := range run.Cases {
		if c.Outcome == result.Fail || c.Outcome == result.Error {
			t.Errorf("%s: %s: %s %s", c.ID, c.Outcome, c.Message, c.Reason)
		}
	}
}
