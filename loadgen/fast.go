package loadgen

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// fast is fasthttp behind the interface of net/http: HTTP/1.1 without a pair of
// goroutines for each connection, at about half the CPU time. It is held equal to
// the reference by a test that compares both on ordinary and hostile answers. It
// knows no proxy.
type fast struct {
	client  fasthttp.Client
	headers [256]atomic.Pointer[seenHeader] // by status and length of the body
	*dialer
}

// fastIdle gives idle connections up before servers do: nodejs closes them after 5 s,
// and a request on a closed connection would be lost.
const fastIdle = 4 * time.Second

// NewFastTransport is the transport for high rates.
func NewFastTransport(o TransportOptions) Transport {
	d := newDialer()
	return &fast{dialer: d, client: fasthttp.Client{
		NoDefaultUserAgentHeader: true, DisableHeaderNamesNormalizing: true, DisablePathNormalizing: true,
		TLSConfig: o.TLS, MaxConnsPerHost: o.Connections, MaxIdleConnDuration: fastIdle, MaxResponseBodySize: maxAnswer,
		ReadBufferSize: maxHeader,
		ReadTimeout:    o.Timeout, WriteTimeout: o.Timeout, MaxIdemponentCallAttempts: 1,
		Dial: func(address string) (net.Conn, error) { return d.dial(context.Background(), "tcp", address) },
	}}
}

func (f *fast) CloseIdleConnections() { f.client.CloseIdleConnections() }

// RoundTrip implements [http.RoundTripper].
func (f *fast) RoundTrip(r *http.Request) (*http.Response, error) {
	req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	resp.Header.SetNoDefaultContentType(true) // an OP that sends none must not look as if it did
	defer fasthttp.ReleaseRequest(req)
	if err := translate(r, req); err != nil {
		fasthttp.ReleaseResponse(resp)
		return nil, err
	}
	if err := f.client.Do(req, resp); err != nil {
		fasthttp.ReleaseResponse(resp)
		return nil, err
	}
	return f.answerOf(r, resp), nil
}

// translate writes a request of net/http the way fasthttp wants it, changing nothing:
// neither the case of header names nor the path.
func translate(r *http.Request, to *fasthttp.Request) error {
	to.Header.DisableNormalizing()
	to.Header.SetMethod(r.Method)
	uri := to.URI()
	uri.DisablePathNormalizing = true
	uri.SetScheme(r.URL.Scheme)
	uri.SetHost(r.URL.Host)
	uri.SetPath(r.URL.EscapedPath())
	uri.SetQueryString(r.URL.RawQuery)
	for name, values := range r.Header {
		for _, value := range values {
			to.Header.Add(name, value)
		}
	}
	if r.Host != "" && r.Host != r.URL.Host {
		to.UseHostHeader = true
		to.Header.SetHost(r.Host)
	}
	if r.Body == nil {
		return nil
	}
	_, err := io.Copy(to.BodyWriter(), r.Body)
	_ = r.Body.Close()
	return err
}

// answerOf is an answer of fasthttp as net/http has it, without copying the body.
func (f *fast) answerOf(r *http.Request, from *fasthttp.Response) *http.Response {
	status := from.StatusCode()
	return &http.Response{
		Status: http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: f.headerOf(status, from),
		Body: &pooled{from, bytes.NewReader(from.Body())}, ContentLength: int64(len(from.Body())), Request: r,
	}
}

// seenHeader is a header that came before, as it was read and as it is given out.
type seenHeader struct {
	names, values []string
	header        http.Header
}

// equals compares letter by letter and in order, which needs no allocation.
func (s *seenHeader) equals(from *fasthttp.Response) bool {
	i := 0
	for name, value := range from.Header.All() {
		if i == len(s.names) || string(name) != s.names[i] || string(value) != s.values[i] {
			return false
		}
		i++
	}
	return i == len(s.names)
}

// headerOf is the header for net/http. Within a second most answers of one kind
// have the same header to the letter, so the last one is given out again; nobody
// changes it.
func (f *fast) headerOf(status int, from *fasthttp.Response) http.Header {
	last := &f.headers[(status+len(from.Body()))%len(f.headers)]
	if seen := last.Load(); seen != nil && seen.equals(from) {
		return seen.header
	}
	fresh := &seenHeader{header: http.Header{}}
	for name, value := range from.Header.All() {
		fresh.names, fresh.values = append(fresh.names, string(name)), append(fresh.values, string(value))
		fresh.header.Add(string(name), string(value))
	}
	last.Store(fresh)
	return fresh.header
}

// pooled is a body whose memory goes back when it is closed.
type pooled struct {
	from *fasthttp.Response
	*bytes.Reader
}

func (p *pooled) Close() error {
	if p.from != nil {
		fasthttp.ReleaseResponse(p.from)
		p.from, p.Reader = nil, bytes.NewReader(nil)
	}
	return nil
}
