package mockdevice

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cibatest/cibatest/mockdevice/audit"
	"github.com/cibatest/cibatest/mockdevice/wire"
)

// plan has the decision of a policy made when its time comes. It remembers the request by
// its key and number, so that one that had to make room meanwhile is out of memory.
func (d *Device) plan(rec *record, v Verdict) {
	if v.Hold {
		return
	}
	k, seq := rec.key, rec.seq
	decide := func() { d.outbox.do(&d.work, func() { d.decideByRule(k, seq, v) }) }
	if v.After <= 0 {
		d.pause.run(decide)
		return
	}
	d.wheel.after(d.ctx, &d.work, v.After, func() { d.pause.run(decide) })
}

// decideByRule runs in the outbox. A person may have been faster, and the request
// may have expired while the user thought: neither is an error of the device.
func (d *Device) decideByRule(k wire.Key, seq uint64, v Verdict) {
	by := "policy"
	if v.Rule != "" {
		by = "rule " + v.Rule
	}
	decision, err := v.Decision.Checked()
	if err != nil {
		return
	}
	c, err := d.claim(k, seq, decision, by)
	switch {
	case errors.Is(err, ErrExpired):
		d.counters.expired.Add(1)
		d.audit.Note(audit.Entry{Event: audit.Failed, Ref: k.String(), Rule: v.Rule, Note: err.Error()})
	case err != nil || !c.first:
	case lateness(c.request, decision) > 0:
		d.dispatch(c.request, c.outlet, decision, func(error) {})
	default:
		_ = d.deliver(c.request, c.outlet, decision) // the counters and the request tell what became of it
	}
}

// Decide makes the decision and returns when the OP was told. The same decision
// again does nothing; another one is refused. The decision stands, and is
// delivered, also when ctx ends first.
func (d *Device) Decide(ctx context.Context, authReqID string, decision Decision) error {
	return d.decide(ctx, wire.KeyOf(authReqID), decision, "command")
}

// decide is [Device.Decide] for a key; by is who decides, for the audit.
func (d *Device) decide(ctx context.Context, k wire.Key, decision Decision, by string) error {
	decision, err := decision.Checked()
	if err != nil {
		return err
	}
	c, err := d.claim(k, anySeq, decision, by)
	if err != nil || !c.first || decision.Action == Ignore {
		return err
	}
	done := make(chan error, 1)
	d.dispatch(c.request, c.outlet, decision, func(err error) { done <- err })
	select {
	case err = <-done:
	case <-ctx.Done():
		err = ctx.Err()
	case <-d.ctx.Done():
		err = d.ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUndelivered, err)
	}
	return nil
}

// claim is what became of an attempt to decide.
type claim struct {
	request Request
	outlet  *outlet
	first   bool // the claimant is the one who delivers
}

// anySeq is a claim on whichever request has the key.
const anySeq = 0

// claim makes a decision the decision of a request: of the one with this number, where
// it is given, since after a reset another may have its key. Whoever claims first is
// the one who delivers; the audit has it on disk before anything is sent, or nothing is
// decided.
func (d *Device) claim(k wire.Key, seq uint64, decision Decision, by string) (c claim, err error) {
	d.store.with(k, func(sh *shard, rec *record) {
		if rec == nil || seq != anySeq && rec.seq != seq {
			err = ErrUnknown
			return
		}
		if c, err = rec.claim(decision, by, time.Now()); c.first {
			d.store.reweigh(rec)
			sh.place(rec)
		}
	})
	if !c.first {
		return c, err
	}
	err = d.audit.Write(audit.Entry{
		Event: audit.Decided, Ref: k.String(), Decision: decision.Action, Rule: by, Details: audit.Digest(decision.AuthorizationDetails),
	})
	if err != nil {
		d.undo(k, c)
	} else {
		d.counters.of(decision.Action).Add(1)
	}
	d.page.Changed(c.request.User(), k)
	return c, err
}

// undo takes a decision back that the audit does not have, and that nobody was told.
func (d *Device) undo(k wire.Key, c claim) {
	d.store.with(k, func(sh *shard, rec *record) {
		if rec != nil && rec.Outcome == c.request.Outcome {
			rec.Decided, rec.Outcome = "", nil
			sh.place(rec)
		}
	})
}

// claim decides the record, unless it was decided before or is too late. The lock of its
// shard is held.
func (rec *record) claim(decision Decision, by string, now time.Time) (claim, error) {
	switch {
	case rec.Decided == decision.Action && !decision.Has(Contrary):
		return claim{rec.snapshot(), rec.outlet, false}, nil
	case rec.Decided != "" && !decision.Has(Contrary):
		return claim{}, ErrDecided
	case decision.Action != wire.TimedOut && rec.ExpiredAt(now) && !decision.Has(AfterExpiry):
		return claim{}, ErrExpired
	}
	rec.Decided = decision.Action
	rec.Outcome = &Outcome{
		At: now, By: by, Reason: decision.Reason,
		Narrowed: decision.Narrows(), Scope: decision.Scope, Details: decision.AuthorizationDetails,
	}
	if rec.decided != nil {
		close(rec.decided)
		rec.decided = nil
	}
	return claim{rec.snapshot(), rec.outlet, true}, nil
}

// conclude notes what became of a delivery.
func (d *Device) conclude(k wire.Key, delivery string) {
	var user string
	d.store.with(k, func(_ *shard, rec *record) {
		if rec == nil || rec.Outcome == nil {
			return
		}
		outcome := *rec.Outcome
		outcome.Delivery = delivery
		rec.Outcome, user = &outcome, rec.User()
	})
	d.page.Changed(user, k)
}

// awaitDecision returns the request once it is decided, or as it is when ctx ends.
func (d *Device) awaitDecision(ctx context.Context, k wire.Key) (Request, bool) {
	var decided chan struct{}
	d.store.with(k, func(_ *shard, rec *record) {
		if rec == nil || rec.Decided != "" {
			return
		}
		if rec.decided == nil {
			rec.decided = make(chan struct{})
		}
		decided = rec.decided
	})
	if decided != nil {
		select {
		case <-decided:
		case <-ctx.Done():
		case <-d.ctx.Done():
		}
	}
	return d.store.get(k)
}
