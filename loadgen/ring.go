package loadgen

import "math/bits"

// The ring has one slot a millisecond and reaches slots ms ahead. What is due
// later waits in the farthest slot and is put in again from there.
const slots = 1 << 18

// ring keeps flows by the millisecond in which they are due. The due time is
// rounded up, so that nothing leaves it early. The flows of a slot are a list
// through flow.next; a bitmap tells which slots have any.
type ring struct {
	heads  []uint32
	filled []uint64
	cursor int64 // ms; every slot before it is empty
	n      int
}

func newRing() ring {
	r := ring{heads: make([]uint32, slots), filled: make([]uint64, slots/64)}
	for i := range r.heads {
		r.heads[i] = nobody
	}
	return r
}

// millis rounds a time up to the millisecond.
func millis(ns int64) int64 { return (ns + 999_999) / 1_000_000 }

// push puts a flow into the slot of its due time, or into the next one when that has
// passed.
func (r *ring) push(a *arena, i uint32) {
	f := a.at(i)
	at := min(max(millis(f.due), r.cursor), r.cursor+slots-1)
	slot := at % slots
	f.next = r.heads[slot]
	r.heads[slot] = i
	r.filled[slot/64] |= 1 << (slot % 64)
	r.n++
}

// pop takes a flow that is due; it is false when there is none.
func (r *ring) pop(a *arena, now int64) (uint32, bool) {
	for {
		at, ok := r.first()
		if !ok || at*1_000_000 > now {
			r.cursor = max(r.cursor, now/1_000_000)
			return 0, false
		}
		r.cursor = at
		slot := at % slots
		i := r.heads[slot]
		f := a.at(i)
		if r.heads[slot] = f.next; f.next == nobody {
			r.filled[slot/64] &^= 1 << (slot % 64)
		}
		r.n--
		if f.due <= now {
			return i, true
		}
		r.push(a, i) // beyond the reach of the ring when it was put in
	}
}

// first is the millisecond of the first slot that has a flow.
func (r *ring) first() (int64, bool) {
	if r.n == 0 {
		return 0, false
	}
	from := r.cursor % slots
	word := from / 64
	w := r.filled[word] &^ (1<<(from%64) - 1)
	for range len(r.filled) + 1 {
		if w != 0 {
			slot := word*64 + int64(bits.TrailingZeros64(w))
			return r.cursor + (slot-from+slots)%slots, true
		}
		word = (word + 1) % int64(len(r.filled))
		w = r.filled[word]
	}
	return 0, false
}
