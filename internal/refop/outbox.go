package refop

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// Tell tells a client of the end of a flow, if it is told of it. It does not wait, and the
// lock of the flow may be held.
func (op *OP) Tell(f *Flow, end State) {
	if op.clientsBy == nil || f.Client.NotificationEndpoint == "" || !op.plan.Rules.NotificationDue(f, end) {
		return
	}
	op.background(func() {
		c := &Call{
			OP: op, Endpoint: EndpointNotification, Request: &http.Request{Header: http.Header{}}, Now: op.now(), Client: f.Client, Flow: f,
		}
		if f.Client.DeliveryMode == DeliveryPush && end == Approved { // what is pushed cannot be fetched, nor pushed again
			op.Locked(f, func() { c.Details = f.Granted; op.plan.Rules.Redeem(c, f) })
		}
		if n := op.plan.Rules.NotificationFor(c, f, end); n != nil {
			op.plan.Rules.Notify(op, n)
		}
	})
}

// tellOfExpiry tells a client when a flow has ended without a decision, if it is told of
// that.
func (op *OP) tellOfExpiry(f *Flow) {
	if op.clientsBy == nil || f.Client.NotificationEndpoint == "" || !op.plan.Rules.NotificationDue(f, Expired) {
		return
	}
	time.AfterFunc(f.Expires.Sub(op.now()), func() {
		undecided := false
		op.Locked(f, func() { undecided = f.State == "" })
		if undecided {
			op.Tell(f, Expired)
		}
	})
}

// Calls is how many calls to clients have been answered so far, by whatever status, to be
// compared with what they received.
func (op *OP) Calls() int64 { return op.calls.Load() }

// notify tries a call until it is taken or the tries are used up.
func notify(op *OP, n *Notification) {
	policy, pause := &op.plan.Policy, op.plan.Policy.NotifyPause
	for try := range policy.NotifyTries {
		if try > 0 {
			op.Wait(pause)
			pause *= 2
		}
		if op.ctx.Err() != nil {
			return
		}
		if receipt, err := op.plan.Rules.Deliver(op, n); !op.plan.Rules.DeliverAgain(receipt, err) {
			return
		}
	}
}

// Receipt is what a client answers a call with.
type Receipt struct {
	Status int // 0 when the client did not answer
	Header http.Header
	Body   []byte // the first 64 KiB; CIBA Core 10.2: of no interest
}

// clientsBy leaves to the transport whom to trust.
func clientsBy(rt http.RoundTripper) http.RoundTripper { return rt }

// deliver sends a call once.
func deliver(op *OP, n *Notification) (Receipt, error) {
	ctx, cancel := context.WithTimeout(op.ctx, op.plan.Policy.NotifyTimeout)
	defer cancel()
	body := n.Raw
	if body == nil {
		var err error
		if body, err = json.Marshal(n.Body); err != nil {
			return Receipt{}, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, n.Method, n.URL, bytes.NewReader(body))
	if err != nil {
		return Receipt{}, err
	}
	req.Header = n.Header.Clone()
	resp, err := op.clientsBy.RoundTrip(req) // which follows no redirect
	if err != nil {
		return Receipt{}, err
	}
	op.calls.Add(1)
	defer func() { _ = resp.Body.Close() }()
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, maxForm)) // what broke off was of no interest
	return Receipt{resp.StatusCode, resp.Header, answer}, nil
}

// deliverAgain takes a client that cannot be reached, or is in trouble, for one that may
// answer later. What it answers otherwise is its last word.
func deliverAgain(r Receipt, err error) bool { return err != nil || r.Status >= 500 }
