package loadgen

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/targetfile"
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
