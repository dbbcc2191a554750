package ciba

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func answered(status int, body string) *Response {
	return &Response{Status: status, Header: http.Header{}, Body: []byte(body)}
}

func TestStartedIsForgiving(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body          string
		status              int
		expires, interval   time.Duration
		strictErr, startErr bool
	}{
		{"healthy", `{"auth_req_id":"a","expires_in":120,"interval":5}`, 200, 120 * time.Second, 5 * time.Second, false, false},
		{"strings", `{"auth_req_id":"a","expires_in":"120","interval":"5"}`, 200, 120 * time.Second, 5 * time.Second, true, false},
		{"created", `{"auth_req_id":"a","expires_in":120}`, 201, 120 * time.Second, 0, true, false},
		{"no expiry", `{"auth_req_id":"a"}`, 200, 0, 0, true, false},
		{"beyond time", `{"auth_req_id":"a","expires_in":1e300}`, 200, 0, 0, true, false},
		{"negative interval", `{"auth_req_id":"a","expires_in":120,"interval":-5}`, 200, 120 * time.Second, 0, true, false},
		{"no id", `{"expires_in":120}`, 200, 0, 0, true, true},
		{"numeric id", `{"auth_req_id":7,"expires_in":120}`, 200, 0, 0, true, true},
		{"refused", `{"auth_req_id":"a","expires_in":120}`, 400, 0, 0, true, true},
		{"not JSON", `auth_req_id=a`, 200, 0, 0, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			resp := answered(c.status, c.body)
			ack, err := resp.Started()
			if (err != nil) != c.startErr || ack.ExpiresIn != c.expires || ack.Interval != c.interval {
				t.Errorf("Started: %+v, %v", ack, err)
			}
			if _, err := resp.Ack(); (err != nil) != c.strictErr {
				t.Errorf("Ack: %v", err)
			}
		})
	}
}

// Tokens that come where none may be must be seen, whatever else is wrong.
func TestHasTokensInIllFormedAnswers(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{
		`{"access_token":"x","access_token":"y"}`:          true,
		`{"error":"access_denied","id_token":"x"}`:         true,
		`{"access_token":""}`:                              false,
		`{"access_token":7}`:                               false,
		`{"error":"authorization_pending"}`:                false,
		`<html>access_token</html>`:                        false,
		`{"deep":` + strings.Repeat("[", 20_000):           false,
		"{\"access_token\":\"\xff\",\"token_type\":\"x\"}": true,
	} {
		if got := answered(400, body).HasTokens(); got != want {
			t.Errorf("%.60q: %v, want %v", body, got, want)
		}
	}
}

func FuzzResponse(f *testing.F) {
	f.Add([]byte(`{"auth_req_id":"a","expires_in":120,"interval":5}`))
	f.Add([]byte(`{"access_token":"a","authorization_details":[{"type":"x"}],"expires_in":1e9}`))
	f.Add([]byte(`{"a":[{"b":null}]} x`))
	f.Add([]byte("\xff\x00{}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		resp := answered(200, string(body))
		_, _ = resp.Ack()
		_, _ = resp.Started()
		_, _ = resp.Tokens()
		_, _ = resp.OAuthError()
		if s := resp.Summary(); len(s) > 500 {
			t.Errorf("a summary of %d bytes", len(s))
		}
	})
}
