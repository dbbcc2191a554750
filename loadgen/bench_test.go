package loadgen

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// answering is an OP without a wire: it grants the third poll of every flow.
type answering struct {
	started int
	polls   map[string]int // by flow
	details string         // of a token response; empty: none
	header  http.Header
}

func (op *answering) answer(t vegeta.Target) *vegeta.Result {
	r := &vegeta.Result{URL: t.URL, Code: 200, Headers: op.header, BytesOut: uint64(len(t.Body)), Timestamp: time.Now(), Latency: time.Millisecond}
	if !strings.Contains(t.URL, "/token") {
		r.Body = fmt.Appendf(nil, `{"auth_req_id":"%040d","expires_in":300,"interval":0.001}`, op.started)
		op.started++
		op.polls[t.URL[strings.IndexByte(t.URL, '#')+2:]] = 0
		return r
	}
	flow := t.URL[strings.IndexByte(t.URL, '#')+2:]
	if op.polls[flow]++; op.polls[flow] < 3 {
		r.Code, r.Body = 400, []byte(pendingText)
		return r
	}
	r.Body = []byte(`{"access_token":"t","token_type":"Bearer","id_token":"e30.eyJzdWIiOiJhbGljZSJ9.c2ln"` + op.details + `}`)
	return r
}

// BenchmarkBookkeeping is what one request costs the generator beyond the wire: to
// find the next one, to write it, to read its answer and to keep the books.
func BenchmarkBookkeeping(b *testing.B) {
	template, err := NewTemplate(`{"type":"pay","amount":"{amount}","note":"{flow}","actions":["read","pay"]}`, "run")
	if err != nil {
		b.Fatal(err)
	}
	for name, c := range map[string]struct {
		rar     *Template
		details string
	}{
		"plain":   {},
		"details": {template, `,"authorization_details":[{"type":"pay","actions":["pay"],"id":"P-1"}]`},
	} {
		b.Run(name, func(b *testing.B) {
			op := &answering{polls: map[string]int{}, details: c.details, header: http.Header{"Content-Type": {"application/json"}}}
			e, err := newEngine(b.Context(), &Options{
				Target: &targetfile.Target{Issuer: "http://op.test", Scope: "openid", Endpoints: targetfile.Endpoints{
					BackchannelAuthentication: "http://op.test/start", Token: "http://op.test/token",
				}},
				Plan: Plan{
					Agents: 2000, Duration: time.Hour, Mix: Mix{Approve: 1}, RAR: c.rar,
					Client: targetfile.Client{ClientID: "c", AuthMethod: targetfile.AuthNone}, Users: []targetfile.User{{Name: "alice", LoginHint: "alice"}},
				},
			})
			if err != nil {
				b.Fatal(err)
			}
			e.closed, e.began = b.Context(), time.Now()
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				if _, stop := e.Pace(0, 0); stop {
					b.Fatal("the run is over")
				}
				var t vegeta.Target
				if err := e.target(&t); err != nil {
					b.Fatal(err)
				}
				one := make(chan *vegeta.Result, 1)
				one <- op.answer(t)
				close(one)
				e.results(one)
			}
			if n := len(e.checks.found); n > 0 {
				b.Errorf("%d kinds of violations: %v", n, e.checks.found)
			}
		})
	}
}

// BenchmarkReadAnswer is the reading of the three answers that a run is full of.
func BenchmarkReadAnswer(b *testing.B) {
	header := http.Header{"Content-Type": {"application/json"}}
	for _, c := range []struct {
		name   string
		starts bool
		status int
		body   string
	}{
		{"pending", false, 400, pendingText},
		{"acknowledged", true, 200, `{"auth_req_id":"1c266114-a1be-4252-8ad1-04986c5b9ac1","expires_in":120,"interval":5}`},
		{"tokens", false, 200, `{"access_token":"` + strings.Repeat("a", 800) + `","token_type":"Bearer","expires_in":3600,"id_token":"` + strings.Repeat("a", 900) + `"}`},
	} {
		b.Run(c.name, func(b *testing.B) {
			var r reader
			now, body := time.Now(), []byte(c.body)
			b.ReportAllocs()
			for b.Loop() {
				_ = r.read(c.starts, c.status, header, body, now)
			}
		})
	}
}

// BenchmarkReceiver is what the calls of an OP cost, over loopback and including the caller,
// who is in this process: what one core receives is no less than calls/cpu-s.
func BenchmarkReceiver(b *testing.B) {
	for _, mode := range []string{deliveryPing, deliveryPush} {
		b.Run(mode, func(b *testing.B) {
			l, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			e := called(b, mode, l)
			tokens := make([]string, b.N)
			for i := range tokens {
				at := e.begin(0, 0)
				f := e.flows.at(at)
				f.state, f.inFlight, tokens[i] = waiting, 0, e.notified.token(f.serial)
				id := fmt.Sprintf("%040d", f.serial)
				e.notified.book(f.serial).id = e.checks.seen.hash(id)
			}
			hangUp := e.receive(l)
			defer hangUp()
			b.ResetTimer()
			before := cpuTime()
			var turn atomic.Int64
			var callers sync.WaitGroup
			for range 16 {
				callers.Go(func() { hammer(b, l.Addr().String(), mode, tokens, &turn) })
			}
			callers.Wait()
			b.ReportMetric(float64(b.N)/(cpuTime()-before).Seconds(), "calls/cpu-s")
			b.StopTimer()
			if n := len(e.checks.found); n > 0 || e.now.counters[result.CountNotified] != int64(b.N) {
				b.Errorf("%d of %d calls were booked; violations %v", e.now.counters[result.CountNotified], b.N, e.checks.found)
			}
		})
	}
}

// called is an engine whose client is called at a listener.
func called(b *testing.B, mode string, l net.Listener) *engine {
	b.Helper()
	e, err := newEngine(b.Context(), &Options{
		Calls: l,
		Target: &targetfile.Target{Issuer: "http://op.test", Scope: "openid", Endpoints: targetfile.Endpoints{
			BackchannelAuthentication: "http://op.test/start", Token: "http://op.test/token",
		}},
		Plan: Plan{
			Agents: 1, Duration: time.Hour, Mix: Mix{Approve: 1},
			Client: targetfile.Client{ClientID: "c", AuthMethod: targetfile.AuthNone, DeliveryMode: mode}, Users: []targetfile.User{{Name: "alice", LoginHint: "alice"}},
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	e.closed, e.began = b.Context(), time.Now()
	return e
}

// hammer calls for one token after the other on one connection.
func hammer(b *testing.B, address, mode string, tokens []string, turn *atomic.Int64) {
	conn, err := (&net.Dialer{}).DialContext(b.Context(), "tcp", address)
	if err != nil {
		b.Error(err)
		return
	}
	defer conn.Close()
	in, secret := bufio.NewReader(conn), strings.Repeat("a", 800)
	for {
		i := turn.Add(1) - 1
		if int(i) >= len(tokens) {
			return
		}
		body := fmt.Sprintf(`{"auth_req_id":"%040d"}`, i+1)
		if mode == deliveryPush {
			body = fmt.Sprintf(`{"auth_req_id":"%040d","access_token":"%s","token_type":"Bearer","id_token":"%[2]s"}`, i+1, secret)
		}
		_, err := fmt.Fprintf(conn, "POST /here HTTP/1.1\r\nHost: client.test\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			tokens[i], len(body), body)
		if err != nil {
			b.Error(err)
			return
		}
		for line := ""; line != "\r\n"; {
			if line, err = in.ReadString('\n'); err != nil {
				b.Error(err)
				return
			}
		}
	}
}
