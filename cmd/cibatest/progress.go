package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/cibatest/cibatest/reports/result"
	"github.com/cibatest/cibatest/suites"
)

// heartbeat is how often a run that is not on a terminal says that it lives.
const heartbeat = 10 * time.Second

// progress shows how far a run is: a line that renews itself on a terminal, a
// heartbeat line elsewhere. Failures are told as they come.
type progress struct {
	out      io.Writer
	live     bool
	started  time.Time
	mu       sync.Mutex
	last     suites.Event
	failures int
	stop     chan struct{}
	ended    sync.WaitGroup
}

func newProgress(out io.Writer) *progress {
	_, live := terminal(out)
	p := &progress{out: out, live: live, started: time.Now(), stop: make(chan struct{})}
	every := heartbeat
	if live {
		every = time.Second
	}
	p.ended.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				p.show()
			case <-p.stop:
				return
			}
		}
	})
	return p
}

func (p *progress) event(e suites.Event) {
	p.mu.Lock()
	p.last = e
	bad := e.Outcome == result.Fail || e.Outcome == result.Error
	if bad {
		p.failures++
	}
	if bad && e.Message != "" { // without a message the case did not run, for a reason that the summary tells once
		p.clear()
		fmt.Fprintf(p.out, "%s %s: %.200q\n", e.Outcome, e.Case, e.Message)
	}
	p.mu.Unlock()
	if p.live {
		p.show()
	}
}

func (p *progress) show() {
	p.mu.Lock()
	defer p.mu.Unlock()
	line := fmt.Sprintf("%d of %d cases, %d failed or not judged, %s",
		p.last.Finished, p.last.Total, p.failures, time.Since(p.started).Round(time.Second))
	if p.live {
		p.clear()
		fmt.Fprint(p.out, line)
		return
	}
	fmt.Fprintln(p.out, line)
}

// clear empties the line that renews itself.
func (p *progress) clear() {
	if p.live {
		fmt.Fprint(raw(p.out), "\r\x1b[2K")
	}
}

func (p *progress) done() {
	close(p.stop)
	p.ended.Wait()
	p.clear()
}
