package refop

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"hash/maphash"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cibatest/cibatest/internal/jose"
)

// OP is the provider. Create one with [New] and Close it when done.
type OP struct {
	reg       Registration
	issuer    string
	control   string
	mutualTLS string // URL, without path, where client certificates are asked for; empty: nowhere
	device    string
	transport http.RoundTripper
	clientsBy http.RoundTripper // how notification endpoints are reached
	now       func() time.Time

	plan   *Plan
	checks tables

	clients map[string]*Client
	locked  sync.Map // login_hint of each user that is locked

	published sync.Map // client_id -> *published
	seed      maphash.Seed
	shards    [64]shard
	ctx       context.Context
	cancel    context.CancelFunc
	work      sync.WaitGroup
	calls     atomic.Int64 // to clients, that were answered
	closing   sync.RWMutex // no work begins when it has ended
}

// shard holds a part of the state under a lock of its own, so that no request
// waits for an unrelated one.
type shard struct {
	mu     sync.Mutex
	flows  shelf[*Flow]
	grants shelf[*Grant]   // by access token or refresh token
	used   shelf[struct{}] // jti of client assertions
}

// Option changes an OP that is being made.
type Option func(*OP) error

// WithIssuer sets the issuer identifier, which is also the base of all endpoints.
func WithIssuer(issuer string) Option {
	return func(op *OP) error { op.issuer = issuer; return nil }
}

// WithControl sets the base URL of the control listener, for device callbacks.
func WithControl(url string) Option {
	return func(op *OP) error { op.control = url; return nil }
}

// WithDevice makes the OP send its prompts to a device.
func WithDevice(url string, rt http.RoundTripper) Option {
	return func(op *OP) error { op.device, op.transport = url, rt; return nil }
}

// WithNotifications makes the OP reach the notification endpoints of clients by a
// transport, which decides whose certificates are trusted. Without it they are not called.
func WithNotifications(rt http.RoundTripper) Option {
	return func(op *OP) error { op.clientsBy = rt; return nil }
}

// WithPlan changes what the OP decides. Changes add up in the order of the options.
func WithPlan(change func(*Plan)) Option {
	return func(op *OP) error { change(op.plan); return nil }
}

// New makes an OP. It fails for a registration without signing keys or users, for
// an option that fails, and for a plan that wraps a check which no table has.
func New(reg Registration, options ...Option) (*OP, error) {
	op := &OP{reg: reg, now: time.Now, plan: newPlan(reg), clients: map[string]*Client{}, seed: maphash.MakeSeed()}
	for _, o := range options {
		if err := o(op); err != nil {
			return nil, err
		}
	}
	if len(op.plan.SigningKeys) == 0 || len(reg.Users) == 0 && !reg.Open.Users {
		return nil, errors.New("a registration needs signing keys and users")
	}
	if op.clientsBy != nil {
		op.clientsBy = op.plan.Rules.ClientsBy(op.clientsBy)
	}
	var err error
	if op.checks, err = newTables(op.plan.wraps); err != nil {
		return nil, err
	}
	for i := range reg.Clients {
		op.clients[reg.Clients[i].ID] = &reg.Clients[i]
	}
	for i := range op.shards {
		op.shards[i] = shard{flows: newShelf[*Flow](), grants: newShelf[*Grant](), used: newShelf[struct{}]()}
	}
	op.ctx, op.cancel = context.WithCancel(context.Background())
	return op, nil
}

// Close gives up the prompts under way.
func (op *OP) Close() {
	op.closing.Lock()
	op.cancel()
	op.closing.Unlock()
	op.work.Wait()
}

// background does something that no client waits for, unless the OP is closed.
func (op *OP) background(do func()) {
	op.closing.RLock()
	defer op.closing.RUnlock()
	if op.ctx.Err() == nil {
		op.work.Go(do)
	}
}

// Wait takes time, unless the OP is closed meanwhile.
func (op *OP) Wait(d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-op.ctx.Done():
	}
}

// shardOf is the shard that holds what is known under a key.
func (op *OP) shardOf(key string) *shard {
	return &op.shards[maphash.String(op.seed, key)%uint64(len(op.shards))]
}

// Declared are the capabilities that an operator would have to declare because of
// this OP's plan, by their names in a target file.
func (op *OP) Declared() map[string]bool { return maps.Clone(op.plan.Declared) }

// Registration is what this OP knows. It is not to be changed.
func (op *OP) Registration() *Registration { return &op.reg }

// Issuer is the issuer identifier.
func (op *OP) Issuer() string { return op.issuer }

// Rules are the rules of this OP. They are not to be changed any more.
func (op *OP) Rules() *Rules { return &op.plan.Rules }

// Now is the time on the clock of this OP.
func (op *OP) Now() time.Time { return op.now() }

// Client is the client of an id, nil for none. Where the registration is open to clients,
// one that is not listed is known by whatever id it calls itself.
func (op *OP) Client(id string) *Client {
	client := op.clients[id]
	if client == nil && op.reg.Open.Clients && id != "" {
		return &Client{ID: id, AuthMethod: MethodAny, Unlisted: true}
	}
	return client
}

// UserBy is the first user that matches, nil for none.
func (op *OP) UserBy(match func(User) bool) *User {
	if i := slices.IndexFunc(op.reg.Users, match); i >= 0 {
		return &op.reg.Users[i]
	}
	return nil
}

// SigningKey is the key for an algorithm, the first one where none has it.
func (op *OP) SigningKey(alg string) jose.Key {
	for _, k := range op.plan.SigningKeys {
		if k.Alg() == alg {
			return k
		}
	}
	return op.plan.SigningKeys[0]
}

// HasSigningKey reports whether a key of this OP has an identifier.
func (op *OP) HasSigningKey(kid string) bool {
	return slices.ContainsFunc(op.plan.SigningKeys, func(k jose.Key) bool { return k.KID() == kid })
}

// VerifyOwn verifies a JWT that this OP is said to have signed. A token whose
// signature does not fit is returned along with the error, as far as it is read.
func (op *OP) VerifyOwn(token string) (jose.Token, error) {
	return jose.Verify(token, op.plan.SigningKeys, op.algs())
}

func (op *OP) algs() []string {
	list := make([]string, len(op.plan.SigningKeys))
	for i, k := range op.plan.SigningKeys {
		list[i] = k.Alg()
	}
	return list
}

// URL is the address of an endpoint below the issuer.
func (op *OP) URL(path string) string { return strings.TrimSuffix(op.issuer, "/") + path }

// RandomID is text of so many random bytes in base64url.
func RandomID(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// equal compares secrets in constant time.
func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
