package mockdevice

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cibatest/cibatest/mockdevice/policy"
)

func rulesOf(t *testing.T, text string) *policy.Rules {
	t.Helper()
	rules, err := policy.Parse("rules.yaml", []byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return rules
}

// TestPoliciesInTime runs a device on a virtual clock.
func TestPoliciesInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		op := &counter{}
		d := New(WithRoundTripper(op), WithRules(rulesOf(t, `
rules:
  - {when: {client: later}, then: approve, delay: 70s}
  - {when: {client: last-moment}, then: approve, delay: {before_expiry: 1s}}
  - {when: {client: too-late}, then: approve, delay: 2m}
  - {when: {client: after}, then: approve, delay: {after_expiry: 3s}}
  - {when: {client: twice}, then: {act: approve, faults: [duplicate]}}
  - {when: {client: late}, then: {act: approve, faults: [late]}}
  - {when: {client: lost}, then: {act: approve, faults: [lost]}}
  - {when: {client: wrong}, then: {act: approve, faults: [wrong-token]}}
  - {when: {client: ignored}, then: ignore}
`)))
		defer d.Close()
		start := time.Now()
		for _, client := range []string{"later", "last-moment", "too-late", "after", "twice", "late", "lost", "wrong", "ignored", "nobody"} {
			err := d.Receive(Request{
				AuthReqID: client, ClientID: client, ExpiresAt: start.Add(100 * time.Second), Callback: "http://op/cb",
				CallbackToken: "tok",
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		want := map[string][]time.Duration{
			"later": {70 * time.Second}, "last-moment": {99 * time.Second}, "after": {103 * time.Second}, "twice": {0, 0}, "late": {LateBy},
			"wrong": {0},
		}
		time.Sleep(5 * time.Minute)
		got := op.seen(start)
		if len(got) != len(want) {
			t.Errorf("decisions about %v", got)
		}
		for client, at := range want {
			if !slices.EqualFunc(got[client], at, func(a, b time.Duration) bool { return (a - b).Abs() <= tick }) {
				t.Errorf("%s: delivered at %v, want %v", client, got[client], at)
			}
		}
		if op.tokens["wrong"] == "Bearer tok" || op.tokens["late"] != "Bearer tok" {
			t.Errorf("tokens are %v", op.tokens)
		}
		if c := d.Counters(); c.Expired != 1 || c.Open != 2 || c.Decided[Ignore] != 1 {
			t.Errorf("counters are %+v", c)
		}
		if r, _ := d.Find("lost"); r.Outcome.Delivery != "lost on purpose" {
			t.Errorf("lost is %+v", r.Outcome)
		}
	})
}

func TestPauseHoldsPoliciesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		op := &counter{}
		d := New(WithRoundTripper(op), WithRules(rulesOf(t, "rules: [{then: approve, delay: 1s}]")))
		defer d.Close()
		start := time.Now()
		d.Pause()
		if err := d.Receive(Request{AuthReqID: "a", Callback: "http://op/cb"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		d.Resume()
		synctest.Wait()
		if got := op.seen(start); len(got["a"]) != 1 || got["a"][0] != 10*time.Second {
			t.Errorf("delivered at %v", got)
		}
	})
}
