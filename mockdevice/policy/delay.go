package policy

import (
	"math"
	"time"

	"github.com/cibatest/cibatest/mockdevice/wire"
)

// delay is how long the user takes. The zero value is no time at all.
type delay struct {
	draw     func(u float64, life time.Duration) time.Duration
	outlives bool // it ends after the request has expired, on purpose
}

// assumedLife is that of a request whose OP did not say when it expires.
const assumedLife = 120 * time.Second

// of is the delay of one request.
func (d delay) of(r wire.Request, u float64) time.Duration {
	if d.draw == nil {
		return 0
	}
	life := assumedLife
	if !r.ExpiresAt.IsZero() {
		life = r.ExpiresAt.Sub(r.ReceivedAt)
	}
	// Whole milliseconds: the last bits of a float differ between processors.
	return min(max(d.draw(u, life), 0), wire.MaxLife).Truncate(time.Millisecond)
}

// drawn is a delay that does not look at the life of the request.
func drawn(draw func(u float64) time.Duration) delay {
	return delay{draw: func(u float64, _ time.Duration) time.Duration { return draw(u) }}
}

// fixedDelay is always the same.
func fixedDelay(t time.Duration) delay { return drawn(func(float64) time.Duration { return t }) }

// uniformDelay lies anywhere between two bounds.
func uniformDelay(low, high time.Duration) delay {
	return drawn(func(u float64) time.Duration { return low + scaled(high-low, u) })
}

// normalDelay is a normal distribution, cut off at no time at all.
func normalDelay(mean, deviation time.Duration) delay {
	return drawn(func(u float64) time.Duration { return mean + scaled(deviation, standardNormal(u)) })
}

// lognormalDelay is how people answer: half within the median, a long tail after it.
func lognormalDelay(median time.Duration, sigma float64) delay {
	return drawn(func(u float64) time.Duration { return scaled(median, math.Exp(sigma*standardNormal(u))) })
}

// exponentialDelay is what independent events make: the mean is rarely met, short ones are
// common.
func exponentialDelay(mean time.Duration) delay {
	return drawn(func(u float64) time.Duration { return scaled(mean, -math.Log(1-u)) })
}

// empiricalDelay picks one of the delays that were seen.
func empiricalDelay(seen []time.Duration) delay {
	return drawn(func(u float64) time.Duration { return seen[int(u*float64(len(seen)))] })
}

// beforeExpiry is an answer at the last moment.
func beforeExpiry(t time.Duration) delay {
	return delay{draw: func(_ float64, life time.Duration) time.Duration { return life - t }}
}

// afterExpiry is an answer that comes too late on purpose, and is delivered nevertheless.
func afterExpiry(t time.Duration) delay {
	return delay{draw: func(_ float64, life time.Duration) time.Duration { return life + t }, outlives: true}
}

// scaled keeps extreme draws from overflowing.
func scaled(t time.Duration, by float64) time.Duration {
	return time.Duration(math.Min(math.Max(float64(t)*by, -float64(wire.MaxLife)), float64(wire.MaxLife)))
}
