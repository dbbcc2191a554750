package driver

import (
	"hash/fnv"
	"math/rand/v2"
	"sync"
)

// Random yields every random choice and text of one case. It is seeded by the run's
// seed, the name of the case and how often it was tried, so two runs with one seed send
// the same, however their cases happen to overlap. Two things are always new, because repeating them
// would change what an OP has to do: the jti of client assertions, and keys.
//
// Random is safe for concurrent use.
type Random struct {
	mu     sync.Mutex
	source *rand.Rand
}

// NewRandom seeds the values of one case. They keep no secret: they are names that
// nobody knows, and choices.
func NewRandom(seed int64, name string) *Random {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return &Random{source: rand.New(rand.NewPCG(uint64(seed), h.Sum64()))} //nolint:gosec // no value keeps a secret
}

// textAlphabet is that of base32, which hints, identifiers and messages may use.
const textAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

// textLength gives a text 130 bits, so that nobody else has it.
const textLength = 26

// Text is a text of 26 capital letters and digits that nothing else has.
func (r *Random) Text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := make([]byte, textLength)
	for i := range text {
		text[i] = textAlphabet[r.source.IntN(len(textAlphabet))]
	}
	return string(text)
}

// IntN is a number from 0 to n-1; n has to be positive.
func (r *Random) IntN(n int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.source.IntN(n)
}

// Perm is a random order of the numbers from 0 to n-1.
func (r *Random) Perm(n int) []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.source.Perm(n)
}
