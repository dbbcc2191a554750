package policy

import (
	"slices"

	"github.com/cibatest/cibatest/mockdevice/tree"
	"github.com/cibatest/cibatest/mockdevice/wire"
)

// effect is what a rule does.
type effect struct {
	hold     bool
	decision wire.Decision
	inbound  []wire.Fault
	narrow   *narrowing
}

// narrowing is what an approval leaves of the request.
type narrowing struct {
	scope []string // what may stay; nil: all
	keep  *matcher // which objects of authorization_details may stay; nil: all
}

// share is one part of a mix.
type share struct {
	upTo  float64 // shares are laid end to end in (0,1)
	does  effect
	pause *delay // nil: the rule's
}

// verdict is what the rule makes of a request, under the seed.
func (r *rule) verdict(seed int64, q question) Verdict {
	does, pause := r.then, r.pause
	d := dice{seed, q.AuthReqID}
	if len(r.mix) > 0 {
		chosen := r.choose(d.roll(r.name + "\x00mix"))
		does = chosen.does
		if chosen.pause != nil {
			pause = *chosen.pause
		}
	}
	v := does.verdict(q, r.name)
	v.After = pause.of(q.Request, d.roll(r.name+"\x00delay"))
	if pause.outlives {
		v.Decision.Faults = append(slices.Clone(v.Decision.Faults), wire.AfterExpiry)
	}
	return v
}

// choose is the share of the mix in which a number of (0,1) lies.
func (r *rule) choose(u float64) share {
	i := slices.IndexFunc(r.mix, func(s share) bool { return u <= s.upTo })
	if i < 0 {
		i = len(r.mix) - 1 // the shares add up to a hair less than one
	}
	return r.mix[i]
}

// verdict is what the effect makes of a request; name is the rule that had it.
func (e effect) verdict(q question, name string) Verdict {
	v := Verdict{Rule: name, Hold: e.hold, Decision: e.decision, Faults: e.inbound}
	if e.narrow != nil {
		e.narrow.apply(q, &v.Decision)
	}
	return v
}

// apply leaves of the request what may stay.
func (n *narrowing) apply(q question, d *wire.Decision) {
	if n.scope != nil {
		scope := q.ScopeWithin(n.scope)
		d.Scope = &scope
	}
	if n.keep != nil {
		kept := tree.Value{Kind: tree.Array}
		for _, object := range q.details {
			if n.keep.matches(object) {
				kept.Items = append(kept.Items, object)
			}
		}
		d.AuthorizationDetails, _ = kept.MarshalJSON() // what was parsed can be written
	}
}
