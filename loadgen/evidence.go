package loadgen

import (
	"math/bits"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/reports/result"
)

// evidence keeps exchanges with their secrets hidden.
type evidence struct{ masker *ciba.Masker }

func (k *evidence) of(e *engine, x *exchange, text string) result.Evidence {
	at, label := &e.requests.token, "token request"
	var body []byte
	if x.job.kind == jobStart {
		at, label = &e.requests.start, "backchannel authentication request"
		body = e.requests.startBody(x.f.user, x.f.serial, nil)
	} else {
		body = e.tokenBody(job{flow: x.flow})
	}
	address, err := url.Parse(at.url)
	if err != nil {
		address = &url.URL{} // was parsed when the run began
	}
	req := &http.Request{Method: http.MethodPost, URL: address, Header: e.requests.header}
	resp := &ciba.Response{Status: x.status, Header: x.result.Headers, Body: x.result.Body, Sent: e.began.Add(time.Duration(x.sent)), Received: e.began.Add(time.Duration(x.done))}
	shown := k.masker.Exchange(label, req, body, resp)
	shown.StartedMS = time.Duration(x.sent).Milliseconds()
	return result.Evidence{Flow: int64(x.f.serial), AtMS: time.Duration(x.done).Milliseconds(), Text: text, Exchange: shown}
}

// span is a duration for people.
func span(ns int64) time.Duration { return time.Duration(ns).Round(time.Millisecond) }

func ones(set [4]uint64) (n int) {
	for _, word := range set {
		n += bits.OnesCount64(word)
	}
	return n
}

// escape is the identifier as a form carries it; unescape is the way back.
func escape(id string) string { return url.QueryEscape(id) }

func unescape(id string) string {
	plain, err := url.QueryUnescape(id)
	if err != nil {
		return id // was escaped by us
	}
	return plain
}

// String is how results call an answer.
func (k answerKey) String() string {
	endpoint := "token"
	if k.starts {
		endpoint = "backchannel"
	}
	status := "-"
	if k.status != 0 {
		status = strconv.Itoa(k.status)
	}
	return strings.TrimSpace(endpoint + " " + status + " " + k.code)
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
	} {
		if strings.Contains(text, known.part) {
			return known.name
		}
	}
	return "network fault"
}
