package loadgen

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func all(t *testing.T, a Arrivals) (times []time.Duration) {
	t.Helper()
	for {
		at, ok := a.Next()
		if !ok {
			return times
		}
		if n := len(times); n > 0 && at < times[n-1] {
			t.Fatalf("arrival %d at %s lies before the one at %s", n, at, times[n-1])
		}
		times = append(times, at)
	}
}

func within(times []time.Duration, from, to time.Duration) (n int) {
	for _, at := range times {
		if at > from && at <= to {
			n++
		}
	}
	return n
}

func TestRates(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rate     string
		total    int
		from, to time.Duration
		part     int
	}{
		{"200/s", 2000, 0, time.Second, 200},
		{"600/m", 100, 0, time.Second, 10},
		{"10/s..30/s", 200, 0, 5 * time.Second, 75},
		{"0/s..20/s", 100, 5 * time.Second, 10 * time.Second, 75},
		{"10/s,50/s", 300, 5 * time.Second, 10 * time.Second, 250},
		{"5/s+100/s@4s/2s", 250, 4 * time.Second, 6 * time.Second, 210},
		{"0/s+3/s@1s/1s", 3, time.Second, 2 * time.Second, 3},
	} {
		a, err := ParseRate(c.rate, 10*time.Second, nil)
		if err != nil {
			t.Errorf("%s: %v", c.rate, err)
			continue
		}
		times := all(t, a)
		if len(times) != c.total || within(times, c.from, c.to) != c.part {
			t.Errorf("%s: %d starts, %d from %s to %s; want %d and %d", c.rate, len(times), within(times, c.from, c.to), c.from, c.to, c.total, c.part)
		}
	}
	for _, bad := range []string{"", "x", "-1/s", "1/d", "10/s..", "5/s+1/s", "5/s+1/s@9s/5s", "0/s", "NaN/s", "1e9/s"} {
		if _, err := ParseRate(bad, 10*time.Second, nil); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestPoisson(t *testing.T) {
	t.Parallel()
	a, err := ParseRate("100/s", 100*time.Second, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	times := all(t, a)
	sum, squares := 0.0, 0.0
	for i := 1; i < len(times); i++ {
		gap := (times[i] - times[i-1]).Seconds()
		sum += gap
		squares += gap * gap
	}
	n := float64(len(times) - 1)
	mean := sum / n
	spread := math.Sqrt(squares/n-mean*mean) / mean
	if math.Abs(mean-0.01) > 0.0005 || math.Abs(spread-1) > 0.05 {
		t.Errorf("gaps of %.4f s on average, spread %.3f of it; want 0.01 and 1", mean, spread)
	}
}

func TestReplay(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]time.Duration{
		"0\n0.5\n\n# pause\n2\n":                        {0, 500 * time.Millisecond, 2 * time.Second},
		"2026-11-25T10:00:00Z\n2026-11-25T10:00:01.25Z": {0, 1250 * time.Millisecond},
	} {
		a, err := ReadArrivals(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := all(t, a); !slices.Equal(got, want) {
			t.Errorf("%q gives %v, want %v", text, got, want)
		}
	}
	for _, bad := range []string{"", "soon", "2\n1", "-1"} {
		if _, err := ReadArrivals(strings.NewReader(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestMixAndThink(t *testing.T) {
	t.Parallel()
	m, err := ParseMix("approve=3,deny=1")
	if err != nil || m.Approve != 0.75 || m.draw(0.74) != approves || m.draw(0.8) != denies {
		t.Errorf("%+v, %v", m, err)
	}
	r := rand.New(rand.NewPCG(1, 1))
	for text, bounds := range map[string][2]time.Duration{
		"fixed:2s": {2 * time.Second, 2 * time.Second}, "uniform:1s..5s": {2800 * time.Millisecond, 3200 * time.Millisecond}, "lognormal:8s,0.6": {7500 * time.Millisecond, 8500 * time.Millisecond},
	} {
		think, err := ParseThink(text)
		if err != nil {
			t.Fatal(err)
		}
		var drawn []time.Duration
		for range 4001 {
			drawn = append(drawn, think.draw(r))
		}
		slices.Sort(drawn)
		if median := drawn[2000]; median < bounds[0] || median > bounds[1] {
			t.Errorf("%s: median %s", text, median)
		}
	}
	for _, bad := range []string{"", "approve", "approve=-1", "approve=0,deny=0", "nap=1"} {
		if _, err := ParseMix(bad); err == nil {
			t.Errorf("mix %q was taken", bad)
		}
	}
	for _, bad := range []string{"", "2s", "fixed:x", "uniform:5s..1s", "lognormal:8s", "lognormal:8s,-1", "gauss:1s"} {
		if _, err := ParseThink(bad); err == nil {
			t.Errorf("think time %q was taken", bad)
		}
	}
}
