package mockdevice

import (
	"context"

	"github.com/cibatest/cibatest/mockdevice/audit"
	"github.com/cibatest/cibatest/mockdevice/wire"
)

// behindPage is the device as its phone page sees it. It implements [phone.Device].
type behindPage struct{ *Device }

// Lookup implements [phone.Device].
func (b behindPage) Lookup(k wire.Key) (Request, bool) { return b.store.get(k) }

// MarkShown implements [phone.Device]. The audit has it once.
func (b behindPage) MarkShown(r Request) {
	k, _ := wire.ParseKey(r.Ref)
	first := false
	b.store.with(k, func(_ *shard, rec *record) {
		if rec != nil {
			first, rec.wasShown = !rec.wasShown, true
		}
	})
	if first {
		b.audit.Note(audit.Entry{Event: audit.Shown, Ref: r.Ref, Details: audit.Digest(r.AuthorizationDetails)})
	}
}

// WasShown implements [phone.Device].
func (b behindPage) WasShown(k wire.Key) (shown bool) {
	b.store.with(k, func(_ *shard, rec *record) { shown = rec != nil && rec.wasShown })
	return shown
}

// Decide implements [phone.Device].
func (b behindPage) Decide(ctx context.Context, k wire.Key, decision Decision) error {
	return b.decide(ctx, k, decision, "phone")
}

// Done implements [phone.Device].
func (b behindPage) Done() <-chan struct{} { return b.ctx.Done() }
