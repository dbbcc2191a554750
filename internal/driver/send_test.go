package driver

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// A poll waits for its turn, counted from the answer to the one before, and slow_down
// makes the next one wait 5 s longer for good. CIBA Core 10.1, 11.
func TestPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		op := &fakeOP{answer: func(n int, path string, _ url.Values) (int, http.Header, string) {
			switch {
			case path == pathStart:
				return http.StatusOK, nil, ack("one")
			case n == 3:
				return http.StatusBadRequest, nil, oauthError("slow_down")
			}
			return http.StatusBadRequest, nil, oauthError("authorization_pending")
		}}
		run, d := testRun(t, op)
		flow := start(t, t.Context(), d, run.Clients()[0])
		for range 4 {
			if _, err := d.Send(t.Context(), run.Poll(flow)); err != nil {
				t.Fatal(err)
			}
		}
		if want := "0 5.5 11 21.5 32"; op.times() != want {
			t.Errorf("requests came at %s, want %s", op.times(), want)
		}
		if _, err := d.Send(t.Context(), run.Poll(flow).Now()); err != nil || !strings.HasSuffix(op.times(), "32 32") {
			t.Errorf("a poll at once came at %s: %v", op.times(), err)
		}
	})
}

// The OP may have looked at a poll at any moment until it answered, so the interval counts
// from there; from sending only where the caller wants that.
func TestPaceAfterSlowAnswer(t *testing.T) {
	t.Parallel()
	for fromSending, want := range map[bool]string{false: "0 5.5 19", true: "0 5.5 13.5"} {
		synctest.Test(t, func(t *testing.T) {
			op := &fakeOP{answer: func(_ int, path string, _ url.Values) (int, http.Header, string) {
				if path == pathStart {
					return http.StatusOK, nil, ack("one")
				}
				time.Sleep(8 * time.Second)
				return http.StatusBadRequest, nil, oauthError("authorization_pending")
			}}
			run, d := testRun(t, op)
			flow := start(t, t.Context(), d, run.Clients()[0])
			flow.FromSending = fromSending
			for range 2 {
				if _, err := d.Send(t.Context(), run.Poll(flow)); err != nil {
					t.Fatal(err)
				}
			}
			if op.times() != want {
				t.Errorf("counted from sending %v: requests came at %s, want %s", fromSending, op.times(), want)
			}
		})
	}
}

// What an answer says about the end of a flow is told once, and only where nobody waits
// for it.
func TestSurprisingEnd(t *testing.T) {
	t.Parallel()
	ended := &ciba.Response{Status: http.StatusBadRequest, Body: []byte(oauthError("expired_token"))}
	pending := &ciba.Response{Status: http.StatusBadRequest, Body: []byte(oauthError("authorization_pending"))}
	f := &Flow{}
	if f.Surprising(pending) {
		t.Error("a pending flow has not ended")
	}
	if !f.Surprising(ended) || f.Surprising(ended) {
		t.Error("an end is told once")
	}
	if awaited := (&Flow{EndAwaited: true}); awaited.Surprising(ended) {
		t.Error("an end that is awaited is no surprise")
	}
}

// After 503 requests go one by one, when Retry-After says, and what waits behind does
// not come all at once.
func TestLoadControl(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		op := &fakeOP{answer: func(n int, _ string, _ url.Values) (int, http.Header, string) {
			if n <= 2 {
				return http.StatusServiceUnavailable, http.Header{"Retry-After": {"4"}}, ""
			}
			return http.StatusOK, nil, ack("one")
		}}
		run, d := testRun(t, op)
		c := run.Clients()[0]
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				if resp, err := d.Send(t.Context(), run.Start(c, d.GoodStart(c, d.user))); err != nil || resp.Status != http.StatusOK {
					t.Errorf("got %v %v", resp, err)
				}
			})
		}
		wg.Wait()
		if times := op.times(); op.count() != 4 || !strings.HasPrefix(times, "0 4 ") && !strings.HasPrefix(times, "0 0 4 ") {
			t.Errorf("requests came at %s; want none before Retry-After but those that did not know of it", times)
		}
	})
}

// A 429 that stays ends the case as not judged. Requests that ask for it are sent once.
func TestLoadControlThatStays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		op := &fakeOP{answer: func(int, string, url.Values) (int, http.Header, string) { return http.StatusTooManyRequests, nil, "" }}
		run, d := testRun(t, op)
		c := run.Clients()[0]
		request := run.Start(c, d.GoodStart(c, d.user))
		if resp, err := d.Send(t.Context(), request.Once()); err != nil || resp.Status != http.StatusTooManyRequests || op.count() != 1 {
			t.Errorf("once: %v %v, %d requests", resp, err, op.count())
		}
		_, err := d.Send(t.Context(), request)
		var stop *Stop
		if !errors.As(err, &stop) || stop.Untestable || stop.Deferred {
			t.Errorf("got %v, want a stop that accuses nobody", err)
		}
		if want := 1 + 1 + repeats; op.count() != want {
			t.Errorf("%d requests, want %d", op.count(), want)
		}
	})
}

// Where an endpoint refuses the issuer as audience, its own URL is tried once and kept.
func TestAudience(t *testing.T) {
	t.Parallel()
	op := &fakeOP{answer: func(n int, _ string, _ url.Values) (int, http.Header, string) {
		if n == 1 {
			return http.StatusUnauthorized, nil, oauthError("invalid_client")
		}
		return http.StatusOK, nil, ack("one")
	}}
	run, d := testRun(t, op)
	c := run.Clients()[1]
	for range 2 {
		resp, err := d.Send(t.Context(), run.Start(c, d.GoodStart(c, d.user)))
		if err != nil || resp.Status != http.StatusOK {
			t.Fatalf("got %v %v", resp, err)
		}
	}
	if op.count() != 3 {
		t.Errorf("%d requests, want the refused one and two good ones", op.count())
	}
	if a := c.Auth("https://op.example"+pathStart, "https://op.example").(ciba.Assertion); a.Audience != "https://op.example"+pathStart {
		t.Errorf("audience %q, want the endpoint", a.Audience)
	}
	if notes := run.Notes(); len(notes) != 1 {
		t.Errorf("notes %q, want one about the audience", notes)
	}
	forged := run.Start(c, d.GoodStart(c, d.user)).AuthenticatedBy(nil)
	before := op.count()
	if _, err := d.Send(t.Context(), forged); err != nil || op.count() != before+1 {
		t.Errorf("a credential of the caller's own making is sent as it stands, once: %v", err)
	}
}

// A request that policy denies for the moment is repeated later; where that does not
// help, the case is deferred, and in the last round the refusal counts.
func TestAdmission(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		room := true
		op := &fakeOP{answer: func(int, string, url.Values) (int, http.Header, string) {
			if room {
				return http.StatusOK, nil, ack("one")
			}
			return http.StatusForbidden, nil, oauthError("access_denied")
		}}
		run, d := testRun(t, op, func(o *RunOptions) { o.Approver, o.MayDeny = denying(t), true })
		c := run.Clients()[0]
		start(t, t.Context(), d, c)
		room = false
		_, err := d.Send(t.Context(), run.Start(c, d.GoodStart(c, d.user)))
		var stop *Stop
		if !errors.As(err, &stop) || !stop.Deferred {
			t.Fatalf("got %v, want a deferred case", err)
		}
		run.BeginRetryRound()
		_, err = d.Send(t.Context(), run.Start(c, d.GoodStart(c, d.user)))
		if !errors.As(err, &stop) || !stop.Untestable {
			t.Errorf("got %v, want untestable, as the case has a request open", err)
		}
		fresh := run.Driver(Options{Name: "fresh", User: d.user})
		resp, err := fresh.Send(t.Context(), run.Start(c, fresh.GoodStart(c, d.user)))
		if err != nil || !resp.Is(ciba.AccessDenied) {
			t.Errorf("got %v %v, want the OP's last word", resp, err)
		}
	})
}

// Memory keeps forms for the cases that judge a whole run, and tokens of ordinary polls.
func TestMemory(t *testing.T) {
	t.Parallel()
	op := &fakeOP{answer: func(_ int, path string, _ url.Values) (int, http.Header, string) {
		if path == pathStart {
			return http.StatusOK, nil, ack("one")
		}
		return http.StatusOK, nil, `{"access_token":"a","token_type":"Bearer","id_token":"x.y.z","expires_in":60}`
	}}
	run, d := testRun(t, op)
	c := run.Clients()[0]
	flow := start(t, t.Context(), d, c)
	for _, r := range []Request{
		run.Poll(flow).Now(),
		run.Poll(flow).Now().AuthenticatedBy(nil),
		run.Poll(flow).Once(),
		{Call: ciba.Call{URL: "https://op.example" + pathToken, Body: []byte("{}"), ContentType: "application/json"}},
	} {
		if _, err := d.Send(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	m := &run.Memory
	if len(m.Acks()) != 1 || len(m.Starts()) != 1 || len(m.Polls()) != 3 || len(m.Tokens()) != 1 {
		t.Errorf("%d acks, %d starts, %d polls, %d tokens", len(m.Acks()), len(m.Starts()), len(m.Polls()), len(m.Tokens()))
	}
	if by := m.Starts()[0].By; by != "case" {
		t.Errorf("the answer is said to be of %q", by)
	}
	if u, known := run.userHinted("x.y.z"); !known || u.Name != "alice" {
		t.Errorf("an ID Token of the run names %q", u.Name)
	}
	offside := run.Driver(Options{Name: "late", Offside: true})
	if _, err := offside.Send(t.Context(), run.Start(c, offside.GoodStart(c, d.user))); err != nil || len(m.Starts()) != 1 {
		t.Errorf("an answer to a case after all others is remembered: %v", err)
	}
}

// A context that ends is a stop with its reason, also while a poll waits for its turn.
func TestInterruption(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		op := &fakeOP{answer: func(int, string, url.Values) (int, http.Header, string) { return http.StatusOK, nil, ack("one") }}
		run, d := testRun(t, op)
		flow := start(t, t.Context(), d, run.Clients()[0])
		ctx, _, over := WithClock(t.Context(), time.Second, time.Second)
		defer over()
		_, err := d.Send(ctx, run.Poll(flow))
		if err == nil || err.Error() != "the case ran into its time limit" {
			t.Errorf("got %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err = d.Send(ctx, run.Poll(flow)); err == nil || err.Error() != "the run was interrupted" {
			t.Errorf("got %v", err)
		}
	})
}

// The clock stands still while a case waits for what is not its own, and grows by what
// slow answers take.
func TestClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, clock, over := WithClock(t.Context(), 10*time.Second, 10*time.Second)
		defer over()
		resume := clock.Pause()
		time.Sleep(time.Minute)
		resume()
		now := time.Now()
		clock.extend(&ciba.Response{Sent: now.Add(-3 * time.Second), Received: now})
		time.Sleep(12 * time.Second)
		if ctx.Err() != nil {
			t.Error("the clock ran out early")
		}
		time.Sleep(2 * time.Second)
		if !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
			t.Error("the clock did not run out")
		}
		var none *Clock
		none.Pause()()
		none.extend(&ciba.Response{})
	})
}

// Answers that are all slow give a case the room it has for them, and not for good.
func TestClockIsNotStretchedForGood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		ctx, clock, over := WithClock(t.Context(), 10*time.Second, 20*time.Second)
		defer over()
		for ctx.Err() == nil && time.Since(began) < time.Minute {
			sent := time.Now()
			time.Sleep(4 * time.Second)
			clock.extend(&ciba.Response{Sent: sent, Received: time.Now()})
		}
		if took := time.Since(began); took < 29*time.Second || took > 34*time.Second {
			t.Errorf("the case ended after %s", took)
		}
	})
}

// The limit of a run is told as such.
func TestTheLimitOfARunIsNamed(t *testing.T) {
	t.Parallel()
	ctx, end := context.WithTimeoutCause(t.Context(), time.Nanosecond, RunLimit(30*time.Minute))
	defer end()
	<-ctx.Done()
	if got := WhyEnded(ctx); got != "the run reached its limit of 30m0s" {
		t.Errorf("got %q", got)
	}
}

// Values of one seed and name are alike; of another seed or name they differ.
func TestRandom(t *testing.T) {
	t.Parallel()
	a, again, other, elsewhere := NewRandom(1, "a"), NewRandom(1, "a"), NewRandom(2, "a"), NewRandom(1, "b")
	text := a.Text()
	if again.Text() != text || other.Text() == text || elsewhere.Text() == text {
		t.Error("a text is decided by seed and name")
	}
	if len(text) != textLength || strings.Trim(text, textAlphabet) != "" {
		t.Errorf("%q", text)
	}
	if !slices.Equal(a.Perm(9), again.Perm(9)) || a.IntN(1000) != again.IntN(1000) {
		t.Error("choices are decided by seed and name")
	}
}

// A case that is tried again sends other texts, and the same ones in every run of a seed.
func TestRandomOfEachTry(t *testing.T) {
	t.Parallel()
	texts := func() (list []string) {
		run, err := NewRun(RunOptions{Target: &targetfile.Target{}, Seed: 7})
		if err != nil {
			t.Fatal(err)
		}
		first, second := run.Driver(Options{Name: "a"}), run.Driver(Options{Name: "a"})
		for _, d := range []*Driver{first, second, second.Sharing("b", nil, 0), second.Sharing("b", nil, 0)} {
			list = append(list, d.Random().Text())
		}
		return list
	}
	one, other := texts(), texts()
	if !slices.Equal(one, other) {
		t.Errorf("two runs of a seed have %q and %q", one, other)
	}
	if slices.Sort(one); len(slices.Compact(one)) != 4 {
		t.Errorf("some tries have the same text: %q", other)
	}
}

// 401 access_denied is how some products refuse a client: nothing is asked again for it.
func TestRefusedCredentialsAreNoAdmission(t *testing.T) {
	t.Parallel()
	refuse := false
	op := &fakeOP{answer: func(int, string, url.Values) (int, http.Header, string) {
		if refuse {
			return http.StatusUnauthorized, nil, oauthError("access_denied")
		}
		return http.StatusOK, nil, ack("one")
	}}
	run, d := testRun(t, op)
	c := run.Clients()[0]
	start(t, t.Context(), d, c)
	refuse = true
	before := op.count()
	resp, err := d.Send(t.Context(), run.Start(c, d.GoodStart(c, d.user)))
	if err != nil || resp.Status != http.StatusUnauthorized || op.count() != before+1 {
		t.Errorf("got %v %v after %d requests", resp, err, op.count()-before)
	}
}
