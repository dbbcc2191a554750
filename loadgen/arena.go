package loadgen

import (
	"math"
	"net/url"
	"time"
)

// nobody is the index that names no flow.
const nobody = ^uint32(0)

// state is where a flow stands for the generator.
type state uint8

const (
	starting state = iota // the backchannel request has no answer yet
	waiting               // the user has not been seen to decide
	over                  // counted in one outcome
)

// flow is one backchannel request and all that follows. It holds no pointer, so
// that the garbage collector never looks at a million of them. Times are
// nanoseconds since the start of the run.
type flow struct {
	due         int64  // when the next request is intended
	started     int64  // when the start was intended, by the plan
	decided     int64  // when the user decided; 0: not yet
	serial      uint32 // number in the run
	next        uint32 // next flow in the same slot of the ring
	interval    uint32 // ms between polls
	user        uint32
	lifetime    uint32 // ms from the start of the run until the OP said that the auth_req_id ends; 0: it did not say
	lastPending uint32 // ms from the start of the run until the last poll left that was answered pending; 0: none
	polls       uint16
	ackDelay    uint16 // until the acknowledgement came, in units of 10 ms
	handover    uint16 // from the decision until the OP had taken it, in units of 10 ms
	idLen       uint8
	state       state
	intent      intent
	marks       marks
	inFlight    uint8
	redemptions uint8 // token responses seen
	faults      uint8 // requests without an answer, in a row
	id          [inlineID]byte
}

// inlineID is the length of an auth_req_id, form-encoded, that fits a flow.
// Longer ones are kept aside.
const inlineID = 43

// intent is what the user is going to do.
type intent uint8

const (
	approves intent = iota
	denies
	ignores
)

// marks are facts about a flow.
type marks uint8

const (
	racing  marks = 1 << iota // is to be polled twice at once when it was approved
	repeats                   // is to be polled again when it was redeemed
	twinned                   // was polled twice at once
	decided                   // the OP has taken the decision
	lost                      // a poll had no answer or a 5xx, so the OP may have used the id up
	spaced                    // the poll under way kept the interval
	polling                   // polls, or is about to
	belated                   // the call about its decision came too late, or not at all
)

// shortly is a duration in units of 10 ms, rounded up, as a flow keeps it.
func shortly(ns int64) uint16 {
	return uint16(min(ns/10_000_000+1, math.MaxUint16)) //nolint:gosec // bounded
}

// moment is a time in milliseconds, rounded up, as a flow keeps it: 49 days at most.
func moment(ns int64) uint32 {
	return uint32(min(millis(ns), math.MaxUint32)) //nolint:gosec // bounded
}

// acknowledgedAfter is how long the acknowledgement took, in ns.
func (f *flow) acknowledgedAfter() int64 { return int64(f.ackDelay) * 10_000_000 }

// expires is when the OP said that the auth_req_id ends, in ns; 0: it did not say.
func (f *flow) expires() int64 { return int64(f.lifetime) * int64(time.Millisecond) }

// taken is when the OP had taken the decision, in ns.
func (f *flow) taken() int64 { return f.decided + int64(f.handover)*10_000_000 }

// hasExpired reports whether the OP's own expires_in had passed.
func (f *flow) hasExpired(at int64) bool { return f.lifetime > 0 && at > f.expires() }

func (f *flow) has(m marks) bool { return f.marks&m != 0 }

// arena holds all flows and hands out their places again.
type arena struct {
	chunks []*[chunk]flow
	free   uint32 // list through flow.next
	used   int    // places ever handed out
	long   map[uint32]string
}

const chunk = 4096

func newArena() arena { return arena{free: nobody, long: map[uint32]string{}} }

func (a *arena) at(i uint32) *flow { return &a.chunks[i/chunk][i%chunk] }

// take hands out a place, one that was given back if there is any. Chunks never move, so
// a pointer into one stays good.
func (a *arena) take() uint32 {
	if i := a.free; i != nobody {
		a.free = a.at(i).next
		*a.at(i) = flow{}
		return i
	}
	if a.used == len(a.chunks)*chunk {
		a.chunks = append(a.chunks, new([chunk]flow))
	}
	a.used++
	return uint32(a.used - 1) //nolint:gosec // a flow takes 100 bytes: 2^32 of them do not fit a machine
}

// release gives a place back. Nothing may refer to it any more: no request under way and
// no slot of the ring.
func (a *arena) release(i uint32) {
	delete(a.long, i)
	f := a.at(i)
	f.state, f.next = over, a.free
	f.idLen = 0
	a.free = i
}

// setID keeps the form-encoded auth_req_id of a flow.
func (a *arena) setID(i uint32, id string) {
	f := a.at(i)
	if len(id) > inlineID {
		a.long[i] = id
		return
	}
	f.idLen = uint8(copy(f.id[:], id)) //nolint:gosec // at most inlineID
}

// id is the form-encoded auth_req_id of a flow.
func (a *arena) id(i uint32) string {
	f := a.at(i)
	if f.idLen == 0 {
		return a.long[i]
	}
	return string(f.id[:f.idLen])
}

// appendID is id without an allocation.
func (a *arena) appendID(to []byte, i uint32) []byte {
	f := a.at(i)
	if f.idLen == 0 {
		return append(to, a.long[i]...)
	}
	return append(to, f.id[:f.idLen]...)
}

// escape is the identifier as a form carries it; unescape is the way back.
func escape(id string) string { return url.QueryEscape(id) }

func unescape(id string) string {
	plain, err := url.QueryUnescape(id)
	if err != nil {
		return id // was escaped by us
	}
	return plain
}
