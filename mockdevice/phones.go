package mockdevice

import (
	"sync"
	"sync/atomic"
)

// phones are the pages that are open, by user.
type phones struct {
	open atomic.Int64 // so that no page being open costs no lock

	mu     sync.Mutex
	byUser map[string]map[*phone]bool
}

// phone is told which requests of its user came or changed. A page that does not
// keep up is told to look at everything again.
type phone struct {
	changed chan key
	behind  atomic.Bool
}

func (p *phones) subscribe(user string) (*phone, func()) {
	one := &phone{changed: make(chan key, 64)}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byUser == nil {
		p.byUser = map[string]map[*phone]bool{}
	}
	if p.byUser[user] == nil {
		p.byUser[user] = map[*phone]bool{}
	}
	p.byUser[user][one] = true
	p.open.Add(1)
	return one, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.open.Add(-1)
		if delete(p.byUser[user], one); len(p.byUser[user]) == 0 {
			delete(p.byUser, user)
		}
	}
}

func (p *phones) tell(user string, k key) {
	if p.open.Load() == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for one := range p.byUser[user] {
		one.tell(k)
	}
}

// tellAll has every page look at everything again.
func (p *phones) tellAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, pages := range p.byUser {
		for one := range pages {
			one.behind.Store(true)
			one.tell(key{})
		}
	}
}

func (one *phone) tell(k key) {
	select {
	case one.changed <- k:
	default:
		one.behind.Store(true)
	}
}
