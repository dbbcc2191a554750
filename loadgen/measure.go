package loadgen

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/cibatest/cibatest/reports/result"
)

// class is a class of durations. Those of requests come in pairs: what the
// server took, and, corrected, the time since the request was intended.
type class uint8

const (
	classInitiate class = iota
	classInitiateCorrected
	classPending
	classPendingCorrected
	classSlowDown
	classSlowDownCorrected
	classRedeem
	classRedeemCorrected
	classEnded // denied, expired, and refused for any other reason
	classEndedCorrected
	classError
	classErrorCorrected
	classDecisionToToken
	classNotify
	classNotifyToToken
	classWaitedInVain
	classFlow
	classDecide
	classLagInitiate
	classLagPoll
	classLagNotify
	classPolls
	classes
)

// classNames are how results call them.
var classNames = [classes]string{
	"initiate", "initiate.corrected", "pending", "pending.corrected", "slow_down", "slow_down.corrected", "redeem", "redeem.corrected",
	"ended", "ended.corrected", "error", "error.corrected", result.DecisionToToken, result.Notify, result.NotifyToToken,
	result.WaitedInVain, "flow", "decide", "lag.initiate", "lag.poll", "lag.notify", "polls_per_flow",
}

// classOf is where the duration of an answer belongs.
func classOf(starts bool, k kind) class {
	switch {
	case starts && k == acknowledged:
		return classInitiate
	case k == pending:
		return classPending
	case k == slowDown:
		return classSlowDown
	case k == tokens:
		return classRedeem
	case !starts && (k == denied || k == expired || k == refused):
		return classEnded
	}
	return classError
}

// tally is what happened in a stretch of time.
type tally struct {
	counters  map[string]int64
	answers   map[answerKey]int64
	failedFor map[string]int64
	histogram [classes]*hdrhistogram.Histogram
}

// answerKey is an answer as the results count it.
type answerKey struct {
	starts bool
	called bool // a call of the OP to the client
	status int
	code   string
}

// String is how results call an answer.
func (k answerKey) String() string {
	name := "token"
	if k.starts {
		name = "backchannel"
	}
	if k.called {
		return strings.TrimSpace("notification " + k.code)
	}
	status := "-"
	if k.status != 0 {
		status = strconv.Itoa(k.status)
	}
	return strings.TrimSpace(name + " " + status + " " + k.code)
}

func newTally() *tally {
	return &tally{counters: map[string]int64{}, answers: map[answerKey]int64{}, failedFor: map[string]int64{}}
}

func (t *tally) count(name string, n int64) { t.counters[name] += n }

// record adds a duration in nanoseconds, kept in microseconds, or a plain number of polls.
func (t *tally) record(c class, d int64) {
	h := t.histogram[c]
	if h == nil {
		h = result.NewHistogram()
		t.histogram[c] = h
	}
	if c != classPolls {
		d = (d + 500) / 1000
	}
	result.RecordIn(h, d)
}

// mostNames bounds the different names an OP can make a result carry.
const mostNames = 100

// answer counts an answer by endpoint, status and code.
func (t *tally) answer(key answerKey) {
	if _, there := t.answers[key]; !there && len(t.answers) >= mostNames {
		key.code = result.OtherNames
	}
	t.answers[key]++
}

// failed counts a flow that failed, by its reason.
func (t *tally) failed(reason string) {
	if _, there := t.failedFor[reason]; !there && len(t.failedFor) >= mostNames {
		reason = result.OtherNames
	}
	t.failedFor[reason]++
}

// clear makes the tally empty and keeps its memory.
func (t *tally) clear() {
	clear(t.counters)
	clear(t.answers)
	clear(t.failedFor)
	for _, h := range t.histogram {
		if h != nil && h.TotalCount() > 0 {
			h.Reset()
		}
	}
}

// add adds another tally to this one.
func (t *tally) add(other *tally) {
	t.counts(other)
	for c, h := range other.histogram {
		if h == nil || h.TotalCount() == 0 {
			continue
		}
		if t.histogram[c] == nil {
			t.histogram[c] = result.NewHistogram()
		}
		t.histogram[c].Merge(h)
	}
}

// counts adds what is counted in another tally to this one.
func (t *tally) counts(other *tally) {
	for name, n := range other.counters {
		t.counters[name] += n
	}
	for key, n := range other.answers {
		t.answers[key] += n
	}
	for reason, n := range other.failedFor {
		t.failedFor[reason] += n
	}
}

// histograms takes them over from a result.
func (t *tally) histograms(list []result.Latency) error {
	for _, l := range list {
		h, err := l.Histogram.Decode()
		if err != nil {
			return err
		}
		if at := slices.Index(classNames[:], l.Class); at >= 0 {
			t.histogram[at] = h
		}
	}
	return nil
}

// window is the tally as the results have it.
func (t *tally) window(start, length time.Duration) result.Window {
	w := result.Window{
		StartMS: start.Milliseconds(), SpanMS: length.Milliseconds(), Counters: map[string]int64{},
		Answers: t.answerTexts(), FailedFor: map[string]int64{}, Histograms: map[string]result.Histogram{},
	}
	maps.Copy(w.Counters, t.counters)
	maps.Copy(w.FailedFor, t.failedFor)
	for c, h := range t.histogram {
		if h != nil && h.TotalCount() > 0 {
			w.Histograms[classNames[c]] = result.EncodeSparse(h)
		}
	}
	return w
}

func (t *tally) answerTexts() map[string]int64 {
	texts := map[string]int64{}
	for key, n := range t.answers {
		texts[key.String()] += n
	}
	return texts
}
