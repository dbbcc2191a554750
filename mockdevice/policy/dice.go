package policy

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
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

// standardNormal is the inverse of the normal distribution: one number in, one out,
// unlike the generators of the standard library, whose sequence is not promised.
func standardNormal(u float64) float64 { return math.Sqrt2 * math.Erfinv(2*u-1) }
