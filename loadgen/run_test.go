package loadgen

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/memnet"
	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/internal/refop/faults"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/mockdevice"
	"github.com/cibatest/cibatest/reports/result"
)

// bench is the reference OP in a bubble, where waiting costs no time.
type bench struct {
	*lab.Lab
	network *memnet.Network
}

// inBubble runs a test against a reference OP in virtual time.
func inBubble(t *testing.T, o lab.Options, test func(t *testing.T, b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{network: memnet.New()}
		o.Network = b.network
		l, err := lab.Start(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		b.Lab = l
		defer b.network.Close()
		defer l.Close()
		facts, err := preflight.Gather(t.Context(), l.RoundTripper, l.Target)
		if err != nil {
			t.Fatal(err)
		}
		l.Target = facts.Target
		test(t, b)
	})
}

// plan is an ordinary plan for a rate.
func (b *bench) plan(t *testing.T, rate string, length time.Duration) Plan {
	t.Helper()
	arrivals, err := ParseRate(rate, length, nil)
	if err != nil {
		t.Fatal(err)
	}
	mix, _ := ParseMix("approve=80,deny=10,ignore=10")
	think, _ := ParseThink("lognormal:3s,0.6")
	return Plan{
		Arrivals: arrivals, Duration: length, Drain: time.Minute, Client: b.client("basic-a"), Users: b.Target.Users,
		Mix: mix, Think: think, Seed: 1,
	}
}

func (b *bench) client(name string) targetfile.Client {
	for _, c := range b.Target.Clients {
		if c.Name == name {
			return c
		}
	}
	panic("no client " + name)
}

func (b *bench) run(t *testing.T, p Plan) result.Load {
	t.Helper()
	return b.runWith(t.Context(), t, p, b.RoundTripper)
}

func (b *bench) runWith(ctx context.Context, t *testing.T, p Plan, rt http.RoundTripper) result.Load {
	t.Helper()
	l, err := Run(ctx, Options{Target: b.Target, Plan: p, Transport: rt, Decider: b.Approver})
	if err != nil {
		t.Fatal(err)
	}
	if !l.Funnel.AddsUp() {
		t.Errorf("the funnel does not add up: %+v", l.Funnel)
	}
	if n := l.Counters[result.CountEarlyPolls]; n != 0 {
		t.Errorf("%d polls were early", n)
	}
	return l
}

func latency(l result.Load, class string) result.Latency {
	for _, one := range l.Latency {
		if one.Class == class {
			return one
		}
	}
	return result.Latency{}
}

func TestHealthy(t *testing.T) {
	t.Parallel()
	inBubble(t, lab.Options{ExpiresIn: 30 * time.Second}, func(t *testing.T, b *bench) {
		p := b.plan(t, "20/s", 30*time.Second)
		p.Probes = 0.5
		p.RAR = payment(t)
		l := b.run(t, p)

		f := l.Funnel
		if f.Started != 600 || f.Acknowledged != 600 || f.Failed != 0 || f.Abandoned != 0 {
			t.Errorf("funnel %+v, failed for %v", f, l.FailedFor)
		}
		if f.Approved < 420 || f.Denied < 30 || f.Expired < 30 {
			t.Errorf("the mix is not that of the plan: %+v", f)
		}
		if len(l.Violations) != 0 {
			t.Errorf("a healthy OP is accused: %+v", l.Violations)
		}
		if n := l.Counters[result.CountUnprovoked]; n != 0 {
			t.Errorf("%d polls that kept the interval were answered slow_down", n)
		}
		if n := l.Counters[result.CountAsWanted]; n != 600 {
			t.Errorf("%d of 600 flows ended as their user wanted", n)
		}
		if l.Counters[result.CountTwins] == 0 {
			t.Error("no flow was redeemed twice")
		}
		if got := latency(l, "decision_to_token"); got.Count != f.Approved || got.P50 < 500_000 || got.Max > 6_000_000 {
			t.Errorf("decision to token: %+v", got)
		}
	})
}

// payment is a template whose values are those of one flow.
func payment(t *testing.T) *Template {
	t.Helper()
	template, err := NewTemplate(`{"type":"payment_initiation","instructedAmount":{"amount":"{amount}","currency":"EUR"},"remittanceInformationUnstructured":"{flow}"}`, "run")
	if err != nil {
		t.Fatal(err)
	}
	return template
}

// Each fault that only load can show is caught by a run of a minute, as a
// breach of the requirement it names.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, f := range faults.Load {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, lab.Options{ExpiresIn: 20 * time.Second, Faults: []string{f.Name}}, func(t *testing.T, b *bench) {
				p := b.plan(t, "10/s", 30*time.Second)
				p.Mix, _ = ParseMix("approve=40,deny=30,ignore=30") // enough of each for what happens now and then
				p.Drain, p.Probes, p.RAR = 20*time.Second, 0.5, payment(t)
				l := b.runFault(t, p, f)
				caught := slices.ContainsFunc(l.Violations, func(v result.Violation) bool {
					return v.Requirement == f.Breaks && v.Count > 0 && (len(v.Evidence) > 0 || v.Kind == "low_entropy")
				})
				if !caught {
					t.Errorf("not caught; found %+v", l.Violations)
				}
				for _, v := range l.Violations {
					t.Logf("%s %d: %s", v.Kind, v.Count, v.Text)
				}
			})
		})
	}
}

// runFault runs a plan as a client of the delivery mode that a fault is about.
func (b *bench) runFault(t *testing.T, p Plan, f faults.Fault) result.Load {
	t.Helper()
	for _, mode := range []string{deliveryPing, deliveryPush} {
		if strings.HasPrefix(f.Name, "load-"+mode+"-") {
			p.Client = b.callPlan(t, mode).Client
			return b.runCalled(t, p)
		}
	}
	return b.run(t, p)
}

func TestClientAuthentication(t *testing.T) {
	t.Parallel()
	for _, client := range []string{"basic-a", "post-a", "hmac-a", "jwt-a"} {
		t.Run(client, func(t *testing.T) {
			t.Parallel()
			inBubble(t, lab.Options{}, func(t *testing.T, b *bench) {
				p := b.plan(t, "2/s", 10*time.Second)
				p.Client, p.Mix = b.client(client), Mix{Approve: 1}
				l := b.run(t, p)
				if l.Funnel.Approved != 20 {
					t.Errorf("funnel %+v, answers %v", l.Funnel, l.Answers)
				}
				if signs := client == "hmac-a" || client == "jwt-a"; signs != (l.Counters[result.CountSignings] > 0) {
					t.Errorf("%d signatures", l.Counters[result.CountSignings])
				}
			})
		})
	}
}

// asWitness asks the device in the bubble what it decided.
type asWitness struct{ *mockdevice.Device }

func (w asWitness) Decided(_ context.Context, authReqID string) (*Decided, error) {
	r, known := w.Find(authReqID)
	switch {
	case !known:
		return nil, errors.New("the device was not asked")
	case r.Decided == "", r.Decided == mockdevice.Ignore:
		return nil, nil
	}
	return &Decided{Allow: r.Decided == mockdevice.Approve, At: r.Outcome.At}, nil
}

// Where the device decides by its own policy, it tells afterwards what it decided.
func TestWitness(t *testing.T) {
	t.Parallel()
	for fault, breach := range map[string]string{
		"healthy": "", "denial-is-approval": "tokens_after_denial", "approval-is-denial": "denied_although_approved", "tokens-without-decision": "tokens_without_decision",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			o := lab.Options{ExpiresIn: 30 * time.Second}
			if breach != "" {
				o.Faults = []string{fault}
			}
			inBubble(t, o, func(t *testing.T, b *bench) {
				rules, err := mockdevice.ParseRules("mix", []byte("seed: 1\nrules: [{name: mix, delay: 2s, mix: [{share: 7, then: approve}, {share: 2, then: deny}, {share: 1, then: ignore}]}]\n"))
				if err != nil {
					t.Fatal(err)
				}
				b.Device.SetRules(rules)
				p := b.plan(t, "10/s", 30*time.Second)
				p.Probes = 0
				l, err := Run(t.Context(), Options{Target: b.Target, Plan: p, Transport: b.RoundTripper, Witness: asWitness{b.Device}})
				if err != nil {
					t.Fatal(err)
				}
				if breach != "" {
					if !slices.ContainsFunc(l.Violations, func(v result.Violation) bool { return v.Kind == breach && len(v.Evidence) > 0 }) {
						t.Errorf("want %s, found %+v", breach, l.Violations)
					}
					return
				}
				f, n := l.Funnel, l.Counters
				if len(l.Violations) != 0 || f.Approved < 150 || f.Denied < 30 || f.Expired < 10 {
					t.Errorf("violations %+v, funnel %+v", l.Violations, f)
				}
				if told := n[result.CountDecisions]; told != f.Approved+f.Denied || n[result.CountUnwitnessed] != 0 {
					t.Errorf("the device told %d decisions, %d not", told, n[result.CountUnwitnessed])
				}
				if got := latency(l, "decision_to_token"); got.Count != f.Approved || got.Max > 6_000_000 {
					t.Errorf("decision to token: %+v", got)
				}
			})
		})
	}
}

// Where only the device knows what was decided, it tells of decisions that the OP kept to
// itself.
func TestWitnessKnowsWhatWasNotDelivered(t *testing.T) {
	t.Parallel()
	inBubble(t, lab.Options{ExpiresIn: time.Minute, Faults: []string{"approval-ignored"}}, func(t *testing.T, b *bench) {
		rules, err := mockdevice.ParseRules("mix", []byte("rules: [{name: all, delay: 2s, then: approve}]\n"))
		if err != nil {
			t.Fatal(err)
		}
		b.Device.SetRules(rules)
		p := b.plan(t, "2/s", 20*time.Second)
		p.Drain, p.Probes = 30*time.Second, 0 // some flows expire, the last are abandoned
		l, err := Run(t.Context(), Options{Target: b.Target, Plan: p, Transport: b.RoundTripper, Witness: asWitness{b.Device}})
		if err != nil {
			t.Fatal(err)
		}
		n := l.Counters
		if l.Funnel.Undelivered != 40 || n[result.CountSettled] != 40 || n[result.CountDelivered] != 0 || !l.Funnel.AddsUp() {
			t.Errorf("funnel %+v, counters %v", l.Funnel, n)
		}
		if got := latency(l, result.WaitedInVain); got.Count != 40 || got.P50 < 25_000_000 {
			t.Errorf("waits in vain: %+v", got)
		}
	})
}

// TestNamelessDevice: prompts without auth_req_id are known by their message, so each flow
// sends its own, and every decision reaches the flow that it is about.
func TestNamelessDevice(t *testing.T) {
	t.Parallel()
	inBubble(t, lab.Options{}, func(t *testing.T, b *bench) {
		observe := targetfile.Observe{Adapter: "keycloak"}
		nameless, err := approve.New(targetfile.Approval{Kind: "device", Observe: observe}, approve.Options{Device: b.Device})
		if err != nil {
			t.Fatal(err)
		}
		b.Target.BindingMessage = "the same for all"
		p := b.plan(t, "5/s", 20*time.Second)
		p.Mix, _ = ParseMix("approve=50,deny=50")
		p.Params = map[string]string{"binding_message": "and here, too"}
		l, err := Run(t.Context(), Options{
			Target: b.Target, Plan: p, Transport: b.RoundTripper, Decider: nameless, Introduce: nameless.Introduce,
		})
		if err != nil {
			t.Fatal(err)
		}
		if f := l.Funnel; f.Started != 100 || f.Approved+f.Denied != 100 || f.Approved < 30 || f.Denied < 30 {
			t.Errorf("the funnel is %+v", f)
		}
		if len(l.Violations) > 0 || l.Counters[result.CountUndecided] > 0 {
			t.Errorf("%d decisions failed; %+v", l.Counters[result.CountUndecided], l.Violations)
		}
	})
}
