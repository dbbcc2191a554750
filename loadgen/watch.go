package loadgen

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/cibatest/cibatest/reports/result"
)

// watch looks at the run every second: it adds what happened to the total, tells
// whoever watches, and applies the abort rules. Once a window it writes down what
// happened in it.
type watch struct {
	e           *engine
	end         func() // ends the run at once
	spare       *tally
	total       *tally // without histograms: these are summed up from the windows
	long        *tally // of a window longer than a tick: what is not written yet; else nil
	begun       time.Duration
	length      time.Duration // of a window
	load        result.Load
	cpu         time.Duration
	signed      [2]int64
	connections int64
	aborted     string
	err         error // of the journal
}

// Windows are as short as keeps their number within reason, and at least a second.
const (
	tick        = time.Second
	mostWindows = 900
)

// newWatch makes windows longer than a second where a long run would have too many.
func newWatch(e *engine, end context.CancelFunc) *watch {
	w := &watch{e: e, end: end, spare: newTally(), total: newTally(), load: e.header(), cpu: cpuTime(), length: tick}
	if all := e.plan.Duration + e.plan.longestDrain(); all > mostWindows*tick {
		w.length, w.long = (all/mostWindows + tick).Truncate(tick), newTally()
	}
	return w
}

// open begins the journal, before anything happens that it would have to tell.
func (w *watch) open() error {
	if w.e.o.Journal == nil {
		return nil
	}
	return w.e.o.Journal.Header(w.load)
}

// run looks every second until it is told to stop; close looks once more.
func (w *watch) run(stop <-chan struct{}) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			w.second(false)
		case <-stop:
			return
		}
	}
}

// second takes what happened since the last call. The last call leaves nothing
// unwritten.
func (w *watch) second(last bool) {
	e := w.e
	now := time.Duration(e.elapsed())
	e.mu.Lock()
	t := e.now
	e.now = w.spare
	gauges := result.Window{Pending: e.flows.live, UnderWay: e.outbox.underWay}
	var drain Drain
	if e.drained > 0 {
		drain = Drain{Lasts: now - time.Duration(e.drained), Most: e.mostDrain()}
	}
	e.mu.Unlock()
	w.sign(t)
	w.connect(t)
	w.total.counts(t)
	for i := range e.plan.Aborts {
		if a := &e.plan.Aborts[i]; w.aborted == "" && a.window(t) {
			w.aborted = a.text
			w.end()
		}
	}
	if e.o.OnWindow != nil {
		e.o.OnWindow(w.status(now, drain, gauges, t))
	}
	unwritten := t
	if w.long != nil {
		w.long.add(t)
		unwritten = w.long
	}
	if last || w.long == nil || now-w.begun >= w.length-tick/2 {
		w.write(now, gauges, unwritten)
		unwritten.clear()
	}
	t.clear()
	w.spare = t
}

// connect adds the connections opened since the last second.
func (w *watch) connect(t *tally) {
	if counted, ok := w.e.o.Transport.(Transport); ok {
		now := counted.Connections()
		t.count(result.CountConnections, now-w.connections)
		w.connections = now
	}
}

// write closes a window.
func (w *watch) write(now time.Duration, gauges result.Window, t *tally) {
	out := t.window(w.begun, now-w.begun)
	out.Pending, out.UnderWay, out.OfferedPS = gauges.Pending, gauges.UnderWay, w.offered(w.begun, now)
	cpu := cpuTime()
	out.CPUMS, out.RSSBytes = (cpu - w.cpu).Milliseconds(), residentBytes()
	w.cpu, w.begun = cpu, now
	w.load.Windows = append(w.load.Windows, out)
	if w.e.o.Journal == nil {
		return
	}
	if err := w.e.o.Journal.Window(out); err != nil && w.err == nil {
		w.err = fmt.Errorf("writing the journal: %w", err)
	}
}

// offered is the rate that the plan wants in the middle of a stretch; zero after the
// starts are over, and in closed runs.
func (w *watch) offered(from, to time.Duration) float64 {
	if w.e.plan.Arrivals == nil || from >= w.e.plan.Duration {
		return 0
	}
	return w.e.plan.Arrivals.RateAt((from + min(to, w.e.plan.Duration)) / 2)
}

// sign adds what signing cost since the last window.
func (w *watch) sign(t *tally) {
	var now [2]int64
	for _, at := range []*endpoint{&w.e.requests.start, &w.e.requests.token} {
		if at.signer != nil {
			now[0] += at.signer.made.Load()
			now[1] += at.signer.spent.Load()
		}
	}
	if now[0] > w.signed[0] {
		t.count(result.CountSignings, now[0]-w.signed[0])
		t.count(result.CountSigningNS, now[1]-w.signed[1])
	}
	w.signed = now
}

// status is a copy of where the run stands, for whoever watches it.
func (w *watch) status(now time.Duration, drain Drain, gauges result.Window, t *tally) Status {
	s := Status{
		Elapsed: now, Length: w.e.plan.Duration, Drain: drain, Pending: gauges.Pending, UnderWay: gauges.UnderWay,
		Offered: w.offered(now-tick, now), Total: maps.Clone(w.total.counters), Second: maps.Clone(t.counters),
		Latency: map[string]result.Latency{},
	}
	for c, h := range t.histogram {
		if h != nil && h.TotalCount() > 0 {
			s.Latency[classNames[c]] = result.QuantilesOf(classNames[c], h)
		}
	}
	return s
}

// close ends the books.
func (w *watch) close() (result.Load, error) {
	w.second(true)
	e, l := w.e, &w.load
	l.DurationMS = time.Duration(e.elapsed()).Milliseconds()
	l.Violations = e.checks.violations()
	l.Generator.PeakUnderWay = e.outbox.peak
	l.Generator.PeakRSSBytes = peakResidentBytes()
	l.Interrupted = e.ctx.Err() != nil
	if e.testimony.failed != nil {
		l.Notes = append(l.Notes, fmt.Sprintf("the device could not be asked about every outcome: %v", e.testimony.failed))
	}
	if e.decisions.failed != nil && !w.undecided() {
		l.Notes = append(l.Notes, fmt.Sprintf("a decision could not be made: %v", e.decisions.failed))
	}
	if n := w.total.counters[result.CountStrangers]; n > 0 {
		l.Notes = append(l.Notes, fmt.Sprintf(
			"%d calls to the notification endpoint were about no request of this run; they are held against nobody", n))
	}
	if n := w.total.counters[result.CountHeldBack]; n > 0 {
		l.Notes = append(l.Notes, fmt.Sprintf("%d starts were moved later, so that %s", n, e.plan.limits()))
	}
	if err := l.Sum(); err != nil {
		return *l, fmt.Errorf("a defect in cibatest: %w", err)
	}
	if err := w.total.histograms(l.Latency); err != nil {
		return *l, fmt.Errorf("a defect in cibatest: %w", err)
	}
	for _, o := range e.plan.objectives(w.total) {
		l.Objectives = append(l.Objectives, o.judge(w.total))
	}
	l.Verdict, l.Reasons = w.verdict()
	if e.o.Journal != nil {
		end := *l
		end.Windows, end.Latency = nil, nil
		w.err = errors.Join(w.err, e.o.Journal.End(end))
	}
	if !l.Funnel.AddsUp() {
		return *l, fmt.Errorf("a defect in cibatest: the funnel does not add up: %+v", l.Funnel)
	}
	return *l, errors.Join(w.err, e.fatal)
}
