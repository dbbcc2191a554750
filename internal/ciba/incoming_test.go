package ciba

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cibatest/cibatest/reports/result"
)

// A call of the OP is read as an answer and kept as evidence of a call, its secrets hidden.
func TestReceive(t *testing.T) {
	t.Parallel()
	h := NewHTTP(http.DefaultTransport, Options{})
	at := time.Now()
	in := Incoming{
		Label: "notification", Method: http.MethodPost, URL: "https://client.example/cb?access_token=secret-in-url-1234", At: at,
		Header: http.Header{"Authorization": {"Bearer the-notification-token"}, "Content-Type": {"application/json"}},
		Body:   []byte(`{"auth_req_id":"the-auth-req-id","access_token":"the-access-token","token_type":"Bearer"}`),
		Status: 204, Took: time.Second,
	}
	resp := h.Receive(in)
	tokens, err := resp.Tokens()
	if err != nil || tokens.AccessToken != "the-access-token" || resp.MediaType() != "application/json" {
		t.Errorf("read as %+v, %v", tokens, err)
	}
	if got := resp.Summary(); got != "a POST with access_token" {
		t.Errorf("in short: %s", got)
	}
	rec := NewRecorder(10)
	rec.Received(resp)
	rec.Received(resp)
	list := rec.Exchanges(at.Add(-time.Second))
	if len(list) != 1 || rec.Place(resp) != 1 {
		t.Fatalf("%d exchanges are kept, want one", len(list))
	}
	e := list[0]
	if e.Direction != result.Inbound || e.Request.Method != "POST" || e.Response.Status != 204 || e.StartedMS != 1000 || e.DurationMS != 1000 {
		t.Errorf("kept as %+v", e)
	}
	for _, secret := range []string{"the-notification-token", "the-auth-req-id", "the-access-token", "secret-in-url-1234"} {
		if shown := e.Request.URL + e.Request.Body + e.Request.Headers[0].Value; strings.Contains(shown, secret) {
			t.Errorf("%s is shown: %s", secret, shown)
		}
	}

	in.Body, in.Status, in.Err = []byte(`{"auth_req_id":"x","error":"access_denied"}`), 0, "cut"
	denied := h.Receive(in)
	if !denied.Is(AccessDenied) || denied.Summary() != "a POST access_denied" {
		t.Errorf("a pushed error is read as %s", denied.Summary())
	}
	rec.Received(denied)
	if e := rec.Exchanges(at)[1]; e.Response != nil || e.Error != "cut" {
		t.Errorf("a call without an answer is kept as %+v", e)
	}
}
