package ciba

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"sync/atomic"
	"time"
)

// An OP decides how long its answers are and how slowly they come, so each part of
// one is bounded: its header in bytes by the transport and in lines here, its body in
// bytes, and all of it in time, once it has begun. A run keeps its answers, for the
// evidence and for the cases that judge all of them, so their sum is bounded as well.

// DefaultMaxBody bounds what is read of an answer's body, in bytes.
const DefaultMaxBody = 1 << 20

// MaxHeader bounds the status line and the header of an answer, in bytes. Transports
// have to keep it, as a header is read before anybody is asked.
const MaxHeader = 64 << 10

// maxLines bounds the header of an answer in lines; ordinary ones have twenty.
const maxLines = 256

// DefaultMaxTransfer bounds the time from the first byte of an answer to its last.
// How long the first one may take is another matter, as long polling makes use of it.
const DefaultMaxTransfer = 10 * time.Second

const (
	// largeAnswer is a size that few answers of an OP have, in bytes.
	largeAnswer = 16 << 10

	// DefaultMaxLarge bounds how much of large answers a run reads, in bytes.
	DefaultMaxLarge = 32 << 20
)

// maxInterim bounds the interim answers (1xx) to one request.
const maxInterim = 16

// errInterim is why a request is given up that is answered by interim answers only.
var errInterim = fmt.Errorf("more than %d interim answers", maxInterim)

// errSlow is why a request is given up whose answer began and does not end.
var errSlow = errors.New("the answer takes too long from its first byte to its last")

// watched is a context that ends when an answer takes too long after its first byte.
// Interim answers (1xx) do not count as a beginning: what follows them may be awaited.
// The caller calls begun when the header is there, and release at the end.
func watched(ctx context.Context, limit time.Duration) (_ context.Context, begun, release func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(limit, func() { cancel(errSlow) })
	timer.Stop()
	var under atomic.Bool
	var interim atomic.Int32
	begun = func() {
		if !under.Swap(true) {
			timer.Reset(limit)
		}
	}
	trace := &httptrace.ClientTrace{
		GotFirstResponseByte: begun,
		Got1xxResponse: func(int, textproto.MIMEHeader) error {
			timer.Stop()
			under.Store(false)
			if interim.Add(1) > maxInterim {
				return errInterim
			}
			return nil
		},
	}
	return httptrace.WithClientTrace(ctx, trace), begun, func() {
		timer.Stop()
		cancel(nil)
	}
}

// keepWithin cuts an answer that is beyond what a run keeps, and says so in its Err.
func (h *HTTP) keepWithin(resp *Response, host string) {
	lines, size := measure(resp.Header)
	if lines > maxLines {
		resp.Header = firstLines(resp.Header, maxLines)
		resp.fail(fmt.Errorf("the answer of %s has %d header lines, no more than %d are read", host, lines, maxLines))
	}
	if size += len(resp.Body); size <= largeAnswer || h.large.Add(-int64(size)) >= 0 {
		return
	}
	h.large.Add(int64(size)) // it is not kept
	resp.Header = firstBytes(resp.Header, largeAnswer/2)
	if len(resp.Body) > largeAnswer/2 {
		resp.Body, resp.Truncated = slices.Clone(resp.Body[:largeAnswer/2]), true
	}
	resp.fail(fmt.Errorf("the answer of %s has %d bytes, and this run has read enough answers of more than %d", host, size, largeAnswer))
}

// fail keeps the first reason why there is no whole answer.
func (r *Response) fail(err error) {
	if r.Err == nil {
		r.Err = err
	}
}

// measure is the size of a header, in lines and in bytes.
func measure(h http.Header) (lines, size int) {
	for name, values := range h {
		for _, value := range values {
			lines, size = lines+1, size+len(name)+len(value)
		}
	}
	return lines, size
}

// firstLines keeps some lines of a header, in the order of their names.
func firstLines(h http.Header, most int) http.Header {
	return header(h, func(lines, _ int) bool { return lines <= most })
}

// firstBytes keeps as many lines of a header as fit.
func firstBytes(h http.Header, most int) http.Header {
	return header(h, func(_, size int) bool { return size <= most })
}

// header keeps the lines of a header, in the order of their names, up to the one with
// which the lines and bytes so far do not fit.
func header(h http.Header, fits func(lines, size int) bool) http.Header {
	kept, lines, size := http.Header{}, 0, 0
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			lines, size = lines+1, size+len(name)+len(value)
			if !fits(lines, size) {
				return kept
			}
			kept[name] = append(kept[name], value)
		}
	}
	return kept
}
