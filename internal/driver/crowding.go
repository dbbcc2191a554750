package driver

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
)

// Many requests of a run are open at once, and an OP may keep only so many of them: then
// requests end that nobody has used, and every case that polls one of them would accuse
// another clause. Whether that is the reason shows when the case is tried again alone.

// manyOpen is with how many open requests an early end may be the fault of their number.
const manyOpen = 20

// endMargin is how long before expires_in an end is certainly early.
const endMargin = 3 * time.Second

// endedEarly says how a poll was told an end long before expires_in, while many
// requests were open; empty: it was not.
func (d *Driver) endedEarly(r Request, resp *ciba.Response) string {
	f := r.Flow
	if f == nil || f.over || r.Untouched || !resp.Is(ciba.InvalidGrant, ciba.ExpiredToken) {
		return ""
	}
	left := f.Expires().Sub(resp.Received)
	open := d.run.Memory.openAt(resp.Received)
	if left < endMargin || open < manyOpen {
		return ""
	}
	return fmt.Sprintf("a request was answered %s, %s before its expires_in, with %d requests open",
		resp.Summary(), left.Round(time.Second), open)
}

// openAt is how many requests were acknowledged and had not reached their expires_in.
func (m *Memory) openAt(moment time.Time) int {
	n := 0
	for _, ack := range m.Acks() {
		if !ack.Received.After(moment) && moment.Before(ack.Received.Add(ack.ExpiresIn)) {
			n++
		}
	}
	return n
}

// MostOpen is the largest number of requests of the run so far that were acknowledged and had
// not reached their expires_in.
func (m *Memory) MostOpen() int {
	most := 0
	for _, ack := range m.Acks() {
		most = max(most, m.openAt(ack.Received))
	}
	return most
}

// Crowded is what a run found out about an early end of requests that were too many.
type Crowded struct {
	By    string // the case that met it, and did not when it was alone
	Ended string // how it was told
}

// Crowding are the early ends so far that did not come again where few requests were open.
func (m *Memory) Crowding() []Crowded { return recall(m, &m.crowded) }

// NoteCrowding keeps an early end that did not come again.
func (m *Memory) NoteCrowding(c Crowded) { remember(m, &m.crowded, c) }

// CloseLeftOpen denies whatever the run has left open, so that what comes next is not one of
// many.
func (r *Run) CloseLeftOpen(ctx context.Context) {
	d := r.probe()
	for _, open := range slices.Clone(r.admission.crowd()) {
		d.deny(ctx, open.take(anyRequest))
	}
}
