package ciba

import (
	"net/http"
	"net/url"
	"time"

	"github.com/cibatest/cibatest/reports/result"
)

// Incoming is a request that the OP sent to a client, and what it was answered with.
type Incoming struct {
	Label     string
	Method    string
	URL       string // absolute, as the OP called it
	Header    http.Header
	Body      []byte
	Truncated bool // Body is less than what was sent
	At        time.Time

	Status       int // of the answer; 0: there was none
	AnswerHeader http.Header
	AnswerBody   []byte
	Took         time.Duration // from the request to the answer
	Err          string        // why there was no answer
}

// Receive keeps an incoming request as evidence, secrets hidden, and returns it in the
// form of an answer: with its headers and body and the status 200, since what an OP
// pushes is a token response (CIBA Core 10.3.1). [Recorder.Received] puts it into a case.
func (h *HTTP) Receive(in Incoming) *Response {
	e := h.masker.Incoming(in)
	return &Response{
		Status: http.StatusOK, Header: in.Header, Body: in.Body, Truncated: in.Truncated, Sent: in.At, Received: in.At,
		incoming: in.Method, exchange: &e,
	}
}

// Incoming is an incoming request as evidence, secrets hidden and bodies cut. StartedMS is
// left zero, since only the caller knows when its run began.
func (m *Masker) Incoming(in Incoming) result.Exchange {
	e := result.Exchange{Label: in.Label, Direction: result.Inbound, DurationMS: float64(in.Took.Microseconds()) / 1000, Error: in.Err}
	e.Request = result.Message{Method: Printable(in.Method), BodyBytes: len(in.Body)}
	m.show(&e.Request, in.Header, in.Body)
	e.Request.Truncated = e.Request.Truncated || in.Truncated
	if u, err := url.Parse(in.URL); err == nil {
		e.Request.URL = m.url(u)
	}
	if in.Status != 0 {
		e.Response = &result.Message{Status: in.Status, BodyBytes: len(in.AnswerBody)}
		m.show(e.Response, in.AnswerHeader, in.AnswerBody)
	}
	return e
}

// Received keeps the exchange of an incoming request, once.
func (r *Recorder) Received(resp *Response) {
	if resp.exchange != nil {
		r.add(kept{resp.exchange, resp.Sent, false})
	}
}
