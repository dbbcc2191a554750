package ciba

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cibatest/cibatest/reports/result"
)

// Recorder keeps the exchanges of a case. It is safe for concurrent use. A nil
// Recorder keeps nothing.
type Recorder struct {
	mu    sync.Mutex
	limit int
	list  []kept
}

// kept is an exchange in one recorder; a shared one is in several.
type kept struct {
	*result.Exchange
	sent   time.Time // absolute; the exchange itself counts from the start of a run
	shared bool
}

// NewRecorder keeps at most limit exchanges, the first ones.
func NewRecorder(limit int) *Recorder { return &Recorder{limit: limit} }

// add keeps an exchange once, as long as there is room. A case may come across a shared
// exchange in several ways.
func (r *Recorder) add(k kept) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	known := slices.ContainsFunc(r.list, func(other kept) bool { return other.Exchange == k.Exchange })
	if len(r.list) < r.limit && !known {
		r.list = append(r.list, k)
	}
}

// Keep keeps the exchange of an answer that another case received, marked as shared.
func (r *Recorder) Keep(resp *Response) {
	if resp.exchange != nil {
		r.add(kept{resp.exchange, resp.Sent, true})
	}
}

// Append keeps a copy of the exchange of an answer that was received before any
// case began. Each call adds one.
func (r *Recorder) Append(resp *Response) {
	if resp.exchange != nil {
		e := *resp.exchange
		r.add(kept{&e, resp.Sent, false})
	}
}

// Join appends what another recorder holds, marked as shared.
func (r *Recorder) Join(other *Recorder) {
	other.mu.Lock()
	shared := slices.Clone(other.list)
	other.mu.Unlock()
	for _, k := range shared {
		k.shared = true
		r.add(k)
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

// sharedNote is what a reader of the evidence is told about an exchange that was
// made by a scenario which several cases judge.
const sharedNote = "shared with other cases"

// Exchanges are the exchanges so far, their times counted from the start of a run.
func (r *Recorder) Exchanges(started time.Time) []result.Exchange {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []result.Exchange
	for _, k := range r.list {
		e := *k.Exchange
		e.StartedMS = k.sent.Sub(started).Milliseconds()
		if k.shared {
			e.Note = strings.TrimPrefix(e.Note+"; "+sharedNote, "; ")
		}
		list = append(list, e)
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

// Exchange is a request and its answer as evidence, secrets hidden and bodies cut.
// [HTTP.Do] makes it by itself; it is exported for those who send without it.
// StartedMS is left zero, since only the caller knows when its run began.
func (m *Masker) Exchange(label string, req *http.Request, body []byte, resp *Response) result.Exchange {
	e := result.Exchange{Label: label, DurationMS: float64(resp.Received.Sub(resp.Sent).Microseconds()) / 1000}
	e.Request = result.Message{Method: req.Method, BodyBytes: len(body)}
	m.show(&e.Request, req.Header, body)
	e.Request.URL = m.url(req.URL)
	if resp.Status != 0 {
		e.Response = &result.Message{Status: resp.Status, BodyBytes: len(resp.Body)}
		m.show(e.Response, resp.Header, resp.Body)
		e.Response.Truncated = e.Response.Truncated || resp.Truncated
		if codings := Codings(resp.Header); len(codings) > 0 && resp.Err == nil {
			e.Note = "the body is shown decoded: it came as " + Printable(strings.Join(codings, ", "))
		}
	}
	if resp.Err != nil {
		e.Error = m.Text(resp.Err.Error())
	}
	return e
}

// show puts header and body into a message, secrets hidden and the JWTs among them
// decoded. The body comes first, since the header may repeat what it tells.
func (m *Masker) show(to *result.Message, header http.Header, body []byte) {
	if len(body) > 2*evidenceBody { // what is masked beyond the end is not shown
		body = body[:2*evidenceBody]
	}
	var text string
	text, to.Tokens = m.body(header.Get("Content-Type"), body)
	to.Body, to.Truncated = cut(text)
	to.Truncated = to.Truncated || to.BodyBytes > len(body)
	to.Headers = m.header(header)
}

// evidenceBody bounds a body in the evidence.
const evidenceBody = 64 << 10

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
