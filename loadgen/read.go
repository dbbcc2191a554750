package loadgen

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/valyala/fasthttp"
)

// kind is what an answer means for its flow.
type kind uint8

const (
	acknowledged kind = iota // an auth_req_id
	tokens                   // the flow is redeemed
	pending                  //
	slowDown                 //
	denied                   //
	expired                  //
	refused                  // another error of the protocol
	fault                    // no answer, or one of an overloaded server; worth another try
	broken                   // an answer that no specification knows
)

// answer is what came back, read once.
type answer struct {
	kind       kind
	code       string // the error code, or what is wrong
	status     int
	interval   time.Duration // from the acknowledgement, or from slow_down
	retryAfter time.Duration
	id         string // auth_req_id
	expiresIn  time.Duration
	idToken    string
	details    json.RawMessage
}

// members are those of any answer that count here.
type members struct {
	Error       string          `json:"error"`
	AuthReqID   string          `json:"auth_req_id"`
	ExpiresIn   lenientSeconds  `json:"expires_in"`
	Interval    lenientSeconds  `json:"interval"`
	AccessToken string          `json:"access_token"`
	IDToken     string          `json:"id_token"`
	Details     json.RawMessage `json:"authorization_details"`
}

// lenientSeconds are read as a number or a string: the form is for the suites to
// judge. What cannot be read is zero.
type lenientSeconds time.Duration

func (s *lenientSeconds) UnmarshalJSON(data []byte) error {
	f, err := strconv.ParseFloat(strings.Trim(string(data), `" `), 64)
	if err == nil && f > 0 && f < 1e9 {
		*s = lenientSeconds(f * float64(time.Second))
	}
	return nil
}

// reader reads answers. It remembers the last body that said pending, because
// most answers of a load run are that body again. It is for one goroutine.
type reader struct{ lastPending []byte }

// read makes sense of an answer. The endpoint matters: only the token endpoint
// gives tokens.
func (r *reader) read(starts bool, status int, header http.Header, body []byte, received time.Time) answer {
	a := answer{status: status, kind: broken}
	if !starts && status == http.StatusBadRequest && len(body) > 0 && bytes.Equal(body, r.lastPending) {
		a.kind, a.code = pending, string(ciba.AuthorizationPending)
		a.retryAfter = retryAfter(header, received)
		return a
	}
	a.retryAfter = retryAfter(header, received)
	var m members
	err := json.Unmarshal(body, &m)
	a.id = m.AuthReqID
	switch {
	case status == 0:
		a.kind, a.code = fault, "no answer"
	case err == nil && m.Error != "":
		a.kind, a.code = classify(starts, m.Error), printable(m.Error)
		if a.kind == refused && busy(status) {
			a.kind = fault
		}
		a.interval = time.Duration(m.Interval)
		if a.kind == pending && status == http.StatusBadRequest && a.interval == 0 {
			r.lastPending = append(r.lastPending[:0], body...)
		}
	case busy(status):
		a.kind, a.code = fault, http.StatusText(status)
	case err != nil:
		a.code = "not a JSON object"
	case starts && status/100 == 2 && m.AuthReqID != "":
		a.kind, a.id, a.expiresIn, a.interval = acknowledged, m.AuthReqID, time.Duration(m.ExpiresIn), time.Duration(m.Interval)
	case !starts && status/100 == 2 && (m.AccessToken != "" || m.IDToken != ""):
		a.kind, a.idToken, a.details = tokens, m.IDToken, m.Details
	case status/100 == 2:
		a.code = "success without what was asked for"
	default:
		a.code = "no error code"
	}
	return a
}

// busy reports whether a status is that of a server which may answer better later.
func busy(status int) bool {
	return status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout
}

// classify is the meaning of an error code; dialects differ in the status, so
// the code decides.
func classify(starts bool, code string) kind {
	switch ciba.ErrorCode(code) {
	case ciba.AuthorizationPending:
		return pending
	case ciba.SlowDown:
		return slowDown
	case ciba.ExpiredToken:
		return expired
	case ciba.AccessDenied:
		if !starts {
			return denied
		}
	}
	return refused
}

// retryAfter reads the header in both forms of RFC 9110 10.2.3.
func retryAfter(h http.Header, received time.Time) time.Duration {
	if h == nil || len(h["Retry-After"]) == 0 {
		return 0
	}
	d, _ := (&ciba.Response{Header: h, Received: received}).RetryAfter()
	return min(d, time.Hour)
}

// printable is a code of an OP, short and harmless, as the name of a counter. What is
// odd has one name for all, unlike in [ciba.Printable]: an OP must not be able to make
// a result carry any number of names.
func printable(code string) string {
	odd := func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '<' }
	if len(code) > 40 || !utf8.ValidString(code) || strings.ContainsFunc(code, odd) {
		return "an unprintable code"
	}
	return code
}

// faultText sorts what a transport says into a few kinds.
func faultText(text string) string {
	for _, known := range []struct{ part, name string }{
		{"connection refused", "connection refused"},
		{"Client.Timeout", "timeout"},
		{"deadline exceeded", "timeout"},
		{"timeout", "timeout"},
		{"connection reset", "connection reset"},
		{"EOF", "connection closed"},
		{"broken pipe", "connection closed"},
		{"no such host", "no such host"},
		{"certificate", "certificate not trusted"},
		{"cannot assign requested address", "no free local port"},
		{"too many open files", "too many open files"},
		{errTooLong.Error(), "answer too long"},
		{fasthttp.ErrBodyTooLarge.Error(), "answer too long"},
		{"response headers exceeded", "header too long"},
		{"small read buffer", "header too long"},
	} {
		if strings.Contains(text, known.part) {
			return known.name
		}
	}
	return "network fault"
}
