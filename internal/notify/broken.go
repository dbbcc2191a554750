package notify

import (
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"sync"
)

// Broken are the connections that ended before there was a call, for want of trust in the
// certificate of the endpoint as a rule.
type Broken struct {
	Count int
	Last  string // why the last one ended, of at most 200 bytes; foreign text may be in it
}

// Broken are those so far.
func (r *Receiver) Broken() Broken {
	r.broken.mu.Lock()
	defer r.broken.mu.Unlock()
	return r.broken.Broken
}

// broken reads what the HTTP server says about connections that it gave up, and follows those
// over TLS to see which the caller closes right after the handshake: some look at the host
// name of a certificate only then.
type broken struct {
	mu     sync.Mutex
	silent map[*tls.Conn]bool // that nothing has come on
	Broken
}

// state follows a connection.
func (b *broken) state(conn net.Conn, s http.ConnState) {
	secure, ok := conn.(*tls.Conn)
	if !ok {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case s == http.StateNew && b.silent == nil:
		b.silent = map[*tls.Conn]bool{secure: true}
	case s == http.StateNew:
		b.silent[secure] = true
	case s == http.StateClosed && b.silent[secure] && secure.ConnectionState().HandshakeComplete:
		b.Count++
		b.Last = "closed by the caller right after the handshake"
		fallthrough
	default:
		delete(b.silent, secure)
	}
}

// maxReason bounds what is kept of a reason, in bytes.
const maxReason = 200

// Write takes a line of the server's log, such as "http: TLS handshake error from
// 192.0.2.7:4711: remote error: tls: unknown certificate authority".
func (b *broken) Write(line []byte) (int, error) {
	text, isHandshake := strings.CutPrefix(string(line[:min(len(line), maxReason)]), "http: TLS handshake error from ")
	if _, reason, found := strings.Cut(text, ": "); isHandshake && found {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.Count++
		b.Last = strings.TrimSpace(reason)
	}
	return len(line), nil
}
