package reports

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cibatest/cibatest/reports/result"
)

// HAR writes the exchanges of a run in the HTTP Archive format 1.2, which browsers' tools
// and debugging proxies read: a page for each case, an entry for each of its exchanges.
// Secrets stay the marks that they are in the result.
func HAR(w io.Writer, run result.Run) error {
	log := harLog{Version: "1.2", Creator: harCreator{run.Tool.Name, run.Tool.Version}, Pages: []harPage{}, Entries: []harEntry{}}
	for _, c := range run.Cases {
		if len(c.Exchanges) == 0 {
			continue
		}
		page := harPage{Started: harTime(run.Started, c.StartedMS), ID: c.ID, Title: joined(": ", c.ID, string(c.Outcome), c.Title)}
		log.Pages = append(log.Pages, page)
		for _, x := range c.Exchanges {
			log.Entries = append(log.Entries, harEntryOf(run.Started, c.ID, x))
		}
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(map[string]harLog{"log": log})
}

type harLog struct {
	Version string     `json:"version"`
	Creator harCreator `json:"creator"`
	Pages   []harPage  `json:"pages"`
	Entries []harEntry `json:"entries"`
}

type harCreator struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

type harPage struct {
	Started string   `json:"startedDateTime"`
	ID      string   `json:"id"`
	Title   string   `json:"title"`
	Timings struct{} `json:"pageTimings"`
}

type harEntry struct {
	Page     string      `json:"pageref"`
	Started  string      `json:"startedDateTime"`
	Time     float64     `json:"time"` // ms
	Request  harRequest  `json:"request"`
	Response harResponse `json:"response"`
	Cache    struct{}    `json:"cache"`
	Timings  harTimings  `json:"timings"`
	Comment  string      `json:"comment,omitempty"`
}

// harTimings has the whole time as waiting, since nothing finer was measured.
type harTimings struct {
	Send    float64 `json:"send"`
	Wait    float64 `json:"wait"`
	Receive float64 `json:"receive"`
}

type harMessage struct {
	Version     string          `json:"httpVersion"`
	Cookies     []struct{}      `json:"cookies"` // they are secrets, and stand hidden among the headers
	Headers     []result.Header `json:"headers"`
	HeadersSize int             `json:"headersSize"` // -1: not known
	BodySize    int             `json:"bodySize"`
}

type harRequest struct {
	Method string          `json:"method"`
	URL    string          `json:"url"`
	Query  []result.Header `json:"queryString"`
	Post   *harPost        `json:"postData,omitempty"`
	harMessage
}

type harPost struct {
	Type   string          `json:"mimeType"`
	Params []result.Header `json:"params"`
	Text   string          `json:"text"`
}

type harResponse struct {
	Status   int        `json:"status"` // 0: there was no answer
	Text     string     `json:"statusText"`
	Content  harContent `json:"content"`
	Redirect string     `json:"redirectURL"`
	harMessage
	Comment string `json:"comment,omitempty"`
}

type harContent struct {
	Size int    `json:"size"`
	Type string `json:"mimeType"`
	Text string `json:"text"`
}

func harTime(began time.Time, ms int64) string {
	return began.UTC().Add(time.Duration(ms) * time.Millisecond).Format("2006-01-02T15:04:05.000Z07:00")
}

func harEntryOf(began time.Time, id string, x result.Exchange) harEntry {
	return harEntry{
		Page: id, Started: harTime(began, x.StartedMS), Time: x.DurationMS, Timings: harTimings{Wait: x.DurationMS},
		Request: harRequestOf(x.Request), Response: harResponseOf(x), Comment: joined(", ", labelOf(x), caller(x), x.Note),
	}
}

// caller says who sent a request where that was the OP.
func caller(x result.Exchange) string {
	if x.Direction == result.Inbound {
		return "from the OP"
	}
	return ""
}

func harMessageOf(m result.Message) harMessage {
	headers := m.Headers
	if headers == nil {
		headers = []result.Header{}
	}
	return harMessage{Version: "HTTP/1.1", Cookies: []struct{}{}, Headers: headers, HeadersSize: -1, BodySize: m.BodyBytes}
}

func harRequestOf(m result.Message) harRequest {
	r := harRequest{Method: m.Method, URL: m.URL, Query: []result.Header{}, harMessage: harMessageOf(m)}
	if _, query, ok := strings.Cut(m.URL, "?"); ok {
		r.Query = pairs(query)
	}
	if m.Body != "" {
		r.Post = &harPost{Type: contentType(m), Params: []result.Header{}, Text: m.Body}
		if isForm(m) {
			r.Post.Params = pairs(m.Body)
		}
	}
	return r
}

func harResponseOf(x result.Exchange) harResponse {
	if x.Response == nil {
		none := harMessageOf(result.Message{})
		none.BodySize = -1
		return harResponse{harMessage: none, Comment: x.Error}
	}
	m := *x.Response
	r := harResponse{
		Status: m.Status, Text: http.StatusText(m.Status), Content: harContent{Size: m.BodyBytes, Type: contentType(m), Text: m.Body},
		harMessage: harMessageOf(m), Comment: x.Error,
	}
	for _, h := range m.Headers {
		if strings.EqualFold(h.Name, "Location") {
			r.Redirect = h.Value
		}
	}
	return r
}

func isForm(m result.Message) bool { return strings.HasPrefix(contentType(m), formType) }

// formType is how parameters are sent in a body.
const formType = "application/x-www-form-urlencoded"

// pairs decodes a form or query, in its order and with what occurs twice. What cannot be
// decoded stays as it is.
func pairs(encoded string) []result.Header {
	list := []result.Header{}
	for part := range strings.SplitSeq(encoded, "&") {
		name, value, _ := strings.Cut(part, "=")
		list = append(list, result.Header{Name: unescaped(name), Value: unescaped(value)})
	}
	return list
}

func unescaped(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}
