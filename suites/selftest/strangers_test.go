package selftest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/memnet"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/cibatest/cibatest/suites"
)

// hostileCalls is how many calls strangers make in a run, spread over its first minute.
const (
	hostileCalls = 10_000
	hostilePause = 5 * time.Millisecond
)

// Whoever knows the addresses of the notification endpoints, and what requests before the
// first case were called with, changes no verdict and costs no request its call.
func TestStrangersChangeNothing(t *testing.T) {
	t.Parallel()
	notified := func(o *suites.Options) { o.Select.LabelFilter = "mode: containsAny {ping, push}" }
	quiet := judgeLabWhile(t, lab.Options{}, func(context.Context, *memnet.Network, *suites.Options) {}, notified)
	calls := hostileCalls
	if testing.Short() {
		calls /= 10 // under the race detector they are tried for races, and -short is about the time
	}
	var made, answered atomic.Int32
	loud := judgeLabWhile(t, lab.Options{}, func(ctx context.Context, n *memnet.Network, o *suites.Options) {
		s := &strangers{network: n, answered: &answered}
		for _, c := range o.Target.Clients {
			if c.Notified() {
				s.endpoints = append(s.endpoints, c.NotificationEndpoint)
			}
		}
		s.listenIn(o)
		go func() {
			for i := 0; i < calls && ctx.Err() == nil; i++ {
				go s.call(ctx, i)
				made.Add(1)
				select {
				case <-time.After(hostilePause):
				case <-ctx.Done():
				}
			}
		}()
	}, notified)
	if int(made.Load()) < calls || int(answered.Load()) < calls/3 {
		t.Errorf("the run was over after %d calls, of which %d were answered", made.Load(), answered.Load())
	}
	want := map[string]result.Outcome{}
	for _, c := range quiet.Cases {
		want[c.ID] = c.Outcome
	}
	for _, c := range loud.Cases {
		if c.Outcome != want[c.ID] || c.FirstTry != "" {
			t.Errorf("%s: %s, and %s without strangers; %s %s %s", c.ID, c.Outcome, want[c.ID], c.Message, c.Reason, c.FirstTry)
		}
	}
	if len(loud.Cases) == 0 || loud.Verdict != quiet.Verdict || len(loud.Notes) != len(quiet.Notes) {
		t.Errorf("%d cases, %s, %q; without strangers %s, %q", len(loud.Cases), loud.Verdict, loud.Notes, quiet.Verdict, quiet.Notes)
	}
}

// strangers call notification endpoints without being the OP.
type strangers struct {
	network   *memnet.Network
	endpoints []string
	answered  *atomic.Int32

	mu     sync.Mutex
	tokens []string // of requests before the first case
}

// listenIn learns the tokens of the first request of each client.
func (s *strangers) listenIn(o *suites.Options) {
	inner := o.RoundTripper
	o.RoundTripper = roundTrip(func(req *http.Request) (*http.Response, error) {
		if req.Body != nil {
			body, err := io.ReadAll(req.Body)
			if err != nil {
				return nil, err
			}
			req.Body = io.NopCloser(bytes.NewReader(body))
			form, _ := url.ParseQuery(string(body))
			s.learn(form.Get("client_notification_token"))
		}
		return inner.RoundTrip(req)
	})
}

func (s *strangers) learn(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if token != "" && len(s.tokens) < len(s.endpoints) {
		s.tokens = append(s.tokens, token)
	}
}

// used is the token of a request that was called about before; a guess until there is one.
func (s *strangers) used(i int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tokens) < len(s.endpoints) { // not all are over
		return "guess"
	}
	return s.tokens[i%len(s.tokens)]
}

// call makes one call in one of the ways that there are, and reads until it is cut off.
func (s *strangers) call(ctx context.Context, i int) {
	at, err := url.Parse(s.endpoints[i%len(s.endpoints)])
	if err != nil {
		return
	}
	conn, err := s.network.Dial(ctx, "tcp", at.Host)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	go func() { _, _ = io.WriteString(conn, s.text(i, at)) }()
	if n, _ := io.Copy(io.Discard, conn); n > 0 {
		s.answered.Add(1)
	}
}

func (s *strangers) text(i int, at *url.URL) string {
	post := func(path, bearer, body string) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"+
			"Connection: close\r\nContent-Length: %d\r\n\r\n%s", path, at.Host, bearer, len(body), body)
	}
	kinds := []string{
		post(at.Path, "guess", `{"auth_req_id":"guess"}`),
		post(at.Path, s.used(i), `{"auth_req_id":"guess"}`),
		post(at.Path, s.used(i), `{"access_token":"forged","token_type":"Bearer","id_token":"a.b.c"}`),
		post(at.Path+"/../admin", "guess", "{}"),
		post(at.Path, "guess", strings.Repeat("x", 1<<17)),
		post(at.Path, "guess\r\nX-Large: "+strings.Repeat("x", 1<<16), "{}"),
		post(at.Path, "guess", strings.Repeat("[", 1<<12)),
		"POST " + at.Path + " HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{",
		"POST " + at.Path + " HTTP/1.1\r\nHost: a\r\nX-Slow: ",
		"POST " + at.Path + " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"\x16\x03\x01\x00\xa5\x01\x00\x00\r\n\r\n",
		"",
	}
	return kinds[i%len(kinds)]
}

// roundTrip is a function that is an [http.RoundTripper].
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
