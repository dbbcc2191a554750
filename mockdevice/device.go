package mockdevice

import (
	"context"
	"crypto/rand"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cibatest/cibatest/mockdevice/audit"
	"github.com/cibatest/cibatest/mockdevice/phone"
	"github.com/cibatest/cibatest/mockdevice/policy"
	"github.com/cibatest/cibatest/mockdevice/wire"
)

// Device holds the requests of all its users. Create one with [New].
type Device struct {
	transport http.RoundTripper
	token     string
	name      string   // of this device among all, for itself only
	hosts     []string // names it is served under without a token
	callbacks []string // hosts it may call back
	capacity  int
	adapters  Adapters
	inboxes   []*mailbox
	audit     *audit.Log

	ctx      context.Context
	cancel   context.CancelFunc
	work     sync.WaitGroup
	store    *store
	wheel    *wheel
	outbox   outbox
	arrivals arrivals
	page     *phone.Page
	pause    pause
	counters counters
	policy   atomic.Pointer[Policy]
	rules    atomic.Pointer[Rules]
	native   *outlet
}

// New makes a device that holds every request for a command.
func New(options ...Option) *Device {
	d := &Device{name: rand.Text(), capacity: Capacity, wheel: newWheel(), outbox: outbox{limit: Concurrency}, native: nativeOutlet}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.SetPolicy(policy.Hold)
	for _, o := range options {
		o(d)
	}
	d.store, d.page = newStore(d.capacity), phone.New(behindPage{d}, d.token)
	d.callbacks = append(d.callbacks, d.adapters.hosts()...)
	d.inboxes = newMailboxes(d.adapters.Inboxes)
	if d.adapters.ApprovalURL != nil {
		d.native = withDefault(nativeOutlet, d.adapters.ApprovalURL)
	}
	for _, p := range d.adapters.Pull {
		d.work.Go(func() { d.pull(p) })
	}
	return d
}

// Close gives up what is under way and waits for it.
func (d *Device) Close() {
	d.cancel()
	d.outbox.close()
	d.wheel.stop()
	d.work.Wait()
}

// SetPolicy replaces the policy for requests to come.
func (d *Device) SetPolicy(p Policy) {
	d.rules.Store(nil)
	d.policy.Store(&p)
}

// SetRules replaces the policy for requests to come.
func (d *Device) SetRules(r *Rules) {
	p := Policy(r.Judge)
	d.policy.Store(&p)
	d.rules.Store(r)
}

// Receive takes a request in, as the HTTP API does. The error says what no device could
// work with, or wraps [ErrConflict] or [ErrNoAudit].
func (d *Device) Receive(r Request) error {
	_, err := d.receive(r, adapterNative, d.native)
	return err
}

// receive asks the policy about a request and keeps it. The verdict is empty for a
// request that was known.
func (d *Device) receive(r Request, adapter string, out *outlet) (Verdict, error) {
	r.ReceivedAt, r.Adapter = time.Now(), adapter
	r.Decided, r.Outcome, r.Ref = "", nil, ""
	if err := r.Check(); err != nil {
		return Verdict{}, err
	}
	if err := d.audit.Err(); err != nil {
		return Verdict{}, err
	}
	k := wire.KeyOf(r.AuthReqID)
	if known, ok := d.store.get(k); ok {
		return Verdict{}, conflict(known, r)
	}
	verdict := (*d.policy.Load())(r)
	if slices.Contains(verdict.Faults, Unavailable) || slices.Contains(verdict.Faults, Reset) {
		return verdict, nil // the user is not asked
	}
	return verdict, d.keep(&record{Request: compact(r), key: k, outlet: out}, verdict)
}

// keep adds a record, tells everybody who waits for it, and puts the policy to work.
func (d *Device) keep(rec *record, verdict Verdict) error {
	k := rec.key
	if action, ok := d.audit.DecidedBefore(k); ok {
		rec.Decided, rec.Outcome = action, &Outcome{By: "an earlier run of the device"}
	}
	asked := rec.snapshot() // from here on the record is everybody's
	known, isKnown, dropped := d.store.add(rec)
	d.counters.dropped.Add(int64(dropped))
	if isKnown {
		return conflict(known, asked)
	}
	err := d.audit.Write(audit.Entry{
		Event: audit.Received, Ref: k.String(), Rule: verdict.Rule, Adapter: asked.Adapter, Details: audit.Digest(asked.AuthorizationDetails),
	})
	if err != nil {
		d.store.remove(k)
		return err
	}
	d.counters.received.Add(1)
	d.arrivals.tell(asked)
	d.page.Changed(asked.User(), k)
	if asked.Decided == "" {
		d.plan(rec, verdict)
	}
	return nil
}

// conflict is nil for a request that an OP sent once more.
func conflict(known, again Request) error {
	if !known.SameAs(again) {
		return ErrConflict
	}
	return nil
}

// Find is the request with an auth_req_id.
func (d *Device) Find(authReqID string) (Request, bool) { return d.store.get(wire.KeyOf(authReqID)) }

// Requests are the requests that match, oldest first. A nil match is all.
func (d *Device) Requests(match func(Request) bool) []Request { return d.store.all(match) }

// Reset forgets all requests and continues if it was paused.
func (d *Device) Reset() {
	d.store.clear()
	d.audit.Forget()
	d.audit.Note(audit.Entry{Event: audit.Reset})
	d.Resume()
	d.page.AllChanged()
}
