package ciba

import (
	"net/http"
	"sync"
	"time"
)

// Exchange is one request and its answer, secrets hidden at capture.
type Exchange struct {
	Label    string
	Sent     time.Time
	Duration time.Duration
	Request  Message
	Response *Message // nil when no answer came
	Error    string
	Shared   bool // made by a scenario that several cases judge
}

// Message is a request or a response; Status is zero for a request.
type Message struct {
	Method, URL string
	Status      int
	Headers     []Header
	Body        string
	BodyBytes   int
	Truncated   bool
}

// Header is one header line.
type Header struct{ Name, Value string }

// Recorder keeps the exchanges of a case. It is safe for concurrent use. A nil
// Recorder keeps nothing.
type Recorder struct {
	mu    sync.Mutex
	limit int
	list  []Exchange
}

// NewRecorder keeps at most limit exchanges, the first ones.
func NewRecorder(limit int) *Recorder { return &Recorder{limit: limit} }

// add keeps an exchange and returns its 1-based place, 0 when there is no room.
func (r *Recorder) add(e Exchange) int {
	if r == nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.list) >= r.limit {
		return 0
	}
	r.list = append(r.list, e)
	return len(r.list)
}

// Append keeps an exchange that was made elsewhere.
func (r *Recorder) Append(e Exchange) { r.add(e) }

// Join appends what another recorder holds and returns how many exchanges were
// there before, which is what the other's indexes have to be shifted by.
func (r *Recorder) Join(other *Recorder) int {
	shared := other.Exchanges()
	r.mu.Lock()
	defer r.mu.Unlock()
	before := len(r.list)
	for _, e := range shared {
		e.Shared = true
		r.list = append(r.list, e)
	}
	return before
}

// Exchanges are the exchanges so far.
func (r *Recorder) Exchanges() []Exchange {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Exchange(nil), r.list...)
}

// Len is the number of exchanges so far.
func (r *Recorder) Len() int {
	if r == nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.list)
}

// evidenceBody bounds a body in the evidence.
const evidenceBody = 64 << 10

func (m *Masker) exchange(label string, req *http.Request, body []byte, resp *Response) Exchange {
	e := Exchange{Label: label, Sent: resp.Sent, Duration: resp.Received.Sub(resp.Sent)}
	e.Request = Message{Method: req.Method, URL: m.url(req.URL), Headers: m.header(req.Header), BodyBytes: len(body)}
	e.Request.Body, e.Request.Truncated = cut(m.body(req.Header.Get("Content-Type"), body))
	if resp.Status != 0 {
		e.Response = &Message{Status: resp.Status, Headers: m.header(resp.Header), BodyBytes: len(resp.Body)}
		e.Response.Body, e.Response.Truncated = cut(m.body(resp.Header.Get("Content-Type"), resp.Body))
		e.Response.Truncated = e.Response.Truncated || resp.Truncated
	}
	if resp.Err != nil {
		e.Error = m.Text(resp.Err.Error())
	}
	return e
}

// cut happens after masking, so that a secret at the edge is not half shown.
func cut(text string) (string, bool) {
	if len(text) <= evidenceBody {
		return text, false
	}
	end := evidenceBody
	for end > 0 && text[end]&0xC0 == 0x80 {
		end--
	}
	return text[:end], true
}
