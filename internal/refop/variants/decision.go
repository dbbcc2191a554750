package variants

import (
	"sync/atomic"
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
	{
		"locked-user-is-denial", "CIBA Core 11: that a user is locked may be told as access_denied",
		lockedIs(&refop.OAuthError{Status: 400, Code: "access_denied", Description: "the user is locked"}),
	},
	{
		"locked-user-is-expiry", "CIBA Core 11: a lock may end all requests of a user",
		lockedIs(&refop.OAuthError{Status: 400, Code: "expired_token", Description: "the request has ended"}),
	},
	{
		"locked-user-waits", "no text says that a lock ends a request: it may wait for the user to be unlocked",
		lockedIs(&refop.OAuthError{Status: 400, Code: "authorization_pending", Description: "the user is locked"}),
	},
	{
		"decision-answered-400-at-times", "no text says how a device is answered: a decision may count although its answer is an error",
		func(p *refop.Plan) {
			var decisions atomic.Int32
			p.Rules.AnswerDecision = func(*refop.OP, *refop.Flow) (status int, text string) {
				if decisions.Add(1)%5 == 0 {
					return 400, "the decision could not be logged"
				}
				return 204, ""
			}
		},
	},
	{"approval-withdrawn", "no text forbids that a user withdraws an approval nobody has redeemed", withdrawing},
}

// lockedIs is what a locked user is told as.
func lockedIs(e *refop.OAuthError) edit.Change {
	return func(p *refop.Plan) {
		p.Rules.RefuseLocked = func(c *refop.Call, u *refop.User) *refop.OAuthError {
			if !c.OP.IsLocked(u) {
				return nil
			}
			refusal := *e
			return &refusal
		}
	}
}

// withdrawing lets a user deny what was approved, and never approve what was denied.
func withdrawing(p *refop.Plan) {
	edit.DecidingAgain()(p)
	due := p.Rules.NotificationDue
	p.Rules.NotificationDue = func(f *refop.Flow, end refop.State) bool { // a push tells what stands
		stands := end == refop.Expired || end == f.State && f.Decided.Before(f.Expires)
		return stands && due(f, end)
	}
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
