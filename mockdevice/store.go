package mockdevice

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unique"

	"github.com/cibatest/cibatest/mockdevice/wire"
)

// store keeps the requests in shards, each under a lock of its own that is never
// held while anything waits.
type store struct {
	shards   []shard
	capacity int64
	size     atomic.Int64
	bytes    atomic.Int64 // what all requests weigh
	arrivals atomic.Uint64
}

// bytesEach is what a request may weigh on average. Few weigh a tenth of it; the bound is
// for those that an OP fills up.
const bytesEach = 8 << 10

// shard is a part of the store. A request is in its map, and in one of its two lists.
type shard struct {
	mu       sync.Mutex
	byKey    map[wire.Key]*record
	open     chain
	finished chain
}

// record is a request with what the device knows about it. The lock of its shard
// guards the outcome and its place in the lists; the rest never changes.
type record struct {
	Request
	key        wire.Key
	seq        uint64
	outlet     *outlet
	in         *chain
	prev, next *record
	weight     int           // as weighed when it was added or decided
	wasShown   bool          // everything was visible on the phone page
	decided    chan struct{} // closed by a decision; nil unless somebody waits
}

// shardsFor keeps small stores in one shard, where "oldest" is exact.
func shardsFor(capacity int) int {
	if capacity < 4096 {
		return 1
	}
	return 64
}

// newStore makes an empty store.
func newStore(capacity int) *store {
	s := &store{shards: make([]shard, shardsFor(capacity)), capacity: int64(capacity)}
	s.clear()
	return s
}

// shard is where a key belongs. Keys are digests, so any byte spreads them evenly.
func (s *store) shard(k wire.Key) *shard { return &s.shards[int(k[0])%len(s.shards)] }

// add keeps a record unless there is one of that key already, which is returned.
// It counts those that had to make room.
func (s *store) add(r *record) (known Request, isKnown bool, dropped int) {
	sh := s.shard(r.key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if known := sh.byKey[r.key]; known != nil {
		return known.snapshot(), true, 0
	}
	r.seq = s.arrivals.Add(1)
	sh.byKey[r.key] = r
	sh.place(r)
	s.size.Add(1)
	s.reweigh(r)
	for s.full() && s.dropOne(sh, r) {
		dropped++
	}
	return Request{}, false, dropped
}

// full reports whether a request has to make room.
func (s *store) full() bool {
	return s.size.Load() > s.capacity || s.bytes.Load() > s.capacity*bytesEach
}

// reweigh counts what a record takes now. The lock of its shard is held.
func (s *store) reweigh(r *record) {
	weight := r.Weight()
	s.bytes.Add(int64(weight - r.weight))
	r.weight = weight
}

// dropOne makes room: the oldest finished request of the shard, or the oldest.
func (s *store) dropOne(sh *shard, newcomer *record) bool {
	oldest := sh.finished.head
	if oldest == nil || oldest == newcomer {
		oldest = sh.open.head
	}
	if oldest == nil || oldest == newcomer {
		return false // alone in its shard: the next arrival elsewhere makes room
	}
	s.forget(sh, oldest)
	return true
}

// forget takes a record out. The lock of its shard is held.
func (s *store) forget(sh *shard, r *record) {
	r.in.remove(r)
	delete(sh.byKey, r.key)
	s.size.Add(-1)
	s.bytes.Add(-int64(r.weight))
}

// remove forgets the request of a key, if there is one.
func (s *store) remove(k wire.Key) {
	s.with(k, func(sh *shard, rec *record) {
		if rec != nil {
			s.forget(sh, rec)
		}
	})
}

// place puts a record at the end of the list it belongs to.
func (sh *shard) place(r *record) {
	if r.in != nil {
		r.in.remove(r)
	}
	if r.Decided == "" {
		sh.open.append(r)
	} else {
		sh.finished.append(r)
	}
}

// with runs do with the record, or nil, while its shard is locked.
func (s *store) with(k wire.Key, do func(*shard, *record)) {
	sh := s.shard(k)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	do(sh, sh.byKey[k])
}

// get is a copy of a request.
func (s *store) get(k wire.Key) (r Request, ok bool) {
	s.with(k, func(_ *shard, rec *record) {
		if rec != nil {
			r, ok = rec.snapshot(), true
		}
	})
	return r, ok
}

// snapshot copies what may leave the lock.
func (r *record) snapshot() Request {
	copied := r.Request
	copied.Ref = r.key.String()
	return copied
}

// all are the requests that match, oldest first.
func (s *store) all(match func(Request) bool) []Request {
	type placed struct {
		seq uint64
		Request
	}
	var matched []placed
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		for _, rec := range sh.byKey {
			if r := rec.snapshot(); match == nil || match(r) {
				matched = append(matched, placed{rec.seq, r})
			}
		}
		sh.mu.Unlock()
	}
	slices.SortFunc(matched, func(a, b placed) int { return cmp.Compare(a.seq, b.seq) })
	requests := make([]Request, len(matched))
	for i, m := range matched {
		requests[i] = m.Request
	}
	return requests
}

// clear forgets everything, one shard after the other.
func (s *store) clear() {
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		s.size.Add(-int64(len(sh.byKey)))
		for _, r := range sh.byKey {
			s.bytes.Add(-int64(r.weight))
		}
		sh.byKey, sh.open, sh.finished = map[wire.Key]*record{}, chain{}, chain{}
		sh.mu.Unlock()
	}
}

// open counts the requests nobody has decided.
func (s *store) open() (n int) {
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		n += sh.open.length
		sh.mu.Unlock()
	}
	return n
}

// openOf counts the requests of one dialect that wait for a decision, up to a number.
func (s *store) openOf(adapter string, most int, now time.Time) (n int) {
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		for rec := sh.open.head; rec != nil && n < most; rec = rec.next {
			if rec.Adapter == adapter && !rec.ExpiredAt(now) {
				n++
			}
		}
		sh.mu.Unlock()
	}
	return n
}

// chain links records in order of arrival or decision.
type chain struct {
	head, tail *record
	length     int
}

// append puts a record at the end.
func (c *chain) append(r *record) {
	r.in, r.prev, r.next = c, c.tail, nil
	if c.tail == nil {
		c.head = r
	} else {
		c.tail.next = r
	}
	c.tail = r
	c.length++
}

// remove takes a record out, wherever it is.
func (c *chain) remove(r *record) {
	if r.prev == nil {
		c.head = r.next
	} else {
		r.prev.next = r.next
	}
	if r.next == nil {
		c.tail = r.prev
	} else {
		r.next.prev = r.prev
	}
	r.in, r.prev, r.next = nil, nil, nil
	c.length--
}

// compact shares the texts that most requests have in common, so that a million
// of them do not hold a million copies.
func compact(r Request) Request {
	for _, text := range []*string{&r.ClientID, &r.Scope, &r.ACRValues, &r.Callback} {
		if *text != "" {
			*text = unique.Make(*text).Value()
		}
	}
	return r
}
