package driver

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// limited is an OP that accepts what has a binding_message, and a run that knows its limits.
func limited(t *testing.T, limits targetfile.PerUserMinute) (*fakeOP, *Run, *Driver) {
	t.Helper()
	op := &fakeOP{answer: func(_ int, path string, form url.Values) (int, http.Header, string) {
		switch {
		case path == pathToken:
			return http.StatusOK, nil, `{"access_token":"of-alice","token_type":"Bearer","id_token":"a.b.c"}`
		case path == pathStart && form.Get("binding_message") == "":
			return http.StatusBadRequest, nil, oauthError("invalid_binding_message")
		}
		return http.StatusOK, nil, ack("id")
	}}
	run, d := testRun(t, op, func(o *RunOptions) {
		o.Target.BindingMessage, o.Target.Budgets.PerUserMinute = "AB12CD34", limits
		o.Target.Endpoints.Userinfo = "https://op.example/userinfo"
	})
	return op, run, d
}

// Requests for one user keep to what an OP takes within a minute, and those for another one
// do not wait for them. A limit of notifications counts what was accepted only.
func TestLimitsOfOneUser(t *testing.T) {
	t.Parallel()
	good := func(ctx context.Context, d *Driver, user int) {
		_, _ = d.Send(ctx, d.run.Start(d.run.clients[0], d.GoodStart(d.run.clients[0], d.run.target.Users[user])))
	}
	bad := func(ctx context.Context, d *Driver) {
		_, _ = d.Send(ctx, d.run.Start(d.run.clients[0], d.GoodStart(d.run.clients[0], d.user).Without("binding_message")))
	}
	for name, c := range map[string]struct {
		limits targetfile.PerUserMinute
		send   func(context.Context, *Driver)
		want   string
	}{
		"no limit": {targetfile.PerUserMinute{}, func(ctx context.Context, d *Driver) {
			for range 4 {
				good(ctx, d, 0)
			}
		}, "0 0 0 0"},
		"starts of two users": {targetfile.PerUserMinute{Starts: 2}, func(ctx context.Context, d *Driver) {
			for _, user := range []int{0, 0, 1, 1, 0, 0, 0} {
				good(ctx, d, user)
			}
		}, "0 0 0 0 60.5 60.5 121"},
		"refused starts are starts": {targetfile.PerUserMinute{Starts: 1}, func(ctx context.Context, d *Driver) {
			bad(ctx, d)
			good(ctx, d, 0)
		}, "0 60.5"},
		"refused starts notify nobody": {targetfile.PerUserMinute{Notifications: 1}, func(ctx context.Context, d *Driver) {
			bad(ctx, d)
			bad(ctx, d)
			good(ctx, d, 0)
			bad(ctx, d)
		}, "0 0 0 60.5"},
		"what is sent once waits, too": {targetfile.PerUserMinute{Notifications: 1}, func(ctx context.Context, d *Driver) {
			for range 2 {
				_, _ = d.Send(ctx, d.run.Start(d.run.clients[0], d.GoodStart(d.run.clients[0], d.user)).Once())
			}
		}, "0 60.5"},
		"userinfo": {targetfile.PerUserMinute{UserInfo: 1}, func(ctx context.Context, d *Driver) {
			flow := start(t, ctx, d, d.run.clients[0])
			_, _ = d.Send(ctx, d.run.Poll(flow).Now())
			for _, token := range []string{"of-alice", "of-nobody", "of-alice"} {
				_, _ = d.Send(ctx, Request{Call: ciba.Call{
					Method: http.MethodGet, URL: d.run.target.Endpoints.Userinfo, Header: http.Header{"Authorization": {"Bearer " + token}},
				}})
			}
		}, "0 0 0 0 60.5"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				op, _, d := limited(t, c.limits)
				c.send(t.Context(), d)
				if got := op.times(); got != c.want {
					t.Errorf("requests came at %s, want %s", got, c.want)
				}
			})
		})
	}
}

// A driver begins when there is room for all that it is likely to send, so that what it has
// begun need not wait; who has begun comes before who has not.
func TestLimitsLetCasesEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		op, run, _ := limited(t, targetfile.PerUserMinute{Notifications: 3})
		var all sync.WaitGroup
		for _, likely := range []int{2, 2, 1} {
			d := run.Driver(Options{Name: "case", User: run.target.Users[0], Likely: likely})
			all.Go(func() {
				for range likely {
					start(t, t.Context(), d, run.clients[0])
					time.Sleep(time.Second)
				}
				d.Close(t.Context())
			})
			time.Sleep(100 * time.Millisecond)
		}
		all.Wait()
		// The second driver waits until both of its requests are within the limit, and the third
		// does not overtake it.
		if got, want := op.times(), "0 1 60.5 61.5 61.5"; got != want {
			t.Errorf("requests came at %s, want %s", got, want)
		}
	})
}

// Who expects refusals does not wait behind those that have not begun: what it has prepared may
// mean something else later.
func TestLimitsOfWhoExpectsRefusals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		op, run, first := limited(t, targetfile.PerUserMinute{Notifications: 1})
		start(t, t.Context(), first, run.clients[0])
		var all sync.WaitGroup
		for range 3 {
			d := run.Driver(Options{Name: "asking", User: run.target.Users[0], Likely: 1})
			all.Go(func() { start(t, t.Context(), d, run.clients[0]) })
		}
		time.Sleep(time.Second)
		refused := run.Driver(Options{Name: "refused", User: run.target.Users[0]})
		all.Go(func() {
			bad := refused.GoodStart(run.clients[0], refused.user).Without("binding_message")
			_, _ = refused.Send(t.Context(), run.Start(run.clients[0], bad))
		})
		all.Wait()
		if got, want := op.times(), "0 60.5 60.5 121 181.5"; got != want || op.came[1].form.Get("binding_message") != "" {
			t.Errorf("requests came at %s, want %s, the second without a message", got, want)
		}
	})
}

// Room that a driver does not use is not kept for longer than a minute, and who stops waiting
// keeps nobody else waiting.
func TestLimitsOfWhoStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		op, run, d := limited(t, targetfile.PerUserMinute{Notifications: 2})
		idle := run.Driver(Options{Name: "idle", User: run.target.Users[0], Likely: 2})
		start(t, t.Context(), idle, run.clients[0])
		brief, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := d.Send(brief, run.Start(run.clients[0], d.GoodStart(run.clients[0], d.user))); err == nil {
			t.Error("a request was sent that should have waited")
		}
		start(t, t.Context(), d, run.clients[0])
		start(t, t.Context(), d, run.clients[0])
		if got, want := op.times(), "0 60.5 60.5"; got != want {
			t.Errorf("requests came at %s, want %s", got, want)
		}
	})
}
