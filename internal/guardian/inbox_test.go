package guardian

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Whoever pushes shows the token, as a bearer or in the path, and a page in a browser can
// do neither.
func TestInbox(t *testing.T) {
	t.Parallel()
	taken := 0
	take := func(context.Context, Push) error { taken++; return nil }
	for _, c := range []struct {
		token, path, bearer, host, kind string
		status                          int
	}{
		{"", "/push", "", "127.0.0.1:1", "application/json", 204},
		{"", "/push", "", "127.0.0.1:1", "application/json; charset=utf-8", 204},
		{"", "/push", "", "rebound.example", "application/json", 403},
		{"", "/push", "", "127.0.0.1:1", "text/plain", 415},
		{"", "/push/x", "", "127.0.0.1:1", "application/json", 404},
		{"s3", "/push", "s3", "any.example", "application/json", 204},
		{"s3", "/push/s3", "", "any.example", "application/json", 204},
		{"s3", "/push", "", "127.0.0.1:1", "application/json", 401},
		{"s3", "/push", "s4", "127.0.0.1:1", "application/json", 401},
		{"s3", "/push/s4", "", "127.0.0.1:1", "application/json", 404},
		{"s3", "/push/", "", "127.0.0.1:1", "application/json", 404},
	} {
		r := httptest.NewRequest(http.MethodPost, c.path, strings.NewReader(flat))
		r.Host = c.host
		r.Header.Set("Content-Type", c.kind)
		if c.bearer != "" {
			r.Header.Set("Authorization", "Bearer "+c.bearer)
		}
		before, w := taken, httptest.NewRecorder()
		Inbox(c.token, take).ServeHTTP(w, r)
		if w.Code != c.status || (taken > before) != (c.status == 204) {
			t.Errorf("%+v is answered %d, and %d were taken", c, w.Code, taken-before)
		}
	}
}

// Of very many pushes some wait, and what is beyond that is sent away.
func TestInboxIsBounded(t *testing.T) {
	t.Parallel()
	var underway, most atomic.Int64
	release := make(chan struct{})
	inbox := Inbox("", func(context.Context, Push) error {
		defer underway.Add(-1)
		most.Store(max(most.Load(), underway.Add(1)))
		<-release
		return errors.New("too late")
	})
	codes := make(chan int)
	const sent = pushesWaiting + 50
	for range sent {
		go func() {
			r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/push", strings.NewReader(flat))
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			inbox.ServeHTTP(w, r)
			codes <- w.Code
		}()
	}
	got := map[int]int{}
	for range 50 {
		select {
		case code := <-codes:
			got[code]++
		case <-time.After(10 * time.Second):
			t.Fatal("nobody is sent away")
		}
	}
	close(release)
	for range pushesWaiting {
		got[<-codes]++
	}
	if got[503] != 50 || got[502] != pushesWaiting || most.Load() > pushesAtOnce {
		t.Errorf("answered %v, %d at once", got, most.Load())
	}
}
