package refop

import "time"

// shelfSize bounds what one shard keeps of a kind. An OP that runs for days keeps
// its memory; what falls off is long done with, unless a quarter of a million
// requests are open at once.
const shelfSize = 4096

// shelf keeps values by key, in the order in which they came. What is past its
// time goes as new values come, one or two at a time, so that no request pays
// for a sweep.
type shelf[V any] struct {
	items map[string]V
	order []place
	head  int
}

type place struct {
	key   string
	until time.Time
}

func newShelf[V any]() shelf[V] { return shelf[V]{items: map[string]V{}} }

// put keeps a value until a moment.
func (s *shelf[V]) put(key string, value V, until, now time.Time) {
	if _, known := s.items[key]; !known {
		s.order = append(s.order, place{key, until})
	}
	s.items[key] = value
	for range 2 {
		if s.head == len(s.order) || len(s.order)-s.head <= shelfSize && !now.After(s.order[s.head].until) {
			break
		}
		delete(s.items, s.order[s.head].key)
		s.order[s.head] = place{}
		s.head++
	}
	if s.head > shelfSize {
		s.order = append([]place(nil), s.order[s.head:]...)
		s.head = 0
	}
}
