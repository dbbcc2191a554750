package refop

import (
	"net/http"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pollRows are polls that are refused before the state of a flow counts.
var pollRows = []struct {
	name, client string
	form         func(id string) url.Values
	check        CheckName
	code         string
}{
	{"client without CIBA", "not-for-ciba", poll, CheckPollCIBA, "unauthorized_client"},
	{"push client", "push-a", poll, CheckPollMode, "unauthorized_client"},
	{"no id", "basic-a", func(string) url.Values { return poll("") }, CheckPollMissing, "invalid_request"},
	{"unknown id", "basic-a", func(string) url.Values { return poll("made-up") }, CheckPollKnown, "invalid_grant"},
	{"altered id", "basic-a", func(id string) url.Values { return poll(id + "x") }, CheckPollKnown, "invalid_grant"},
	{"another client", "basic-b", poll, CheckPollOwn, "invalid_grant"},
}

func TestPollRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.start()
	for _, row := range pollRows {
		t.Run(row.name, func(t *testing.T) {
			answer := b.post(PathToken, row.form(id), b.as(row.client))
			if !answer.is(http.StatusBadRequest) || answer.code() != row.code || b.refusedBy != row.check {
				t.Errorf("got %d %v by %s, want 400 %s by %s", answer.status, answer.body, b.refusedBy, row.code, row.check)
			}
		})
	}
	b.decide(id, "allow")
	if answer := b.post(PathToken, poll(id), b.as("basic-a")); !answer.is(http.StatusOK) {
		t.Errorf("refused polls of others cost the owner: %d %v", answer.status, answer.body)
	}
}

func TestGrantTypes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for grant, code := range map[string]string{"": "invalid_request", "password": "unsupported_grant_type", GrantRefresh: "invalid_grant"} {
		answer := b.post(PathToken, url.Values{"grant_type": {grant}}, b.as("basic-a"))
		if !answer.is(http.StatusBadRequest) || answer.code() != code {
			t.Errorf("grant_type %q: %d %v, want 400 %s", grant, answer.status, answer.body, code)
		}
	}
}

// CIBA Core 11, state by state.
func TestStates(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		before func(b *bench, id string)
		status int
		code   string
	}{
		{"pending", func(*bench, string) {}, 400, "authorization_pending"},
		{"approved", func(b *bench, id string) { b.decide(id, "allow") }, 200, ""},
		{"denied", func(b *bench, id string) { b.decide(id, "deny") }, 400, "access_denied"},
		{"denied and allowed", func(b *bench, id string) { b.decide(id, "deny"); b.decide(id, "allow") }, 400, "access_denied"},
		{"expired", func(*bench, string) { time.Sleep(120 * time.Second) }, 400, "expired_token"},
		{"approved and expired", func(b *bench, id string) { b.decide(id, "allow"); time.Sleep(120 * time.Second) }, 400, "expired_token"},
		{"denied and expired", func(b *bench, id string) { b.decide(id, "deny"); time.Sleep(120 * time.Second) }, 400, "expired_token"},
		{"shortly before the end", func(*bench, string) { time.Sleep(119 * time.Second) }, 400, "authorization_pending"},
		{"used", func(b *bench, id string) {
			b.decide(id, "allow")
			b.post(PathToken, poll(id), b.as("basic-a"))
		}, 400, "invalid_grant"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				id := b.start()
				row.before(b, id)
				answer := b.post(PathToken, poll(id), b.as("basic-a"))
				if answer.status != row.status || answer.code() != row.code {
					t.Errorf("got %d %v, want %d %s", answer.status, answer.body, row.status, row.code)
				}
			})
		})
	}
}

// Of polls at the same moment only one gets the tokens; CIBA Core 10.1.1.
func TestRedeemedOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.start()
	b.decide(id, "allow")
	var mu sync.Mutex
	redeemed := 0
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			own := &bench{t: t, op: b.op, handler: b.handler}
			if own.post(PathToken, poll(id), b.as("basic-a")).is(http.StatusOK) {
				mu.Lock()
				redeemed++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if redeemed != 1 {
		t.Errorf("redeemed %d times", redeemed)
	}
}

// The pace of polls, for each policy: what polls at some seconds are answered.
func TestPace(t *testing.T) {
	t.Parallel()
	const pending, slow, expired = "authorization_pending", "slow_down", "expired_token"
	for _, row := range []struct {
		name   string
		policy func(*Policy)
		at     []time.Duration // seconds since the acknowledgement
		want   []string
	}{
		{"in pace", nil, []time.Duration{0, 5, 10}, []string{pending, pending, pending}},
		{"early once", nil, []time.Duration{0, 4, 14}, []string{pending, slow, pending}},
		{"keeps the old interval", nil, []time.Duration{0, 4, 9}, []string{pending, slow, slow}},
		{"grows each time", nil, []time.Duration{0, 4, 9, 23, 38}, []string{pending, slow, slow, slow, slow}},
		{
			"grows by 20 s", func(p *Policy) { p.PaceStep = 20 * time.Second },
			[]time.Duration{0, 4, 28, 73},
			[]string{pending, slow, slow, pending},
		},
		{
			"window stays", func(p *Policy) { p.PaceStep, p.PaceWindowStays = 0, true },
			[]time.Duration{0, 4, 5},
			[]string{pending, slow, pending},
		},
		{"end first", nil, []time.Duration{119, 120}, []string{pending, expired}},
		{"pace first", func(p *Policy) { p.PaceInEveryState = true }, []time.Duration{119, 120}, []string{pending, slow}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, func(p *Plan) {
					if row.policy != nil {
						row.policy(&p.Policy)
					}
				})
				began, id := time.Now(), b.start()
				for i, at := range row.at {
					time.Sleep(time.Until(began.Add(at * time.Second)))
					if answer := b.post(PathToken, poll(id), b.as("basic-a")); answer.code() != row.want[i] {
						t.Errorf("at %d s: %v, want %s", at, answer.body, row.want[i])
					}
				}
			})
		})
	}
}

// A held poll is answered by the decision, by the end of its time, or by the end of
// its flow.
func TestHeldPolls(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		decides time.Duration // 0: nobody does
		polls   time.Duration // when
		took    time.Duration
		code    string
	}{
		{"decision", 7 * time.Second, 0, 7 * time.Second, ""},
		{"no decision", 0, 0, 30 * time.Second, "authorization_pending"},
		{"end of the flow", 0, 110 * time.Second, 10 * time.Second, "expired_token"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, func(p *Plan) { p.Policy.HoldPolls = 30 * time.Second })
				id := b.start()
				var user sync.WaitGroup
				if row.decides > 0 {
					user.Go(func() { time.Sleep(row.decides); b.decide(id, "allow") })
				}
				time.Sleep(row.polls)
				began := time.Now()
				answer := b.post(PathToken, poll(id), b.as("basic-a"))
				if took := time.Since(began); took != row.took || answer.code() != row.code {
					t.Errorf("%v after %v, want %s after %v", answer.body, took, row.code, row.took)
				}
				user.Wait()
			})
		})
	}
}

func TestRevokeOnReplay(t *testing.T) {
	t.Parallel()
	for _, revoke := range []bool{false, true} {
		b := newBench(t, func(p *Plan) { p.Policy.RevokeOnReplay = revoke })
		id := b.start()
		b.decide(id, "allow")
		access := b.post(PathToken, poll(id), b.as("basic-a")).text("access_token")
		b.post(PathToken, poll(id), b.as("basic-a"))
		if got := b.get(PathUserInfo, withBearer(access)).is(http.StatusUnauthorized); got != revoke {
			t.Errorf("with RevokeOnReplay %v the token is dead: %v", revoke, got)
		}
	}
}
