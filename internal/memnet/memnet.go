// Package memnet is a network in memory: HTTP handlers under host names, and a
// transport that reaches them through pipes. Every byte passes the real HTTP
// client and server of the standard library, yet nothing waits in the kernel, so
// whole protocol runs can live in a testing/synctest bubble, where waiting costs
// no time.
package memnet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
)

// Network connects hosts by name. Create one with [New] and Close it when done.
type Network struct {
	mu        sync.Mutex
	hosts     map[string]*listener
	servers   []*http.Server
	transport *http.Transport
	serving   sync.WaitGroup
}

// New returns a network without hosts.
func New() *Network {
	n := &Network{hosts: map[string]*listener{}}
	n.transport = &http.Transport{DialContext: n.Dial, DisableCompression: true, MaxIdleConnsPerHost: 64}
	return n
}

// Serve answers requests to an address, "host:port", with a handler. The port of
// http URLs that name none is 80.
func (n *Network) Serve(host string, handler http.Handler) {
	l := n.Listen(host)
	server := &http.Server{Handler: handler} //nolint:gosec // in memory: no stranger can hold a connection open
	n.mu.Lock()
	n.servers = append(n.servers, server)
	n.mu.Unlock()
	n.serving.Go(func() { _ = server.Serve(l) })
}

// Listen opens an address, "host:port", for a server of the caller's own, who closes the
// listener. An address that was closed can be opened again.
func (n *Network) Listen(host string) net.Listener {
	l := &listener{host: host, conns: make(chan net.Conn), closed: make(chan struct{})}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts[host] = l
	return l
}

// RoundTripper reaches the hosts of the network and nothing else.
func (n *Network) RoundTripper() *http.Transport { return n.transport }

// Close ends all servers and connections and waits for them.
func (n *Network) Close() {
	n.transport.CloseIdleConnections()
	n.mu.Lock()
	servers := n.servers
	n.mu.Unlock()
	for _, s := range servers {
		_ = s.Close()
	}
	n.serving.Wait()
}

// Dial connects to an address, "host:port", at once or fails at once: nothing here waits
// for a kernel. The network is always the one in memory.
func (n *Network) Dial(ctx context.Context, _, host string) (net.Conn, error) {
	n.mu.Lock()
	l := n.hosts[host]
	n.mu.Unlock()
	if l == nil {
		return nil, fmt.Errorf("no host %q in this network", host)
	}
	here, there := net.Pipe()
	l.keep(there)
	select {
	case l.conns <- there:
		return here, nil
	case <-l.closed:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// listener hands the far ends of pipes to a server.
type listener struct {
	host   string
	conns  chan net.Conn
	closed chan struct{}

	mu   sync.Mutex
	over bool
	far  []net.Conn // every one that was made, so that it can be closed
}

func (l *listener) keep(c net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.far = append(l.far, c)
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close ends the connections as well. A server that is closed closes them after its
// listener, under a lock, and over TLS with an alert that waits for a reader; virtual time
// stood still while somebody else waited for the lock.
func (l *listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return nil
	}
	l.over = true
	close(l.closed)
	for _, c := range l.far {
		_ = c.Close()
	}
	return nil
}

func (l *listener) Addr() net.Addr { return address(l.host) }

type address string

func (a address) Network() string { return "memory" }
func (a address) String() string  { return string(a) }
