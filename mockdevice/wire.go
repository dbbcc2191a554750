package mockdevice

import (
	"github.com/cibatest/cibatest/mockdevice/policy"
	"github.com/cibatest/cibatest/mockdevice/wire"
)

// The words of the wire contract, which package wire describes.
type (
	Request  = wire.Request  // what an OP asked its user
	Outcome  = wire.Outcome  // what became of it
	Action   = wire.Action   // what the user does
	Decision = wire.Decision // the user's answer
	Fault    = wire.Fault    // a defect of the device, on request only
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
)

// What decides, which package policy describes.
type (
	Policy  = policy.Policy
	Verdict = policy.Verdict
	Rules   = policy.Rules
)

// ParseRules reads the text of a policy file; name is for messages.
func ParseRules(name string, text []byte) (*Rules, error) { return policy.Parse(name, text) }
