package edit

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// Window counts what happened lately, by a key. Make one for each OP with [NewWindow].
type Window struct {
	most int
	per  time.Duration

	mu    sync.Mutex
	last  map[string][]time.Time
	swept int // how many keys were left when those of long ago were forgotten
}

// fewKeys are too few to be forgotten.
const fewKeys = 1024

// NewWindow is a window that takes so many of a key within some time.
func NewWindow(most int, per time.Duration) *Window {
	return &Window{most: most, per: per, last: map[string][]time.Time{}}
}

// Take counts one more, or tells how long that has to wait.
func (w *Window) Take(key string, now time.Time) (wait time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := slices.DeleteFunc(w.last[key], func(at time.Time) bool { return now.Sub(at) >= w.per })
	w.last[key] = list
	if len(list) >= w.most {
		return list[0].Add(w.per).Sub(now)
	}
	w.last[key] = append(list, now)
	w.sweep(now)
	return 0
}

// sweep forgets keys of long ago when they have become twice as many.
func (w *Window) sweep(now time.Time) {
	if len(w.last) < 2*w.swept+fewKeys {
		return
	}
	maps.DeleteFunc(w.last, func(_ string, list []time.Time) bool {
		return len(list) == 0 || now.Sub(list[len(list)-1]) >= w.per
	})
	w.swept = len(w.last)
}
