package driver

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
)

// Cases run side by side, and how much of that an OP bears nobody has told us. So the
// number of requests that are under way at once follows what is seen: it grows with quick
// answers and shrinks with slow ones and with failures of ordinary requests. What fails
// beside others is no finding yet: it is tried again alone.
const (
	firstLimit  = 8                      // requests at once, before anything is known
	slowBy      = 3                      // an answer is slow that takes so many times the quickest one, and
	slowAtLeast = 500 * time.Millisecond // so much more
	shrink      = 0.7                    // what is left of the limit when answers get slow
	relaxAfter  = 200                    // good answers in a row after which one more is tried than has failed before
	safeAtMost  = 4                      // requests at once, where it matters that none fails for their number
	heldPoll    = time.Second            // a poll that takes longer is held by the OP, which costs it little
	beginApart  = 100 * time.Millisecond // cases begin so far apart once something was too much: what one asks for shows later
)

// strain regulates how many requests of a run are under way at once. Use [newStrain].
type strain struct {
	refuses atomic.Bool // right credentials were refused beside others

	mu       sync.Mutex
	limit    float64 // requests at once
	ceiling  int     // no more than this, as more has failed; 0: none has
	most     int     // of the run's budget
	started  bool    // something was too much: from now on the limit grows slowly
	reduced  time.Time
	settled  bool // the limit does not grow beyond what is safe
	good     int  // answers in a row
	underWay int
	waiting  []chan struct{} // requests, in the order they came
	idle     []chan struct{} // cases that have not begun: only where no request waits
	began    time.Time       // when the last of these did
	quickest map[string]time.Duration

	ordinary, failed, worst int    // ordinary requests, those that failed beside others, and the most at a time of these
	failedAt                int    // the fewest at a time with which any request failed; 0: none did
	first                   string // how the first ordinary one failed
}

func newStrain(most int) *strain {
	if most <= 0 {
		most = firstLimit
	}
	return &strain{most: most, limit: float64(min(firstLimit, most)), quickest: map[string]time.Duration{}}
}

// enter waits until one more request may be under way. A request that cannot wait is
// counted all the same. The slot has to be left.
func (s *strain) enter(ctx context.Context, urgent bool) (*slot, error) {
	s.mu.Lock()
	if urgent || len(s.waiting) == 0 && s.hasRoom() {
		defer s.mu.Unlock()
		return s.admit(), nil
	}
	turn := make(chan struct{})
	s.waiting = append(s.waiting, turn)
	s.mu.Unlock()
	select {
	case <-turn:
		return s.arrived(), nil
	case <-ctx.Done():
		s.giveUp(&s.waiting, turn)
		return nil, interrupted(ctx)
	}
}

// awaitRoom waits until no request has to wait for others, so that something new may
// begin.
func (s *strain) awaitRoom(ctx context.Context) {
	s.mu.Lock()
	if len(s.waiting) == 0 && s.hasRoom() {
		s.mu.Unlock()
		return
	}
	turn := make(chan struct{})
	s.idle = append(s.idle, turn)
	s.mu.Unlock()
	select {
	case <-turn:
	case <-ctx.Done():
		s.giveUp(&s.idle, turn)
	}
}

// giveUp takes a claim back, or passes on the turn that came meanwhile.
func (s *strain) giveUp(queue *[]chan struct{}, turn chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(*queue, turn); i >= 0 {
		*queue = slices.Delete(*queue, i, i+1)
		return
	}
	if queue == &s.waiting {
		s.underWay--
	}
	s.serve()
}

func (s *strain) hasRoom() bool { return s.underWay < max(1, int(s.limit)) }

// admit counts a request in. The lock is held.
func (s *strain) admit() *slot {
	s.underWay++
	return &slot{strain: s, beside: s.underWay, held: true}
}

// arrived is the slot of a request that was counted in by who left.
func (s *strain) arrived() *slot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &slot{strain: s, beside: s.underWay, held: true}
}

// serve lets in whoever waits, as far as there is room. The lock is held.
func (s *strain) serve() {
	for len(s.waiting) > 0 && s.hasRoom() {
		s.underWay++
		close(s.waiting[0])
		s.waiting = s.waiting[1:]
	}
	for len(s.waiting) == 0 && len(s.idle) > 0 && s.hasRoom() {
		if s.started && time.Since(s.began) < beginApart {
			return // whoever began last has set a timer
		}
		close(s.idle[0])
		s.idle, s.began = s.idle[1:], time.Now()
		time.AfterFunc(beginApart, s.serveLater)
	}
}

// serveLater lets in what waits: also a case that asks for nothing at first makes way.
func (s *strain) serveLater() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serve()
}

// slot is the place of a request that is under way.
type slot struct {
	strain *strain
	beside int  // requests under way when it was sent, with itself
	held   bool // it still counts
}

// release gives the place to others, once.
func (l *slot) release() {
	l.strain.mu.Lock()
	defer l.strain.mu.Unlock()
	l.beside = max(l.beside, l.strain.underWay)
	if !l.held {
		return
	}
	l.held = false
	l.strain.underWay--
	l.strain.serve()
}

// releaseIfHeld gives the place of a poll to others when the OP holds it. The function it
// returns has to be called when the answer is there.
func (l *slot) releaseIfHeld() (answered func()) {
	timer := time.AfterFunc(heldPoll, l.release)
	return func() { timer.Stop() }
}

// answered learns from an ordinary request. failure is how it failed, empty where it did
// not. What fails alone teaches nothing.
func (s *strain) answered(r Request, resp *ciba.Response, beside int, failure string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ordinary++
	switch {
	case failure != "" && beside == 1:
	case failure != "":
		s.failedBeside(beside, failure, resp.Sent)
	case s.slow(r, resp):
		s.reduce(max(1, s.limit*shrink), resp.Sent)
	default:
		s.grow()
	}
	s.serve()
}

func (s *strain) failedBeside(beside int, failure string, sent time.Time) {
	s.failed++
	s.noteFailed(beside)
	s.worst = max(s.worst, beside)
	if s.first == "" {
		s.first = failure
	}
	s.ceiling = max(1, beside-1)
	s.good = 0
	s.reduce(max(1, min(s.limit, float64(beside))/2), sent)
}

// reduce lowers the limit, once for all requests that were under way together.
func (s *strain) reduce(to float64, sent time.Time) {
	s.started = true
	if sent.After(s.reduced) {
		s.limit, s.reduced = to, time.Now()
	}
}

func (s *strain) grow() {
	if s.good++; s.good%relaxAfter == 0 && s.ceiling > 0 && !s.settled {
		s.ceiling++
	}
	step := 1.0
	if s.started {
		step = 1 / s.limit
	}
	s.limit = min(s.limit+step, float64(s.most))
	if s.ceiling > 0 {
		s.limit = min(s.limit, float64(s.ceiling))
	}
}

// failedOddly notes that a request of a race failed, which says nothing by itself.
func (s *strain) failedOddly(beside int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noteFailed(beside)
}

func (s *strain) noteFailed(beside int) {
	if s.failedAt == 0 || beside < s.failedAt {
		s.failedAt = beside
	}
}

// safe is how many of n requests may be sent at once without failing for it: all of them
// where no ordinary request has failed.
func (s *strain) safe(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == 0 {
		return n
	}
	return min(n, max(1, s.failedAt/2), safeAtMost)
}

// settle keeps to what is safe from now on.
func (s *strain) settle() {
	safe := s.safe(s.most)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed > 0 {
		s.settled, s.ceiling = true, safe
		s.limit = min(s.limit, float64(safe))
	}
}

// slow reports whether an answer took much longer than the quickest of its endpoint. A
// poll may be held, so polls are no measure.
func (s *strain) slow(r Request, resp *ciba.Response) bool {
	if r.Flow != nil {
		return false
	}
	took := resp.Received.Sub(resp.Sent)
	quickest, known := s.quickest[r.URL]
	if !known || took < quickest {
		s.quickest[r.URL] = took
		return false
	}
	return took > slowBy*quickest && took > quickest+slowAtLeast
}

// told is one line about what the run did to the OP, empty where no ordinary request
// failed beside others.
func (s *strain) told() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d ordinary requests failed, with up to %d at a time, the first one so: %s; "+
		"what met that was tried again alone, with no more than %d requests at a time",
		s.failed, s.ordinary, s.worst, s.first, min(max(1, s.failedAt/2), safeAtMost))
}

// sick reports whether ordinary requests failed beside others.
func (s *strain) sick() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed > 0
}
