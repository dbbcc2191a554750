package edit

import (
	"slices"
	"time"

	"github.com/cibatest/cibatest/internal/refop"
)

// Notifications edits the calls to clients of one delivery mode before they are sent;
// without ends those about any end of a flow.
func Notifications(mode string, edit func(*refop.Call, *refop.Notification), ends ...refop.State) Change {
	return func(p *refop.Plan) {
		p.EditNotifications(func(c *refop.Call, n *refop.Notification) {
			if OfMode(mode)(c) && among(n.End, ends) {
				edit(c, n)
			}
		})
	}
}

// NotNotifying leaves the calls to clients of one delivery mode out; without ends those
// about any end of a flow.
func NotNotifying(mode string, ends ...refop.State) Change {
	return notifying(func(f *refop.Flow, end refop.State, due bool) bool {
		return due && (f.Client.DeliveryMode != mode || !among(end, ends))
	})
}

// NotifyingOf tells clients of one delivery mode of an end of a flow, too.
func NotifyingOf(mode string, of refop.State) Change {
	return notifying(func(f *refop.Flow, end refop.State, due bool) bool {
		return due || f.Client.DeliveryMode == mode && end == of
	})
}

func notifying(decide func(f *refop.Flow, end refop.State, due bool) bool) Change {
	return func(p *refop.Plan) {
		inner := p.Rules.NotificationDue
		p.Rules.NotificationDue = func(f *refop.Flow, end refop.State) bool { return decide(f, end, inner(f, end)) }
	}
}

// NotifyingAfter calls clients a while after there is a result.
func NotifyingAfter(d time.Duration) Change {
	return NotifyingBy(func(op *refop.OP, _ *refop.Notification, call func()) {
		op.Wait(d)
		call()
	})
}

// NotifyingBy carries the calls to clients out in another way; call is the usual one, with
// all its tries.
func NotifyingBy(carryOut func(op *refop.OP, n *refop.Notification, call func())) Change {
	return func(p *refop.Plan) {
		inner := p.Rules.Notify
		p.Rules.Notify = func(op *refop.OP, n *refop.Notification) { carryOut(op, n, func() { inner(op, n) }) }
	}
}

// Delivering makes each try of a call in another way; try is the usual one.
func Delivering(deliver func(op *refop.OP, n *refop.Notification, try func() (refop.Receipt, error)) (refop.Receipt, error)) Change {
	return func(p *refop.Plan) {
		inner := p.Rules.Deliver
		p.Rules.Deliver = func(op *refop.OP, n *refop.Notification) (refop.Receipt, error) {
			return deliver(op, n, func() (refop.Receipt, error) { return inner(op, n) })
		}
	}
}

// TryingAgain decides anew whether a call is tried once more.
func TryingAgain(again func(r refop.Receipt, err error) bool, tries int, pause time.Duration) Change {
	return func(p *refop.Plan) {
		p.Rules.DeliverAgain = again
		p.Policy.NotifyTries, p.Policy.NotifyPause = tries, pause
	}
}

// among reports whether an end is one of some, or there are none to choose from.
func among(end refop.State, ends []refop.State) bool {
	return len(ends) == 0 || slices.Contains(ends, end)
}
