package loadgen

import (
	"time"

	"github.com/cibatest/cibatest/reports/result"
)

// starter decides when flows begin and for whom. In an open run the plan says when,
// whatever the answers do; in a closed one a flow begins when an agent is free.
type starter struct {
	arrivals Arrivals // nil: a closed run
	length   int64    // of the run: no flow is intended to begin later
	idle     []int64  // closed run: when agents became free
	users    *rota
	serials  uint32 // flows so far

	next    int64 // intended time of the next start
	hasNext bool
	ended   bool // there are no more starts

	refusal string // why the first start was refused that was; empty: none
}

func newStarter(p *Plan) starter {
	s := starter{arrivals: p.Arrivals, length: int64(p.Duration), users: newRota(len(p.Users), p.UserLimit)}
	if p.Arrivals == nil {
		s.idle = make([]int64, p.Agents)
	}
	return s
}

// hand gives a flow that begins its number and its user.
func (s *starter) hand(at int64) (serial, user uint32) {
	s.serials++
	return s.serials, s.users.take(at)
}

// free makes an agent of a closed run available from a moment on.
func (s *starter) free(at int64) { s.idle = append(s.idle, at) }

// findNext finds the intended time of the next start, unless it is known.
func (s *starter) findNext() bool {
	if s.ended || s.hasNext {
		return s.hasNext
	}
	at, ok := s.arrival()
	switch {
	case !ok && s.arrivals != nil, at > s.length:
		s.ended = true
	case ok:
		s.next, s.hasNext = at, true
	}
	return s.hasNext
}

// arrival draws one more arrival, or takes the agent who was free first.
func (s *starter) arrival() (int64, bool) {
	if s.arrivals != nil {
		at, ok := s.arrivals.Next()
		return int64(at), ok
	}
	if len(s.idle) == 0 {
		return 0, false
	}
	at := s.idle[0]
	s.idle = s.idle[1:]
	return at, true
}

// finish ends the starts. It returns how many were due by now and do not get their
// turn any more.
func (s *starter) finish(now int64) (missed int64) {
	end := min(now, s.length)
	at, ok := s.next, s.hasNext
	for s.arrivals != nil {
		if !ok {
			at, ok = s.arrival()
		}
		if !ok || at > end {
			break
		}
		missed++
		ok = false
	}
	s.ended, s.hasNext = true, false
	return missed
}

// startDue begins a flow when one is due. One for which too many are pending already
// is dropped, which the results count as offered all the same.
func (e *engine) startDue(now int64) (uint32, bool) {
	s := &e.starts
	for s.findNext() && s.next <= now {
		at := s.users.when(s.next)
		if at > now { // the user was asked too recently
			e.now.count(result.CountHeldBack, 1)
			s.next = at
			return 0, false
		}
		s.hasNext = false
		e.now.count(result.CountOffered, 1)
		if e.flows.live >= int64(e.plan.MaxPending) {
			e.now.count(result.CountDropped, 1)
			continue
		}
		return e.begin(at), true
	}
	return 0, false
}

// endStarts gives up the starts that were offered and did not get their turn.
func (e *engine) endStarts(now int64) {
	if missed := e.starts.finish(now); missed > 0 {
		e.now.count(result.CountOffered, missed)
		e.now.count(result.CountDropped, missed)
	}
}

// rota hands out users in turn, none more often than its limit allows.
type rota struct {
	free  []int64 // ns: when each user may be asked again
	next  int
	every int64
}

func newRota(users, perMinute int) *rota {
	r := &rota{free: make([]int64, users)}
	if perMinute > 0 {
		r.every = int64(time.Minute) / int64(perMinute)
	}
	return r
}

// when is the earliest moment, at or after the given one, at which the next user may
// be asked. In turn, the next user is the one who was asked longest ago.
func (r *rota) when(at int64) int64 { return max(at, r.free[r.next]) }

func (r *rota) take(at int64) uint32 {
	user := r.next
	r.free[user] = at + r.every
	r.next = (r.next + 1) % len(r.free)
	return uint32(user) //nolint:gosec // an index of a list in memory
}
