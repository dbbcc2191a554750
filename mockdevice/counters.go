package mockdevice

import (
	"sync/atomic"

	"github.com/cibatest/cibatest/mockdevice/wire"
)

// Counters are what a device has done since it started.
type Counters struct {
	Received     int64            `json:"received"`
	Open         int              `json:"open"`
	Held         int64            `json:"held"` // open and finished requests in memory
	Decided      map[Action]int64 `json:"decided"`
	Delivered    int64            `json:"delivered"`    // decisions that reached an OP
	Acknowledged int64            `json:"acknowledged"` // and were accepted
	Failed       int64            `json:"failed"`       // and were refused, or did not reach it
	Expired      int64            `json:"expired"`      // policies that were too late
	Dropped      int64            `json:"dropped"`      // requests that made room for others
	Paused       bool             `json:"paused"`
	Rules        map[string]int64 `json:"rules,omitempty"` // how often each rule of the policy file fired
}

// counters are atomic, so that counting costs no lock on the way of a decision.
type counters struct {
	received, delivered, acknowledged, failed, expired, dropped atomic.Int64
	approved, denied, cancelled, erred, ignored, timedOut       atomic.Int64
}

// of is the counter of an action.
func (c *counters) of(a Action) *atomic.Int64 {
	switch a {
	case Approve, Narrow: // a narrow decision is kept as an approval
		return &c.approved
	case Deny:
		return &c.denied
	case Cancel:
		return &c.cancelled
	case Failure:
		return &c.erred
	case Ignore:
		return &c.ignored
	case wire.TimedOut: // nobody decided
	}
	return &c.timedOut
}

// Counters is a snapshot.
func (d *Device) Counters() Counters {
	c := Counters{
		Received: d.counters.received.Load(), Open: d.store.open(), Held: d.store.size.Load(), Decided: map[Action]int64{},
		Delivered: d.counters.delivered.Load(), Acknowledged: d.counters.acknowledged.Load(), Failed: d.counters.failed.Load(),
		Expired: d.counters.expired.Load(), Dropped: d.counters.dropped.Load(),
	}
	for _, a := range []Action{Approve, Deny, Cancel, Failure, Ignore, wire.TimedOut} {
		if n := d.counters.of(a).Load(); n > 0 {
			c.Decided[a] = n
		}
	}
	if rules := d.rules.Load(); rules != nil {
		c.Rules = rules.Fired()
	}
	c.Paused = d.pause.isOn()
	return c
}
