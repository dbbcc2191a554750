package loadgen

import (
	"slices"
	"time"

	"github.com/cibatest/cibatest/reports/result"
)

// starter decides when flows begin and for whom. In an open run the plan says when,
// whatever the answers do; in a closed one a flow begins when an agent is free.
type starter struct {
	arrivals Arrivals // nil: a closed run
	length   int64    // of the run: no flow is intended to begin later
	idle     []int64  // closed run: when agents are free, the first one first
	users    *rota
	pace     pace
	serials  uint32 // flows so far

	next    int64 // intended time of the next start
	hasNext bool
	ended   bool // there are no more starts

	refusal string // why the first start was refused that was; empty: none
	spurned int    // starts in a row that were not acknowledged
}

func newStarter(p *Plan) starter {
	s := starter{arrivals: p.Arrivals, length: int64(p.Duration), users: newRota(len(p.Users), p.UserLimit), pace: newPace(p)}
	if p.Arrivals == nil {
		s.idle = make([]int64, p.Agents)
	}
	return s
}

// hand gives a flow its number and its user. It was to begin at a moment, and does now.
func (s *starter) hand(at, now int64) (serial, user uint32) {
	s.serials++
	s.pace.take(now)
	return s.serials, s.users.take(at)
}

// free makes an agent of a closed run available from a moment on. It goes before those
// that are free later, as after a refusal, and before one that was to be next.
func (s *starter) free(at int64) {
	if s.hasNext && at < s.next {
		s.next, at = at, s.next
	}
	i := len(s.idle)
	for i > 0 && s.idle[i-1] > at {
		i--
	}
	s.idle = slices.Insert(s.idle, i, at)
}

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
		at := s.pace.when(s.users.when(s.next))
		if at > now { // the user was asked too recently, or the target
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
		return e.begin(at, now), true
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

// An agent of a closed run whose start was not acknowledged pauses, longer with every
// round in which no agent had more luck: what is refused at once would be asked for
// thousands of times a second otherwise.
const (
	firstBackoff = time.Second
	mostBackoffs = 5 // doublings
)

// backoff is how long the agent of a start that was just refused pauses.
func (s *starter) backoff(agents int) time.Duration {
	s.spurned++
	return firstBackoff << min((s.spurned-1)/max(agents, 1), mostBackoffs)
}

// pace keeps starts apart, so that no minute sees more of them than it may.
type pace struct {
	every int64 // ns; 0: no bound
	slack int64 // ns: how far ahead of an even pace a burst may be
	free  int64 // ns: when the next one is due at an even pace

	recent []int64 // ns: the latest starts, as many as a minute may see, in a ring
	next   int     // of the ring: the oldest
}

// burst is what an open run may be ahead of an even pace. Its plan keeps the cap on
// average, and the chance in its arrivals is not to be ironed out.
const burst = time.Second

func newPace(p *Plan) pace {
	if p.PerMinute <= 0 {
		return pace{}
	}
	even := pace{every: int64(float64(time.Minute) / p.PerMinute), recent: make([]int64, max(1, int(p.PerMinute)))}
	for i := range even.recent {
		even.recent[i] = -int64(time.Minute)
	}
	if p.Arrivals != nil {
		even.slack = int64(burst)
	}
	return even
}

// when is the earliest moment, at or after the given one, for the next start. A burst on
// top of an even pace would be more than a minute may see by just the burst, so the
// start that is as many before has to be a minute old.
func (p *pace) when(at int64) int64 {
	if p.every == 0 {
		return at
	}
	return max(at, p.free-p.slack, p.recent[p.next]+int64(time.Minute))
}

// take notes a start at the moment that it really happens, which is later than planned
// where the generator fell behind.
func (p *pace) take(now int64) {
	if p.every == 0 {
		return
	}
	p.free = max(p.free, now) + p.every
	p.recent[p.next] = now
	p.next = (p.next + 1) % len(p.recent)
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
