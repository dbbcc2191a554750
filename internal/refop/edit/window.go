package edit

import (
	"slices"
	"sync"
	"time"
)

// Window counts what happened lately, by a key. Make one for each OP with [NewWindow].
type Window struct {
	most int
	per  time.Duration

	mu   sync.Mutex
	last map[string][]time.Time
}

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
	return 0
}
