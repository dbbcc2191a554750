package refop

import (
	"strings"
	"time"
)

// State is where a flow stands.
type State string

// The states of a flow. Forgotten is that of an OP that has cleaned up.
const (
	Pending   State = "pending"
	Approved  State = "approved"
	Denied    State = "denied"
	Expired   State = "expired"
	Used      State = "used"
	Forgotten State = "forgotten"
)

// Flow is one auth_req_id, from its request to its tokens. The second part is
// guarded by the lock of its shard: see [OP.Locked].
type Flow struct {
	ID        string // auth_req_id
	Client    *Client
	User      *User
	Created   time.Time
	Expires   time.Time
	Binding   string // binding_message
	ACR       string // acr_values
	Requested []any  // authorization_details
	Audience  string // identifier of the API that was asked for; empty: none was

	NotificationToken string // client_notification_token; empty for a poll client

	DecideBy time.Time // after which no decision is taken; zero: Expires

	callbackToken string // proves that a decision comes from the device that was asked

	Scope    string        // as requested, then as granted
	State    State         // empty while nobody has decided; the expiry is computed
	Interval time.Duration // that the next poll has to keep
	LastPoll time.Time     // zero before the first one
	Granted  []any         // authorization_details; what was requested until less is granted
	Decided  time.Time
	Redeemed time.Time

	woken  chan struct{} // closed by the first decision
	tokens []*Grant
}

// StateAt is the state at a moment. Expiry ends every flow that was not used.
func (f *Flow) StateAt(now time.Time) State {
	if f.State == Used {
		return Used
	}
	if !now.Before(f.Expires) {
		return Expired
	}
	if f.State == "" {
		return Pending
	}
	return f.State
}

func stateOf(c *Call, f *Flow) State { return f.StateAt(c.Now) }

// newFlow takes over what the checks have found.
func newFlow(c *Call) *Flow {
	return &Flow{
		ID: c.OP.Rules().RequestID(), Client: c.Client, User: c.User, Created: c.Now, Expires: c.Now.Add(c.Expiry),
		Binding: c.Value("binding_message"), ACR: c.Value("acr_values"), Requested: c.Details, Audience: c.Audience, callbackToken: RandomID(16),
		Scope: strings.Join(c.scope(), " "), Interval: c.OP.reg.Interval, Granted: c.Details, woken: make(chan struct{}),
		NotificationToken: notificationToken(c),
	}
}

// requestID has 256 bits.
func requestID() string { return RandomID(32) }

// retention is how long an expired flow is still known as expired.
const retention = 10 * time.Minute

// keep stores a flow.
func (op *OP) keep(f *Flow) {
	s := op.shardOf(f.ID)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flows.put(f.ID, f, f.Expires.Add(retention), f.Created)
}

// find returns a flow with the lock of its shard held; the caller unlocks. The flow
// is nil when the id is unknown.
func (op *OP) find(id string) (*Flow, *shard) {
	s := op.shardOf(id)
	s.mu.Lock()
	return s.flows.items[id], s
}

// LockedFlow does something with the flow of an id while its lock is held, and
// nothing where the id is unknown.
func (op *OP) LockedFlow(id string, do func(*Flow)) {
	f, s := op.find(id)
	defer s.mu.Unlock()
	if f != nil {
		do(f)
	}
}

// Locked does something while the lock of a flow is held.
func (op *OP) Locked(f *Flow, do func()) {
	s := op.shardOf(f.ID)
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
}

// Unlocked gives the lock of a flow back while something is done, for a caller
// that holds it.
func (op *OP) Unlocked(f *Flow, do func()) {
	s := op.shardOf(f.ID)
	s.mu.Unlock()
	defer s.mu.Lock()
	do()
}
