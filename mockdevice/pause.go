package mockdevice

import "sync"

// Pause has policies wait: what comes due is decided after [Device.Resume].
// Commands and people are not held up.
func (d *Device) Pause() { d.pause.stop() }

// Resume ends a pause.
func (d *Device) Resume() { d.pause.resume() }

// pause holds back what policies want to do.
type pause struct {
	mu     sync.Mutex
	paused bool
	held   []func()
}

// run does something now, or once the pause is over.
func (p *pause) run(do func()) {
	p.mu.Lock()
	if p.paused {
		p.held = append(p.held, do)
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	do()
}

// isOn reports whether policies wait.
func (p *pause) isOn() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.paused
}

// stop begins a pause. What is being decided at the moment goes on.
func (p *pause) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paused = true
}

// resume does what was held back, in its order, outside the lock.
func (p *pause) resume() {
	p.mu.Lock()
	held := p.held
	p.paused, p.held = false, nil
	p.mu.Unlock()
	for _, do := range held {
		do()
	}
}
