package mockdevice

import (
	"github.com/cibatest/cibatest/mockdevice/policy"
	"github.com/cibatest/cibatest/mockdevice/wire"
)

type (
	// Request is what an OP asked its user.
	Request = wire.Request
	// Message is a mail, a text message or a push message to a user.
	Message = wire.Message
	// Outcome is what became of a request.
	Outcome = wire.Outcome
	// Action is what the user does.
	Action = wire.Action
	// Decision is the user's answer.
	Decision = wire.Decision
	// Fault is a defect of the device, on request only.
	Fault = wire.Fault
	// Policy decides about requests as they arrive.
	Policy = policy.Policy
	// Verdict is what a policy makes of a request.
	Verdict = policy.Verdict
	// Rules are a policy file.
	Rules = policy.Rules
)

// What the user does.
const (
	Approve = wire.Approve
	Deny    = wire.Deny
	Cancel  = wire.Cancel
	Failure = wire.Failure
	Ignore  = wire.Ignore
	Narrow  = wire.Narrow
)

// The faults of a delivery, and those of being asked.
const (
	Duplicate   = wire.Duplicate
	Contrary    = wire.Contrary
	Late        = wire.Late
	AfterExpiry = wire.AfterExpiry
	WrongToken  = wire.WrongToken
	Lost        = wire.Lost

	SlowAnswer  = wire.SlowAnswer
	Unavailable = wire.Unavailable
	Reset       = wire.Reset
)

// How late the faults Late and SlowAnswer are.
const (
	LateBy = wire.LateBy
	SlowBy = wire.SlowBy
)

// The ways a request or a decision can be impossible.
var (
	ErrUnknown  = wire.ErrUnknown
	ErrDecided  = wire.ErrDecided
	ErrExpired  = wire.ErrExpired
	ErrConflict = wire.ErrConflict
	ErrNoAudit  = wire.ErrNoAudit
)

// ParseRules reads the text of a policy file; name is for messages.
func ParseRules(name string, text []byte) (*Rules, error) { return policy.Parse(name, text) }
