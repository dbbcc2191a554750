package loadgen

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
)

// What the receiver takes of a caller. The body is bounded as those of answers are.
const (
	callHeaderTime = 5 * time.Second  // from the first byte of a call to the end of its header
	callTime       = 10 * time.Second // to its last byte
	callIdle       = time.Minute      // between two calls of a connection
	closingTime    = 3 * time.Second  // for calls under way when the run ends
)

// receiver is the notification endpoint of the client: an HTTP server of the standard
// library that hands every call to the engine and answers 204.
type receiver struct {
	e      *engine
	server *http.Server
}

// receive serves the notification endpoint; the function it returns ends that, and waits for
// the calls under way.
func (e *engine) receive(l net.Listener) (end func()) {
	r := &receiver{e: e}
	r.server = &http.Server{
		Handler: r, ErrorLog: log.New(io.Discard, "", 0), // what it says is about hostile connections
		ReadHeaderTimeout: callHeaderTime, ReadTimeout: callTime, IdleTimeout: callIdle, MaxHeaderBytes: maxHeader,
	}
	e.wait.Go(func() { _ = r.server.Serve(l) }) // ends when the server is closed
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(e.ctx), closingTime)
		defer cancel()
		if r.server.Shutdown(ctx) != nil {
			_ = r.server.Close()
		}
	}
}

// ServeHTTP takes a call. It is read before the lock is taken, and the time from there to
// its end in the books is the lag of the receiver.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	e := r.e
	body, err := io.ReadAll(io.LimitReader(req.Body, maxBody+1))
	c := &call{at: e.elapsed(), serial: e.notified.serialOf(bearer(req.Header))}
	c.request = ciba.Incoming{
		Label: "notification", Method: req.Method, URL: urlOf(req), Header: req.Header, Body: body,
		Truncated: err != nil || len(body) > maxBody, At: e.began.Add(time.Duration(c.at)), Status: answerToCalls,
	}
	c.answer, c.id = readCall(req.Header, body, c.request.At)
	e.mu.Lock()
	e.called(c)
	e.now.record(classLagNotify, e.elapsed()-c.at)
	e.mu.Unlock()
	w.WriteHeader(answerToCalls)
}

// readCall reads the body of a call as if it were an answer of the token endpoint, which
// that of a push is.
func readCall(header http.Header, body []byte, at time.Time) (*answer, string) {
	var fresh reader
	a := fresh.read(false, http.StatusOK, header, body, at)
	return &a, a.id
}

// bearer is the credential of RFC 6750 2.1, whose scheme may be written in any case.
func bearer(h http.Header) string {
	scheme, token, _ := strings.Cut(h.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimLeft(token, " ")
}

// urlOf is the URL that a caller must have written.
func urlOf(req *http.Request) string {
	scheme := "http://"
	if req.TLS != nil {
		scheme = "https://"
	}
	return scheme + req.Host + req.URL.RequestURI()
}
