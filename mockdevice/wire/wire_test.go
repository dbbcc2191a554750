package wire

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestChecked(t *testing.T) {
	t.Parallel()
	scope := "openid"
	for name, c := range map[string]struct {
		decision Decision
		want     string // the action that is kept, or the beginning of the error
	}{
		"approve":            {Decision{Action: Approve}, "approve"},
		"narrowed":           {Decision{Action: Narrow, Scope: &scope}, "approve"},
		"narrowed to what":   {Decision{Action: Narrow}, "decision narrow needs scope or authorization_details to grant"},
		"nobody decided":     {Decision{Action: TimedOut}, "timeout"},
		"no action":          {Decision{}, `decision "" is not approve, deny, cancel, error, ignore or narrow`},
		"a fault":            {Decision{Action: Deny, Faults: []Fault{Late}}, "deny"},
		"a fault elsewhere":  {Decision{Action: Deny, Faults: []Fault{Reset}}, `fault "reset" is not duplicate, contrary,`},
		"details of a shape": {Decision{Action: Approve, AuthorizationDetails: json.RawMessage(`{}`)}, "authorization_details is not an array"},
	} {
		kept, err := c.decision.Checked()
		got := string(kept.Action)
		if err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestState(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for want, r := range map[string]Request{
		StateOpen: {ExpiresAt: now.Add(time.Second)}, StateExpired: {ExpiresAt: now}, StateDecided: {ExpiresAt: now, Decided: Deny},
	} {
		if got := r.State(now); got != want {
			t.Errorf("%+v is %s, want %s", r, got, want)
		}
	}
	if (Request{}).State(now) != StateOpen {
		t.Error("a request without an end has expired")
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	k := KeyOf("secret")
	if again, ok := ParseKey(k.String()); !ok || again != k || strings.Contains(k.String(), "secret") {
		t.Errorf("%s is read as %s", k, again)
	}
	for _, ref := range []string{"", "secret", k.String()[1:], k.String() + "0", strings.Repeat("z", 32)} {
		if _, ok := ParseKey(ref); ok {
			t.Errorf("%q is a key", ref)
		}
	}
}

func TestScopeWithin(t *testing.T) {
	t.Parallel()
	if got := (Request{Scope: "openid  a b"}).ScopeWithin([]string{"b", "openid", "c"}); got != "openid b" {
		t.Errorf("got %q", got)
	}
}
