package phone

import (
	"sync"
	"sync/atomic"

	"github.com/cibatest/cibatest/mockdevice/wire"
)

// watchers are the pages that are open, by user.
type watchers struct {
	open atomic.Int64 // so that no page being open costs no lock

	mu     sync.Mutex
	byUser map[string]map[*watcher]bool
}

// watcher is told which requests of its user came or changed. A page that does not
// keep up is told to look at everything again.
type watcher struct {
	changed chan wire.Key
	behind  atomic.Bool
}

// subscribe adds a page of a user. Whoever subscribes calls the function that comes with it,
// once.
func (ws *watchers) subscribe(user string) (*watcher, func()) {
	w := &watcher{changed: make(chan wire.Key, 64)}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.byUser == nil {
		ws.byUser = map[string]map[*watcher]bool{}
	}
	if ws.byUser[user] == nil {
		ws.byUser[user] = map[*watcher]bool{}
	}
	ws.byUser[user][w] = true
	ws.open.Add(1)
	return w, func() {
		ws.mu.Lock()
		defer ws.mu.Unlock()
		ws.open.Add(-1)
		if delete(ws.byUser[user], w); len(ws.byUser[user]) == 0 {
			delete(ws.byUser, user)
		}
	}
}

// tell has the pages of a user look at a request.
func (ws *watchers) tell(user string, k wire.Key) {
	if ws.open.Load() == 0 {
		return
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for w := range ws.byUser[user] {
		w.tell(k)
	}
}

// tellAll has every page look at everything again.
func (ws *watchers) tellAll() {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for _, ofUser := range ws.byUser {
		for w := range ofUser {
			w.behind.Store(true)
			w.tell(wire.Key{})
		}
	}
}

// tell never blocks: a page that is behind looks at everything instead.
func (w *watcher) tell(k wire.Key) {
	select {
	case w.changed <- k:
	default:
		w.behind.Store(true)
	}
}
