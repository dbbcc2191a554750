package mockdevice

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"time"
)

// dice are the random numbers of one request under one seed. They depend on
// nothing else, so reruns and several devices agree without speaking to each other.
type dice struct {
	seed int64
	id   string
}

// roll is a number in (0,1) for a purpose; each purpose has a number of its own.
func (d dice) roll(purpose string) float64 {
	var seed [8]byte
	binary.BigEndian.PutUint64(seed[:], uint64(d.seed)) //nolint:gosec // every seed is a seed
	h := sha256.New()
	_, _ = h.Write(seed[:])
	_, _ = h.Write([]byte(d.id + "\x00" + purpose))
	bits := binary.BigEndian.Uint64(h.Sum(nil)) >> 11
	return (float64(bits) + 0.5) / (1 << 53)
}

// delay is how long the user takes. The zero value is no time at all.
type delay struct {
	draw     func(u float64, life time.Duration) time.Duration
	outlives bool // it ends after the request has expired, on purpose
}

// assumedLife is that of a request whose OP did not say when it expires.
const assumedLife = 120 * time.Second

// of is the delay of one request.
func (d delay) of(r Request, u float64) time.Duration {
	if d.draw == nil {
		return 0
	}
	life := assumedLife
	if !r.ExpiresAt.IsZero() {
		life = r.ExpiresAt.Sub(r.ReceivedAt)
	}
	// Whole milliseconds: the last bits of a float differ between processors.
	return min(max(d.draw(u, life), 0), maxLife).Truncate(time.Millisecond)
}

// drawn is a delay that does not look at the life of the request.
func drawn(draw func(u float64) time.Duration) delay {
	return delay{draw: func(u float64, _ time.Duration) time.Duration { return draw(u) }}
}

func fixed(t time.Duration) delay { return drawn(func(float64) time.Duration { return t }) }

func uniform(low, high time.Duration) delay {
	return drawn(func(u float64) time.Duration { return low + scaled(high-low, u) })
}

func normal(mean, deviation time.Duration) delay {
	return drawn(func(u float64) time.Duration { return mean + scaled(deviation, standardNormal(u)) })
}

// lognormal is how people answer: half within the median, a long tail after it.
func lognormal(median time.Duration, sigma float64) delay {
	return drawn(func(u float64) time.Duration { return scaled(median, math.Exp(sigma*standardNormal(u))) })
}

func exponential(mean time.Duration) delay {
	return drawn(func(u float64) time.Duration { return scaled(mean, -math.Log(1-u)) })
}

// empirical picks one of the delays that were seen.
func empirical(seen []time.Duration) delay {
	return drawn(func(u float64) time.Duration { return seen[int(u*float64(len(seen)))] })
}

func beforeExpiry(t time.Duration) delay {
	return delay{draw: func(_ float64, life time.Duration) time.Duration { return life - t }}
}

func afterExpiry(t time.Duration) delay {
	return delay{draw: func(_ float64, life time.Duration) time.Duration { return life + t }, outlives: true}
}

// standardNormal is the inverse of the normal distribution: one number in, one out,
// unlike the generators of the standard library, whose sequence is not promised.
func standardNormal(u float64) float64 { return math.Sqrt2 * math.Erfinv(2*u-1) }

// scaled keeps extreme draws from overflowing.
func scaled(t time.Duration, by float64) time.Duration {
	return time.Duration(math.Min(math.Max(float64(t)*by, -float64(maxLife)), float64(maxLife)))
}
