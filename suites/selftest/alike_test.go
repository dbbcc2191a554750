package selftest

import (
	"slices"
	"testing"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/refop/faults"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/suites"
)

// What only clients have in common that are registered alike is found wherever the target
// file has two of them, whatever stands between them.
func TestStrangersAreAlike(t *testing.T) {
	t.Parallel()
	all := faults.All()
	for name, of := range map[string]struct {
		clients []string
		faults  []string
	}{
		"basic": {
			[]string{"basic-a", "jwt-a", "post-a", "hmac-a", "basic-b"},
			[]string{"foreign-alike", "refresh-for-clients-alike", "hint-id-token-client-alike"},
		},
		"jwt": {[]string{"hmac-a", "jwt-b", "basic-a", "jwt-a", "jwt-c"}, []string{"assertion-client-id-of-alike"}},
	} {
		for _, fault := range of.faults {
			t.Run(name+" "+fault, func(t *testing.T) {
				t.Parallel()
				f := all[slices.IndexFunc(all, func(f faults.Fault) bool { return f.Name == fault })]
				run := judgeLab(t, lab.Options{Faults: []string{fault}}, selecting(f.Breaks), describing(keepingClients(of.clients...)))
				if !caught(f, run) {
					t.Errorf("%s is not found: %s", f.Breaks, whatTheySaid(f, run))
				}
			})
		}
	}
}

// keepingClients leaves these clients, in this order.
func keepingClients(names ...string) func(*targetfile.Target) {
	return func(tgt *targetfile.Target) {
		var kept []targetfile.Client
		for _, name := range names {
			i := slices.IndexFunc(tgt.Clients, func(c targetfile.Client) bool { return c.Name == name })
			kept = append(kept, tgt.Clients[i])
		}
		tgt.Clients = kept
	}
}

// The users of a case are those that have what it needs, wherever the target file has them.
func TestUsersByNeed(t *testing.T) {
	t.Parallel()
	only := func(cases ...string) func(*suites.Options) { return selecting(cases...) }
	for _, c := range []struct {
		name     string
		cases    func(*suites.Options)
		describe func([]targetfile.User)
	}{
		{"user codes of the last two", only("user-code-of-another"), func(u []targetfile.User) {
			u[0].UserCode, u[1].UserCode = "", ""
		}},
		{"login_hint_token of the first and the last", only("hint-subject-token-other", "hint-subject-token"), func(u []targetfile.User) {
			u[1].LoginHintToken, u[2].LoginHintToken = "", ""
		}},
		{"sub of the last two", only("hint-subject", "hint-subject-token-other"), func(u []targetfile.User) {
			u[0].Sub, u[1].Sub = "", ""
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			run := judgeLab(t, lab.Options{}, c.cases, describing(func(tgt *targetfile.Target) {
				tgt.Users = slices.Clone(tgt.Users)
				slices.SortFunc(tgt.Users, func(a, b targetfile.User) int { return len(a.IDTokenHint) - len(b.IDTokenHint) })
				c.describe(tgt.Users)
			}))
			for _, judged := range run.Cases {
				if judged.Outcome != "pass" {
					t.Errorf("%s: %s %s %s", judged.ID, judged.Outcome, judged.Message, judged.Reason)
				}
			}
		})
	}
}

// A skip says what the file would have to have.
func TestNoSuchUsers(t *testing.T) {
	t.Parallel()
	run := judgeLab(t, lab.Options{}, selecting("user-code-of-another"), describing(func(tgt *targetfile.Target) {
		tgt.Users = slices.Clone(tgt.Users)
		for i := range tgt.Users {
			tgt.Users[i].UserCode = "4711"
		}
	}))
	const want = "second_user: no two users of the target file that meet the needs of this case are ones with different user codes"
	if got := run.Cases[0]; got.Outcome != "skip" || got.Reason != want {
		t.Errorf("%s %q, want %q", got.Outcome, got.Reason, want)
	}
}
