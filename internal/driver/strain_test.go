package driver

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// bearing is an OP that takes its time and fails while more requests are under way than it
// bears.
func bearing(most int, took time.Duration) (*fakeOP, *atomic.Int32) {
	var underWay, worst atomic.Int32
	op := &fakeOP{}
	op.before = func() {
		n := underWay.Add(1)
		for seen := worst.Load(); n > seen && !worst.CompareAndSwap(seen, n); seen = worst.Load() {
		}
		time.Sleep(took)
	}
	op.answer = func(int, string, url.Values) (int, http.Header, string) {
		if n := underWay.Add(-1) + 1; int(n) > most {
			return http.StatusInternalServerError, nil, oauthError("server_error")
		}
		return http.StatusOK, nil, ack("id")
	}
	return op, &worst
}

// together sends good requests at the same time.
func together(t *testing.T, d *Driver, n int) {
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			if _, err := d.Send(t.Context(), d.run.Start(d.run.Clients()[0], d.GoodStart(d.run.Clients()[0], d.user))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// As many requests are under way as the OP answers well, up to the budget.
func TestRequestsAtOnceFollowTheOP(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		bears       int
		least, most int32  // requests at once in the second half
		told        string // what the line about the strain says
	}{
		"bears all":   {1000, 30, 30, ""},
		"bears three": {3, 1, 4, " of 300 ordinary requests failed, with up to 8 at a time, the first one so: backchannel authentication request: 500 server_error"},
		"bears none":  {0, 1, 1, " of 300 ordinary requests failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				op, worst := bearing(c.bears, 100*time.Millisecond)
				run, d := testRun(t, op, func(o *RunOptions) { o.Concurrency = 30 })
				run.Clients()[0].reject("")
				together(t, d, 150)
				worst.Store(0)
				together(t, d, 150)
				if n := worst.Load(); n < c.least || n > c.most {
					t.Errorf("%d requests at once, want %d to %d", n, c.least, c.most)
				}
				if told := run.Strain(); c.told == "" && told != "" || !strings.Contains(told, c.told) {
					t.Errorf("told %q, want %q", told, c.told)
				}
			})
		})
	}
}

// Where requests wait, nothing new begins, and what has waited goes on when they are over.
func TestNewCasesMakeRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		op, _ := bearing(1000, time.Second)
		run, d := testRun(t, op, func(o *RunOptions) { o.Concurrency = 2 })
		go together(t, d, 6)
		synctest.Wait()
		began := time.Now()
		for range 3 {
			run.AwaitRoom(t.Context())
		}
		if waited := time.Since(began); waited < 2*time.Second || waited > 4*time.Second {
			t.Errorf("three cases began after %s, want that of six requests, two at once", waited)
		}
		ended, cancel := context.WithCancel(t.Context())
		go together(t, d, 6)
		synctest.Wait()
		cancel()
		began = time.Now()
		if run.AwaitRoom(ended); time.Since(began) != 0 {
			t.Error("it waits for room although the run is over")
		}
		time.Sleep(time.Minute)
	})
}
