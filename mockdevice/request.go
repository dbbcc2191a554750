package mockdevice

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Request is what an OP asked its user.
type Request struct {
	AuthReqID            string            `json:"auth_req_id"`
	ClientID             string            `json:"client_id,omitempty"`
	LoginHint            string            `json:"login_hint,omitempty"`
	Sub                  string            `json:"sub,omitempty"`
	BindingMessage       string            `json:"binding_message,omitempty"`
	Scope                string            `json:"scope,omitempty"`
	ACRValues            string            `json:"acr_values,omitempty"`
	AuthorizationDetails json.RawMessage   `json:"authorization_details,omitempty"`
	ExpiresAt            time.Time         `json:"expires_at,omitzero"` // zero: the OP did not say
	Callback             string            `json:"callback,omitempty"`
	CallbackToken        string            `json:"callback_token,omitempty"`
	Labels               map[string]string `json:"labels,omitempty"` // whatever else the OP sent to tell requests apart

	// The rest is the device's to say; what an OP sends here is not read.

	Ref        string    `json:"ref,omitempty"`     // names the request without being a secret
	Adapter    string    `json:"adapter,omitempty"` // the dialect it came in
	ReceivedAt time.Time `json:"received_at,omitzero"`
	Decided    Action    `json:"decided,omitempty"` // empty while the user has not answered
	Outcome    *Outcome  `json:"outcome,omitempty"` // nil while the user has not answered
}

// Outcome is what became of a request.
type Outcome struct {
	At       time.Time       `json:"at,omitzero"`
	By       string          `json:"by"` // "rule NAME", or who else decided: command, phone
	Reason   string          `json:"reason,omitempty"`
	Narrowed bool            `json:"narrowed,omitempty"`
	Scope    *string         `json:"scope,omitempty"` // what was granted, where that is less than asked
	Details  json.RawMessage `json:"authorization_details,omitempty"`
	Delivery string          `json:"delivery,omitempty"` // empty: under way or nothing to send; acknowledged; or what went wrong
}

// User names the end-user as the OP did.
func (r Request) User() string {
	if r.LoginHint != "" {
		return r.LoginHint
	}
	return r.Sub
}

// ExpiredAt says whether the request had expired at a moment.
func (r Request) ExpiredAt(now time.Time) bool {
	return !r.ExpiresAt.IsZero() && !now.Before(r.ExpiresAt)
}

// withoutSecrets is what may be shown: the callback's token stays here.
func (r Request) withoutSecrets() Request {
	r.CallbackToken = ""
	return r
}

// Limits of one request. They keep a hostile OP from filling the memory.
const (
	maxBody   = 256 << 10 // bytes of an HTTP body
	maxID     = 8 << 10   // bytes of an auth_req_id; some OPs use a JWE
	maxLevels = 32        // of nesting in authorization_details
)

func (r Request) check() error {
	switch {
	case r.AuthReqID == "":
		return errors.New("auth_req_id is missing")
	case len(r.AuthReqID) > maxID:
		return fmt.Errorf("auth_req_id is longer than %d bytes", maxID)
	}
	if r.Callback != "" {
		if u, err := url.Parse(r.Callback); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return errors.New("callback is not an absolute http or https URL")
		}
	}
	_, err := parseDetails(r.AuthorizationDetails)
	return err
}

// sameAs says whether an OP sent the same request once more.
func (r Request) sameAs(other Request) bool {
	return r.ClientID == other.ClientID && r.User() == other.User() && r.BindingMessage == other.BindingMessage &&
		r.Scope == other.Scope && r.ACRValues == other.ACRValues && string(r.AuthorizationDetails) == string(other.AuthorizationDetails) &&
		r.Callback == other.Callback && r.CallbackToken == other.CallbackToken
}

// key is where a request is kept. It is a digest, so it may appear in logs and
// URLs where the auth_req_id, which is as good as a password, may not.
type key [16]byte

func keyOf(authReqID string) key {
	sum := sha256.Sum256([]byte(authReqID))
	return key(sum[:16])
}

func (k key) String() string { return hex.EncodeToString(k[:]) }

// parseKey reads what String wrote.
func parseKey(ref string) (k key, ok bool) {
	n, err := hex.Decode(k[:], []byte(ref[:min(len(ref), 2*len(k))]))
	return k, err == nil && n == len(k) && len(ref) == 2*len(k)
}

// Action is what the user does.
type Action string

// The actions. Ignore never answers. Narrow is an approval that has to grant less
// than was asked; it is kept and sent as Approve.
const (
	Approve Action = "approve"
	Deny    Action = "deny"
	Cancel  Action = "cancel"
	Failure Action = "error"
	Ignore  Action = "ignore"
	Narrow  Action = "narrow"

	timedOut Action = "timeout" // told to OPs whose dialect wants to hear of it
)

var actions = []Action{Approve, Deny, Cancel, Failure, Ignore, Narrow}

// Decision is the user's answer.
type Decision struct {
	Action               Action          `json:"decision"`
	Reason               string          `json:"reason,omitempty"`
	Scope                *string         `json:"scope,omitempty"`                 // nil: as requested
	AuthorizationDetails json.RawMessage `json:"authorization_details,omitempty"` // nil: as requested; less: narrowed
	ACR                  string          `json:"acr,omitempty"`
	Error                string          `json:"error,omitempty"`  // for the action error
	Faults               []Fault         `json:"faults,omitempty"` // never sent: how the delivery goes wrong on purpose
}

// Fault is a defect of the device, on request only.
type Fault string

// The faults of a delivery.
const (
	Duplicate   Fault = "duplicate"    // delivered twice
	Contrary    Fault = "contrary"     // delivered although another decision was made before
	Late        Fault = "late"         // delivered LateBy after the decision
	AfterExpiry Fault = "after-expiry" // delivered once the request has expired
	WrongToken  Fault = "wrong-token"  // delivered with a token that the OP did not give
	Lost        Fault = "lost"         // decided, never delivered
)

// The faults of being asked.
const (
	SlowAnswer  Fault = "slow-answer" // the OP waits SlowBy for the device to take the request
	Unavailable Fault = "unavailable" // the OP is answered 503, the user is not asked
	Reset       Fault = "reset"       // the connection breaks, the user is not asked
)

// How late the faults Late and SlowAnswer are.
const (
	LateBy = 10 * time.Second
	SlowBy = 5 * time.Second
)

var (
	deliveryFaults = []Fault{Duplicate, Contrary, Late, AfterExpiry, WrongToken, Lost}
	inboundFaults  = []Fault{SlowAnswer, Unavailable, Reset}
)

func (d Decision) has(f Fault) bool { return slices.Contains(d.Faults, f) }

func (d Decision) narrows() bool { return d.Scope != nil || d.AuthorizationDetails != nil }

// checked is the decision in its kept form: Narrow has become Approve.
func (d Decision) checked() (Decision, error) {
	if !slices.Contains(actions, d.Action) && d.Action != timedOut {
		return d, fmt.Errorf("decision %.40q is not %s", d.Action, oneOf(actions))
	}
	if d.Action == Narrow {
		if !d.narrows() {
			return d, errors.New("decision narrow needs scope or authorization_details to grant")
		}
		d.Action = Approve
	}
	if _, err := parseDetails(d.AuthorizationDetails); err != nil {
		return d, err
	}
	for _, f := range d.Faults {
		if !slices.Contains(deliveryFaults, f) {
			return d, fmt.Errorf("fault %.40q is not %s", f, oneOf(deliveryFaults))
		}
	}
	return d, nil
}

// oneOf writes a choice: "a, b or c".
func oneOf[S ~string](choices []S) string {
	words := make([]string, len(choices))
	for i, c := range choices {
		words[i] = string(c)
	}
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
