package policy

import (
	"slices"
	"time"

	"github.com/cibatest/cibatest/mockdevice/wire"
)

// Explanation says which rule would fire for a request, and why the rules before it
// would not.
type Explanation struct {
	Rule    string       `json:"rule"` // empty: no rule; otherwise applies
	Does    string       `json:"does"` // hold, or the action
	Faults  []wire.Fault `json:"faults,omitempty"`
	AfterMS int64        `json:"after_ms"`
	Scope   *string      `json:"scope,omitempty"` // what would be granted, when less than was asked
	Details any          `json:"authorization_details,omitempty"`
	Passed  []Passed     `json:"passed"`
}

// Passed is a rule that does not fire, with the first of its conditions that fails.
type Passed struct {
	Rule  string `json:"rule"`
	Unmet string `json:"unmet"`
}

// Explain judges a request without counting it. A request that does not say when it
// was received is taken for one of this moment.
func (rs *Rules) Explain(r wire.Request) Explanation {
	if r.ReceivedAt.IsZero() {
		r.ReceivedAt = time.Now()
	}
	q := rs.ask(r, rs.users.peek)
	e := Explanation{Passed: []Passed{}}
	for _, candidate := range rs.rules {
		unmet := candidate.unmet(q)
		if unmet == "" {
			e.tell(candidate.verdict(rs.seed, q))
			return e
		}
		e.Passed = append(e.Passed, Passed{candidate.name, unmet})
	}
	e.tell(rs.otherwise.verdict(q, ""))
	return e
}

// tell writes a verdict into the explanation.
func (e *Explanation) tell(v Verdict) {
	e.Rule, e.Does, e.AfterMS, e.Scope = v.Rule, string(v.Decision.Action), v.After.Milliseconds(), v.Decision.Scope
	if v.Hold {
		e.Does = "hold"
	}
	e.Faults = slices.Concat(v.Decision.Faults, v.Faults)
	if v.Decision.AuthorizationDetails != nil {
		e.Details = v.Decision.AuthorizationDetails
	}
}
