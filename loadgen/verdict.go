package loadgen

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/cibatest/cibatest/reports/result"
)

// verdict is the sentence over the run and why. What is proven about the OP comes first,
// because no lateness of this side excuses it; then what this side lacked, and at last
// the objectives, which mean something only where both did their part.
func (w *watch) verdict() (result.LoadVerdict, []string) {
	proven, missed := w.proven(), w.missed()
	reasons := slices.Concat(proven, missed)
	if unable := w.unable(len(proven) > 0); unable != "" {
		return result.Unjudged, slices.Concat([]string{unable}, reasons, w.refusals())
	}
	verdict := w.reached()
	if len(reasons) > 0 {
		verdict = result.Missed
	}
	if w.aborted != "" {
		verdict, reasons = result.Aborted, append([]string{"abort rule: " + w.aborted}, reasons...)
	}
	switch late := w.late(); {
	case late == "":
		if len(missed) > 0 {
			reasons = append(reasons, "this side kept its schedule"+w.worstLag()+": what was missed is the doing of the OP")
		}
	case w.waited():
		reasons = append(reasons, fmt.Sprintf("the OP was the limit: all %d workers waited for its answers (--max-workers), so %s; "+
			"corrected latency shows it in full", w.e.plan.MaxWorkers, late))
	case len(proven) > 0:
		reasons = append(reasons, late+w.why()+"; what stands first is true all the same")
	default:
		verdict, reasons = result.Saturated, append([]string{late + w.why()}, reasons...)
	}
	return verdict, append(reasons, w.refusals()...)
}

// reached is the verdict where nothing went wrong.
func (w *watch) reached() result.LoadVerdict {
	if len(w.load.Objectives) > 0 {
		return result.Held
	}
	return result.Measured
}

// proven is what the OP did wrong whatever the clock says: it broke the protocol, or it
// kept decisions to itself.
func (w *watch) proven() (reasons []string) {
	if o := w.e.plan.delivery(); !o.met(w.total) {
		reasons = append(reasons, w.lost()+": objective "+o.text+" missed")
	}
	if n := w.total.counters[result.CountViolations]; n > 0 {
		reasons = append(reasons, fmt.Sprintf("%d violations of the protocol", n))
	}
	return reasons
}

// lost tells what became of decisions that did not arrive in time.
func (w *watch) lost() string {
	n := w.total.counters
	settled, never, late := n[result.CountSettled], n[result.CountUndelivered], n[result.CountLate]
	limit := fmt.Sprintf("one interval and %s more", spreading)
	if w.e.plan.Client.Notified() {
		limit = callWithin.String()
	}
	return fmt.Sprintf("of %d decisions that the OP took %d never showed, %d showed only after %s, and %d ended in something else",
		settled, never, late, limit, settled-n[result.CountDelivered]-late-never)
}

// missed are the objectives that were missed and are not told by proven.
func (w *watch) missed() (reasons []string) {
	delivery := w.e.plan.delivery()
	for _, o := range w.load.Objectives {
		if o.Held || o.Text == delivery.text && !delivery.met(w.total) {
			continue
		}
		reasons = append(reasons, fmt.Sprintf("objective %s missed: %s", o.Text, o.Actual))
	}
	return reasons
}

// mostUndecided is the share of decisions that may fail before a run says nothing about
// the OP any more.
const mostUndecided = 0.01

// unable is why nothing can be said about the OP, empty when something can. Decisions that
// could not be made do not excuse what is proven; without a single flow nothing is. What
// ended the run by a rule of the plan is told by that.
func (w *watch) unable(proven bool) string {
	n := w.total.counters
	switch {
	case w.aborted != "":
		return ""
	case n[result.CountAcknowledged] == 0:
		return fmt.Sprintf("no flow came about: none of %d starts was acknowledged", n[result.CountStarted])
	case w.undecided() && !proven:
		made, failed := n[result.CountDecisions], n[result.CountUndecided]
		return fmt.Sprintf("%d of %d decisions could not be made: %v", failed, made+failed, w.e.decisions.failed)
	}
	return ""
}

// undecided reports whether too many decisions could not be made.
func (w *watch) undecided() bool {
	failed := w.total.counters[result.CountUndecided]
	part, known := share(failed, failed+w.total.counters[result.CountDecisions])
	return known && part > mostUndecided
}

// refusals tells of starts that were refused, in the words of the OP.
func (w *watch) refusals() []string {
	if w.e.starts.refusal == "" {
		return nil
	}
	n := w.total.counters
	text := fmt.Sprintf("%d of %d starts were refused, the first for: %s", n[result.CountRefused], n[result.CountStarted], w.e.starts.refusal)
	return []string{text}
}

// wordsOf is why a start was refused, as the OP says it. What is its own is quoted, and
// cut.
func (k *evidence) wordsOf(x *exchange) string {
	var said struct {
		Description string `json:"error_description"`
	}
	if json.Unmarshal(x.result.Body, &said) != nil || said.Description == "" {
		return x.code
	}
	return fmt.Sprintf("%s, %.200q", x.code, k.masker.Text(said.Description))
}

// worstLag is how late one request in a hundred left, in brackets.
func (w *watch) worstLag() string {
	worst := int64(-1)
	for _, c := range []class{classLagPoll, classLagInitiate, classLagNotify} {
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

// late is in which way requests left late or not at all, empty when they did not. A
// single late request is none: among fewer than a hundred it would be one in a hundred.
func (w *watch) late() string {
	part, known := share(w.total.counters[result.CountStarted], w.total.counters[result.CountOffered])
	if known && part < leastAchieved && w.aborted == "" {
		return fmt.Sprintf("only %.0f%% of the offered flows were started", part*100)
	}
	for _, c := range []class{classLagPoll, classLagInitiate, classLagNotify} {
		h := w.total.histogram[c]
		if h == nil || h.TotalCount() == 0 {
			continue
		}
		if p99 := time.Duration(h.ValueAtPercentile(99)) * time.Microsecond; p99 > w.e.plan.MaxLag && above(h, w.e.plan.MaxLag) > 1 {
			if c == classLagNotify {
				return fmt.Sprintf("one in a hundred calls of the OP waited more than %s for the receiver", p99.Round(time.Millisecond))
			}
			return fmt.Sprintf("one in a hundred requests (%s) left more than %s after its time", classNames[c], p99.Round(time.Millisecond))
		}
	}
	return ""
}

// above is how many durations of a histogram are longer than a limit.
func above(h *hdrhistogram.Histogram, limit time.Duration) (n int64) {
	for _, bar := range h.Distribution() {
		if bar.From > limit.Microseconds() {
			n += bar.Count
		}
	}
	return n
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
