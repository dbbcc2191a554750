package loadgen

import "hash/maphash"

// idSet remembers identifiers by their hash, the last few million of them.
type idSet struct {
	seed      maphash.Seed
	now, last hashSet
}

const idsInSet = 4 << 20

func newIDSet() idSet { return idSet{seed: maphash.MakeSeed()} }

// add reports whether the identifier was there already.
func (s *idSet) add(id string) bool {
	h := s.hash(id)
	if s.now.n >= idsInSet {
		s.now, s.last = hashSet{}, s.now
	}
	return s.last.has(h) || s.now.add(h)
}

// hash is what stands for an identifier, never zero.
func (s *idSet) hash(id string) uint64 { return maphash.String(s.seed, id) | 1 }

// holds reports whether the identifier with a hash is there.
func (s *idSet) holds(h uint64) bool { return s.now.has(h) || s.last.has(h) }

// hashSet is a set of hashes that are not zero, in a table that is at most three
// quarters full. A map takes two or three times the memory.
type hashSet struct {
	slots []uint64
	n     int
}

// place is where a hash is, or would be.
func (s *hashSet) place(h uint64) *uint64 {
	mask := uint64(len(s.slots) - 1) //nolint:gosec // a length
	for i := h >> 1; ; i++ {
		if at := &s.slots[i&mask]; *at == 0 || *at == h {
			return at
		}
	}
}

func (s *hashSet) has(h uint64) bool { return s.n > 0 && *s.place(h) == h }

// add reports whether the hash was there already.
func (s *hashSet) add(h uint64) bool {
	if s.n*4 >= len(s.slots)*3 {
		old := s.slots
		s.slots = make([]uint64, max(1024, 2*len(old)))
		for _, other := range old {
			if other != 0 {
				*s.place(other) = other
			}
		}
	}
	at := s.place(h)
	if *at == h {
		return true
	}
	*at = h
	s.n++
	return false
}
