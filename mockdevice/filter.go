package mockdevice

import (
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/cibatest/cibatest/mockdevice/wire"
)

// Filter chooses requests. Every part that is not empty has to fit.
type Filter struct {
	AuthReqID      string `json:"auth_req_id,omitempty"`
	User           string `json:"user,omitempty"` // login_hint, or sub where there is none
	LoginHint      string `json:"login_hint,omitempty"`
	ClientID       string `json:"client_id,omitempty"`
	BindingMessage string `json:"binding_message,omitempty"`
	State          string `json:"state,omitempty"` // open, decided or expired
}

// states are the words of Filter.State.
var states = []string{wire.StateOpen, wire.StateDecided, wire.StateExpired}

// Check refuses a state that no request has.
func (f Filter) Check() error {
	if f.State != "" && !slices.Contains(states, f.State) {
		return fmt.Errorf("state %.20q is not %s", f.State, wire.OneOf(states))
	}
	return nil
}

// Matches reports whether a request is chosen, now.
func (f Filter) Matches(r Request) bool {
	fits := func(want, is string) bool { return want == "" || want == is }
	return fits(f.AuthReqID, r.AuthReqID) && fits(f.User, r.User()) && fits(f.LoginHint, r.LoginHint) && fits(f.ClientID, r.ClientID) &&
		fits(f.BindingMessage, r.BindingMessage) && fits(f.State, r.State(time.Now()))
}

// query is the filter as the HTTP API takes it.
func (f Filter) query() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{
		"auth_req_id": f.AuthReqID, "user": f.User, "login_hint": f.LoginHint, "client_id": f.ClientID,
		"binding_message": f.BindingMessage, "state": f.State,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}
