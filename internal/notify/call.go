package notify

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"
)

// Call is one request to a notification endpoint, as it came. It holds secrets.
type Call struct {
	At         time.Time // when its header had been read
	Client     string    // whose endpoint was called; empty: no client's
	Method     string
	URL        string // as the caller wrote it, with the address of the receiver before it
	Proto      string // HTTP/1.1 or HTTP/2.0
	TLSVersion uint16 // as in package crypto/tls; 0: plain HTTP
	From       string // the caller's address, which may be a proxy's
	Header     http.Header
	Body       []byte
	Truncated  bool   // the body is longer than what was read, or broke off
	Answer     Answer // what it is answered with
	Astray     bool   // it came to the address that a redirect named

	names string // the auth_req_id in the body, empty for none and until it was read
}

// Bearer is the credential of the call as RFC 6750 2.1 has it. Scheme is as the caller
// wrote it, since its case is free; both are empty without a credential of that kind.
func (c *Call) Bearer() (scheme, token string) { return bearer(c.Header) }

func bearer(h http.Header) (scheme, token string) {
	scheme, token, found := strings.Cut(h.Get("Authorization"), " ")
	if !found || !strings.EqualFold(scheme, "Bearer") {
		return "", ""
	}
	return scheme, strings.TrimLeft(token, " ")
}

// readName reads the auth_req_id that the body names.
func (c *Call) readName() {
	var named struct {
		AuthReqID string `json:"auth_req_id"`
	}
	_ = json.Unmarshal(c.Body, &named) // what is no JSON names nothing
	c.names = named.AuthReqID
}

// readBody reads as much as may be kept.
func (c *Call) readBody(body io.Reader, limit int64) {
	data, err := io.ReadAll(io.LimitReader(body, limit+1))
	if int64(len(data)) > limit {
		data, c.Truncated = data[:limit], true
	}
	c.Body, c.Truncated = data, c.Truncated || err != nil
}
