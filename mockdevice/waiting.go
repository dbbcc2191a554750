package mockdevice

import (
	"context"
	"errors"

	"github.com/cibatest/cibatest/mockdevice/wire"
)

// Wait returns the first request that matches, as soon as there is one. match is
// called from several goroutines and must not call the device.
func (d *Device) Wait(ctx context.Context, match func(Request) bool) (Request, error) {
	arrived, stop := d.arrivals.watch(match)
	defer stop()
	if known := d.store.all(match); len(known) > 0 {
		return known[0], nil
	}
	return await(ctx, d.ctx, arrived)
}

// WaitFor is [Device.Wait] for one auth_req_id, at a cost that does not grow with
// the number of requests held.
func (d *Device) WaitFor(ctx context.Context, authReqID string) (Request, error) {
	arrived, stop := d.arrivals.watchKey(wire.KeyOf(authReqID))
	defer stop()
	if known, ok := d.Find(authReqID); ok {
		return known, nil
	}
	return await(ctx, d.ctx, arrived)
}

// await ends with whatever comes first: the request, the context of the caller, or the
// end of the device.
func await(ctx, device context.Context, arrived <-chan Request) (Request, error) {
	select {
	case r := <-arrived:
		return r, nil
	case <-ctx.Done():
		return Request{}, ctx.Err()
	case <-device.Done():
		return Request{}, errors.New("the device was closed")
	}
}
