package mockdevice

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cibatest/cibatest/mockdevice/audit"
	"github.com/cibatest/cibatest/mockdevice/policy"
)

// accepting is an OP that costs nothing.
type accepting struct{ told atomic.Int64 }

func (a *accepting) RoundTrip(r *http.Request) (*http.Response, error) {
	_ = r.Body.Close()
	a.told.Add(1)
	return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody}, nil
}

func heldRequest(i int) Request {
	return Request{
		AuthReqID: fmt.Sprintf("%043d", i), ClientID: "agent-1", LoginHint: fmt.Sprintf("user-%d", i%1000),
		BindingMessage: fmt.Sprintf("AB%06d", i%1_000_000),
		Scope:          "openid profile", ExpiresAt: time.Now().Add(time.Hour), Callback: "http://op.example/callback",
		CallbackToken: fmt.Sprintf("%022d", i),
	}
}

func decideMany(b *testing.B, options ...Option) {
	op := &accepting{}
	d := New(append([]Option{WithRoundTripper(op), WithCapacity(100_000), WithPolicy(policy.ApproveAll)}, options...)...)
	defer d.Close()
	var next atomic.Int64
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := d.Receive(heldRequest(int(next.Add(1)))); err != nil {
				b.Error(err)
			}
		}
	})
	for op.told.Load() < int64(b.N) {
		time.Sleep(100 * time.Microsecond)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "decided/s")
}

// BenchmarkDecide: received, judged, decided and handed to a transport that costs nothing.
func BenchmarkDecide(b *testing.B) { decideMany(b) }

// BenchmarkDecideAudited: the same with every step on disk.
func BenchmarkDecideAudited(b *testing.B) {
	audit, err := audit.Open(filepath.Join(b.TempDir(), "audit"))
	if err != nil {
		b.Fatal(err)
	}
	defer audit.Close()
	decideMany(b, WithAudit(audit))
}

// BenchmarkDecideByRules: the same under a policy file with predicates and a mix.
func BenchmarkDecideByRules(b *testing.B) {
	rules, err := ParseRules("r", []byte(`
rules:
  - {when: {details: {any: {type: payment, where: [{at: /amount, at_most: 100}]}}}, then: deny}
  - {mix: [{share: 85, then: approve}, {share: 15, then: deny}]}`))
	if err != nil {
		b.Fatal(err)
	}
	decideMany(b, WithRules(rules))
}

// BenchmarkDecideHTTP: both directions over loopback, as in a load run.
func BenchmarkDecideHTTP(b *testing.B) {
	var told atomic.Int64
	op := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		told.Add(1)
		w.WriteHeader(http.StatusNoContent)
	}))
	defer op.Close()
	transport := &http.Transport{MaxIdleConnsPerHost: Concurrency}
	d := New(WithRoundTripper(transport), WithCapacity(100_000), WithPolicy(policy.ApproveAll))
	defer d.Close()
	device := httptest.NewServer(d.Handler())
	defer device.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	var next atomic.Int64
	b.SetParallelism(8)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r := heldRequest(int(next.Add(1)))
			r.Callback = op.URL
			body, _ := json.Marshal(r)
			resp, err := client.Post(device.URL+"/v1/requests", "application/json", bytes.NewReader(body))
			if err != nil {
				b.Error(err)
				return
			}
			_ = resp.Body.Close()
		}
	})
	for told.Load() < int64(b.N) {
		time.Sleep(100 * time.Microsecond)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "decided/s")
}

// BenchmarkHeld holds a million requests at once: bytes for each, alone and with a
// delayed decision waiting in the wheel; and how long a command takes among them.
func BenchmarkHeld(b *testing.B) {
	const held = 1_000_000
	for name, policy := range map[string]Policy{
		"waiting":   policy.Hold,
		"scheduled": func(Request) Verdict { return Verdict{Decision: Decision{Action: Approve}, After: time.Hour} },
	} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				before := heap()
				d := New(WithCapacity(held), WithPolicy(policy))
				fill(b, d, held)
				b.ReportMetric(float64(heap()-before)/held, "B/request")
				if n := len(d.Requests(nil)); n != held {
					b.Fatalf("%d requests are held", n)
				}
				start := time.Now()
				const decided = 10_000
				for i := range decided {
					if err := d.Decide(b.Context(), heldRequest(i*97).AuthReqID, Decision{Action: Deny}); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(time.Since(start).Nanoseconds())/decided, "ns/command")
				d.Close()
			}
		})
	}
}

func fill(b *testing.B, d *Device, n int) {
	var work sync.WaitGroup
	const parts = 4
	for part := range parts {
		work.Go(func() {
			for i := part; i < n; i += parts {
				if err := d.Receive(heldRequest(i)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	work.Wait()
}

// heap is what is reachable.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
