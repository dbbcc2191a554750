package variants

import (
	"time"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// Decision are other ways to deal with decisions. CIBA Core says nothing about how fast a
// decision has to show and how long a decided request is remembered.
var Decision = []Variant{
	{"denial-removed", "CIBA Core 11: how long a denied request is remembered is open", edit.ToldOnce(refop.Denied, refop.Forgotten)},
	{
		"decisions-take-8s", "no text says how fast a decision shows",
		edit.All(edit.States(func(c *refop.Call, f *refop.Flow, at refop.State) refop.State {
			if (at == refop.Approved || at == refop.Denied) && c.Now.Sub(f.Decided) < 8*time.Second {
				return refop.Pending
			}
			return at
		}), edit.NotifyingAfter(8*time.Second)),
	},
	{"approval-withdrawn", "no text forbids that a user withdraws an approval nobody has redeemed", withdrawing},
}

// withdrawing lets a user deny what was approved, and never approve what was denied.
func withdrawing(p *refop.Plan) {
	edit.DecidingAgain()(p)
	denied := &edit.Counts{}
	p.EditDecisions(func(f *refop.Flow) {
		if f.State == refop.Denied {
			denied.Add(f)
		}
		if denied.Of(f) > 0 {
			f.State = refop.Denied
		}
	})
}
