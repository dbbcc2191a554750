package notify

import (
	"context"
	"maps"
	"net/http"
	"time"
)

// Answer is what a call is answered with. The zero value is 204, with which a client
// takes a call (CIBA Core 10.2).
type Answer struct {
	Status      int    // 0: 204
	ContentType string // of Body; empty: none
	Body        string

	// Redirect adds a Location that has to stay silent. A call to it is kept as
	// [Inbox.Astray] of the request whose call was redirected.
	Redirect bool

	// After is how long the answer is held back. 0: it comes at once.
	After time.Duration

	// Cut closes the connection without an answer.
	Cut bool

	// Before is run before the call is answered, so that something can be done while the
	// OP still waits; nil: nothing. The context ends with the call.
	Before func(context.Context, *Call)

	location string // of a redirect, once there is one
}

// Code is the status of the answer, 0 when the connection is cut.
func (a Answer) Code() int {
	switch {
	case a.Cut:
		return 0
	case a.Status == 0:
		return http.StatusNoContent
	}
	return a.Status
}

// Header is the header of the answer.
func (a Answer) Header() http.Header {
	h := http.Header{}
	if a.ContentType != "" {
		h.Set("Content-Type", a.ContentType)
	}
	if a.location != "" {
		h.Set("Location", a.location)
	}
	return h
}

// give carries the answer out. The time of a call that has been read does not bound an
// answer that is held back; a connection with more to read is closed when the time is over.
func (a Answer) give(w http.ResponseWriter, req *http.Request, c *Call) {
	if !c.Truncated {
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	}
	if a.Before != nil {
		a.Before(req.Context(), c)
	}
	if a.After > 0 {
		pause(req.Context(), a.After)
	}
	if a.Cut {
		panic(http.ErrAbortHandler) // the one way to end a connection, or a stream of HTTP/2, without an answer
	}
	maps.Copy(w.Header(), a.Header())
	w.WriteHeader(a.Code())
	if a.Body != "" {
		_, _ = w.Write([]byte(a.Body)) // a caller that has gone does not read it
	}
}

// pause waits until the time is over or the caller has gone.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
