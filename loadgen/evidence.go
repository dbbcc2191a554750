package loadgen

import (
	"net/http"
	"net/url"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/reports/result"
)

// evidence makes exchanges fit to be kept, with their secrets hidden.
type evidence struct{ masker *ciba.Masker }

// of is an exchange as evidence of what a text says about it. The request is made once
// more, since nobody keeps a million of them; client assertions are left out.
func (k *evidence) of(e *engine, x *exchange, text string) result.Evidence {
	if x.call != nil {
		shown := k.masker.Incoming(x.call.request)
		shown.StartedMS = time.Duration(x.sent).Milliseconds()
		return result.Evidence{Flow: int64(x.f.serial), AtMS: time.Duration(x.done).Milliseconds(), Text: text, Exchange: shown}
	}
	at, label := &e.requests.token, "token request"
	var body []byte
	if x.job.kind == jobStart {
		at, label = &e.requests.start, "backchannel authentication request"
		body = e.startBody(x.f, nil)
	} else {
		body = e.tokenBody(job{flow: x.flow})
	}
	address, err := url.Parse(at.url)
	if err != nil {
		address = &url.URL{} // was parsed when the run began
	}
	req := &http.Request{Method: http.MethodPost, URL: address, Header: e.requests.header}
	resp := &ciba.Response{
		Status: x.status, Header: x.result.Headers, Body: x.result.Body,
		Sent: e.began.Add(time.Duration(x.sent)), Received: e.began.Add(time.Duration(x.done)),
	}
	shown := k.masker.Exchange(label, req, body, resp)
	shown.StartedMS = time.Duration(x.sent).Milliseconds()
	return result.Evidence{Flow: int64(x.f.serial), AtMS: time.Duration(x.done).Milliseconds(), Text: text, Exchange: shown}
}

// missing is a call that did not come as evidence: what it should have been like.
func (k *evidence) missing(e *engine, serial uint32, text string) result.Evidence {
	shown := k.masker.Incoming(ciba.Incoming{
		Label: "notification that did not come", Method: http.MethodPost, URL: e.plan.Client.NotificationEndpoint, Err: "no call",
	})
	return result.Evidence{Flow: int64(serial), AtMS: time.Duration(e.elapsed()).Milliseconds(), Text: text, Exchange: shown}
}
