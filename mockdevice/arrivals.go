package mockdevice

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cibatest/cibatest/mockdevice/wire"
)

// arrivals tells those who wait that a request came.
type arrivals struct {
	waiting atomic.Int64 // so that nobody waiting costs no lock

	mu    sync.Mutex
	byKey map[wire.Key][]*watcher
	any   []*watcher
}

// watcher waits for the first request that matches, or of its key.
type watcher struct {
	match func(Request) bool
	found chan Request // holds one: the first

	mu   sync.Mutex
	gone bool // whoever waited has left: match is not called any more
}

// watch waits for a request that matches; a nil match is any. Whoever watches calls the
// function that comes with the channel, once.
func (a *arrivals) watch(match func(Request) bool) (<-chan Request, func()) {
	if match == nil {
		match = func(Request) bool { return true }
	}
	w := &watcher{match: match, found: make(chan Request, 1)}
	a.waiting.Add(1)
	a.mu.Lock()
	a.any = append(a.any, w)
	a.mu.Unlock()
	return w.found, func() {
		a.waiting.Add(-1)
		a.mu.Lock()
		a.any = without(a.any, w)
		a.mu.Unlock()
		w.leave()
	}
}

// watchKey waits for one request, without a look at any other.
func (a *arrivals) watchKey(k wire.Key) (<-chan Request, func()) {
	w := &watcher{found: make(chan Request, 1)}
	a.waiting.Add(1)
	a.mu.Lock()
	if a.byKey == nil {
		a.byKey = map[wire.Key][]*watcher{}
	}
	a.byKey[k] = append(a.byKey[k], w)
	a.mu.Unlock()
	return w.found, func() {
		a.waiting.Add(-1)
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.byKey[k] = without(a.byKey[k], w); len(a.byKey[k]) == 0 {
			delete(a.byKey, k)
		}
	}
}

// without is a new list, since tell reads the old one outside the lock.
func without(waiting []*watcher, w *watcher) []*watcher {
	return slices.DeleteFunc(slices.Clone(waiting), func(other *watcher) bool { return other == w })
}

// tell offers a request to everybody who waits. Matches are called outside the lock: they
// are code of a caller and may take their time.
func (a *arrivals) tell(r Request) {
	if a.waiting.Load() == 0 {
		return
	}
	k, _ := wire.ParseKey(r.Ref)
	a.mu.Lock()
	watchers, some := a.byKey[k], a.any
	a.mu.Unlock()
	for _, w := range watchers {
		w.offer(r)
	}
	for _, w := range some {
		w.consider(r)
	}
}

// consider offers a request that matches. A caller's match may look at what the caller
// changes once it has its answer, so it never runs after leave.
func (w *watcher) consider(r Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.gone && w.match(r) {
		w.offer(r)
	}
}

// leave waits for a match that runs.
func (w *watcher) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gone = true
}

// offer never blocks: only the first request counts.
func (w *watcher) offer(r Request) {
	select {
	case w.found <- r:
	default:
	}
}
