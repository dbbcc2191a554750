package loadgen

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/memnet"
	"github.com/cibatest/cibatest/internal/refop/variants"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/mockdevice"
	"github.com/cibatest/cibatest/reports/result"
)

// callPlan is an ordinary plan for a client of a mode.
func (b *bench) callPlan(t *testing.T, mode string) Plan {
	t.Helper()
	p := b.plan(t, "10/s", 20*time.Second)
	p.Drain = 2 * time.Minute
	at := slices.IndexFunc(b.Target.Clients, func(c targetfile.Client) bool { return c.DeliveryMode == mode })
	p.Client = b.Target.Clients[at]
	return p
}

// runCalled runs a plan whose client is called, in place of the receiver of the lab.
func (b *bench) runCalled(t *testing.T, p Plan) result.Load {
	t.Helper()
	calls, err := b.Receiver.Lend(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l, err := Run(t.Context(), Options{Target: b.Target, Plan: p, Transport: b.RoundTripper, Decider: b.Approver, Calls: calls})
	if err != nil {
		t.Fatal(err)
	}
	if !l.Funnel.AddsUp() || l.Counters[result.CountEarlyPolls] != 0 {
		t.Errorf("funnel %+v, %d early polls", l.Funnel, l.Counters[result.CountEarlyPolls])
	}
	return l
}

func kinds(l result.Load) []string {
	list := []string{}
	for _, v := range l.Violations {
		list = append(list, v.Kind)
	}
	slices.Sort(list)
	return list
}

// The flows of ping and push end as their users want, each after one call, and both sides
// count the same calls.
func TestCalledHealthy(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{deliveryPing, deliveryPush} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			inBubble(t, lab.Options{ExpiresIn: time.Minute}, func(t *testing.T, b *bench) {
				p := b.callPlan(t, mode)
				p.Probes = 0.5
				l := b.runCalled(t, p)
				f, n := l.Funnel, l.Counters
				if f.Started != 200 || f.Failed != 0 || f.Abandoned != 0 || f.Undelivered != 0 || f.Approved < 130 || f.Denied < 8 || f.Expired < 8 {
					t.Errorf("funnel %+v, failed for %v", f, l.FailedFor)
				}
				if len(l.Violations) > 0 || l.Verdict != result.Held {
					t.Errorf("a healthy OP is accused: %s, %v, %+v", l.Verdict, l.Reasons, l.Violations)
				}
				synctest.Wait() // until the OP has read the last answer
				called := f.Approved + f.Denied
				if mode == deliveryPush {
					called += f.Expired // which this OP pushes
				}
				if f.Notified != called || n[result.CountCalls] != called || b.OP.Calls() != called {
					t.Errorf("%d flows ended by a call; %d were notified by %d calls, the OP made %d", called, f.Notified, n[result.CountCalls], b.OP.Calls())
				}
				if d := latency(l, result.DecisionToToken); d.Count != f.Approved || d.Max > 1_000_000 {
					t.Errorf("decision to token: %+v", d)
				}
				decided := f.Approved + f.Denied
				if d := latency(l, result.Notify); d.Count != decided || d.Max > 1_000_000 {
					t.Errorf("decision to call: %+v", d)
				}
				fetched := latency(l, result.NotifyToToken).Count
				switch {
				case mode == deliveryPing && (fetched != f.Approved || f.Fallbacks != f.Expired):
					t.Errorf("%d fetched after a ping, %d fell back, funnel %+v", fetched, f.Fallbacks, f)
				case mode == deliveryPush && (fetched != 0 || f.Fallbacks != 0):
					t.Errorf("a push was fetched %d times, %d fell back", fetched, f.Fallbacks)
				}
				if n[result.CountDelivered] != decided || n[result.CountSettled] != decided {
					t.Errorf("%d of %d decisions delivered, want %d", n[result.CountDelivered], n[result.CountSettled], decided)
				}
			})
		})
	}
}

// Each defect of the calls shows as the violation that it is, with evidence, and with no
// other one.
func TestCalledFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fault, mode string
		want        []string
	}{
		{"ping-never", deliveryPing, []string{"missed_ping"}},
		{"ping-denial-never", deliveryPing, []string{"missed_ping_of_denial"}},
		{"ping-after-20s", deliveryPing, []string{"late_ping", "late_ping_of_denial"}},
		{"ping-no-token", deliveryPing, []string{"foreign_ping", "missed_ping", "missed_ping_of_denial"}},
		{"ping-token-cut", deliveryPing, []string{"foreign_ping", "missed_ping", "missed_ping_of_denial"}},
		{"ping-first-token", deliveryPing, []string{"foreign_ping", "missed_ping", "missed_ping_of_denial"}},
		{"ping-bearer-lower-case", deliveryPing, nil},
		{"ping-body-empty", deliveryPing, []string{"misnamed_ping"}},
		{"ping-body-other-id", deliveryPing, []string{"misnamed_ping"}},
		{"ping-too-early", deliveryPing, []string{"unready_ping"}},
		{"ping-a-bit-early", deliveryPing, nil},
		{"load-ping-twice", deliveryPing, []string{"repeated_ping"}},
		{"push-never", deliveryPush, []string{"missed_push"}},
		{"push-denial-never", deliveryPush, []string{"missed_push_of_denial"}},
		{"push-after-20s", deliveryPush, []string{"late_push", "late_push_of_denial"}},
		{"push-no-token", deliveryPush, []string{"foreign_push", "missed_push", "missed_push_of_denial"}},
		{"load-push-twice", deliveryPush, []string{"repeated_push"}},
		{"push-other-auth-req-id", deliveryPush, []string{"misnamed_push"}},
		{"push-error-own-code", deliveryPush, []string{"unknown_push_error"}},
	} {
		t.Run(c.fault, func(t *testing.T) {
			t.Parallel()
			inBubble(t, lab.Options{ExpiresIn: time.Minute, Faults: []string{c.fault}}, func(t *testing.T, b *bench) {
				p := b.callPlan(t, c.mode)
				l := b.runCalled(t, p)
				if got := kinds(l); !slices.Equal(got, slices.Clone(c.want)) && len(got)+len(c.want) > 0 {
					t.Errorf("found %v, want %v; funnel %+v", got, c.want, l.Funnel)
				}
				for _, v := range l.Violations {
					if len(v.Evidence) == 0 || v.Requirement == "" || v.Evidence[0].Exchange.Direction != result.Inbound && v.Kind != "unready_ping" {
						t.Errorf("%s: evidence %+v", v.Kind, v.Evidence)
					}
				}
				if (len(c.want) > 0) != (l.Verdict == result.Missed) {
					t.Errorf("verdict %s: %v", l.Verdict, l.Reasons)
				}
			})
		})
	}
}

// A push that does not come is a decision that did not arrive, and a ping that does not come
// is made good by polls, which are counted.
func TestCallsThatDoNotCome(t *testing.T) {
	t.Parallel()
	inBubble(t, lab.Options{ExpiresIn: time.Minute, Faults: []string{"push-never"}}, func(t *testing.T, b *bench) {
		p := b.callPlan(t, deliveryPush)
		p.Mix = Mix{Approve: 1}
		l := b.runCalled(t, p)
		n := l.Counters
		if l.Funnel.Undelivered != 200 || n[result.CountSettled] != 200 || n[result.CountDelivered] != 0 || n[result.CountMissedCalls] != 200 {
			t.Errorf("funnel %+v, counters %v", l.Funnel, n)
		}
		if w := latency(l, result.DecisionToToken); w.Count != 200 || w.P50 < 40_000_000 {
			t.Errorf("waits in vain: %+v", w)
		}
	})
	inBubble(t, lab.Options{ExpiresIn: time.Minute, Faults: []string{"ping-never"}}, func(t *testing.T, b *bench) {
		p := b.callPlan(t, deliveryPing)
		p.Mix, p.Patience = Mix{Approve: 1}, 25*time.Second
		l := b.runCalled(t, p)
		n := l.Counters
		if l.Funnel.Approved != 200 || l.Funnel.Fallbacks != 200 || n[result.CountLate] < 190 || n[result.CountMissedCalls] < 190 || n[result.CountNotified] != 0 {
			t.Errorf("funnel %+v, counters %v", l.Funnel, n)
		}
	})
}

// Tokens are known again without being kept, and nobody makes one.
func TestNotificationTokens(t *testing.T) {
	t.Parallel()
	one, other := newNotified(), newNotified()
	seen := map[string]bool{}
	for serial := range uint32(2000) {
		token := one.token(serial + 1)
		if seen[token] || one.serialOf(token) != serial+1 || other.serialOf(token) != 0 {
			t.Fatalf("token %q of flow %d is read as %d, by another run as %d", token, serial+1, one.serialOf(token), other.serialOf(token))
		}
		seen[token] = true
		raw, _ := base64.RawURLEncoding.DecodeString(token)
		raw[len(raw)-1] ^= 1
		if forged := base64.RawURLEncoding.EncodeToString(raw); one.serialOf(forged) != 0 {
			t.Fatalf("%q is taken for a token", forged)
		}
	}
	for _, odd := range []string{"", "A", strings.Repeat("A", 32), strings.Repeat("=", 32), one.token(1) + "A"} {
		if one.serialOf(odd) != 0 {
			t.Errorf("%q is taken for a token", odd)
		}
	}
}

// Strangers are counted and accuse nobody, whatever they send; the OP can call all the same.
func TestStrangersAccuseNobody(t *testing.T) {
	t.Parallel()
	inBubble(t, lab.Options{}, func(t *testing.T, b *bench) {
		p := b.callPlan(t, deliveryPush)
		p.Mix = Mix{Approve: 1}
		time.AfterFunc(5*time.Second, func() {
			for _, body := range []string{"", "{}", "[]", `{"auth_req_id":"nobody's"}`, `{"access_token":"t"}`, strings.Repeat("x", 1<<20)} {
				for _, credential := range []string{"", "Bearer", "Bearer x", "Bearer " + (&notified{}).token(7)} {
					req, _ := http.NewRequestWithContext(context.Background(), http.MethodPost, p.Client.NotificationEndpoint, strings.NewReader(body))
					req.Header.Set("Authorization", credential)
					if resp, err := b.RoundTripper.RoundTrip(req); err == nil {
						_ = resp.Body.Close()
					}
				}
			}
		})
		l := b.runCalled(t, p)
		if len(l.Violations) > 0 || l.Funnel.Approved != 200 || l.Counters[result.CountStrangers] != 24 {
			t.Errorf("%d strangers, funnel %+v, violations %+v", l.Counters[result.CountStrangers], l.Funnel, l.Violations)
		}
	})
}

// Where a device decides by its own policy, it tells of the decisions that were not called
// about.
func TestCalledWithWitness(t *testing.T) {
	t.Parallel()
	for fault, want := range map[string][]string{"": {}, "push-never": {"missed_push"}, "push-denial-never": {"missed_push_of_denial"}} {
		t.Run("fault "+fault, func(t *testing.T) {
			t.Parallel()
			o := lab.Options{ExpiresIn: time.Minute}
			if fault != "" {
				o.Faults = []string{fault}
			}
			inBubble(t, o, func(t *testing.T, b *bench) {
				rules, err := mockdevice.ParseRules("mix",
					[]byte("seed: 1\nrules: [{name: mix, delay: 2s, mix: [{share: 7, then: approve}, {share: 2, then: deny}, {share: 1, then: ignore}]}]\n"))
				if err != nil {
					t.Fatal(err)
				}
				b.Device.SetRules(rules)
				calls, err := b.Receiver.Lend(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				p := b.callPlan(t, deliveryPush)
				l, err := Run(t.Context(), Options{Target: b.Target, Plan: p, Transport: b.RoundTripper, Witness: asWitness{b.Device}, Calls: calls})
				if err != nil {
					t.Fatal(err)
				}
				f := l.Funnel
				if got := kinds(l); !slices.Equal(got, want) || !f.AddsUp() || f.Abandoned != 0 || f.Failed != 0 || (f.Undelivered > 0) != (fault != "") {
					t.Errorf("found %v, want %v; funnel %+v", got, want, f)
				}
				if fault != "" && f.Undelivered != l.Counters[result.CountMissedCalls] {
					t.Errorf("%d undelivered, %d calls missed", f.Undelivered, l.Counters[result.CountMissedCalls])
				}
			})
		})
	}
}

// A call that comes before the acknowledgement waits for it.
func TestCallsBeforeTheAcknowledgement(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{deliveryPing, deliveryPush} {
		s := &scripted{ack: `"interval":2,"expires_in":60`, token: func(_ int, w http.ResponseWriter, _ *http.Request) { grant(w) }}
		var network *memnet.Network
		s.early = func(n int, token string) {
			body := fmt.Sprintf(`{"auth_req_id":"id-%d","access_token":"t","token_type":"Bearer"}`, n)
			if mode == deliveryPing {
				body = fmt.Sprintf(`{"auth_req_id":"id-%d"}`, n)
			}
			req, _ := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://client.test/here", strings.NewReader(body))
			req.Header.Set("Authorization", "Bearer "+token)
			resp, err := network.RoundTripper().RoundTrip(req)
			if err != nil || resp.StatusCode != http.StatusNoContent {
				t.Errorf("called: %v, %v", resp, err)
				return
			}
			_ = resp.Body.Close()
		}
		againstWith(t, s, func(p *Plan) { p.Client.DeliveryMode = mode }, func(ctx context.Context, o *Options) context.Context {
			network = s.network
			o.Calls = network.Listen("client.test:80")
			return ctx
		}, func(t *testing.T, l result.Load) {
			if l.Funnel.Approved != 3 || l.Funnel.Notified != 3 || len(l.Violations) > 0 || l.Funnel.Fallbacks != 0 {
				t.Errorf("%s: funnel %+v, violations %+v", mode, l.Funnel, l.Violations)
			}
		})
	}
}

// Whatever is left to the OP about calls is held against none.
func TestCalledVariants(t *testing.T) {
	t.Parallel()
	try := func(mode string, list []variants.Variant) {
		for _, v := range list {
			t.Run(mode+" "+v.Name, func(t *testing.T) {
				t.Parallel()
				inBubble(t, lab.Options{ExpiresIn: time.Minute, Variants: []string{v.Name}}, func(t *testing.T, b *bench) {
					p := b.callPlan(t, mode)
					p.Arrivals, _ = ParseRate("3/s", p.Duration, nil)
					p.Mix = Mix{Approve: 0.6, Deny: 0.2, Ignore: 0.2}
					l := b.runCalled(t, p)
					if len(l.Violations) > 0 || l.Verdict != result.Held {
						t.Errorf("%s: %v; funnel %+v, %+v", l.Verdict, l.Reasons, l.Funnel, l.Violations)
					}
				})
			})
		}
	}
	try(deliveryPing, variants.Notification)
	try(deliveryPush, slices.Concat(variants.Notification, variants.Push))
}
