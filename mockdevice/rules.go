package mockdevice

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Rules are a policy file. The first rule that matches decides; what no rule matches
// is held, unless the file says otherwise. Make them with [ParseRules].
type Rules struct {
	seed      int64
	rules     []*rule
	otherwise act
	source    []byte

	countsUsers bool // a rule asks which request of the user it is
	users       userCounts
}

// rule is what to do when.
type rule struct {
	name  string
	when  []condition
	then  act
	mix   []share // instead of then
	delay delay
	fired atomic.Int64
}

// condition is one thing a rule asks for. It says what it asked when it does not hold.
type condition struct {
	says  string
	holds func(asked) bool
}

// asked is a request as rules see it.
type asked struct {
	Request
	details []tree
	nth     int // this is the user's n-th request
}

// share is one part of a mix.
type share struct {
	upTo  float64 // shares are laid end to end in (0,1)
	act   act
	delay *delay // nil: the rule's
}

// act is what a rule does.
type act struct {
	hold     bool
	decision Decision
	inbound  []Fault
	narrow   *narrowing
}

// narrowing is what an approval leaves of the request.
type narrowing struct {
	scope []string // what may stay; nil: all
	keep  *matcher // which objects of authorization_details may stay; nil: all
}

// Judge is the [Policy] of the rules.
func (rs *Rules) Judge(r Request) Verdict {
	a := rs.ask(r, rs.users.next)
	for _, rule := range rs.rules {
		if rule.unmet(a) == "" {
			rule.fired.Add(1)
			return rule.verdict(rs.seed, a)
		}
	}
	return rs.otherwise.verdict(a, "")
}

func (rs *Rules) ask(r Request, count func(string) int) asked {
	a := asked{Request: r, nth: 1}
	a.details, _ = parseDetails(r.AuthorizationDetails) // was checked when it arrived
	if rs.countsUsers {
		a.nth = count(r.User())
	}
	return a
}

// unmet is the first condition that does not hold, or empty.
func (r *rule) unmet(a asked) string {
	for _, c := range r.when {
		if !c.holds(a) {
			return c.says
		}
	}
	return ""
}

func (r *rule) verdict(seed int64, a asked) Verdict {
	then, delay := r.then, r.delay
	d := dice{seed, a.AuthReqID}
	if len(r.mix) > 0 {
		u := d.roll(r.name + "\x00mix")
		i := slices.IndexFunc(r.mix, func(s share) bool { return u <= s.upTo })
		if i < 0 {
			i = len(r.mix) - 1 // the shares add up to a hair less than one
		}
		then = r.mix[i].act
		if r.mix[i].delay != nil {
			delay = *r.mix[i].delay
		}
	}
	v := then.verdict(a, r.name)
	v.After = delay.of(a.Request, d.roll(r.name+"\x00delay"))
	if delay.outlives {
		v.Decision.Faults = append(slices.Clone(v.Decision.Faults), AfterExpiry)
	}
	return v
}

func (a act) verdict(q asked, rule string) Verdict {
	v := Verdict{Rule: rule, Hold: a.hold, Decision: a.decision, Faults: a.inbound}
	if a.narrow != nil {
		a.narrow.apply(q, &v.Decision)
	}
	return v
}

func (n *narrowing) apply(q asked, d *Decision) {
	if n.scope != nil {
		kept := slices.DeleteFunc(strings.Fields(q.Scope), func(s string) bool { return !slices.Contains(n.scope, s) })
		scope := strings.Join(kept, " ")
		d.Scope = &scope
	}
	if n.keep != nil {
		kept := tree{kind: isArray}
		for _, object := range q.details {
			if n.keep.matches(object) {
				kept.items = append(kept.items, object)
			}
		}
		d.AuthorizationDetails, _ = kept.MarshalJSON()
	}
}

// Explanation says which rule would fire for a request, and why the rules before it
// would not.
type Explanation struct {
	Rule    string   `json:"rule"` // empty: no rule; otherwise applies
	Does    string   `json:"does"` // hold, or the action
	Faults  []Fault  `json:"faults,omitempty"`
	AfterMS int64    `json:"after_ms"`
	Scope   *string  `json:"scope,omitempty"` // what would be granted, when less than was asked
	Details any      `json:"authorization_details,omitempty"`
	Passed  []Passed `json:"passed"`
}

// Passed is a rule that does not fire, with the first of its conditions that fails.
type Passed struct {
	Rule  string `json:"rule"`
	Unmet string `json:"unmet"`
}

// Explain judges a request without counting it.
func (rs *Rules) Explain(r Request) Explanation {
	if r.ReceivedAt.IsZero() {
		r.ReceivedAt = time.Now()
	}
	a := rs.ask(r, rs.users.peek)
	e := Explanation{Passed: []Passed{}}
	v := rs.otherwise.verdict(a, "")
	for _, rule := range rs.rules {
		unmet := rule.unmet(a)
		if unmet == "" {
			v = rule.verdict(rs.seed, a)
			break
		}
		e.Passed = append(e.Passed, Passed{rule.name, unmet})
	}
	e.Rule, e.AfterMS, e.Faults = v.Rule, v.After.Milliseconds(), slices.Concat(v.Decision.Faults, v.Faults)
	e.Does, e.Scope = string(v.Decision.Action), v.Decision.Scope
	if v.Decision.AuthorizationDetails != nil {
		e.Details = v.Decision.AuthorizationDetails
	}
	if v.Hold {
		e.Does = "hold"
	}
	return e
}

// Fired says how often each rule fired.
func (rs *Rules) Fired() map[string]int64 {
	fired := map[string]int64{}
	for _, rule := range rs.rules {
		fired[rule.name] = rule.fired.Load()
	}
	return fired
}

// userCounts number the requests of each user. Beyond maxUsers users the counts
// begin anew.
type userCounts struct {
	mu    sync.Mutex
	count map[string]int
}

const maxUsers = 1_000_000

func (c *userCounts) next(user string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count == nil || len(c.count) >= maxUsers {
		c.count = map[string]int{}
	}
	c.count[user]++
	return c.count[user]
}

func (c *userCounts) peek(user string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count[user] + 1
}

// matcher chooses among the objects of authorization_details.
type matcher struct {
	types []string // empty: any
	where []comparison
}

func (m *matcher) matches(object tree) bool {
	if len(m.types) > 0 && !slices.Contains(m.types, object.word("type")) {
		return false
	}
	return !slices.ContainsFunc(m.where, func(c comparison) bool { return !c.holds(object) })
}

// comparison looks at the values a pointer finds. It holds if one of them passes
// every test or, with every, if there is one and all pass.
type comparison struct {
	at       pointer
	missing  *bool
	every    bool
	currency string
	tests    []func(tree) bool
}

func (c comparison) holds(object tree) bool {
	values := c.at.find(object)
	if c.missing != nil && *c.missing != (len(values) == 0) {
		return false
	}
	if len(c.tests) == 0 && c.currency == "" {
		return c.missing != nil
	}
	fails := func(f found) bool { return !c.passes(f) }
	if c.every {
		return len(values) > 0 && !slices.ContainsFunc(values, fails)
	}
	return slices.ContainsFunc(values, c.passes)
}

func (c comparison) passes(f found) bool {
	if c.currency != "" && f.parent.word("currency") != c.currency {
		return false
	}
	return !slices.ContainsFunc(c.tests, func(test func(tree) bool) bool { return !test(f.value) })
}

// equal compares JSON values: numbers by value, also those in texts, members in any order.
func equal(a, b tree) bool {
	x, xOK := a.number()
	y, yOK := b.number()
	switch {
	case xOK && yOK:
		return x.Cmp(y) == 0
	case a.kind != b.kind || len(a.items) != len(b.items) || len(a.members) != len(b.members):
		return false
	case a.kind == isArray:
		return slices.EqualFunc(a.items, b.items, equal)
	case a.kind == isObject:
		return !slices.ContainsFunc(a.members, func(m member) bool {
			other, ok := b.get(m.name)
			return !ok || !equal(m.value, other)
		})
	}
	return a.text == b.text
}

// Len counts the rules.
func (rs *Rules) Len() int { return len(rs.rules) }
