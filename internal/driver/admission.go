package driver

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
)

// CIBA Core 13: access_denied is also how an OP refuses what its policy does not
// want at the moment: a sixth open request of a user, or one more so soon after a
// denial. Such a refusal says nothing about the request that met it.

// admission is what a run knows of that policy.
type admission struct {
	mu         sync.Mutex
	crowded    bool            // good requests have been refused
	retryRound bool            // only cases that were deferred are still to be run
	leftOpen   []*openRequests // by drivers that are closed
	onePerUser bool            // a second open request of a user ends or refuses the first
}

// admissionPauses are how long a request waits that was denied for the moment.
var admissionPauses = []time.Duration{3 * time.Second, 6 * time.Second, 12 * time.Second}

// deniedByPolicy reports whether a request was denied whoever sent it. With 401 the code
// is how some products refuse a client's credentials.
func deniedByPolicy(resp *ciba.Response) bool {
	return resp.Is(ciba.AccessDenied) && resp.Status != http.StatusUnauthorized
}

// deniedForNow reports whether a request was denied although the client may ask the
// user: a usual request of the same kind, which is tried now, is denied, too.
func (d *Driver) deniedForNow(ctx context.Context, r Request, resp *ciba.Response, next sender) (bool, error) {
	if !deniedByPolicy(resp) || r.Client.PolicyDenied || len(d.run.Memory.Acks()) == 0 {
		return false, nil
	}
	user, known := d.run.userHinted(hintIn(r.Form))
	if known && d.run.admission.isCrowded() {
		return true, nil
	}
	if !known {
		user = d.user
	}
	usual, err := next(ctx, d.run.Start(r.Client, d.GoodStart(r.Client, user)))
	if err != nil {
		return false, err
	}
	if !deniedByPolicy(usual) {
		d.giveBack(ctx, usual)
		return false, nil
	}
	d.run.Note("this OP refuses good requests at times, as one of client %s for %s: %s; they are repeated a little later",
		r.Client.Name, user.Name, usual.Summary())
	return true, nil
}

// giveBack closes a request that was only a try.
func (d *Driver) giveBack(ctx context.Context, resp *ciba.Response) {
	if ack, err := resp.Started(); err == nil {
		d.deny(ctx, d.open.take(func(o openRequest) bool { return o.authReqID == ack.AuthReqID }))
	}
}

// askLater makes room and repeats the request after pauses that do not count against
// the clock. Where the pauses do not help, the case is deferred: it is run once more
// when the others are over and nothing of theirs is open. In that round, what the case
// itself has open is the reason, or the refusal is the OP's last word.
func (d *Driver) askLater(ctx context.Context, r Request, next sender) (*ciba.Response, error) {
	for _, open := range d.run.admission.crowd() {
		d.deny(ctx, open.take(anyRequest))
	}
	defer d.holdUp()()
	var resp *ciba.Response
	for _, pause := range admissionPauses {
		err := d.pause(ctx, pause)
		if err == nil {
			resp, err = next(ctx, r)
		}
		if err != nil || !deniedByPolicy(resp) {
			return resp, err
		}
	}
	switch {
	case !d.run.admission.isRetryRound():
		return nil, &Stop{Reason: "a request that should be accepted was denied at times: " + resp.Summary(), Deferred: true}
	case d.open.some():
		return nil, &Stop{Reason: "parallel: beside what the case has open, another request is answered " + resp.Summary(), Untestable: true}
	}
	return resp, nil
}

// crowd notes that room is scarce and hands over what closed drivers have left open;
// from now on each driver closes its own.
func (a *admission) crowd() []*openRequests {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.crowded = true
	left := a.leftOpen
	a.leftOpen = nil
	return left
}

// leave keeps what a closed driver has left open.
func (a *admission) leave(open *openRequests) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.leftOpen = append(a.leftOpen, open)
}

func (a *admission) isCrowded() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.crowded
}

func (a *admission) isRetryRound() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.retryRound
}

// BeginRetryRound says that all cases are over but those that were deferred. From now on no
// more is sent at once than the OP was seen to bear.
func (r *Run) BeginRetryRound() {
	r.strain.settle()
	r.admission.mu.Lock()
	defer r.admission.mu.Unlock()
	r.admission.retryRound = true
}

// LimitToOnePerUser says that a second open request of a user ends or refuses the
// first one. From now on each driver closes what it has open before it asks again.
func (r *Run) LimitToOnePerUser() {
	r.admission.mu.Lock()
	defer r.admission.mu.Unlock()
	r.admission.onePerUser = true
}

// OneRequestPerUser reports whether a user may have one open request only.
func (r *Run) OneRequestPerUser() bool {
	r.admission.mu.Lock()
	defer r.admission.mu.Unlock()
	return r.admission.onePerUser
}
