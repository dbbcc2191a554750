package mockdevice

import "time"

// Policy says what becomes of a request the moment it arrives.
type Policy func(Request) Verdict

// Verdict is what a policy makes of a request.
type Verdict struct {
	Rule     string        // the rule that fired; empty: none of a file
	Hold     bool          // wait for a command or a person
	Decision Decision      // without Hold
	After    time.Duration // from the arrival to the decision
	Faults   []Fault       // of being asked
}

// Hold waits for a command or a person.
func Hold(Request) Verdict { return Verdict{Hold: true} }

// ApproveAll approves everything.
func ApproveAll(Request) Verdict { return Verdict{Decision: Decision{Action: Approve}} }

// DenyAll denies everything.
func DenyAll(Request) Verdict { return Verdict{Decision: Decision{Action: Deny}} }
