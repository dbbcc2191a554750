package ciba

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// DefaultTimeout lets an OP answer a long poll, which should take 30 s at most.
const DefaultTimeout = 45 * time.Second

// Options of [NewHTTP]. The zero value is usable.
type Options struct {
	RequestsPerSecond float64  // 0: no limit
	Secrets           []string // values that must not show in the evidence
	UserAgent         string   // default "cibatest"

	MaxBody     int64         // bytes read of an answer's body; 0: DefaultMaxBody
	MaxTransfer time.Duration // from an answer's first byte to its last; 0: DefaultMaxTransfer
	MaxLarge    int64         // bytes of large answers that are read in all; 0: DefaultMaxLarge
}

// HTTP sends calls to an OP. It is safe for concurrent use.
type HTTP struct {
	transport   http.RoundTripper
	limiter     *rate.Limiter
	maxBody     int64
	maxTransfer time.Duration
	large       atomic.Int64 // bytes of large answers that may still be read
	userAgent   string
	masker      *Masker

	certified sync.Map // *tls.Certificate -> *http.Transport that shows it
}

// NewHTTP makes a client on a transport, which decides about TLS and proxies.
func NewHTTP(rt http.RoundTripper, o Options) *HTTP {
	h := &HTTP{
		transport: rt, masker: NewMasker(o.Secrets...), userAgent: cmp.Or(o.UserAgent, "cibatest"),
		maxBody: cmp.Or(o.MaxBody, DefaultMaxBody), maxTransfer: cmp.Or(o.MaxTransfer, DefaultMaxTransfer),
	}
	h.large.Store(cmp.Or(o.MaxLarge, DefaultMaxLarge))
	if o.RequestsPerSecond > 0 {
		h.limiter = rate.NewLimiter(rate.Limit(o.RequestsPerSecond), max(1, int(o.RequestsPerSecond)))
	}
	return h
}

// Do sends one call and records the exchange. The answer is never nil: what
// went wrong is in its Err.
func (h *HTTP) Do(ctx context.Context, rec *Recorder, call Call) *Response {
	if h.limiter != nil {
		if err := h.limiter.Wait(ctx); err != nil {
			return &Response{Err: fmt.Errorf("waiting for the request rate limit: %w", err), Sent: time.Now(), Received: time.Now()}
		}
	}
	req, body, err := h.request(&call)
	if err != nil {
		return &Response{Err: err, Sent: time.Now(), Received: time.Now()}
	}
	timeout := call.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	by, err := h.showing(call.Certificate)
	if err != nil {
		return &Response{Err: err, Sent: time.Now(), Received: time.Now()}
	}
	resp := h.exchange(by, req.WithContext(ctx), timeout)
	e := h.masker.Exchange(call.Label, req, body, resp)
	e.Client = call.Client
	resp.exchange = &e
	rec.add(kept{resp.exchange, resp.Sent, false})
	return resp
}

// request builds the wire form. The body cannot be rewound on purpose: the
// transport must not send a POST twice when a reused connection breaks.
func (h *HTTP) request(call *Call) (*http.Request, []byte, error) {
	if call.Auth != nil {
		if err := call.Auth.Authenticate(call); err != nil {
			return nil, nil, err
		}
	}
	target, err := url.Parse(call.URL)
	if err != nil || target.Host == "" {
		return nil, nil, fmt.Errorf("%q is not an absolute URL", call.URL)
	}
	if extra := call.Query.Encode(); extra != "" {
		target.RawQuery = strings.Trim(target.RawQuery+"&"+extra, "&")
	}
	body := call.Body
	if call.isForm() {
		body = []byte(call.Form.Encode())
	}
	req := &http.Request{
		Method: call.method(), URL: target, Host: target.Host, Header: http.Header{},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if len(body) > 0 {
		req.Body = io.NopCloser(bytes.NewReader(body))
		req.ContentLength = int64(len(body))
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("User-Agent", h.userAgent)
	switch {
	case call.ContentType == NoContentType:
	case call.ContentType != "":
		req.Header.Set("Content-Type", call.ContentType)
	case call.isForm():
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	maps.Copy(req.Header, call.Header)
	return req, body, nil
}

// exchange sends a request and reads its answer up to the bound. A body that breaks off
// is kept as far as it came, as evidence.
func (h *HTTP) exchange(by http.RoundTripper, req *http.Request, timeout time.Duration) *Response {
	ctx, begun, release := watched(req.Context(), h.maxTransfer)
	defer release()
	req = req.WithContext(ctx)
	resp := &Response{Sent: time.Now()}
	answer, err := by.RoundTrip(req) // a RoundTripper follows no redirect
	begun()
	if err != nil {
		resp.Received = time.Now()
		resp.Err = explain(req, err, timeout)
		return resp
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, h.maxBody+1))
	resp.Received = time.Now()
	resp.Status, resp.Header, resp.Body = answer.StatusCode, answer.Header, body
	if int64(len(body)) > h.maxBody {
		resp.Body, resp.Truncated = body[:h.maxBody], true
	}
	if err != nil {
		resp.Truncated = true
		resp.Err = fmt.Errorf("the answer of %s broke off after %d bytes: %w", req.URL.Host, len(body), explain(req, err, timeout))
	}
	if resp.Status == 0 { // which stands for no answer at all
		resp.fail(fmt.Errorf("%s answered with the status 000", req.URL.Host))
	}
	h.decode(resp, req.URL.Host)
	h.keepWithin(resp, req.URL.Host)
	return resp
}

// decode undoes the content codings of a whole answer.
func (h *HTTP) decode(resp *Response, host string) {
	if resp.Err != nil || resp.Truncated {
		return
	}
	body, err := Decode(resp.Header, resp.Body, h.maxBody)
	resp.Body = body
	if err != nil {
		resp.Truncated = errors.Is(err, ErrTooLongDecoded)
		resp.fail(fmt.Errorf("the answer of %s cannot be decoded: %w", host, err))
	}
}

// explain says in words why no answer came.
func explain(req *http.Request, err error, timeout time.Duration) error {
	host := req.URL.Host
	var certificate *tls.CertificateVerificationError
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.Is(context.Cause(req.Context()), errSlow):
		return fmt.Errorf("%s began to answer and did not come to an end in time", host)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s did not answer within %s", host, timeout)
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("the request to %s was given up: %w", host, err)
	case errors.As(err, &certificate):
		return fmt.Errorf("%s has a certificate that is not trusted (set tls.ca_file for a private one): %w", host, certificate.Err)
	case errors.As(err, &dns):
		return fmt.Errorf("the host name of %s cannot be resolved", host)
	case errors.As(err, &op) && op.Op == "dial":
		return fmt.Errorf("%s cannot be reached: %w", host, op.Err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%s closed the connection without a whole answer (%w)", host, err)
	}
	return fmt.Errorf("request to %s: %w", host, err)
}
