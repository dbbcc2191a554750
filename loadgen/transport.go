package loadgen

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// Transport carries the requests of a run and counts the connections it opens.
type Transport interface {
	http.RoundTripper
	CloseIdleConnections()
	Connections() int64
}

// TransportOptions shape a transport.
type TransportOptions struct {
	TLS         *tls.Config // nil: the system's roots
	Connections int         // most at once
	Timeout     time.Duration
	Idle        time.Duration // how long a connection is kept without a request; 0: as the transport does
}

// dialer opens connections and counts them.
type dialer struct {
	net.Dialer
	opened atomic.Int64
}

func newDialer() *dialer { return &dialer{Dialer: net.Dialer{Timeout: dialTimeout}} }

const dialTimeout = 10 * time.Second

// dial opens a connection and counts it.
func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.DialContext(ctx, network, address)
	if err == nil {
		d.opened.Add(1)
	}
	return conn, err
}

// Connections are those opened so far.
func (d *dialer) Connections() int64 { return d.opened.Load() }

// standard is the transport of net/http.
type standard struct {
	*http.Transport
	*dialer
}

// standardIdle is what net/http's own transport has.
const standardIdle = 90 * time.Second

// NewTransport is the reference: net/http, with the environment's proxy and
// HTTP/1.1, so that its connections can be compared with those of others.
func NewTransport(o TransportOptions) Transport {
	d := newDialer()
	return &standard{dialer: d, Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: d.dial, TLSClientConfig: o.TLS, TLSHandshakeTimeout: dialTimeout,
		MaxConnsPerHost: o.Connections, MaxIdleConnsPerHost: o.Connections, IdleConnTimeout: orDefault(o.Idle, standardIdle),
		DisableCompression: true,
	}}
}

// sameHeader gives every request the header of an ordinary client in place of what
// Vegeta put there. It is one and the same map, which saves Vegeta and net/http
// from copying it twice for each request; transports only read it.
type sameHeader struct {
	next   http.RoundTripper
	header http.Header
}

func (p sameHeader) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header = p.header
	return p.next.RoundTrip(r)
}

// newHTTPClient follows no redirect and gives up after the timeout. The fast
// transport has its own, on the connection, which costs less.
func newHTTPClient(rt http.RoundTripper, header http.Header, timeout time.Duration) *http.Client {
	if _, own := rt.(*fast); own {
		timeout = 0
	}
	return &http.Client{
		Transport: sameHeader{rt, header}, Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
