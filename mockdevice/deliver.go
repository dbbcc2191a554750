package mockdevice

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/cibatest/cibatest/mockdevice/audit"
	"github.com/cibatest/cibatest/mockdevice/browse"
	"github.com/cibatest/cibatest/mockdevice/wire"
)

// A delivery is repeated while nothing reached the OP, with growing pauses.
const (
	attempts   = 5
	firstPause = 100 * time.Millisecond
	patience   = 10 * time.Second // for one answer of the OP

	visitPatience = 30 * time.Second // for all pages of a link
)

// dispatch has the decision delivered when its faults say so, and tells done.
func (d *Device) dispatch(r Request, out *outlet, decision Decision, done func(error)) {
	job := func() { d.outbox.do(&d.work, func() { done(d.deliver(r, out, decision)) }) }
	if wait := lateness(r, decision); wait > 0 {
		d.wheel.after(d.ctx, &d.work, wait, job)
		return
	}
	job()
}

// lateness is how long the faults Late and AfterExpiry hold a delivery back.
func lateness(r Request, decision Decision) (wait time.Duration) {
	if decision.Has(Late) {
		wait = LateBy
	}
	if decision.Has(AfterExpiry) && !r.ExpiresAt.IsZero() {
		wait = max(wait, time.Until(r.ExpiresAt)+time.Second/10)
	}
	return wait
}

// deliver tells the OP. It runs in the outbox.
func (d *Device) deliver(r Request, out *outlet, decision Decision) error {
	k, _ := wire.ParseKey(r.Ref)
	switch {
	case decision.Action == Ignore:
		return nil
	case decision.Has(Lost):
		d.conclude(k, "lost on purpose")
		return nil
	}
	err := d.attempt(k, r, out, decision)
	if err == nil && decision.Has(Duplicate) {
		err = d.attempt(k, r, out, decision)
	}
	switch {
	case errors.Is(err, errNowhere):
		return nil
	case err != nil:
		d.counters.failed.Add(1)
		d.conclude(k, err.Error())
		d.audit.Note(audit.Entry{Event: audit.Failed, Ref: r.Ref, Note: err.Error()})
	default:
		d.conclude(k, "acknowledged")
	}
	return err
}

// sleep waits, unless the device is closed meanwhile.
func (d *Device) sleep(wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-d.ctx.Done():
		return d.ctx.Err()
	}
}

// errNowhere tells that there is no callback. Nobody is told then, which is no failure:
// a test may have asked without an OP.
var errNowhere = errors.New("the request names no callback")

// attempt delivers once. After a fault in which nothing was sent it tries again.
func (d *Device) attempt(k wire.Key, r Request, out *outlet, decision Decision) error {
	if d.transport == nil || out == nil {
		return errNowhere
	}
	wait := firstPause
	for n := 1; ; n++ {
		reached, err := d.send(k, r, out, decision)
		if err == nil || reached || n == attempts || errors.Is(err, errNowhere) {
			return err
		}
		if err := d.sleep(wait); err != nil {
			return err
		}
		wait *= 2
	}
}

// ErrUndelivered says that a decision was made and the OP may not know it: it was refused, as
// a [*RefusedError] tells, or not sent, or not answered.
var ErrUndelivered = errors.New("delivering the decision")

// RefusedError is how an OP refuses a decision.
type RefusedError struct{ Status int }

// Error implements error.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("the OP answers the decision with %d", e.Status)
}

// send makes one HTTP request. Once a connection carries it the OP may have read
// it, so reached is true even if no answer came.
func (d *Device) send(k wire.Key, r Request, out *outlet, decision Decision) (reached bool, err error) {
	var connected atomic.Bool
	ctx := httptrace.WithClientTrace(d.ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	var status int
	if out.visit != nil {
		status, err = d.visit(ctx, r, out, decision)
	} else {
		status, err = d.post(ctx, r, out, decision)
	}
	if status == 0 {
		return connected.Load() || !errors.Is(err, browse.ErrTransport), err
	}
	d.counters.delivered.Add(1)
	d.audit.Note(audit.Entry{Event: audit.Delivered, Ref: k.String(), Status: status})
	switch {
	case status == http.StatusLoopDetected:
		return true, errSelf
	case status/100 != 2:
		return true, &RefusedError{status}
	case err != nil:
		return true, err
	}
	d.counters.acknowledged.Add(1)
	d.audit.Note(audit.Entry{Event: audit.Acknowledged, Ref: k.String(), Status: status})
	return true, nil
}

// post tells a decision by one request and returns the status of its answer.
func (d *Device) post(ctx context.Context, r Request, out *outlet, decision Decision) (status int, err error) {
	req, err := out.request(r, decision)
	if err != nil {
		return 0, err
	}
	if decision.Has(WrongToken) {
		req.Header.Set("Authorization", "Bearer not-the-token-of-this-request")
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	resp, err := named{d.transport, d.name}.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return 0, fmt.Errorf("%w: %w", browse.ErrTransport, err)
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	return resp.StatusCode, nil
}

// visit tells a decision by as many requests as it takes.
func (d *Device) visit(ctx context.Context, r Request, out *outlet, decision Decision) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, visitPatience)
	defer cancel()
	return out.visit(ctx, named{d.transport, d.name}, r, decision)
}

// named tells whoever is called that it is this device which calls.
type named struct {
	next http.RoundTripper
	name string
}

// RoundTrip implements [http.RoundTripper].
func (n named) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context()) // a transport must not change what it is given
	r.Header.Set(loopHeader, n.name)
	return n.next.RoundTrip(r)
}
