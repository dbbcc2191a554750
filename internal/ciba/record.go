package ciba

import (
	"net/http"
	"slices"
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
	Tokens      []Token // JWTs that the body holds
}

// Header is one header line.
type Header struct{ Name, Value string }

// Recorder keeps the exchanges of a case. It is safe for concurrent use. A nil
// Recorder keeps nothing.
type Recorder struct {
	mu    sync.Mutex
	limit int
	list  []kept
}

// kept is an exchange in one recorder; a shared one is in several.
type kept struct {
	*Exchange
	shared bool
}

// NewRecorder keeps at most limit exchanges, the first ones.
func NewRecorder(limit int) *Recorder { return &Recorder{limit: limit} }

func (r *Recorder) add(e *Exchange, shared bool) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	known := slices.ContainsFunc(r.list, func(k kept) bool { return k.Exchange == e })
	if len(r.list) < r.limit && !known {
		r.list = append(r.list, kept{e, shared})
	}
}

// Keep keeps the exchange of an answer that another case received.
func (r *Recorder) Keep(resp *Response) {
	if resp.exchange != nil {
		r.add(resp.exchange, true)
	}
}

// Append keeps an exchange that was made elsewhere.
func (r *Recorder) Append(e Exchange) { r.add(&e, false) }

// Join appends what another recorder holds, marked as shared.
func (r *Recorder) Join(other *Recorder) {
	other.mu.Lock()
	shared := slices.Clone(other.list)
	other.mu.Unlock()
	for _, k := range shared {
		r.add(k.Exchange, true)
	}
}

// Place is the 1-based place of an answer's exchange, 0 when it was not kept.
func (r *Recorder) Place(resp *Response) int {
	if r == nil || resp == nil || resp.exchange == nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return 1 + slices.IndexFunc(r.list, func(k kept) bool { return k.Exchange == resp.exchange })
}

// Exchanges are the exchanges so far.
func (r *Recorder) Exchanges() []Exchange {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]Exchange, len(r.list))
	for i, k := range r.list {
		list[i] = *k.Exchange
		list[i].Shared = k.shared
	}
	return list
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

func (m *Masker) exchange(label string, req *http.Request, body []byte, resp *Response) *Exchange {
	e := &Exchange{Label: label, Sent: resp.Sent, Duration: resp.Received.Sub(resp.Sent)}
	e.Request = Message{Method: req.Method, URL: m.url(req.URL), Headers: m.header(req.Header), BodyBytes: len(body)}
	e.Request.show(m.body(req.Header.Get("Content-Type"), body))
	if resp.Status != 0 {
		e.Response = &Message{Status: resp.Status, Headers: m.header(resp.Header), BodyBytes: len(resp.Body)}
		e.Response.show(m.body(resp.Header.Get("Content-Type"), resp.Body))
		e.Response.Truncated = e.Response.Truncated || resp.Truncated
	}
	if resp.Err != nil {
		e.Error = m.Text(resp.Err.Error())
	}
	return e
}

func (m *Message) show(body string, tokens []Token) {
	m.Body, m.Truncated = cut(body)
	m.Tokens = tokens
}

// Exchange is a request and its answer as evidence, for those who send without
// [HTTP.Do].
func (m *Masker) Exchange(label string, req *http.Request, body []byte, resp *Response) Exchange {
	return *m.exchange(label, req, body, resp)
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
