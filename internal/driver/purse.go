package driver

import (
	"fmt"
	"sync"
)

// purse holds the prompts that users may be asked in a run. Whoever is likely to ask pays for
// it. What an OP accepts that it should refuse is neither kept from being sent, as it is what a
// case is about, nor paid for by others. The zero value has no limit.
type purse struct {
	limit int

	mu              sync.Mutex
	spent, underWay int
}

// pays reports whether a request is paid for.
func (p *purse) pays(d *Driver, r Request) bool {
	return p.limit > 0 && d.likely > 0 && d.run.starts(r)
}

// FewPrompts reports whether the prompts of the run are limited.
func (r *Run) FewPrompts() bool { return r.purse.limit > 0 }

// take keeps one prompt for a request that may ask a user. The error is a [*Stop].
func (p *purse) take(d *Driver, r Request) error {
	if !p.pays(d, r) {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.spent+p.underWay >= p.limit {
		return &Stop{Reason: fmt.Sprintf("budget: the %d prompts that users may be asked are used up", p.limit), Untestable: true}
	}
	p.underWay++
	return nil
}

// settle counts a request whose prompt was kept, if it was accepted.
func (p *purse) settle(d *Driver, r Request, accepted bool) {
	if !p.pays(d, r) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.underWay--
	if accepted {
		p.spent++
	}
}
