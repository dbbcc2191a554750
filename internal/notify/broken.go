package notify

import (
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

// broken reads what the HTTP server says about connections that it gave up.
type broken struct {
	mu sync.Mutex
	Broken
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
