package mockdevice

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestClient(t *testing.T) {
	t.Parallel()
	d := New(WithToken("tok"))
	defer d.Close()
	server := httptest.NewServer(d.Handler())
	defer server.Close()
	ctx, c := t.Context(), &Client{URL: server.URL + "/", Token: "tok"}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	arrived := make(chan Request)
	go func() {
		r, _ := c.Wait(ctx, Filter{User: "alice", BindingMessage: "A B"})
		arrived <- r
	}()
	must(c.Receive(ctx, Request{AuthReqID: "other", LoginHint: "alice"}))
	must(c.Receive(ctx, Request{AuthReqID: "a/b c", LoginHint: "alice", BindingMessage: "A B", CallbackToken: "secret"}))
	if r := <-arrived; r.AuthReqID != "a/b c" || r.CallbackToken != "" {
		t.Errorf("waited for %+v", r)
	}
	must(c.Decide(ctx, "a/b c", Decision{Action: Deny, Reason: "no"}))
	list, err := c.Requests(ctx, Filter{State: "decided"})
	must(err)
	if len(list) != 1 || list[0].Decided != Deny || list[0].Outcome.Reason != "no" {
		t.Errorf("the list is %+v", list)
	}
	if r, err := c.Find(ctx, "a/b c"); err != nil || r.Decided != Deny {
		t.Errorf("found %+v, %v", r, err)
	}
	_, unknown := c.Find(ctx, "nobody")
	for _, wrong := range []struct {
		err  error
		want error
	}{
		{c.Decide(ctx, "a/b c", Decision{Action: Approve}), ErrDecided},
		{unknown, ErrUnknown},
		{c.Decide(ctx, "nobody", Decision{Action: Approve}), ErrUnknown},
		{c.Receive(ctx, Request{AuthReqID: "other", LoginHint: "bob"}), ErrConflict},
	} {
		if !errors.Is(wrong.err, wrong.want) {
			t.Errorf("got %v, want %v", wrong.err, wrong.want)
		}
	}
	if err := c.SetRules(ctx, "rules: [{then: no}]"); err == nil || !strings.HasPrefix(err.Error(), "policy:1:16: rules[0].then") {
		t.Errorf("a wrong policy: %v", err)
	}
	must(c.SetRules(ctx, "rules: [{name: all, then: approve}]"))
	must(c.Pause(ctx))
	must(c.Receive(ctx, Request{AuthReqID: "later"}))
	if n, err := c.Counters(ctx); err != nil || !n.Paused || n.Rules["all"] != 1 || n.Open != 2 {
		t.Errorf("counters are %+v, %v", n, err)
	}
	must(c.Resume(ctx))
	short, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if _, err := c.Wait(short, Filter{AuthReqID: "later"}); err != nil {
		t.Error(err)
	}
	must(c.Reset(ctx))
	if list, err := c.Requests(ctx, Filter{}); err != nil || len(list) != 0 {
		t.Errorf("after a reset: %v %v", list, err)
	}
	if _, err := (&Client{URL: server.URL}).Counters(ctx); err == nil {
		t.Error("no token is needed")
	}
}
