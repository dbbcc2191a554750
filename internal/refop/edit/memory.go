package edit

import (
	"sync"
	"sync/atomic"

	"github.com/cibatest/cibatest/internal/refop"
)

// Counts counts something of flows. The zero value counts from 0.
type Counts struct{ byFlow sync.Map } // *refop.Flow -> *atomic.Int64

// Add counts one more.
func (n *Counts) Add(f *refop.Flow) { n.of(f).Add(1) }

// Of is the number so far.
func (n *Counts) Of(f *refop.Flow) int { return int(n.of(f).Load()) }

func (n *Counts) of(f *refop.Flow) *atomic.Int64 {
	if count, there := n.byFlow.Load(f); there {
		return count.(*atomic.Int64)
	}
	count, _ := n.byFlow.LoadOrStore(f, new(atomic.Int64))
	return count.(*atomic.Int64)
}

// EarlyPolls counts the polls that a plan calls too early, by flow.
func EarlyPolls(p *refop.Plan) *Counts {
	early := &Counts{}
	inner := p.Rules.Pace
	p.Rules.Pace = func(c *refop.Call, f *refop.Flow) *refop.OAuthError {
		err := inner(c, f)
		if err != nil {
			early.Add(f)
		}
		return err
	}
	return early
}

// BusyAfter is how many times what happens [Every] so often does not happen at
// first.
const BusyAfter = 20

// Every makes a counter that says yes each nth time, once the OP has been busy.
func Every(n int64) func() bool {
	var count atomic.Int64
	return func() bool {
		at := count.Add(1)
		return at > BusyAfter && at%n == 0
	}
}
