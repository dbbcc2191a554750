package selftest

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"text/tabwriter"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/memnet"
	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/cibatest/cibatest/suites"
)

var (
	onlyCase  = flag.String("case", "", "run the self-test for one case only")
	onlyFault = flag.String("fault", "", "run the self-test for one fault only")
)

// judgeLab runs the suites against a lab in memory, inside a bubble where
// waiting costs nothing.
func judgeLab(t *testing.T, o lab.Options, s suites.Selection) result.Run {
	t.Helper()
	return judgeLabAs(t, o, s, func(*targetfile.Target) {})
}

// judgeLabAs is judgeLab with another description of the lab.
func judgeLabAs(t *testing.T, o lab.Options, s suites.Selection, describe func(*targetfile.Target)) result.Run {
	t.Helper()
	var run result.Run
	cases()
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		defer network.Close()
		o.Network = network
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		l, err := lab.Start(ctx, o)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		describe(l.Target)
		run, err = suites.Run(ctx, suites.Options{Target: l.Target, Approver: l.Approver, RoundTripper: l.RoundTripper, Select: s, ToolVersion: "test"})
		if err != nil {
			t.Fatal(err)
		}
	})
	return run
}

func selection() suites.Selection {
	if *onlyCase != "" {
		return suites.Selection{Arguments: strings.Split(*onlyCase, ",")}
	}
	return suites.Selection{}
}

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

// The healthy OP passes every case; what it does not offer is skipped.
func TestHealthy(t *testing.T) {
	t.Parallel()
	run := judgeLab(t, lab.Options{}, selection())
	for _, c := range run.Cases {
		if c.Outcome != result.Pass && c.Outcome != result.Info && c.Outcome != result.Skip {
			t.Errorf("%s: %s: %s %s", c.ID, c.Outcome, c.Message, c.Reason)
		}
	}
	t.Logf("verdict %s, %+v, critical path %d ms, wall %d ms, sum %d ms", run.Verdict, run.Summary, run.Timing.CriticalPathMS, run.Timing.WallMS, run.Timing.SumMS)
	if path := run.Timing.CriticalPathMS; path > 60_000 && *onlyCase == "" {
		t.Errorf("the critical path is %d ms, and a whole run is to take less than a minute at an interval of 5 s", path)
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
			accusesNobody(t, judgeLabAs(t, lab.Options{}, selection(), describe))
		})
	}
}

// Where the target file says nothing about id_token_hint, an OP that takes none is
// not accused: CIBA-7.1-ITH-OK is for the kinds of hints an OP supports.
func TestUnsaidHint(t *testing.T) {
	t.Parallel()
	run := judgeLabAs(t, lab.Options{Variants: []string{"hint-id-token-not-taken"}}, selection(), func(tgt *targetfile.Target) {
		delete(tgt.Capabilities, "id_token_hint")
		for i := range tgt.Users {
			tgt.Users[i].IDTokenHint = ""
		}
	})
	accusesNobody(t, run)
}

// What RFC 6749 allows without reserve at the token endpoint is not even a warning.
func TestTokenEndpointAnswers400(t *testing.T) {
	t.Parallel()
	area := suites.Selection{Arguments: []string{"client-auth"}}
	healthy := judgeLab(t, lab.Options{}, area)
	for i, c := range judgeLab(t, lab.Options{Variants: []string{"auth-400-at-token"}}, area).Cases {
		if want := healthy.Cases[i]; c.Outcome != want.Outcome {
			t.Errorf("%s: %s, on the healthy OP %s: %s", c.ID, c.Outcome, want.Outcome, c.Message)
		}
	}
}

// An issuer may have a path or end in a slash; all addresses follow from it.
func TestIssuers(t *testing.T) {
	t.Parallel()
	for name, issuer := range map[string]string{"path": "http://127.0.0.1:9001/tenant/a", "slash": "http://127.0.0.1:9001/"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			accusesNobody(t, judgeLab(t, lab.Options{Issuer: issuer}, selection()))
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

// A legal departure accuses nobody: no case fails, and what could be judged on
// the healthy OP can still be judged.
func TestVariants(t *testing.T) {
	t.Parallel()
	for _, v := range refop.Variants() {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			accusesNobody(t, judgeLab(t, lab.Options{Variants: []string{v.Name}}, selection()))
		})
	}
}

// The same where a target names two users and two clients that authenticate by
// private_key_jwt: each case has to do with them, whatever it prefers.
func TestVariantsOnSmallTargets(t *testing.T) {
	if testing.Short() {
		t.Skip("with -short the variants are tried on the whole target only")
	}
	t.Parallel()
	for _, v := range refop.Variants() {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			accusesNobody(t, judgeLabAs(t, lab.Options{Variants: []string{v.Name}}, selection(), func(tgt *targetfile.Target) {
				tgt.Users = tgt.Users[:2]
				tgt.Clients = slices.DeleteFunc(tgt.Clients, func(c targetfile.Client) bool { return c.Name != "jwt-a" && c.Name != "jwt-b" })
			}))
		})
	}
}

// matrix collects which cases each fault trips.
type matrix struct {
	mu     sync.Mutex
	trips  map[string][]string
	unseen []string // What the first of two runs did not notice
}

func (m *matrix) unseenOnce(f refop.Fault, said string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.unseen = append(m.unseen, fmt.Sprintf("%s was not noticed at the first try: %s", f.Name, said))
}

// Each fault is caught by a case of the requirement it breaks, and each case is
// caught failing by a fault. What else a fault trips is listed.
func TestFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("the fault matrix is long; it runs without -short")
	}
	m := &matrix{trips: map[string][]string{}}
	t.Run("each", func(t *testing.T) {
		for _, f := range refop.Faults() {
			if *onlyFault != "" && f.Name != *onlyFault {
				continue
			}
			t.Run(f.Name, func(t *testing.T) {
				t.Parallel()
				m.check(t, f)
			})
		}
	})
	m.print(t)
	if *onlyFault == "" && *onlyCase == "" {
		m.everyCaseFails(t)
		if n := len(refop.Faults()); n < 220 {
			t.Errorf("there are %d faults, want 220 at least", n)
		}
	}
}

// check runs the cases against a fault. A fault whose traces depend on how cases
// meet may go unseen once; the second run has to see it, and the table says so.
func (m *matrix) check(t *testing.T, f refop.Fault) {
	if _, ok := catalogue.Must().Get(f.Breaks); !ok {
		t.Fatalf("breaks the unknown requirement %s", f.Breaks)
	}
	run := judgeLab(t, lab.Options{Faults: []string{f.Name}}, selection())
	tripped := trippedBy(run)
	if *onlyCase == "" && !caught(f, tripped) {
		m.unseenOnce(f, whatTheySaid(f, run))
		run = judgeLab(t, lab.Options{Faults: []string{f.Name}}, selection())
		tripped = trippedBy(run)
		if !caught(f, tripped) {
			t.Errorf("no case of %s noticed: %s; noticed by %v", f.Breaks, whatTheySaid(f, run), tripped)
		}
	}
	m.mu.Lock()
	m.trips[f.Name] = tripped
	m.mu.Unlock()
	checkDamage(t, f, tripped)
}

// caught says whether a case of the requirement that the fault breaks is among
// the tripped ones.
func caught(f refop.Fault, tripped []string) bool { return len(elsewhere(f, tripped)) < len(tripped) }

// whatTheySaid are the outcomes of the cases of the broken requirement.
func whatTheySaid(f refop.Fault, run result.Run) string {
	var said []string
	for _, c := range run.Cases {
		if slices.Contains(c.Requirements, f.Breaks) {
			said = append(said, fmt.Sprintf("%s %s (%s%s)", c.ID, c.Outcome, c.Message, c.Reason))
		}
	}
	return strings.Join(said, "; ")
}

// found says whether a case noticed something. An info counts for requirements
// whose own verdict is info: more cannot be said about them.
func found(c result.Case) bool {
	switch c.Outcome {
	case result.Fail, result.Warn:
		return true
	case result.Info:
		r, _ := catalogue.Must().Get(c.Requirements[0])
		return r.Verdict == "info"
	}
	return false
}

// print writes the table fault -> cases to standard output, or to the file named
// by the environment: first the cases of the requirement that the fault breaks,
// then what else it trips, with the reason.
func (m *matrix) print(t *testing.T) {
	out := os.Stdout
	if path := os.Getenv("CIBATEST_FAULT_TABLE"); path != "" {
		file, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		out = file
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, f := range refop.Faults() {
		tripped, ran := m.trips[f.Name]
		if !ran {
			continue
		}
		also := elsewhere(f, tripped)
		own := slices.DeleteFunc(slices.Clone(tripped), func(id string) bool { return slices.Contains(also, id) })
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.Name, f.Breaks, strings.Join(own, " "))
		if broken, _ := catalogue.Must().Get(f.Breaks); len(also) > 0 {
			fmt.Fprintf(w, "\talso, as %s:\t%s\n", damage[broken.Area].why, strings.Join(also, " "))
		}
	}
	w.Flush()
	for _, line := range m.unseen {
		fmt.Fprintln(out, line)
	}
}

func (m *matrix) everyCaseFails(t *testing.T) {
	caught := map[string]bool{}
	for _, tripped := range m.trips {
		for _, id := range tripped {
			caught[id] = true
		}
	}
	for _, c := range suites.List(nil).Cases {
		if !caught[c.ID] && c.ID != "tls-versions" { // see TestTLSVersions of the family security
			t.Errorf("no fault makes the case %s fail", c.ID)
		}
	}
}
