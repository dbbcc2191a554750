package loadgen

import (
	"fmt"
	"slices"
	"time"

	"github.com/cibatest/cibatest/reports/result"
)

// verdict is the sentence over the run and why.
func (w *watch) verdict() (result.LoadVerdict, []string) {
	var reasons []string
	verdict := result.Measured
	for _, o := range w.load.Objectives {
		if verdict == result.Measured {
			verdict = result.Held
		}
		if !o.Held {
			verdict = result.Missed
			reasons = append(reasons, fmt.Sprintf("objective %s missed: %s", o.Text, o.Actual))
		}
	}
	if n := w.total.counters[result.CountViolations]; n > 0 {
		reasons = append(reasons, fmt.Sprintf("%d violations of the protocol", n))
		verdict = result.Missed
	}
	if w.aborted != "" {
		verdict, reasons = result.Aborted, append([]string{"abort rule: " + w.aborted}, reasons...)
	}
	late := w.late()
	switch {
	case late == "":
		if slices.ContainsFunc(w.load.Objectives, func(o result.Objective) bool { return !o.Held }) {
			reasons = append(reasons, "this side kept its schedule"+w.worstLag()+": what was missed is the doing of the OP")
		}
	case w.waited():
		reasons = append(reasons, fmt.Sprintf("the OP was the limit: all %d workers waited for its answers (--max-workers), so %s; corrected latency shows it in full", w.e.plan.MaxWorkers, late))
	default:
		verdict, reasons = result.Saturated, append([]string{late + w.why()}, reasons...)
	}
	return verdict, reasons
}

// worstLag is how late one request in a hundred left, in brackets.
func (w *watch) worstLag() string {
	worst := int64(-1)
	for _, c := range []class{classLagPoll, classLagInitiate} {
		if h := w.total.histogram[c]; h != nil {
			worst = max(worst, h.ValueAtPercentile(99))
		}
	}
	if worst < 0 {
		return ""
	}
	return fmt.Sprintf(" (lag p99 %s)", time.Duration(worst)*time.Microsecond)
}

// waited reports whether every worker was waiting for an answer of the OP at once.
func (w *watch) waited() bool {
	return w.e.outbox.peak >= int64(w.e.plan.MaxWorkers) && w.e.flows.peak < int64(w.e.plan.MaxPending)
}

// Below this share of the offered starts, or of polls sent in time, a run says
// nothing about the OP, unless the OP itself was the reason.
const leastAchieved = 0.95

// late is in which way requests left late or not at all, empty when they did not.
func (w *watch) late() string {
	if part, known := share(w.total.counters[result.CountStarted], w.total.counters[result.CountOffered]); known && part < leastAchieved && w.aborted == "" {
		return fmt.Sprintf("only %.0f%% of the offered flows were started", part*100)
	}
	for _, c := range []class{classLagPoll, classLagInitiate} {
		h := w.total.histogram[c]
		if h == nil || h.TotalCount() == 0 {
			continue
		}
		if p99 := time.Duration(h.ValueAtPercentile(99)) * time.Microsecond; p99 > w.e.plan.MaxLag {
			return fmt.Sprintf("one in a hundred requests (%s) left more than %s after its time", classNames[c], p99.Round(time.Millisecond))
		}
	}
	return ""
}

// why guesses at what the generator lacked.
func (w *watch) why() string {
	switch {
	case w.e.flows.peak >= int64(w.e.plan.MaxPending):
		return fmt.Sprintf(": %d were pending, as many as --max-pending allows", w.e.plan.MaxPending)
	case w.total.counters[result.CountSigningNS] > w.load.DurationMS*1_000_000/2:
		return fmt.Sprintf(" (the limit is %s): most of the time went into signing client assertions", w.e.plan.MaxLag)
	}
	return fmt.Sprintf(" (the limit is %s): this machine was too slow or too busy", w.e.plan.MaxLag)
}
