package mockdevice

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/cibatest/cibatest/mockdevice/wire"
)

// take receives a request for an adapter, plays the faults of being asked, and says
// whether the adapter is to answer as if all were well.
func (d *Device) take(w http.ResponseWriter, r *http.Request, request Request, adapter string, out *outlet) bool {
	var verdict Verdict
	err := d.mayCall(request.Callback, r.RemoteAddr)
	if err == nil {
		verdict, err = d.receive(request, adapter, out)
	}
	if err != nil {
		wire.Refuse(w, wire.StatusOf(err), err)
		return false
	}
	return d.playInbound(r.Context(), w, verdict)
}

// playInbound breaks the answer as a rule's faults say; true leaves it to the caller.
func (d *Device) playInbound(ctx context.Context, w http.ResponseWriter, v Verdict) bool {
	switch {
	case slices.Contains(v.Faults, Reset):
		panic(http.ErrAbortHandler) // net/http breaks the connection without a word
	case slices.Contains(v.Faults, Unavailable):
		wire.Refuse(w, http.StatusServiceUnavailable, errors.New("rule "+v.Rule+" makes the device unavailable"))
		return false
	case slices.Contains(v.Faults, SlowAnswer):
		d.dawdle(ctx)
	}
	return true
}

// dawdle lets who asks wait for [SlowBy].
func (d *Device) dawdle(ctx context.Context) {
	slow, cancel := context.WithTimeout(ctx, SlowBy)
	defer cancel()
	select {
	case <-slow.Done():
	case <-d.ctx.Done():
	}
}

// receiveNative takes what the package comment describes.
func (d *Device) receiveNative(w http.ResponseWriter, r *http.Request) {
	var request Request
	if err := wire.Decode(r.Body, &request); err != nil {
		wire.Refuse(w, http.StatusBadRequest, err)
		return
	}
	if d.take(w, r, request, adapterNative, d.native) {
		w.WriteHeader(http.StatusAccepted)
	}
}
