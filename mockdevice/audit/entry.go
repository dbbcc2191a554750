// Package audit writes down what a device does: an append-only file of JSON lines, each
// with a hash over itself and the line before. Every line is written by one write call
// before what it tells of happens next, so killing the process at any byte loses no
// decision that was delivered, and a device that starts again does not decide twice.
package audit

import "github.com/cibatest/cibatest/mockdevice/wire"

// Entry is one line of an audit. It holds no secret: a request is named by the digest
// of its auth_req_id, and what the OP asked by a digest too. Whoever notes an entry
// leaves Seq, Wall, Mono, Run and Prev to the log.
type Entry struct {
	Seq      int64       `json:"seq"`
	Wall     string      `json:"wall"`    // RFC 3339, UTC
	Mono     int64       `json:"mono_ns"` // nanoseconds since the run started, unmoved by clock changes
	Run      string      `json:"run"`     // a name for each run of the device
	Event    string      `json:"event"`
	Ref      string      `json:"ref,omitempty"` // the key of the request
	Adapter  string      `json:"adapter,omitempty"`
	Rule     string      `json:"rule,omitempty"` // of a decision: who made it
	Decision wire.Action `json:"decision,omitempty"`
	Details  string      `json:"authorization_details,omitempty"` // a digest
	Status   int         `json:"status,omitempty"`                // the OP's HTTP status
	Note     string      `json:"note,omitempty"`
	Prev     string      `json:"prev"` // the hash of the line before
}

// The events, in the order in which a request meets them.
const (
	Started      = "started"
	Recovered    = "recovered" // a torn last line was removed
	Received     = "received"
	Shown        = "shown" // everything was visible on the phone page
	Decided      = "decided"
	Delivered    = "delivered" // the OP answered, whatever it said
	Acknowledged = "acknowledged"
	Failed       = "failed"
	Reset        = "reset"
)
