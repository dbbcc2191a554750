package loadgen

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// Arrivals are the times at which flows start. Next returns times since the start of
// the run that never decrease, until there are no more.
type Arrivals interface {
	Next() (at time.Duration, ok bool)
	RateAt(t time.Duration) float64 // starts a second that the plan wants at a moment
}

// stretch is a time in which the rate goes from one value to another in a line.
type stretch struct {
	length   time.Duration
	from, to float64 // starts a second
}

func (s stretch) starts() float64 { return (s.from + s.to) / 2 * s.length.Seconds() }

// after is how long it takes from the beginning of the stretch until n starts
// were made: from*t + (to-from)/(2*length)*t^2 = n.
func (s stretch) after(n float64) time.Duration {
	slope := (s.to - s.from) / s.length.Seconds()
	t := n / max(s.from, math.SmallestNonzeroFloat64)
	if slope != 0 {
		t = (math.Sqrt(s.from*s.from+2*slope*n) - s.from) / slope
	}
	return time.Duration(t * float64(time.Second))
}

// profile is a rate over time. Its next start is one unit of rate times time
// further on; a random unit of mean 1 makes the arrivals a Poisson process.
type profile struct {
	stretches []stretch
	unit      func() float64
	at        int           // stretch
	begun     time.Duration // when it began
	made      float64       // starts made in it
}

func (p *profile) Next() (time.Duration, bool) {
	p.made += p.unit()
	for p.at < len(p.stretches) {
		s := p.stretches[p.at]
		if all := s.starts(); p.made > all+1e-9 {
			p.made -= all
			p.begun += s.length
			p.at++
			continue
		}
		return p.begun + s.after(p.made), true
	}
	return 0, false
}

func (p *profile) RateAt(t time.Duration) float64 {
	for _, s := range p.stretches {
		if t < s.length {
			return s.from + (s.to-s.from)*t.Seconds()/s.length.Seconds()
		}
		t -= s.length
	}
	return 0
}

// total is the number of starts of the whole profile.
func (p *profile) total() (n float64) {
	for _, s := range p.stretches {
		n += s.starts()
	}
	return n
}

func steady() float64 { return 1 }

// ParseRate reads a rate over a duration:
//
//	200/s              constant; /m and /h as well
//	10/s..200/s        a ramp
//	10/s,50/s,100/s    steps of equal length
//	50/s+500/s@60s/10s 50/s, and 500/s more from 60 s on for 10 s
func ParseRate(text string, length time.Duration, random *rand.Rand) (Arrivals, error) {
	stretches, err := parseStretches(text, length)
	if err != nil {
		return nil, fmt.Errorf("rate %q: %w", text, err)
	}
	p := &profile{stretches: stretches, unit: steady}
	if random != nil {
		p.unit = random.ExpFloat64
	}
	if p.total() == 0 {
		return nil, fmt.Errorf("rate %q starts nothing within %s", text, length)
	}
	return p, nil
}

// parseStretches reads the shapes of a rate: constant, ramp, steps and spike.
func parseStretches(text string, length time.Duration) ([]stretch, error) {
	if base, spike, ok := strings.Cut(text, "+"); ok {
		return parseSpike(base, spike, length)
	}
	if from, to, ok := strings.Cut(text, ".."); ok {
		a, errA := perSecond(from)
		b, errB := perSecond(to)
		return []stretch{{length, a, b}}, errors.Join(errA, errB)
	}
	steps := strings.Split(text, ",")
	var list []stretch
	for _, step := range steps {
		r, err := perSecond(step)
		if err != nil {
			return nil, err
		}
		list = append(list, stretch{length / time.Duration(len(steps)), r, r})
	}
	return list, nil
}

// parseSpike reads a rate that is higher for a while.
func parseSpike(base, spike string, length time.Duration) ([]stretch, error) {
	extra, when, ok := strings.Cut(spike, "@")
	from, lasts, ok2 := strings.Cut(when, "/")
	if !ok || !ok2 {
		return nil, errors.New("a spike is written BASE/s+EXTRA/s@BEGIN/LENGTH, as 50/s+500/s@60s/10s")
	}
	a, errA := perSecond(base)
	b, errB := perSecond(extra)
	begin, errC := time.ParseDuration(from)
	held, errD := time.ParseDuration(lasts)
	if err := errors.Join(errA, errB, errC, errD); err != nil {
		return nil, err
	}
	if begin < 0 || held <= 0 || begin+held > length {
		return nil, fmt.Errorf("the spike from %s for %s does not lie within the run of %s", begin, held, length)
	}
	return []stretch{{begin, a, a}, {held, a + b, a + b}, {length - begin - held, a, a}}, nil
}

// perSecond reads 200/s, 600/m or 36000/h.
func perSecond(text string) (float64, error) {
	digits, name, _ := strings.Cut(strings.TrimSpace(text), "/")
	per, ok := map[string]float64{"": 1, "s": 1, "m": 60, "h": 3600}[name]
	value, err := strconv.ParseFloat(digits, 64)
	if err != nil || !ok || !(value >= 0) || value > 1e7 {
		return 0, fmt.Errorf("%q is not a rate; write a number with /s, /m or /h", text)
	}
	return value / per, nil
}

// replayed are recorded arrivals.
type replayed struct {
	times []time.Duration
	at    int
}

// ReadArrivals reads recorded arrivals: one time a line, in seconds, or as RFC
// 3339; the first is the start of the run. Empty lines and those that begin with
// # do not count.
func ReadArrivals(r io.Reader) (Arrivals, error) {
	var times []time.Duration
	var origin time.Time
	scanner := bufio.NewScanner(r)
	for n := 1; scanner.Scan(); n++ {
		line := strings.TrimSpace(scanner.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		at, err := parseArrival(line, &origin)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if last := len(times) - 1; last >= 0 && at < times[last] {
			return nil, fmt.Errorf("line %d: %s lies before the line above", n, line)
		}
		times = append(times, at)
	}
	if err := scanner.Err(); err != nil {
		return nil, err
	}
	if len(times) == 0 {
		return nil, errors.New("there is no arrival in it")
	}
	return &replayed{times: times}, nil
}

// parseArrival reads one line of recorded arrivals. The first time stamp becomes zero.
func parseArrival(line string, origin *time.Time) (time.Duration, error) {
	if value, err := strconv.ParseFloat(line, 64); err == nil && value >= 0 && value < 1e7 {
		return time.Duration(value * float64(time.Second)), nil
	}
	t, err := time.Parse(time.RFC3339Nano, line)
	if err != nil {
		return 0, fmt.Errorf("%.40q is neither a number of seconds nor an RFC 3339 time", line)
	}
	if origin.IsZero() {
		*origin = t
	}
	return t.Sub(*origin), nil
}

func (r *replayed) Next() (time.Duration, bool) {
	if r.at == len(r.times) {
		return 0, false
	}
	r.at++
	return r.times[r.at-1], true
}

func (r *replayed) RateAt(t time.Duration) (n float64) {
	for _, at := range r.times {
		if at >= t && at < t+time.Second {
			n++
		}
	}
	return n
}
