package main

import (
	"fmt"
	"io"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/cibatest/cibatest/reports/result"
	"github.com/cibatest/cibatest/suites"
)

// heartbeat is how often a run that is not on a terminal says that it lives.
const heartbeat = 10 * time.Second

// refresh is how often a dashboard is drawn.
const refresh = time.Second

// progress shows how far a run is: a dashboard on a terminal, a heartbeat line elsewhere.
// Failures that are news are told as they come.
type progress struct {
	watch *suites.Watch
	news  func(result.Case) bool // whether a failure is one
	face  face

	mu    sync.Mutex
	since time.Time
	count tally
	stop  chan struct{}
	ended sync.WaitGroup
}

// face is how progress shows itself.
type face interface {
	every() time.Duration
	show(sight)
	tell(line string) // a line of news, which stays
	done()
}

// tally counts what was judged so far and is not known already.
type tally struct {
	failed, unjudged int
	inArea           map[string]int // both of them
}

// sight is what progress shows at one moment.
type sight struct {
	suites.Look
	tally
	elapsed time.Duration
}

// newProgress shows a run until [progress.done]. News says whether a failure is one; nil:
// every one is.
func newProgress(f face, watch *suites.Watch, news func(result.Case) bool) *progress {
	p := &progress{
		watch: watch, news: news, face: f, since: time.Now(), count: tally{inArea: map[string]int{}}, stop: make(chan struct{}),
	}
	p.ended.Go(func() {
		ticker := time.NewTicker(f.every())
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				f.show(p.look())
			case <-p.stop:
				return
			}
		}
	})
	return p
}

// event tells of a case that is over.
func (p *progress) event(e suites.Event) {
	bad := e.Outcome == result.Fail || e.Outcome == result.Error
	if !bad || p.news != nil && !p.news(e.Result) {
		return
	}
	p.mu.Lock()
	p.count.inArea[e.Result.Area]++
	if e.Outcome == result.Fail {
		p.count.failed++
	} else {
		p.count.unjudged++
	}
	p.mu.Unlock()
	if e.Message != "" { // without a message the case did not run, for a reason that the summary tells once
		p.face.tell(fmt.Sprintf("%s %s: %.200q", e.Outcome, e.Case, e.Message))
	}
}

func (p *progress) look() sight {
	look := p.watch.Look()
	p.mu.Lock()
	defer p.mu.Unlock()
	count := p.count
	count.inArea = maps.Clone(count.inArea)
	return sight{Look: look, tally: count, elapsed: time.Since(p.since)}
}

func (p *progress) done() {
	close(p.stop)
	p.ended.Wait()
	p.face.done()
}

// plain is progress in lines, for pipes, logs and terminals where somebody is asked.
type plain struct{ out io.Writer }

func (plain) every() time.Duration { return heartbeat }
func (p plain) show(s sight)       { fmt.Fprintln(p.out, s.line()) }
func (p plain) tell(line string)   { fmt.Fprintln(p.out, line) }
func (plain) done()                {}

// silent shows nothing.
type silent struct{}

func (silent) every() time.Duration { return time.Hour }
func (silent) show(sight)           {}
func (silent) tell(string)          {}
func (silent) done()                {}

// line is everything at once.
func (s sight) line() string {
	parts := []string{s.standing()}
	if bad := s.bad(); bad != "" {
		parts = append(parts, bad)
	}
	parts = append(parts, s.waiting()...)
	if s.Placed {
		parts = append(parts, s.left())
	}
	return strings.Join(parts, "; ")
}

// standing is how far the run is.
func (s sight) standing() string {
	elapsed := brief(s.elapsed, time.Second)
	switch finished, total := s.cases(); {
	case total == 0:
		return fmt.Sprintf("reading the metadata of the OP, %s", elapsed)
	case !s.Placed:
		return fmt.Sprintf("trying clients, users and decisions before the first of %s, %s", counted(total, "case"), elapsed)
	default:
		return fmt.Sprintf("%d of %s, %s", finished, counted(total, "case"), elapsed)
	}
}

// cases are those that are over, and all of them.
func (s sight) cases() (finished, total int) {
	for _, a := range s.Areas {
		finished += a.Finished
		total += a.Total
	}
	return finished, total
}

// bad counts what is news; empty: nothing.
func (s sight) bad() string {
	var parts []string
	if s.failed > 0 {
		parts = append(parts, counted(s.failed, "new failure"))
	}
	if s.unjudged > 0 {
		parts = append(parts, fmt.Sprintf("%d not judged", s.unjudged))
	}
	return strings.Join(parts, ", ")
}

// left is the estimate, as exact as estimates are.
func (s sight) left() string {
	switch left := s.Left; {
	case left <= 5*time.Second:
		return "a few seconds left"
	case left < 2*time.Minute:
		return fmt.Sprintf("about %s left", brief(left, 5*time.Second))
	default:
		return fmt.Sprintf("about %s left", brief(left, 30*time.Second))
	}
}

// waiting says what the running cases wait for, what takes longest first.
func (s sight) waiting() []string {
	var lines []string
	for _, w := range []struct {
		why       suites.WaitReason
		one, many string // what waits, and until when
	}{
		{suites.ForExpiry, "request expires at", "requests expire by"},
		{
			suites.ForRoom,
			"request is sent again, as the OP refuses it for the moment, at",
			"requests are sent again, as the OP refuses them for the moment, by",
		},
		{
			suites.ForLimit,
			"request waits for what its user may be asked in a minute, until",
			"requests wait for what their users may be asked in a minute, until",
		},
		{suites.ForTurn, "poll is due at", "polls are due by"},
		{suites.ForPause, "case pauses until", "cases pause until"},
	} {
		n, last := 0, time.Time{}
		for _, one := range s.Waits {
			if one.For == w.why {
				n++
				last = later(last, one.Until)
			}
		}
		words := w.many
		if n == 1 {
			words = w.one
		}
		if n > 0 {
			lines = append(lines, fmt.Sprintf("%d %s %s", n, words, last.Local().Format(time.TimeOnly)))
		}
	}
	return lines
}

// brief writes a rounded duration without seconds where there are none.
func brief(d, to time.Duration) string {
	text := d.Round(to).String()
	if strings.HasSuffix(text, "m0s") {
		return strings.TrimSuffix(text, "0s")
	}
	return text
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// counted is a number and its noun.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
