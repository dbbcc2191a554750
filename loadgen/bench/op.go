package main

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/valyala/fasthttp"
)

// mockOP answers like an OP and does nothing else, so that the generator is what
// is measured. A request is decided a fixed time after its start, which its
// auth_req_id carries; the OP keeps no state but the truth about its latency.
type mockOP struct {
	interval string
	decided  time.Duration // after the start; negative: never
	began    time.Time
	serial   atomic.Uint64
	latency  func() time.Duration
	stallAt  time.Duration // of the first request; 0: never
	first    atomic.Int64
	pace     time.Duration // answers polls that come sooner with slow_down; 0: never
	mu       sync.Mutex
	truth    map[string]*hdrhistogram.Histogram
	last     map[string]time.Duration // poll of an auth_req_id
}

// run serves until the process ends. It writes its address and a target file.
func (m *mockOP) run(targetFile string, overTLS bool) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	base, trust := "http://"+listener.Addr().String(), ""
	if overTLS {
		config, certificate, err := lab.SelfSigned()
		if err != nil {
			return err
		}
		authority := targetFile + ".pem"
		if err := os.WriteFile(authority, certificate, 0o600); err != nil {
			return err
		}
		base, trust = "https://"+listener.Addr().String(), fmt.Sprintf("tls: {ca_file: %q}\n", authority)
		listener = tls.NewListener(listener, config)
	}
	text := fmt.Sprintf("issuer: %s\nendpoints: {backchannel_authentication: %s/start, token: %s/token}\n"+
		"clients: [{name: bench, client_id: bench, auth_method: client_secret_basic, client_secret: bench-secret-of-nobody}]\n"+
		"users: [{name: alice, login_hint: alice}]\n", base, base, base) + trust
	if err := os.WriteFile(targetFile, []byte(text), 0o600); err != nil {
		return err
	}
	return (&fasthttp.Server{Handler: m.answer, NoDefaultServerHeader: true}).Serve(listener)
}

const (
	pendingBody  = `{"error":"authorization_pending","error_description":"the end-user has not decided yet"}`
	slowDownBody = `{"error":"slow_down","error_description":"the interval has not passed"}`
	tokenBody    = `{"access_token":"bench-access-token-0123456789abcdef0123456789","token_type":"Bearer","expires_in":600,"scope":"openid"}`
)

func (m *mockOP) answer(c *fasthttp.RequestCtx) {
	arrived := time.Now()
	c.SetContentType("application/json")
	c.Response.Header.Set("Cache-Control", "no-store")
	class := "initiate"
	switch string(c.Path()) {
	case "/start":
		c.SetBodyString(`{"auth_req_id":"` + m.newID(arrived) + `","expires_in":3600,"interval":` + m.interval + `}`)
	case "/token":
		class = "pending"
		id := string(c.PostArgs().Peek("auth_req_id"))
		switch {
		case m.tooSoon(arrived, id):
			c.SetStatusCode(400)
			c.SetBodyString(slowDownBody)
		case m.isDecided(arrived, id):
			class = "redeem"
			c.SetBodyString(tokenBody)
		default:
			c.SetStatusCode(400)
			c.SetBodyString(pendingBody)
		}
	case "/truth":
		m.tell(c)
		return
	default:
		c.SetStatusCode(404)
		return
	}
	m.wait(arrived)
	m.record(class, time.Since(arrived))
}

// newID carries the moment of the start and 128 random bits.
func (m *mockOP) newID(now time.Time) string {
	random := strconv.FormatUint(rand.Uint64(), 36) + strconv.FormatUint(rand.Uint64(), 36)
	return strconv.FormatInt(now.Sub(m.began).Microseconds(), 36) + "." + strconv.FormatUint(m.serial.Add(1), 36) + "." + random
}

// tooSoon keeps the client to the interval, counted from the start or the last
// poll to the millisecond.
func (m *mockOP) tooSoon(now time.Time, id string) bool {
	if m.pace == 0 {
		return false
	}
	at := now.Sub(m.began)
	m.mu.Lock()
	defer m.mu.Unlock()
	last, polled := m.last[id]
	if !polled {
		last, _ = m.startOf(id)
	}
	m.last[id] = at
	return at-last < m.pace
}

// startOf is the moment an auth_req_id carries.
func (m *mockOP) startOf(id string) (time.Duration, bool) {
	stamp, _, _ := strings.Cut(id, ".")
	started, err := strconv.ParseInt(stamp, 36, 64)
	return time.Duration(started) * time.Microsecond, err == nil
}

func (m *mockOP) isDecided(now time.Time, id string) bool {
	started, ok := m.startOf(id)
	return m.decided >= 0 && ok && now.Sub(m.began)-started >= m.decided
}

// wait makes the answer as slow as the run wants.
func (m *mockOP) wait(arrived time.Time) {
	if m.stallAt > 0 {
		m.first.CompareAndSwap(0, arrived.UnixNano())
		began := time.Unix(0, m.first.Load()).Add(m.stallAt)
		if end := began.Add(stall); arrived.After(began) && arrived.Before(end) {
			time.Sleep(time.Until(end))
		}
	}
	if m.latency != nil {
		time.Sleep(m.latency())
	}
}

// stall is how long the OP says nothing in the run that measures it.
const stall = 2 * time.Second

func (m *mockOP) record(class string, d time.Duration) {
	if m.latency == nil && m.stallAt == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.truth[class] == nil {
		m.truth[class] = result.NewHistogram()
	}
	result.RecordIn(m.truth[class], d.Microseconds())
}

func (m *mockOP) tell(c *fasthttp.RequestCtx) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := map[string]result.Latency{}
	for class, h := range m.truth {
		all[class] = result.QuantilesOf(class, h)
	}
	data, _ := json.Marshal(all)
	c.SetBody(data)
}

// The latency distributions of the accuracy runs: lognormal, and modes with wide
// gaps. The percentiles that are compared lie within a mode; at its very edge the
// number of samples would decide, and not how well they are measured.
func twoModes() time.Duration {
	switch u := rand.Float64(); {
	case u < 0.002:
		return 200 * time.Millisecond
	case u < 0.015:
		return 50 * time.Millisecond
	}
	return 5 * time.Millisecond
}

func lognormal() time.Duration {
	return time.Duration(float64(5*time.Millisecond) * math.Exp(0.8*rand.NormFloat64()))
}
