package policy

import (
	"time"

	"github.com/cibatest/cibatest/mockdevice/wire"
)

// Policy says what becomes of a request the moment it arrives.
type Policy func(wire.Request) Verdict

// Verdict is what a policy makes of a request.
type Verdict struct {
	Rule     string        // the rule that fired; empty: none of a file
	Hold     bool          // wait for a command or a person
	Decision wire.Decision // without Hold
	After    time.Duration // from the arrival to the decision
	Faults   []wire.Fault  // of being asked
}

// Hold waits for a command or a person.
func Hold(wire.Request) Verdict { return Verdict{Hold: true} }

// ApproveAll approves everything.
func ApproveAll(wire.Request) Verdict { return Verdict{Decision: wire.Decision{Action: wire.Approve}} }

// DenyAll denies everything.
func DenyAll(wire.Request) Verdict { return Verdict{Decision: wire.Decision{Action: wire.Deny}} }
