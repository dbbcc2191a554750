package policy

import (
	"bytes"
	"sync/atomic"

	"github.com/cibatest/cibatest/mockdevice/tree"
	"github.com/cibatest/cibatest/mockdevice/wire"
)

// Rules are a policy file. The first rule that matches decides; what no rule matches
// is held, unless the file says otherwise. Make them with [Parse] or [Load].
type Rules struct {
	seed      int64
	rules     []*rule
	otherwise effect
	source    []byte

	countsUsers bool // a rule asks which request of the user it is
	users       userCounts
}

// rule is what to do when.
type rule struct {
	name  string
	when  []condition
	then  effect
	mix   []share // instead of then
	pause delay
	fired atomic.Int64
}

// condition is one thing a rule asks for.
type condition struct {
	place string // where the file asks it, for explanations
	holds func(question) bool
}

// question is a request as rules see it.
type question struct {
	wire.Request
	details []tree.Value
	nth     int // this is the user's n-th request
}

// Judge is the [Policy] of the rules. It counts the request.
func (rs *Rules) Judge(r wire.Request) Verdict {
	q := rs.ask(r, rs.users.next)
	for _, candidate := range rs.rules {
		if candidate.unmet(q) == "" {
			candidate.fired.Add(1)
			return candidate.verdict(rs.seed, q)
		}
	}
	return rs.otherwise.verdict(q, "")
}

// ask prepares a request for the conditions. Users are counted only if a rule needs it.
func (rs *Rules) ask(r wire.Request, count func(user string) int) question {
	q := question{Request: r, nth: 1}
	q.details, _ = r.Details() // was checked when it arrived
	if rs.countsUsers {
		q.nth = count(r.User())
	}
	return q
}

// unmet is the place of the first condition that does not hold, or empty.
func (r *rule) unmet(q question) string {
	for _, c := range r.when {
		if !c.holds(q) {
			return c.place
		}
	}
	return ""
}

// Fired is how often each rule fired, by name.
func (rs *Rules) Fired() map[string]int64 {
	fired := map[string]int64{}
	for _, r := range rs.rules {
		fired[r.name] = r.fired.Load()
	}
	return fired
}

// Len counts the rules.
func (rs *Rules) Len() int { return len(rs.rules) }

// Source is the text the rules were read from.
func (rs *Rules) Source() []byte { return bytes.Clone(rs.source) }
