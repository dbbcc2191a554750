package refop

import (
	"net/http"
	"regexp"
	"slices"
	"time"

	"github.com/cibatest/cibatest/internal/jose"
)

// Fault is a planted defect.
type Fault struct {
	Name   string
	Breaks string // the requirement it breaks
	Sees   string // what a victim sees
	Do     func(*behaviour)
}

// Variant is a legal departure from how this OP usually behaves. A judge must
// stay green on each; Why names the text that allows it.
type Variant struct {
	Name, Why string
	Do        func(*behaviour)
}

// behaviour holds the points at which the healthy code asks whether it should
// do something else. The zero value is healthy.
type behaviour struct {
	skipped  map[string]bool
	instead  map[string]*oauthError
	onForm   []func(*call)
	onReply  []func(*call, *reply)
	onDraft  []func(*call, *draft)
	onAccess []func(*call, map[string]any)
	onPrompt []func(*flow, map[string]any)
	onFlow   []func(*call, *flow)
	onState  []func(*call, *flow, state) state
	onGrant  []func(*flow)
	onStart  []func(*call) *oauthError // further checks of a backchannel request
	onHint   func(*call, *User) *User
	nobody   *User          // stands in for users that do not exist
	suitable *regexp.Regexp // binding messages; nil: the usual ones

	authReqID      func(op *OP) string
	subject        func(*Client, *User) string
	refreshToken   func() string
	onGrantFor     func(*call, *grant) // edits an access token's grant
	idTokenAlg     string              // of clients registered for none
	keys           []jose.Key          // further signing keys
	accessKey      func() jose.Key     // signs access tokens
	oneKey         bool                // only the first signing key exists
	refreshIDToken bool                // a refresh brings an ID token too

	accessToken func(op *OP) string // an opaque token instead of a JWT
	delay       map[string]time.Duration
	redeemPause func() time.Duration // between looking at the state and marking it used
	writeBack   time.Duration        // after which a pending poll writes back the state it saw

	hold           time.Duration // how long a pending poll is held for a decision
	deaf           bool          // a held poll does not notice the decision
	clockAtAnswer  bool          // the interval runs from the answer of a held poll
	throttleFirst  bool          // the pace counts in every state, not only while pending
	throttleStep   time.Duration // what an early poll adds to the interval
	keepWindow     bool          // an early poll does not begin a new interval
	revokeOnReplay bool          // a replay ends the tokens of the flow
	oneOpenRequest bool          // a user's second open request is refused

	// requestedExpiry decides about a requested_expiry, which is positive.
	requestedExpiry func(c *call, asked time.Duration) *oauthError
	// lookUp makes the auth_req_id that is looked up of the one that was sent.
	lookUp func(id string) string

	promptEarly  bool // the device is asked before the request is checked
	promptAlways bool // the device is asked although the request is refused
	decideAgain  bool // a decision may replace another
	consume      func(*call, *oauthError) bool
	declared     map[string]bool // what the target file of this OP says under capabilities
	openOne      bool            // a second request of a user ends the first
}

// refuseStart refuses some backchannel requests that would be good otherwise,
// before the user is asked.
func (b *behaviour) refuseStart(code string, which func(*call) bool) {
	b.onStart = append(b.onStart, func(c *call) *oauthError {
		if which(c) {
			return refusal(code, "this OP does not take such requests")
		}
		return nil
	})
}

// skip leaves checks out.
func (b *behaviour) skip(names ...string) {
	for _, name := range names {
		b.skipped[name] = true
	}
}

// declare adds what the operator of such an OP would write into the target file.
func (b *behaviour) declare(capability string, has bool) { b.declared[capability] = has }

// refuse makes a check answer with another error.
func (b *behaviour) refuse(name string, status int, code string) {
	b.instead[name] = &oauthError{status: status, code: code, description: "refused"}
}

// reply edits answers of one endpoint and kind; empty means any.
func (b *behaviour) reply(endpoint, kind string, edit func(*reply)) {
	b.onReply = append(b.onReply, func(c *call, r *reply) {
		if (endpoint == "" || endpoint == c.endpoint) && (kind == "" || kind == r.kind) {
			edit(r)
		}
	})
}

// idToken edits ID tokens before they are signed.
func (b *behaviour) idToken(edit func(*draft)) {
	b.onDraft = append(b.onDraft, func(_ *call, d *draft) { edit(d) })
}

// state changes what a poll makes of the state of a flow.
func (b *behaviour) state(change func(*call, *flow, state) state) {
	b.onState = append(b.onState, change)
}

// draft is an ID token before it is signed.
type draft struct {
	header, claims map[string]any
	key            jose.Key
	unsigned       bool
	after          func(token string) string // what to do to the signed token
	flow           *flow
	access         string // the access token it comes with
}

// reply is an answer before it is written.
type reply struct {
	kind   string // ack, tokens, error, discovery, jwks, userinfo, introspection
	status int
	header http.Header
	body   map[string]any
	raw    []byte // replaces body when set
}

func newBehaviour() *behaviour {
	return &behaviour{throttleStep: 5 * time.Second, skipped: map[string]bool{}, instead: map[string]*oauthError{}, delay: map[string]time.Duration{}, declared: map[string]bool{}}
}

// faults and variants are filled by the files of the areas.
var (
	faults   []Fault
	variants []Variant
)

func plant(list ...Fault) bool {
	faults = append(faults, list...)
	return true
}

func allow(list ...Variant) bool {
	variants = append(variants, list...)
	return true
}

// Faults are all planted defects.
func Faults() []Fault { return slices.Clone(faults) }

// Variants are all legal departures.
func Variants() []Variant { return slices.Clone(variants) }
