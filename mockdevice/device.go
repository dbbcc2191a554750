// Package mockdevice is a simulated authentication device for OpenID Connect
// CIBA. An OP tells it what its user is asked; it answers by a policy, or on
// command, through the callback that came with the request. It serves any OP and
// depends on nothing else of this project.
//
// # Wire contract
//
// An OP posts JSON to /v1/requests and is answered 202:
//
//	{"auth_req_id": "...", "client_id": "...", "login_hint": "...", "sub": "...", "binding_message": "...",
//	 "scope": "openid", "acr_values": "...", "authorization_details": [...], "expires_at": "2026-11-24T12:00:00Z",
//	 "callback": "https://op.example/decisions", "callback_token": "..."}
//
// Only auth_req_id is required. The decision is posted to callback with the
// callback_token as bearer:
//
//	{"auth_req_id": "...", "decision": "approve|deny|cancel|error", "reason": "...", "scope": "...",
//	 "authorization_details": [...], "acr": "...", "error": "..."}
//
// A decision is delivered at most once: it is sent again after a fault of the
// network only, never after an answer of the OP.
package mockdevice

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Capacity is how many requests a device keeps by default. When it is full, the
// oldest decided request goes first, then the oldest of all.
const Capacity = 10_000

// Request is what an OP asked its user.
type Request struct {
	AuthReqID            string          `json:"auth_req_id"`
	ClientID             string          `json:"client_id,omitempty"`
	LoginHint            string          `json:"login_hint,omitempty"`
	Sub                  string          `json:"sub,omitempty"`
	BindingMessage       string          `json:"binding_message,omitempty"`
	Scope                string          `json:"scope,omitempty"`
	ACRValues            string          `json:"acr_values,omitempty"`
	AuthorizationDetails json.RawMessage `json:"authorization_details,omitempty"`
	ExpiresAt            time.Time       `json:"expires_at,omitzero"`
	Callback             string          `json:"callback,omitempty"`
	CallbackToken        string          `json:"callback_token,omitempty"`
	ReceivedAt           time.Time       `json:"received_at,omitzero"`
	Decided              Action          `json:"decided,omitempty"` // empty while the user has not answered

	adapter string
}

// Action is what the user does.
type Action string

// The actions. Ignore never answers.
const (
	Approve Action = "approve"
	Deny    Action = "deny"
	Cancel  Action = "cancel"
	Fault   Action = "error"
	Ignore  Action = "ignore"
)

// Decision is the user's answer.
type Decision struct {
	Action               Action          `json:"decision"`
	Reason               string          `json:"reason,omitempty"`
	Scope                *string         `json:"scope,omitempty"`                 // nil: as requested
	AuthorizationDetails json.RawMessage `json:"authorization_details,omitempty"` // nil: as requested; less: narrowed
	ACR                  string          `json:"acr,omitempty"`
	Error                string          `json:"error,omitempty"` // for the action error
}

func (d Decision) check() error {
	if !slices.Contains([]Action{Approve, Deny, Cancel, Fault, Ignore}, d.Action) {
		return fmt.Errorf("decision %q is not approve, deny, cancel, error or ignore", d.Action)
	}
	var details []json.RawMessage
	if d.AuthorizationDetails != nil && json.Unmarshal(d.AuthorizationDetails, &details) != nil {
		return errors.New("authorization_details is not an array")
	}
	return nil
}

// Policy answers a request at once, or holds it for a command.
type Policy func(Request) (decision Decision, hold bool)

// Hold waits for a command.
func Hold(Request) (Decision, bool) { return Decision{}, true }

// ApproveAll approves everything.
func ApproveAll(Request) (Decision, bool) { return Decision{Action: Approve}, false }

// DenyAll denies everything.
func DenyAll(Request) (Decision, bool) { return Decision{Action: Deny}, false }

// Option changes a device.
type Option func(*Device)

// WithPolicy replaces [Hold].
func WithPolicy(p Policy) Option { return func(d *Device) { d.policy = p } }

// WithRoundTripper says how callbacks reach the OP; without it none is sent.
func WithRoundTripper(rt http.RoundTripper) Option { return func(d *Device) { d.transport = rt } }

// WithToken protects the HTTP API with a bearer token.
func WithToken(token string) Option { return func(d *Device) { d.token = token } }

// WithCapacity replaces [Capacity].
func WithCapacity(n int) Option { return func(d *Device) { d.capacity = max(1, n) } }

// WithKeycloakCallback names the URL that answers to requests of the Keycloak
// adapter are posted to.
func WithKeycloakCallback(url string) Option { return func(d *Device) { d.keycloakCallback = url } }

// Device holds the requests of all its users. Create one with [New].
type Device struct {
	policy           Policy
	transport        http.RoundTripper
	token            string
	capacity         int
	keycloakCallback string

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu      sync.Mutex
	order   []string
	byID    map[string]*Request
	changed chan struct{} // closed and replaced whenever a request arrives
}

// New makes a device that holds every request for a command.
func New(options ...Option) *Device {
	d := &Device{policy: Hold, capacity: Capacity, byID: map[string]*Request{}, changed: make(chan struct{})}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	for _, o := range options {
		o(d)
	}
	return d
}

// Close gives up what is under way and waits for it.
func (d *Device) Close() {
	d.cancel()
	d.work.Wait()
}

// Receive takes a request in, as the HTTP API does.
func (d *Device) Receive(r Request) error {
	if r.AuthReqID == "" {
		return errors.New("auth_req_id is missing")
	}
	var details []json.RawMessage
	if r.AuthorizationDetails != nil && json.Unmarshal(r.AuthorizationDetails, &details) != nil {
		return errors.New("authorization_details is not an array")
	}
	r.ReceivedAt, r.Decided = time.Now(), ""
	d.keep(&r)
	if decision, hold := d.policy(r); !hold {
		d.work.Go(func() { _ = d.Decide(d.ctx, r.AuthReqID, decision) })
	}
	return nil
}

func (d *Device) keep(r *Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, known := d.byID[r.AuthReqID]; !known {
		if len(d.order) >= d.capacity {
			d.dropOne()
		}
		d.order = append(d.order, r.AuthReqID)
	}
	d.byID[r.AuthReqID] = r
	close(d.changed)
	d.changed = make(chan struct{})
}

// dropOne makes room: the oldest decided request, or the oldest.
func (d *Device) dropOne() {
	at := max(0, slices.IndexFunc(d.order, func(id string) bool { return d.byID[id].Decided != "" }))
	delete(d.byID, d.order[at])
	d.order = slices.Delete(d.order, at, at+1)
}

// Requests are the requests that match, oldest first. A nil match is all.
func (d *Device) Requests(match func(Request) bool) []Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	var list []Request
	for _, id := range d.order {
		if r := *d.byID[id]; match == nil || match(r) {
			list = append(list, r)
		}
	}
	return list
}

// Wait returns the first request that matches, as soon as there is one.
func (d *Device) Wait(ctx context.Context, match func(Request) bool) (Request, error) {
	for {
		d.mu.Lock()
		changed := d.changed
		d.mu.Unlock()
		if found := d.Requests(match); len(found) > 0 {
			return found[0], nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Request{}, ctx.Err()
		}
	}
}

// Reset forgets all requests.
func (d *Device) Reset() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.order, d.byID = nil, map[string]*Request{}
}

// The ways a decision can be impossible.
var (
	ErrUnknown = errors.New("the device was not asked about this auth_req_id")
	ErrDecided = errors.New("another decision was made before")
)

// Decide makes the decision and delivers it. The same decision again does
// nothing; another one is refused.
func (d *Device) Decide(ctx context.Context, authReqID string, decision Decision) error {
	if err := decision.check(); err != nil {
		return err
	}
	request, first, err := d.claim(authReqID, decision.Action)
	if err != nil || !first || decision.Action == Ignore {
		return err
	}
	if err := d.deliver(ctx, request, decision); err != nil {
		return fmt.Errorf("delivering the decision: %w", err)
	}
	return nil
}

// Insist delivers a decision whatever was decided before, as a faulty device or
// a stolen phone would. What the OP makes of it is what the caller wants to know.
func (d *Device) Insist(ctx context.Context, authReqID string, decision Decision) error {
	if err := decision.check(); err != nil {
		return err
	}
	d.mu.Lock()
	known := d.byID[authReqID]
	if known == nil {
		d.mu.Unlock()
		return ErrUnknown
	}
	known.Decided = decision.Action
	request := *known
	d.mu.Unlock()
	if err := d.deliver(ctx, request, decision); err != nil {
		return fmt.Errorf("delivering the decision: %w", err)
	}
	return nil
}

func (d *Device) claim(id string, action Action) (r Request, first bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	known := d.byID[id]
	switch {
	case known == nil:
		return Request{}, false, ErrUnknown
	case known.Decided == action:
		return *known, false, nil
	case known.Decided != "":
		return Request{}, false, ErrDecided
	}
	known.Decided = action
	return *known, true, nil
}

// Deliveries are repeated after a network fault, with growing pauses.
const (
	attempts   = 3
	firstPause = 100 * time.Millisecond
)

func (d *Device) deliver(ctx context.Context, r Request, decision Decision) error {
	if r.Callback == "" || d.transport == nil {
		return nil
	}
	body, err := json.Marshal(answerOf(r, decision))
	if err != nil {
		return err
	}
	pause := firstPause
	for attempt := 1; ; attempt++ {
		status, err := d.post(ctx, r, body)
		if err == nil {
			return status
		}
		if attempt == attempts || ctx.Err() != nil {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		pause *= 2
	}
}

// answerOf speaks the dialect the request came in.
func answerOf(r Request, d Decision) any {
	if r.adapter == keycloak {
		return map[string]string{"status": keycloakStatus(d.Action)}
	}
	return struct {
		AuthReqID string `json:"auth_req_id"`
		Decision
	}{r.AuthReqID, d}
}

func keycloakStatus(a Action) string {
	switch a {
	case Approve:
		return "SUCCEED"
	case Deny:
		return "UNAUTHORIZED"
	}
	return "CANCELLED"
}

// post sends one delivery. The first result is what the OP thinks of it, the
// second is a fault of the network.
func (d *Device) post(ctx context.Context, r Request, body []byte) (refused, fault error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.Callback, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("callback: %w", err), nil
	}
	req.Header.Set("Content-Type", "application/json")
	if r.CallbackToken != "" {
		req.Header.Set("Authorization", "Bearer "+r.CallbackToken)
	}
	resp, err := d.transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("the OP answers the decision with %d", resp.StatusCode), nil
	}
	return nil, nil
}
