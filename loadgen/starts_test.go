package loadgen

import (
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/cibatest/cibatest/reports/result"
)

// most is the largest number of moments within a stretch of time.
func most(moments []time.Duration, within time.Duration) (n int) {
	for i := range moments {
		j := i
		for j < len(moments) && moments[j]-moments[i] < within {
			j++
		}
		n = max(n, j-i)
	}
	return n
}

// Agents whose starts are refused at once do not start again at once.
func TestRefusedAgentsPause(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		start  func(n int, w http.ResponseWriter) bool
		starts [2]int // least and most in two minutes
	}{
		{"for ever", func(_ int, w http.ResponseWriter) bool {
			reply(w, 400, `{"error":"invalid_scope"}`)
			return true
		}, [2]int{8 * 6, 8 * 9}}, // after 1, 2, 4, 8, 16, 32 s, and then every 32 s
		{"as long as the OP says", func(_ int, w http.ResponseWriter) bool {
			later("40", 429, "")(w)
			return true
		}, [2]int{8 * 3, 8 * 4}},
		{"some of them", func(n int, w http.ResponseWriter) bool {
			if n%2 == 0 {
				reply(w, 400, `{"error":"invalid_scope"}`)
			}
			return n%2 == 0
		}, [2]int{8 * 60, 8 * 100}}, // a flow takes 2 s, a refusal 1 s
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{ack: `"interval":2,"expires_in":120`, token: after(0, grant), start: c.start}
			against(t, s, func(p *Plan) {
				p.Arrivals, p.Agents, p.Duration = nil, 8, 2*time.Minute
			}, func(t *testing.T, l result.Load) {
				if n := int(l.Funnel.Started); n < c.starts[0] || n > c.starts[1] {
					t.Errorf("%d starts in two minutes, want %d to %d", n, c.starts[0], c.starts[1])
				}
				if p99 := latency(l, "lag.initiate").P99; p99 > 10_000 {
					t.Errorf("an agent that was free waited %d us for one that was not", p99)
				}
			})
		})
	}
}

// A cap holds while the run goes, whatever the answers make of its shape.
func TestCapsHoldAsTheRunGoes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		edit func(*Plan)
	}{
		{"agents", func(p *Plan) { p.Arrivals, p.Agents = nil, 20 }},
		{"a random rate", func(p *Plan) { p.Arrivals, _ = ParseRate("60/m", p.Duration, rand.New(rand.NewPCG(4, 2))) }},
		{"a rate beyond the cap", func(p *Plan) { p.Arrivals, _ = ParseRate("90/m", p.Duration, nil) }},
		{"a ramp", func(p *Plan) { p.Arrivals, _ = ParseRate("30/m..120/m", p.Duration, nil) }},
		{"steps", func(p *Plan) { p.Arrivals, _ = ParseRate("50/m,100/m,70/m", p.Duration, nil) }},
		{"a spike", func(p *Plan) { p.Arrivals, _ = ParseRate("55/m+100/s@60s/2s", p.Duration, nil) }},
		{"a replay of bursts", func(p *Plan) { p.Arrivals = bursts(100, 55*time.Second) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{ack: `"interval":1,"expires_in":120`, token: after(0, grant)}
			against(t, s, func(p *Plan) {
				p.Duration, p.PerMinute, p.Drain = 5*time.Minute, 60, time.Minute
				c.edit(p)
			}, func(t *testing.T, l result.Load) {
				if n := most(s.starts, time.Minute); n > 60 || len(s.starts) < 200 {
					t.Errorf("%d starts in one minute, want at most 60; %d in all", n, len(s.starts))
				}
				if l.Counters[result.CountHeldBack] == 0 || l.Verdict == result.Saturated {
					t.Errorf("verdict %s, %q, %d starts were held back", l.Verdict, l.Reasons, l.Counters[result.CountHeldBack])
				}
			})
		})
	}
}

// bursts are recorded arrivals, so many at once every while.
func bursts(size int, every time.Duration) Arrivals {
	r := &replayed{}
	for i := range 5 * size {
		r.times = append(r.times, time.Duration(i/size)*every)
	}
	return r
}

// A generator that fell behind does not make up for it beyond the cap: what counts is when
// flows start, not when they should have.
func TestCapHoldsAfterAStall(t *testing.T) {
	t.Parallel()
	p := newPace(&Plan{PerMinute: 60, Arrivals: &replayed{}})
	var started []time.Duration
	for now := time.Duration(0); now < 5*time.Minute; now += time.Second / 10 {
		if now > 50*time.Second && now < 80*time.Second {
			continue // the stall
		}
		for p.when(int64(now)) <= int64(now) { // one start is always due
			p.take(int64(now))
			started = append(started, now)
		}
	}
	if n := most(started, time.Minute); n != 60 || len(started) < 240 {
		t.Errorf("%d starts in one minute, %d in all", n, len(started))
	}
}
