package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

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

	// TimedOut is no action of a user. OPs whose dialect wants to hear of it are told
	// that nobody decided.
	TimedOut Action = "timeout"
)

// Actions are what a user can do.
func Actions() []Action { return []Action{Approve, Deny, Cancel, Failure, Ignore, Narrow} }

// Decision is the user's answer.
type Decision struct {
	Action               Action          `json:"decision"`
	Reason               string          `json:"reason,omitempty"`
	Scope                *string         `json:"scope,omitempty"`                 // nil: as requested
	AuthorizationDetails json.RawMessage `json:"authorization_details,omitempty"` // nil: as requested; less: narrowed
	ACR                  string          `json:"acr,omitempty"`
	Error                string          `json:"error,omitempty"` // for the action error

	// Faults are how the delivery goes wrong on purpose. They are never sent.
	Faults []Fault `json:"faults,omitempty"`
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

// deliveryFaults are the faults that a decision may carry.
var deliveryFaults = []Fault{Duplicate, Contrary, Late, AfterExpiry, WrongToken, Lost}

// Faults are all there are, those of a delivery first.
func Faults() []Fault { return append(slices.Clone(deliveryFaults), SlowAnswer, Unavailable, Reset) }

// OfDelivery reports whether the fault is one of a delivery. The others are faults of
// being asked.
func (f Fault) OfDelivery() bool { return slices.Contains(deliveryFaults, f) }

// Has reports whether the delivery is to go wrong in this way.
func (d Decision) Has(f Fault) bool { return slices.Contains(d.Faults, f) }

// Narrows reports whether the decision grants less than was asked.
func (d Decision) Narrows() bool { return d.Scope != nil || d.AuthorizationDetails != nil }

// Checked is the decision in its kept form, in which Narrow has become Approve. The
// error tells what no device can do.
func (d Decision) Checked() (Decision, error) {
	if !slices.Contains(Actions(), d.Action) && d.Action != TimedOut {
		return d, fmt.Errorf("decision %.40q is not %s", d.Action, OneOf(Actions()))
	}
	if d.Action == Narrow {
		if !d.Narrows() {
			return d, errors.New("decision narrow needs scope or authorization_details to grant")
		}
		d.Action = Approve
	}
	if _, err := ParseDetails(d.AuthorizationDetails); err != nil {
		return d, err
	}
	for _, f := range d.Faults {
		if !f.OfDelivery() {
			return d, fmt.Errorf("fault %.40q is not %s", f, OneOf(deliveryFaults))
		}
	}
	return d, nil
}

// OneOf writes a choice: "a, b or c".
func OneOf[S ~string](choices []S) string {
	words := make([]string, len(choices))
	for i, c := range choices {
		words[i] = string(c)
	}
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
