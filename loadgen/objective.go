package loadgen

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cibatest/cibatest/reports/result"
)

// condition compares one measure of a run with a limit.
type condition struct {
	text     string
	name     string // of the measure
	measure  func(*tally) (value float64, known bool)
	operator string
	limit    float64
	unit     unit
}

type unit uint8

const (
	number unit = iota
	micros
	percent
)

func (u unit) text(v float64) string {
	switch u {
	case micros:
		return time.Duration(v * 1000).String()
	case percent:
		return strconv.FormatFloat(v*100, 'f', 2, 64) + "%"
	default: // a number stands for itself
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
}

func (c condition) holds(v float64) bool {
	switch c.operator {
	case "<":
		return v < c.limit
	case "<=":
		return v <= c.limit
	case ">":
		return v > c.limit
	case ">=":
		return v >= c.limit
	}
	return v == c.limit
}

var conditionForm = regexp.MustCompile(`^\s*([a-z_.0-9]+)\s*(<=|>=|==|<|>)\s*([0-9.]+)\s*(%|us|ms|s|m)?\s*$`)

// decisionDelivered is the share of the decisions that the OP took of which the client
// heard in time, among those of which that is known.
const decisionDelivered = "decision.delivered"

// ratios are measures that are shares.
var ratios = map[string]func(*tally) (float64, bool){
	"flow.success": func(t *tally) (float64, bool) {
		undecided := t.counters[result.CountAbandoned] - t.counters[result.CountCutShort]
		return share(t.counters[result.CountAsWanted], t.counters[result.CountStarted]-undecided)
	},
	decisionDelivered: func(t *tally) (float64, bool) {
		return share(t.counters[result.CountDelivered], t.counters[result.CountSettled])
	},
	"error_rate": func(t *tally) (float64, bool) {
		return share(t.counters[result.CountErrors]+t.counters[result.CountStartErrors], t.counters[result.CountRequests])
	},
	"achieved": func(t *tally) (float64, bool) {
		return share(t.counters[result.CountStarted], t.counters[result.CountOffered])
	},
}

// sums are measures that are counters.
var sums = []string{
	result.CountViolations, result.CountFailed, result.CountDropped, result.CountSlowDown, result.CountUnprovoked,
	result.CountErrors, result.CountEarlyPolls, result.CountUndecided, result.CountRefused, result.CountExpired,
	result.CountUndelivered, result.CountLate, result.CountFallbacks, result.CountMissedCalls, result.CountLateCalls, result.CountUnready,
}

// share is a part of a whole, and false when there is no whole yet.
func share(part, whole int64) (float64, bool) {
	if whole <= 0 {
		return 0, false
	}
	return float64(part) / float64(whole), true
}

// parseCondition reads "redeem.p99<300ms". The unit has to fit the measure, because a
// limit of 300 might be microseconds to one and milliseconds to another reader.
func parseCondition(text string) (condition, error) {
	m := conditionForm.FindStringSubmatch(text)
	if m == nil {
		return condition{}, fmt.Errorf("%q: write a measure, a comparison and a limit, "+
			"as redeem.p99<300ms, violations==0 or flow.success>99.5%%", text)
	}
	c := condition{text: strings.TrimSpace(text), name: m[1], operator: m[2]}
	limit, err := strconv.ParseFloat(m[3], 64)
	if err != nil {
		return condition{}, fmt.Errorf("%q: %q is not a number", text, m[3])
	}
	c.measure, c.unit, err = measureNamed(m[1])
	if err != nil {
		return condition{}, fmt.Errorf("%q: %w", text, err)
	}
	scale, fits := map[unit]map[string]float64{
		number: {"": 1}, percent: {"%": 0.01}, micros: {"us": 1, "ms": 1e3, "s": 1e6, "m": 60e6},
	}[c.unit][m[4]]
	if !fits {
		needed := map[unit]string{number: "no unit", percent: "%", micros: "us, ms, s or m"}[c.unit]
		return condition{}, fmt.Errorf("%q: the limit needs %s", text, needed)
	}
	c.limit = limit * scale
	return c, nil
}

// measureNamed finds a measure: a share, a counter, or a statistic of a class.
func measureNamed(name string) (func(*tally) (float64, bool), unit, error) {
	if f := ratios[name]; f != nil {
		return f, percent, nil
	}
	if slices.Contains(sums, name) {
		return func(t *tally) (float64, bool) { return float64(t.counters[name]), true }, number, nil
	}
	for _, statistic := range []string{"p50", "p90", "p95", "p99", "p99.9", "max", "mean"} {
		prefix, ok := strings.CutSuffix(name, "."+statistic)
		if !ok {
			continue
		}
		if c := classNamed(prefix); c < classes {
			return quantile(c, statistic), unitOf(c), nil
		}
	}
	return nil, 0, fmt.Errorf("unknown measure %q; known are %s, and CLASS.p50, .p90, .p95, .p99, .p99.9, .max and .mean for the classes %s",
		name, strings.Join(append(slices.Sorted(keysOf(ratios)), sums...), ", "), strings.Join(plainClasses(), ", "))
}

// classNamed finds a class. A class of requests means the corrected one, what a
// user feels; with .service it is what the server took.
func classNamed(name string) class {
	service, isService := strings.CutSuffix(name, ".service")
	if isService {
		name = service
	} else if at := slices.Index(classNames[:], name+".corrected"); at >= 0 {
		return class(at) //nolint:gosec // an index of a short list
	}
	if at := slices.Index(classNames[:], name); at >= 0 {
		return class(at) //nolint:gosec // an index of a short list
	}
	return classes
}

func unitOf(c class) unit {
	if c == classPolls {
		return number
	}
	return micros
}

func plainClasses() (names []string) {
	for _, name := range classNames {
		if !strings.HasSuffix(name, ".corrected") {
			names = append(names, name)
		}
	}
	return names
}

func keysOf[V any](m map[string]V) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for name := range m {
			if !yield(name) {
				return
			}
		}
	}
}

// quantile reads a statistic of a class of durations; it is unknown as long as nothing
// was recorded.
func quantile(c class, statistic string) func(*tally) (float64, bool) {
	return func(t *tally) (float64, bool) {
		h := t.histogram[c]
		if h == nil || h.TotalCount() == 0 {
			return 0, false
		}
		switch statistic {
		case "max":
			return float64(h.Max()), true
		case "mean":
			return h.Mean(), true
		}
		at, _ := strconv.ParseFloat(statistic[1:], 64) // from the list above
		return float64(h.ValueAtPercentile(at)), true
	}
}

// Objective is a condition that the whole run has to hold.
type Objective struct{ condition }

// ParseObjective reads "redeem.p99<300ms", "violations==0", "flow.success>99.5%".
func ParseObjective(text string) (Objective, error) {
	c, err := parseCondition(text)
	return Objective{c}, err
}

// everyRun is the objective that holds without being asked for: what users decide
// reaches their clients. The rest of one in a hundred is for whoever is in the way
// between the OP and us.
var everyRun = Objective{condition{
	text: decisionDelivered + ">99%", name: decisionDelivered, measure: ratios[decisionDelivered], operator: ">", limit: 0.99, unit: percent,
}}

// delivery is what the plan wants to hold of decisions: the objective of every run, or
// the plan's own in its place.
func (p *Plan) delivery() Objective {
	for _, o := range p.Objectives {
		if o.name == decisionDelivered {
			return o
		}
	}
	return everyRun
}

// objectives are those of the plan, and that of every run where a decision was made.
func (p *Plan) objectives(t *tally) []Objective {
	own := slices.ContainsFunc(p.Objectives, func(o Objective) bool { return o.name == decisionDelivered })
	if _, known := everyRun.measure(t); own || !known {
		return p.Objectives
	}
	return append([]Objective{everyRun}, p.Objectives...)
}

// met reports whether nothing measured speaks against the objective.
func (o Objective) met(t *tally) bool {
	v, known := o.measure(t)
	return !known || o.holds(v)
}

// judge compares the objective with the run. What was never measured was not held.
func (o Objective) judge(t *tally) result.Objective {
	v, known := o.measure(t)
	if !known {
		return result.Objective{Text: o.text, Actual: "nothing measured"}
	}
	return result.Objective{Text: o.text, Actual: o.unit.text(v), Held: o.holds(v)}
}

// Abort is a condition that ends the run when it lasts.
type Abort struct {
	condition
	lasts  time.Duration
	within int // seconds in a row so far
}

// ParseAbort reads "error_rate>20% for 10s".
func ParseAbort(text string) (Abort, error) {
	what, how, found := strings.Cut(text, " for ")
	lasts := time.Second
	if found {
		var err error
		if lasts, err = time.ParseDuration(strings.TrimSpace(how)); err != nil || lasts < time.Second {
			return Abort{}, fmt.Errorf("%q: after \"for\" comes a time of at least 1s", text)
		}
	}
	c, err := parseCondition(what)
	c.text = text
	return Abort{condition: c, lasts: lasts}, err
}

// window looks at one more second and reports whether the run is to end.
func (a *Abort) window(t *tally) bool {
	if v, known := a.measure(t); known && a.holds(v) {
		a.within++
	} else {
		a.within = 0
	}
	return time.Duration(a.within)*time.Second >= a.lasts
}
