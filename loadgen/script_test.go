package loadgen

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/memnet"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/google/go-cmp/cmp"
)

// scripted is an OP that answers as a test says and remembers when it was asked.
type scripted struct {
	ack   string                                              // members of the acknowledgement beside the id
	token func(n int, w http.ResponseWriter, r *http.Request) // answers the nth poll of a flow
	start func(n int, w http.ResponseWriter) bool             // true: has answered
	early func(n int, token string)                           // is done before the acknowledgement

	network *memnet.Network

	mu     sync.Mutex
	began  time.Time
	starts []time.Duration
	hints  []string
	polls  map[string][]time.Duration
}

const pendingText = `{"error":"authorization_pending"}`

func reply(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func grant(w http.ResponseWriter) { reply(w, 200, `{"access_token":"t","token_type":"Bearer"}`) }

func (s *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	at := time.Since(s.began)
	s.mu.Lock()
	if r.URL.Path == "/start" {
		s.starts = append(s.starts, at)
		s.hints = append(s.hints, r.PostForm.Get("login_hint"))
		n := len(s.starts)
		s.mu.Unlock()
		if s.early != nil {
			s.early(n, r.PostForm.Get("client_notification_token"))
		}
		if s.start == nil || !s.start(n, w) {
			reply(w, 200, fmt.Sprintf(`{"auth_req_id":"id-%d",%s}`, n, s.ack))
		}
		return
	}
	id := r.PostForm.Get("auth_req_id")
	s.polls[id] = append(s.polls[id], at)
	n := len(s.polls[id])
	s.mu.Unlock()
	s.token(n, w, r)
}

// against runs a plan against a script, in virtual time.
func against(t *testing.T, s *scripted, edit func(*Plan), check func(t *testing.T, l result.Load)) {
	t.Helper()
	againstWith(t, s, edit, nil, check)
}

func againstWith(t *testing.T, s *scripted, edit func(*Plan), more func(context.Context, *Options) context.Context, check func(t *testing.T, l result.Load)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		defer network.Close()
		s.network = network
		s.began, s.polls = time.Now(), map[string][]time.Duration{}
		network.Serve("op.test:80", s)
		tgt := &targetfile.Target{
			Issuer: "http://op.test", Scope: "openid",
			Endpoints: targetfile.Endpoints{BackchannelAuthentication: "http://op.test/start", Token: "http://op.test/token"},
		}
		arrivals, _ := ParseRate("1/s", 3*time.Second, nil)
		p := Plan{
			Arrivals: arrivals, Duration: 3 * time.Second, Drain: 5 * time.Minute, Mix: Mix{Approve: 1}, Seed: 3,
			Client: targetfile.Client{Name: "c", ClientID: "c", AuthMethod: targetfile.AuthNone}, Users: []targetfile.User{{Name: "alice", LoginHint: "alice"}, {Name: "bob", LoginHint: "bob"}},
		}
		edit(&p)
		o := Options{Target: tgt, Plan: p, Transport: network.RoundTripper()}
		ctx := t.Context()
		if more != nil {
			ctx = more(ctx, &o)
		}
		l, err := Run(ctx, o)
		if err != nil {
			t.Fatal(err)
		}
		if !l.Funnel.AddsUp() || l.Counters[result.CountEarlyPolls] != 0 {
			t.Errorf("funnel %+v, %d early polls", l.Funnel, l.Counters[result.CountEarlyPolls])
		}
		check(t, l)
	})
}

// gaps are the times between the polls of a flow; the first is from its start.
func (s *scripted) gaps(flow int) (list []time.Duration) {
	last := s.starts[flow-1]
	for _, at := range s.polls[fmt.Sprintf("id-%d", flow)] {
		list = append(list, (at - last).Round(10*time.Millisecond))
		last = at
	}
	return list
}

func sec(list ...float64) (d []time.Duration) {
	for _, s := range list {
		d = append(d, time.Duration(s*float64(time.Second)))
	}
	return d
}

func TestPollingKeepsTheProtocol(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, ack string
		polls     []func(w http.ResponseWriter)
		want      []time.Duration
		approved  bool
	}{
		{"the interval", `"interval":2,"expires_in":120`, []func(http.ResponseWriter){wait(pendingText), wait(pendingText), grant}, sec(2, 2, 2), true},
		{"no interval is 5 s", `"expires_in":120`, []func(http.ResponseWriter){wait(pendingText), grant}, sec(5, 5), true},
		{"slow_down adds 5 s for good", `"interval":2,"expires_in":120`, []func(http.ResponseWriter){wait(`{"error":"slow_down"}`), wait(pendingText), grant}, sec(2, 7, 7), true},
		{"slow_down adds up", `"interval":2,"expires_in":120`, []func(http.ResponseWriter){wait(`{"error":"slow_down"}`), wait(`{"error":"slow_down"}`), grant}, sec(2, 7, 12), true},
		{"slow_down with a longer interval", `"interval":2,"expires_in":120`, []func(http.ResponseWriter){wait(`{"error":"slow_down","interval":20}`), wait(pendingText), grant}, sec(2, 20, 20), true},
		{"slow_down with a shorter interval", `"interval":2,"expires_in":120`, []func(http.ResponseWriter){wait(`{"error":"slow_down","interval":3}`), grant}, sec(2, 7), true},
		{"Retry-After", `"interval":2,"expires_in":120`, []func(http.ResponseWriter){later("30", 400, `{"error":"slow_down"}`), grant}, sec(2, 30), true},
		{"overload with Retry-After", `"interval":2,"expires_in":120`, []func(http.ResponseWriter){later("9", 503, ``), wait(pendingText), grant}, sec(2, 9, 2), true},
		{"lost answers are asked for ever less often", `"interval":2,"expires_in":120`, []func(http.ResponseWriter){abort, abort, abort, grant}, sec(2, 4, 8, 16), true},
		{"a long poll is followed at once", `"interval":3,"expires_in":120`, []func(http.ResponseWriter){held(10 * time.Second), held(10 * time.Second), grant}, sec(3, 10, 10), true},
		{"a slow answer within the interval is not", `"interval":5,"expires_in":120`, []func(http.ResponseWriter){held(2 * time.Second), grant}, sec(5, 7), true},
		{"a refusal ends it", `"interval":2,"expires_in":120`, []func(http.ResponseWriter){wait(`{"error":"invalid_grant"}`)}, sec(2), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{ack: c.ack, token: func(n int, w http.ResponseWriter, _ *http.Request) { c.polls[min(n, len(c.polls))-1](w) }}
			against(t, s, func(*Plan) {}, func(t *testing.T, l result.Load) {
				for flow := 1; flow <= 3; flow++ {
					if got := s.gaps(flow); !slices.Equal(got, c.want) {
						t.Errorf("flow %d is polled after %v, want %v", flow, got, c.want)
					}
				}
				if c.approved != (l.Funnel.Approved == 3) {
					t.Errorf("funnel %+v", l.Funnel)
				}
			})
		})
	}
}

func wait(body string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { reply(w, 400, body) }
}

func later(after string, status int, body string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Retry-After", after)
		reply(w, status, body)
	}
}

func abort(http.ResponseWriter) { panic(http.ErrAbortHandler) }

func held(d time.Duration) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		time.Sleep(d)
		reply(w, 400, pendingText)
	}
}

func TestSynchronisedPollers(t *testing.T) {
	t.Parallel()
	s := &scripted{ack: `"interval":2,"expires_in":120`, token: func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 3 {
			grant(w)
			return
		}
		reply(w, 400, pendingText)
	}}
	against(t, s, func(p *Plan) { p.Pollers.Sync = 5 * time.Second }, func(t *testing.T, _ result.Load) {
		for id, times := range s.polls {
			for _, at := range times {
				if off := at % (5 * time.Second); off > 20*time.Millisecond {
					t.Errorf("%s is polled at %s", id, at)
				}
			}
		}
	})
}

func TestClosedLoop(t *testing.T) {
	t.Parallel()
	var open, most atomic.Int64
	s := &scripted{ack: `"interval":2,"expires_in":120`}
	s.start = func(int, http.ResponseWriter) bool {
		most.Store(max(most.Load(), open.Add(1)))
		return false
	}
	s.token = func(_ int, w http.ResponseWriter, _ *http.Request) {
		open.Add(-1)
		grant(w)
	}
	against(t, s, func(p *Plan) {
		p.Arrivals, p.Agents, p.Pause, p.Duration = nil, 3, time.Second, 30*time.Second
	}, func(t *testing.T, l result.Load) {
		if most.Load() != 3 {
			t.Errorf("%d flows at once, want 3", most.Load())
		}
		if n := l.Funnel.Started; n < 27 || n > 33 { // a flow takes 2 s and a pause of 1 s
			t.Errorf("%d flows in 30 s, want about 30", n)
		}
	})
}

func TestUserLimit(t *testing.T) {
	t.Parallel()
	s := &scripted{ack: `"interval":2,"expires_in":120`, token: func(_ int, w http.ResponseWriter, _ *http.Request) { grant(w) }}
	against(t, s, func(p *Plan) { p.UserLimit, p.Drain = 6, time.Minute }, func(t *testing.T, l result.Load) {
		last := map[string]time.Duration{}
		for i, user := range s.hints {
			if before, asked := last[user]; asked && s.starts[i]-before < 10*time.Second-time.Millisecond {
				t.Errorf("%s is asked again after %s", user, s.starts[i]-before)
			}
			last[user] = s.starts[i]
		}
		if l.Counters[result.CountHeldBack] == 0 {
			t.Error("no start was held back")
		}
	})
}

// The cap on pending flows drops starts, says so, and lays the blame on this side.
func TestCapOnPending(t *testing.T) {
	t.Parallel()
	s := &scripted{ack: `"interval":2,"expires_in":120`, token: func(_ int, w http.ResponseWriter, _ *http.Request) { reply(w, 400, pendingText) }}
	against(t, s, func(p *Plan) { p.MaxPending, p.Drain = 1, 5*time.Second }, func(t *testing.T, l result.Load) {
		if l.Funnel.Dropped != 2 || l.Funnel.Abandoned != 1 || l.Verdict != result.Saturated {
			t.Errorf("funnel %+v, verdict %s", l.Funnel, l.Verdict)
		}
		if !strings.Contains(l.Reasons[0], "1 were pending, as many as --max-pending allows") {
			t.Errorf("reasons %q", l.Reasons)
		}
	})
}

// A stall of 2 s in a run of 10 s: one start in five waits for 0 to 2 s, so the
// 90th percentile is 1 s and the 99th 1.9 s. Few workers hide it from the service
// time and not from the corrected latency.
func TestStallShowsInFull(t *testing.T) {
	t.Parallel()
	s := &scripted{ack: `"interval":2,"expires_in":120`, token: func(_ int, w http.ResponseWriter, _ *http.Request) { grant(w) }}
	s.start = func(int, http.ResponseWriter) bool {
		if at := time.Since(s.began); at > 3*time.Second && at < 5*time.Second {
			time.Sleep(5*time.Second - at)
		}
		return false
	}
	against(t, s, func(p *Plan) {
		p.Arrivals, _ = ParseRate("100/s", 10*time.Second, nil)
		p.Duration, p.MaxWorkers = 10*time.Second, 8
	}, func(t *testing.T, l result.Load) {
		corrected, service := latency(l, "initiate.corrected"), latency(l, "initiate")
		for _, q := range []struct {
			name      string
			got, want int64
		}{{"p90", corrected.P90, 1_000_000}, {"p99", corrected.P99, 1_900_000}} {
			if diff := q.got - q.want; diff > q.want/50 || diff < -q.want/50 {
				t.Errorf("corrected %s is %d us, want %d within 2%%", q.name, q.got, q.want)
			}
		}
		if service.P90 > 10_000 {
			t.Errorf("the test shows nothing: the service time alone has it, %d us", service.P90)
		}
		said := slices.ContainsFunc(l.Reasons, func(reason string) bool { return strings.Contains(reason, "the OP was the limit") })
		if l.Verdict == result.Saturated || !said {
			t.Errorf("verdict %s, %v: the OP stood still, not this side", l.Verdict, l.Reasons)
		}
	})
}

func TestAbortRuleEndsTheRun(t *testing.T) {
	t.Parallel()
	s := &scripted{ack: `"interval":2,"expires_in":120`, token: func(_ int, w http.ResponseWriter, _ *http.Request) { grant(w) }}
	s.start = func(_ int, w http.ResponseWriter) bool {
		reply(w, 500, "")
		return true
	}
	against(t, s, func(p *Plan) {
		p.Arrivals, _ = ParseRate("10/s", time.Hour, nil)
		p.Duration = time.Hour
		rule, err := ParseAbort("error_rate>20% for 5s")
		if err != nil {
			t.Fatal(err)
		}
		p.Aborts = []Abort{rule}
	}, func(t *testing.T, l result.Load) {
		if l.Verdict != result.Aborted || l.DurationMS < 4000 || l.DurationMS > 8000 {
			t.Errorf("verdict %s after %d ms: %v", l.Verdict, l.DurationMS, l.Reasons)
		}
	})
}

// When the context ends, starts end and flows under way may end.
func TestInterruptDrains(t *testing.T) {
	t.Parallel()
	s := &scripted{ack: `"interval":2,"expires_in":120`, token: func(n int, w http.ResponseWriter, _ *http.Request) {
		if n < 3 {
			reply(w, 400, pendingText)
			return
		}
		grant(w)
	}}
	againstWith(t, s, func(p *Plan) {
		p.Arrivals, _ = ParseRate("10/s", time.Hour, nil)
		p.Duration, p.Drain = time.Hour, 20*time.Second
	}, func(ctx context.Context, _ *Options) context.Context {
		ctx, cancel := context.WithCancel(ctx)
		time.AfterFunc(5*time.Second, cancel)
		return ctx
	}, func(t *testing.T, l result.Load) {
		if f := l.Funnel; !l.Interrupted || f.Started < 45 || f.Started > 55 || f.Approved != f.Started || l.DurationMS > 15_000 {
			t.Errorf("interrupted %v after %d ms, funnel %+v", l.Interrupted, l.DurationMS, f)
		}
	})
}

// What is written as the run goes is, read again, what the run returns.
func TestJournalIsTheResult(t *testing.T) {
	t.Parallel()
	s := &scripted{ack: `"interval":2,"expires_in":120`, token: func(n int, w http.ResponseWriter, _ *http.Request) {
		if n < 2 {
			reply(w, 400, pendingText)
			return
		}
		reply(w, 200, `{"nothing":"useful"}`)
	}}
	var journal bytes.Buffer
	againstWith(t, s, func(*Plan) {}, func(ctx context.Context, o *Options) context.Context {
		o.Journal = result.NewLoadJournal(&journal)
		return ctx
	}, func(t *testing.T, l result.Load) {
		read, err := result.ReadLoad(&journal)
		if err != nil {
			t.Fatal(err)
		}
		var want, got bytes.Buffer
		_ = result.WriteLoad(&want, l)
		_ = result.WriteLoad(&got, read)
		if diff := cmp.Diff(want.String(), got.String()); diff != "" {
			t.Errorf("-returned +journal:\n%.2000s", diff)
		}
		if len(l.Violations) != 1 || l.Violations[0].Kind != "unknown_answer" || l.Violations[0].Count != 3 {
			t.Errorf("violations %+v", l.Violations)
		}
	})
}

// late is a decider whose decisions reach nobody.
type late struct{}

func (late) Decide(context.Context, approve.Decision) error { return nil }

// Faults of the bookkeeping of decisions must not become accusations: an OP that
// denies or ends requests for reasons of its own breaks nothing.
func TestOPsOwnDecisionsAreNoViolation(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"error":"access_denied"}`, `{"error":"invalid_request"}`, `{"error":"transaction_failed"}`} {
		s := &scripted{ack: `"interval":2,"expires_in":120`, token: func(_ int, w http.ResponseWriter, _ *http.Request) { reply(w, 400, body) }}
		againstWith(t, s, func(p *Plan) { p.Think.Median = time.Second }, func(ctx context.Context, o *Options) context.Context {
			o.Decider = late{}
			return ctx
		}, func(t *testing.T, l result.Load) {
			if len(l.Violations) != 0 || l.Funnel.Failed != 3 {
				t.Errorf("%s: funnel %+v, violations %+v", body, l.Funnel, l.Violations)
			}
		})
	}
}

// A newer request of a user may take the place of an older one. Where older ones
// live on, one that expires before its time is a violation.
func TestReplacedRequestsAreNoEarlyExpiry(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ livesFor, breaches int }{"replaced": {0, 0}, "lived on": {1, 1}} {
		s := &scripted{ack: `"interval":3,"expires_in":120`, token: func(n int, w http.ResponseWriter, r *http.Request) {
			switch {
			case r.PostForm.Get("auth_req_id") != "id-1":
				grant(w)
			case n > c.livesFor:
				reply(w, 400, `{"error":"expired_token"}`)
			default:
				reply(w, 400, pendingText)
			}
		}}
		against(t, s, func(*Plan) {}, func(t *testing.T, l result.Load) {
			if len(l.Violations) != c.breaches || l.Funnel.Expired != 1 || s.hints[0] != s.hints[2] {
				t.Errorf("%s: funnel %+v, violations %+v, users %v", name, l.Funnel, l.Violations, s.hints)
			}
		})
	}
}

// A run that is hopelessly behind ends in time all the same.
func TestOverloadedRunEnds(t *testing.T) {
	t.Parallel()
	s := &scripted{ack: `"interval":1,"expires_in":600`, token: func(_ int, w http.ResponseWriter, _ *http.Request) {
		time.Sleep(900 * time.Millisecond)
		reply(w, 400, pendingText)
	}}
	against(t, s, func(p *Plan) {
		p.Arrivals, _ = ParseRate("50/s", 10*time.Second, nil)
		p.Duration, p.Drain, p.MaxWorkers = 10*time.Second, 5*time.Second, 2
	}, func(t *testing.T, l result.Load) {
		if l.DurationMS > 18_000 || l.Funnel.Offered != 500 || l.Funnel.Dropped == 0 {
			t.Errorf("took %d ms, funnel %+v", l.DurationMS, l.Funnel)
		}
	})
}
