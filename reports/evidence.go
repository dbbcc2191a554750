package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cibatest/cibatest/reports/result"
)

// exchangeView is an exchange as the page shows it.
type exchangeView struct {
	FromOP          bool   // the OP called the client
	Asked, Answered string // headings of the two messages

	Anchor, Line, Label, At, Took, Note, Error string
	Number                                     int
	Request                                    messageView
	Response                                   *messageView
}

type messageView struct {
	Start, Body  string
	Headers      []result.Header
	Parameters   []result.Header // decoded, in order, duplicates kept
	ParametersOf string          // where they stand: body or query
	Size         string
	Tokens       []result.Token // header and claims with line breaks
}

func newExchangeView(caseAnchor string, number int, x result.Exchange) exchangeView {
	v := exchangeView{
		Anchor: fmt.Sprintf("%s-%d", caseAnchor, number), Number: number, Line: exchangeLine(x), Label: labelOf(x),
		At: since(x.StartedMS), Took: milliseconds(x.DurationMS), Note: x.Note, Error: x.Error,
		Request: newMessageView(x.Request), Asked: "Request", Answered: "Response",
	}
	if v.FromOP = x.Direction == result.Inbound; v.FromOP {
		v.Asked, v.Answered = "Request of the OP", "Our response"
	}
	if x.Response != nil {
		response := newMessageView(*x.Response)
		v.Response = &response
	}
	return v
}

func newMessageView(m result.Message) messageView {
	v := messageView{Start: start(m), Headers: m.Headers, Body: m.Body}
	form := isForm(m)
	switch _, query, _ := strings.Cut(m.URL, "?"); {
	case form && m.Body != "":
		v.Parameters, v.ParametersOf = parameters(m.Body), "body"
	case query != "":
		v.Parameters, v.ParametersOf = parameters(query), "query"
	}
	for _, t := range m.Tokens {
		t.Header, t.Claims = readable(t.Header), readable(t.Claims)
		v.Tokens = append(v.Tokens, t)
	}
	v.Size = "no body"
	if m.BodyBytes > 0 {
		v.Size = plural(m.BodyBytes, "byte", "bytes") + " of body"
	}
	if pretty, ok := indented(m.Body); ok {
		v.Body = pretty
		v.Size += ", shown indented"
	}
	if m.Truncated {
		v.Size += ", cut at capture"
	}
	return v
}

func start(m result.Message) string {
	if m.Status == 0 {
		return strings.TrimSpace(m.Method + " " + m.URL)
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s", m.Status, http.StatusText(m.Status)))
}

func contentType(m result.Message) string {
	for _, h := range m.Headers {
		if strings.EqualFold(h.Name, "Content-Type") {
			return strings.ToLower(h.Value)
		}
	}
	return ""
}

// parameters decodes a form or query. What cannot be decoded is shown raw.
func parameters(encoded string) []result.Header {
	var list []result.Header
	for part := range strings.SplitSeq(encoded, "&") {
		name, value, _ := strings.Cut(part, "=")
		list = append(list, result.Header{Name: firstOf(decoded(name), "(no name)"), Value: readable(decoded(value))})
	}
	return list
}

// readable is a value with line breaks where it is JSON, as authorization_details is.
func readable(value string) string {
	if pretty, ok := indented(value); ok {
		return pretty
	}
	return value
}

// decoded may bring back characters that act, so it is made inert again.
func decoded(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return escape(plain, maxWire, "")
	}
	return s
}

// deepest is the nesting up to which JSON is shown indented: beyond it the
// indentation would be longer than the text.
const deepest = 40

// indented is a JSON object or array with line breaks; its members keep their
// order, spelling and duplicates.
func indented(body string) (string, bool) {
	trimmed := strings.TrimSpace(body)
	if !strings.HasPrefix(trimmed, "{") && !strings.HasPrefix(trimmed, "[") || nesting(trimmed) > deepest {
		return "", false
	}
	var b bytes.Buffer
	if json.Indent(&b, []byte(trimmed), "", "  ") != nil {
		return "", false
	}
	return b.String(), true
}

// nesting is how deep brackets open; those inside of strings may count too.
func nesting(text string) int {
	depth, most := 0, 0
	for _, r := range text {
		switch r {
		case '{', '[':
			depth++
			most = max(most, depth)
		case '}', ']':
			depth--
		}
	}
	return most
}

// size is about how many bytes the exchange takes in the page.
func (x exchangeView) size() int {
	n := 2*len(template.HTMLEscapeString(x.Line)) + 600
	for _, m := range []*messageView{&x.Request, x.Response} {
		if m == nil {
			continue
		}
		n += len(template.HTMLEscapeString(m.Start)) + len(template.HTMLEscapeString(m.Body))
		for _, h := range m.Headers {
			n += len(template.HTMLEscapeString(h.Name+h.Value)) + 40
		}
		for _, t := range m.Tokens {
			n += len(template.HTMLEscapeString(t.Name+t.Mark+t.Header+t.Claims)) + 120
		}
		for _, p := range m.Parameters {
			n += len(template.HTMLEscapeString(p.Name+p.Value)) + 60
		}
	}
	return n
}

// since is when something began. What was found out beforehand, such as the
// discovery document, is older than the run.
func since(ms int64) string {
	if ms < 0 {
		return "before the run"
	}
	return span(ms) + " into the run"
}

func milliseconds(ms float64) string {
	d := time.Duration(ms * float64(time.Millisecond))
	if d < 10*time.Millisecond {
		return d.Round(10 * time.Microsecond).String()
	}
	return span(d.Milliseconds())
}
