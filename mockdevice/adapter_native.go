package mockdevice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
)

// take receives a request for an adapter, plays the faults of being asked, and says
// whether the adapter is to answer as if all were well.
func (d *Device) take(w http.ResponseWriter, r *http.Request, request Request, adapter string, out *outlet) bool {
	verdict, err := d.receive(request, adapter, out)
	if err != nil {
		refuse(w, statusOf(err), err)
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
		refuse(w, http.StatusServiceUnavailable, errors.New("rule "+v.Rule+" makes the device unavailable"))
		return false
	case slices.Contains(v.Faults, SlowAnswer):
		slow, cancel := context.WithTimeout(ctx, SlowBy)
		defer cancel()
		select {
		case <-slow.Done():
		case <-d.ctx.Done():
		}
	}
	return true
}

func statusOf(err error) int {
	switch {
	case errors.Is(err, ErrUnknown):
		return http.StatusNotFound
	case errors.Is(err, ErrDecided), errors.Is(err, ErrConflict):
		return http.StatusConflict
	case errors.Is(err, ErrExpired):
		return http.StatusGone
	}
	return http.StatusBadRequest
}

func (d *Device) receiveNative(w http.ResponseWriter, r *http.Request) {
	var request Request
	if err := decode(r.Body, &request); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	if d.take(w, r, request, adapterNative, d.native) {
		w.WriteHeader(http.StatusAccepted)
	}
}

// decode reads one JSON object. Unknown members are legal: OPs send more.
func decode(body io.Reader, into any) error {
	decoder := json.NewDecoder(body)
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("the body is not the JSON object that was expected: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the body goes on after the JSON object")
	}
	return nil
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(value)
}

func refuse(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
}
