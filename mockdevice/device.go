package mockdevice

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Capacity is how many requests a device keeps by default.
const Capacity = 10_000

// Concurrency is how many decisions are on their way to OPs at once by default.
const Concurrency = 256

// Option changes a device.
type Option func(*Device)

// WithPolicy replaces [Hold].
func WithPolicy(p Policy) Option { return func(d *Device) { d.SetPolicy(p) } }

// WithRules makes rules of a policy file the policy, so that the HTTP API can
// show and replace them.
func WithRules(r *Rules) Option { return func(d *Device) { d.SetRules(r) } }

// WithRoundTripper says how OPs are reached; without it nothing is delivered.
func WithRoundTripper(rt http.RoundTripper) Option { return func(d *Device) { d.transport = rt } }

// WithToken protects the HTTP API and the phone page with a bearer token.
func WithToken(token string) Option { return func(d *Device) { d.token = token } }

// WithCapacity replaces [Capacity].
func WithCapacity(n int) Option { return func(d *Device) { d.capacity = max(1, n) } }

// WithConcurrency replaces [Concurrency].
func WithConcurrency(n int) Option { return func(d *Device) { d.outbox.limit = max(1, n) } }

// WithAdapters adds dialects to the native one.
func WithAdapters(a Adapters) Option { return func(d *Device) { d.adapters = a } }

// WithKeycloakCallback names the URL that answers to requests of the Keycloak
// adapter are posted to.
func WithKeycloakCallback(url string) Option {
	return func(d *Device) { d.adapters.Keycloak = Keycloak{Callback: url} }
}

// WithAudit writes every step down. The caller closes the audit after the device.
// Requests the audit knows to be decided are not decided again.
func WithAudit(a *Audit) Option { return func(d *Device) { d.audit = a } }

// Device holds the requests of all its users. Create one with [New].
type Device struct {
	transport http.RoundTripper
	token     string
	capacity  int
	adapters  Adapters
	audit     *Audit

	ctx      context.Context
	cancel   context.CancelFunc
	work     sync.WaitGroup
	store    *store
	wheel    *wheel
	outbox   outbox
	arrivals arrivals
	phones   phones
	pause    pause
	counters counters
	policy   atomic.Pointer[Policy]
	rules    atomic.Pointer[Rules]
	native   *outlet
}

// New makes a device that holds every request for a command.
func New(options ...Option) *Device {
	d := &Device{capacity: Capacity, wheel: newWheel(), outbox: outbox{limit: Concurrency}, native: nativeOutlet}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.SetPolicy(Hold)
	for _, o := range options {
		o(d)
	}
	d.store = newStore(d.capacity)
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

// The ways a request or a decision can be impossible.
var (
	ErrUnknown  = errors.New("the device was not asked about this auth_req_id")
	ErrDecided  = errors.New("another decision was made before")
	ErrExpired  = errors.New("the request has expired")
	ErrConflict = errors.New("another request with this auth_req_id was received before")
)

// Receive takes a request in, as the HTTP API does.
func (d *Device) Receive(r Request) error {
	_, err := d.receive(r, adapterNative, d.native)
	return err
}

// receive takes a request in and puts the policy to work. The verdict is empty for
// a request that was known.
func (d *Device) receive(r Request, adapter string, out *outlet) (Verdict, error) {
	r.ReceivedAt, r.Adapter = time.Now(), adapter
	r.Decided, r.Outcome, r.Ref = "", nil, ""
	if err := r.check(); err != nil {
		return Verdict{}, err
	}
	k := keyOf(r.AuthReqID)
	if known, ok := d.store.get(k); ok {
		return Verdict{}, again(known, r)
	}
	verdict := (*d.policy.Load())(r)
	if slices.ContainsFunc(verdict.Faults, func(f Fault) bool { return f == Unavailable || f == Reset }) {
		return verdict, nil // the user is not asked
	}
	rec := &record{Request: compact(r), key: k, outlet: out}
	if action, ok := d.audit.decidedBefore(k); ok {
		rec.Decided, rec.Outcome = action, &Outcome{By: "an earlier run of the device"}
	}
	asked := rec.snapshot() // from here on the record is everybody's
	known, isKnown, dropped := d.store.add(rec)
	d.counters.dropped.Add(int64(dropped))
	if isKnown {
		return Verdict{}, again(known, r)
	}
	d.counters.received.Add(1)
	d.audit.note(event{Event: received, Ref: k.String(), Rule: verdict.Rule, Adapter: adapter, Details: digest(r.AuthorizationDetails)})
	d.arrivals.tell(asked)
	d.phones.tell(r.User(), k)
	if asked.Decided == "" {
		d.plan(rec, verdict)
	}
	return verdict, nil
}

func again(known, r Request) error {
	if !known.sameAs(r) {
		return ErrConflict
	}
	return nil
}

// plan has the decision of a policy made when its time comes.
func (d *Device) plan(rec *record, v Verdict) {
	if v.Hold {
		return
	}
	decide := func() { d.outbox.do(&d.work, func() { d.decideByRule(rec, v) }) }
	if v.After <= 0 {
		d.pause.run(decide)
		return
	}
	d.wheel.after(d.ctx, &d.work, v.After, func() { d.pause.run(decide) })
}

// decideByRule runs in the outbox. A person may have been faster, and the request
// may have expired while the user thought: neither is an error of the device.
func (d *Device) decideByRule(rec *record, v Verdict) {
	by := "policy"
	if v.Rule != "" {
		by = "rule " + v.Rule
	}
	decision, err := v.Decision.checked()
	if err != nil {
		return
	}
	request, out, first, err := d.claim(rec.key, rec, decision, by)
	switch {
	case errors.Is(err, ErrExpired):
		d.counters.expired.Add(1)
		d.audit.note(event{Event: failed, Ref: rec.key.String(), Rule: v.Rule, Note: err.Error()})
	case err != nil || !first:
	case lateness(request, decision) > 0:
		d.dispatch(request, out, decision, func(error) {})
	default:
		_ = d.deliver(request, out, decision)
	}
}

// Find is the request with an auth_req_id.
func (d *Device) Find(authReqID string) (Request, bool) { return d.store.get(keyOf(authReqID)) }

// Requests are the requests that match, oldest first. A nil match is all.
func (d *Device) Requests(match func(Request) bool) []Request { return d.store.all(match) }

// Wait returns the first request that matches, as soon as there is one. match is
// called from several goroutines and must not call the device.
func (d *Device) Wait(ctx context.Context, match func(Request) bool) (Request, error) {
	arrived, stop := d.arrivals.watch(match)
	defer stop()
	if known := d.store.all(match); len(known) > 0 {
		return known[0], nil
	}
	return await(ctx, d.ctx, arrived)
}

// WaitFor is [Device.Wait] for one auth_req_id, at a cost that does not grow with
// the number of requests held.
func (d *Device) WaitFor(ctx context.Context, authReqID string) (Request, error) {
	arrived, stop := d.arrivals.watchKey(keyOf(authReqID))
	defer stop()
	if known, ok := d.Find(authReqID); ok {
		return known, nil
	}
	return await(ctx, d.ctx, arrived)
}

func await(ctx, device context.Context, arrived <-chan Request) (Request, error) {
	select {
	case r := <-arrived:
		return r, nil
	case <-ctx.Done():
		return Request{}, ctx.Err()
	case <-device.Done():
		return Request{}, errors.New("the device was closed")
	}
}

// Reset forgets all requests and continues if it was paused.
func (d *Device) Reset() {
	d.store.clear()
	d.audit.forget()
	d.audit.note(event{Event: reset})
	d.Resume()
	d.phones.tellAll()
}

// Decide makes the decision and returns when the OP was told. The same decision
// again does nothing; another one is refused. The decision stands, and is
// delivered, also when ctx ends first.
func (d *Device) Decide(ctx context.Context, authReqID string, decision Decision) error {
	return d.decide(ctx, keyOf(authReqID), decision, "command")
}

func (d *Device) decide(ctx context.Context, k key, decision Decision, by string) error {
	decision, err := decision.checked()
	if err != nil {
		return err
	}
	request, out, first, err := d.claim(k, nil, decision, by)
	if err != nil || !first || decision.Action == Ignore {
		return err
	}
	done := make(chan error, 1)
	d.dispatch(request, out, decision, func(err error) { done <- err })
	select {
	case err = <-done:
	case <-ctx.Done():
		err = ctx.Err()
	case <-d.ctx.Done():
		err = d.ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("delivering the decision: %w", err)
	}
	return nil
}

// claim makes a decision the decision of a request: of this very record, where one
// is given, since after a reset another may have its key. Whoever claims first is
// the one who delivers; the audit has it on disk before anything is sent.
func (d *Device) claim(k key, only *record, decision Decision, by string) (r Request, out *outlet, first bool, err error) {
	now := time.Now()
	d.store.with(k, func(sh *shard, rec *record) {
		switch {
		case rec == nil || only != nil && rec != only:
			err = ErrUnknown
			return
		case rec.Decided != "" && !decision.has(Contrary):
			if r, out = rec.snapshot(), rec.outlet; rec.Decided != decision.Action {
				err = ErrDecided
			}
			return
		case decision.Action != timedOut && rec.ExpiredAt(now) && !decision.has(AfterExpiry):
			err = ErrExpired
			return
		}
		first = true
		rec.Decided = decision.Action
		rec.Outcome = &Outcome{
			At: now, By: by, Reason: decision.Reason, Narrowed: decision.narrows(), Scope: decision.Scope, Details: decision.AuthorizationDetails,
		}
		sh.place(rec)
		r, out = rec.snapshot(), rec.outlet
		if rec.decided != nil {
			close(rec.decided)
			rec.decided = nil
		}
	})
	if first {
		d.counters.of(decision.Action).Add(1)
		err = d.audit.write(event{Event: decided, Ref: k.String(), Decision: decision.Action, Rule: by, Details: digest(decision.AuthorizationDetails)})
		d.phones.tell(r.User(), k)
	}
	if first && err != nil {
		d.conclude(k, err.Error())
	}
	return r, out, first, err
}

// conclude notes what became of a delivery.
func (d *Device) conclude(k key, delivery string) {
	var user string
	d.store.with(k, func(_ *shard, rec *record) {
		if rec == nil || rec.Outcome == nil {
			return
		}
		outcome := *rec.Outcome
		outcome.Delivery = delivery
		rec.Outcome, user = &outcome, rec.User()
	})
	d.phones.tell(user, k)
}

// awaitDecision returns the request once it is decided, or as it is when ctx ends.
func (d *Device) awaitDecision(ctx context.Context, k key) (Request, bool) {
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

// Pause has policies wait: what comes due is decided after [Device.Resume].
// Commands and people are not held up.
func (d *Device) Pause() { d.pause.stop() }

// Resume ends a pause.
func (d *Device) Resume() { d.pause.resume() }

// pause holds back what policies want to do.
type pause struct {
	mu     sync.Mutex
	paused bool
	held   []func()
}

func (p *pause) run(do func()) {
	p.mu.Lock()
	if p.paused {
		p.held = append(p.held, do)
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	do()
}

func (p *pause) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paused = true
}

func (p *pause) resume() {
	p.mu.Lock()
	held := p.held
	p.paused, p.held = false, nil
	p.mu.Unlock()
	for _, do := range held {
		do()
	}
}

// Counters are what a device has done since it started.
type Counters struct {
	Received     int64            `json:"received"`
	Open         int              `json:"open"`
	Held         int64            `json:"held"` // open and finished requests in memory
	Decided      map[Action]int64 `json:"decided"`
	Delivered    int64            `json:"delivered"`    // decisions that reached an OP
	Acknowledged int64            `json:"acknowledged"` // and were accepted
	Failed       int64            `json:"failed"`       // and were refused, or did not reach it
	Expired      int64            `json:"expired"`      // policies that were too late
	Dropped      int64            `json:"dropped"`      // requests that made room for others
	Paused       bool             `json:"paused"`
	Rules        map[string]int64 `json:"rules,omitempty"` // how often each rule of the policy file fired
}

type counters struct {
	received, delivered, acknowledged, failed, expired, dropped atomic.Int64
	approved, denied, cancelled, erred, ignored, timedOut       atomic.Int64
}

func (c *counters) of(a Action) *atomic.Int64 {
	switch a {
	case Approve:
		return &c.approved
	case Deny:
		return &c.denied
	case Cancel:
		return &c.cancelled
	case Failure:
		return &c.erred
	case Ignore:
		return &c.ignored
	}
	return &c.timedOut
}

// Counters is a snapshot.
func (d *Device) Counters() Counters {
	c := Counters{
		Received: d.counters.received.Load(), Open: d.store.open(), Held: d.store.size.Load(), Decided: map[Action]int64{},
		Delivered: d.counters.delivered.Load(), Acknowledged: d.counters.acknowledged.Load(), Failed: d.counters.failed.Load(),
		Expired: d.counters.expired.Load(), Dropped: d.counters.dropped.Load(),
	}
	for _, a := range []Action{Approve, Deny, Cancel, Failure, Ignore, timedOut} {
		if n := d.counters.of(a).Load(); n > 0 {
			c.Decided[a] = n
		}
	}
	if rules := d.rules.Load(); rules != nil {
		c.Rules = rules.Fired()
	}
	d.pause.mu.Lock()
	c.Paused = d.pause.paused
	d.pause.mu.Unlock()
	return c
}
