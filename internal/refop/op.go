package refop

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/jose"
)

// The protocol paths are unusual on purpose, so that discovery has to be used.
const (
	pathStart      = "/ciba/start-here"
	pathToken      = "/grants/redeem"
	pathJWKS       = "/public/keys"
	pathUserinfo   = "/who"
	pathIntrospect = "/grants/inspect"
)

// OP is the provider. Create one with [New].
type OP struct {
	reg       Registration
	issuer    string
	control   string
	device    string
	transport http.RoundTripper
	now       func() time.Time
	b         *behaviour

	clients map[string]*Client
	seed    maphash.Seed
	shards  [64]shard
	ctx     context.Context
	cancel  context.CancelFunc
	work    sync.WaitGroup
	closing sync.RWMutex // no work begins when it has ended
}

// shard holds a part of the state under a lock of its own, so that no request
// waits for an unrelated one.
type shard struct {
	mu     sync.Mutex
	flows  shelf[*flow]
	grants shelf[*grant]    // by access token or refresh token
	used   shelf[struct{}]  // jti of client assertions
	open   map[string]*flow // last flow of a user, for the variant that allows one
}

// Option changes an OP.
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

// WithClock replaces the clock.
func WithClock(now func() time.Time) Option {
	return func(op *OP) error { op.now = now; return nil }
}

// WithFaults plants defects by name.
func WithFaults(names ...string) Option {
	return func(op *OP) error {
		for _, name := range names {
			all := slices.Concat(faults, loadFaults)
			i := slices.IndexFunc(all, func(f Fault) bool { return f.Name == name })
			if i < 0 {
				return fmt.Errorf("there is no fault %q", name)
			}
			all[i].Do(op.b)
		}
		return nil
	}
}

// WithVariants chooses legal departures by name.
func WithVariants(names ...string) Option {
	return func(op *OP) error {
		for _, name := range names {
			i := slices.IndexFunc(variants, func(v Variant) bool { return v.Name == name })
			if i < 0 {
				return fmt.Errorf("there is no variant %q", name)
			}
			variants[i].Do(op.b)
		}
		return nil
	}
}

// New makes an OP.
func New(reg Registration, options ...Option) (*OP, error) {
	op := &OP{reg: reg, now: time.Now, b: newBehaviour(), clients: map[string]*Client{}, seed: maphash.MakeSeed()}
	op.ctx, op.cancel = context.WithCancel(context.Background())
	for _, o := range options {
		if err := o(op); err != nil {
			return nil, err
		}
	}
	op.reg.signing = append(slices.Clone(reg.signing), op.b.keys...)
	if op.b.oneKey {
		op.reg.signing = op.reg.signing[:1]
	}
	if len(reg.signing) == 0 || len(reg.Users) == 0 {
		return nil, errors.New("a registration needs signing keys and users")
	}
	for i := range reg.Clients {
		op.clients[reg.Clients[i].ID] = &reg.Clients[i]
	}
	for i := range op.shards {
		op.shards[i] = shard{flows: newShelf[*flow](), grants: newShelf[*grant](), used: newShelf[struct{}](), open: map[string]*flow{}}
	}
	return op, nil
}

// Declared are the capabilities, by their names in a target file, that an
// operator would have to declare because of this OP's faults and variants.
func (op *OP) Declared() map[string]bool { return maps.Clone(op.b.declared) }

// background does something that no client waits for, unless the OP is closed.
func (op *OP) background(do func()) {
	op.closing.RLock()
	defer op.closing.RUnlock()
	if op.ctx.Err() == nil {
		op.work.Go(do)
	}
}

// Close gives up the prompts under way.
func (op *OP) Close() {
	op.closing.Lock()
	op.cancel()
	op.closing.Unlock()
	op.work.Wait()
}

func (op *OP) shardOf(key string) *shard {
	return &op.shards[maphash.String(op.seed, key)%uint64(len(op.shards))]
}

// url is the address of an endpoint below the issuer.
func (op *OP) url(path string) string { return strings.TrimSuffix(op.issuer, "/") + path }

// Handler serves the protocol below the path of the issuer, if it has one.
func (op *OP) Handler() http.Handler {
	base := ""
	if u, err := url.Parse(op.issuer); err == nil {
		base = strings.TrimSuffix(u.Path, "/")
	}
	mux := http.NewServeMux()
	mux.HandleFunc(op.metadataPath(base), op.serve("discovery", http.MethodGet, op.discovery))
	mux.HandleFunc(base+pathJWKS, op.serve("jwks", http.MethodGet, op.jwks))
	mux.HandleFunc(base+pathStart, op.serve("start", http.MethodPost, op.start))
	mux.HandleFunc(base+pathToken, op.serve("token", http.MethodPost, op.token))
	mux.HandleFunc(base+pathUserinfo, op.serve("userinfo", "", op.userinfo))
	mux.HandleFunc(base+pathIntrospect, op.serve("introspection", http.MethodPost, op.introspect))
	mux.HandleFunc("/", op.serve("elsewhere", "", func(*call) *reply { return failure(&oauthError{status: 404, code: "not_found"}) }))
	return mux
}

// metadataPath is the place of OIDC Discovery 4, or that of RFC 8414 3.
func (op *OP) metadataPath(base string) string {
	if op.b.skipped["oidc-location"] {
		return "/.well-known/oauth-authorization-server" + base
	}
	return base + "/.well-known/openid-configuration"
}

// call is one request on its way through an endpoint.
type call struct {
	op       *OP
	endpoint string
	r        *http.Request
	form     map[string][]string
	badForm  *oauthError
	now      time.Time

	client  *Client
	user    *User
	flow    *flow
	expiry  time.Duration
	told    time.Duration // the interval an early poll is told to keep
	wait    time.Duration // for which load control refuses the request
	details []any
}

// value is the first value of a form parameter.
func (c *call) value(name string) string {
	if v := c.form[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// check is one step of an endpoint.
type check struct {
	name string
	run  func(*call) *oauthError
}

// run does the checks in order and returns the first refusal.
func (c *call) run(checks []check) *oauthError {
	for _, step := range checks {
		if c.skipsAt(step.name) {
			continue
		}
		if err := step.run(c); err != nil {
			if other := c.op.b.instead[step.name]; other != nil {
				return other
			}
			return err
		}
	}
	return nil
}

// oauthError is a refusal.
type oauthError struct {
	status      int
	code        string
	description string
	challenge   string // WWW-Authenticate
}

func refusal(code, description string) *oauthError { return &oauthError{400, code, description, ""} }

func failure(e *oauthError) *reply {
	body := map[string]any{"error": e.code}
	if e.description != "" {
		body["error_description"] = e.description
	}
	r := &reply{kind: "error", status: e.status, header: http.Header{}, body: body}
	if e.challenge != "" {
		r.header.Set("WWW-Authenticate", e.challenge)
	}
	return r
}

func success(kind string, body map[string]any) *reply {
	return &reply{kind: kind, status: http.StatusOK, header: http.Header{}, body: body}
}

// serve wraps an endpoint: method, form, answer.
func (op *OP) serve(endpoint, method string, handle func(*call) *reply) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := &call{op: op, endpoint: endpoint, r: r, now: op.now()}
		var answer *reply
		switch {
		case method != "" && r.Method != method && (method != http.MethodGet || r.Method != http.MethodHead) && !op.b.skipped["method-"+endpoint]:
			answer = failure(&oauthError{405, "invalid_request", "the method is not supported here", ""})
			answer.header.Set("Allow", method)
		default:
			if method != http.MethodGet {
				c.readForm(w)
			}
			answer = handle(c)
		}
		op.pause(endpoint)
		op.write(w, c, answer)
	}
}

// pause delays an answer of an endpoint, for faults.
func (op *OP) pause(endpoint string) { op.wait(op.b.delay[endpoint]) }

// wait takes time, unless the OP is closed meanwhile.
func (op *OP) wait(d time.Duration) {
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

func (op *OP) write(w http.ResponseWriter, c *call, r *reply) {
	r.header.Set("Content-Type", "application/json")
	r.header.Set("Cache-Control", "no-store")
	r.header.Set("Pragma", "no-cache")
	for _, edit := range op.b.onReply {
		edit(c, r)
	}
	body := r.raw
	if body == nil {
		var b bytes.Buffer
		encoder := json.NewEncoder(&b)
		encoder.SetEscapeHTML(false)
		_ = encoder.Encode(r.body)
		body = b.Bytes()
	}
	for name, values := range r.header {
		w.Header()[name] = values
	}
	w.WriteHeader(r.status)
	_, _ = w.Write(body)
}

func randomID(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// signingKey is the key for an algorithm, the first one by default.
func (op *OP) signingKey(alg string) jose.Key {
	for _, k := range op.reg.signing {
		if k.Alg() == alg {
			return k
		}
	}
	return op.reg.signing[0]
}

func (op *OP) algs() []string {
	var list []string
	for _, k := range op.reg.signing {
		list = append(list, k.Alg())
	}
	return list
}
