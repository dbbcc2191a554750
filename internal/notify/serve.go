package notify

import (
	"context"
	"crypto/sha256"
	"log"
	"net"
	"net/http"
	"net/url"
	"time"
)

// newServer serves the endpoints within their bounds. The lock is held.
func (r *Receiver) newServer() *http.Server {
	return &http.Server{
		Handler: http.HandlerFunc(r.take), TLSConfig: r.shown, ErrorLog: log.New(&r.broken, "", 0),
		ReadHeaderTimeout: headerTime, ReadTimeout: callTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeader,
		HTTP2:       &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ConnContext: rememberGuest, ConnState: r.follow,
	}
}

// follow follows a connection; it is a hook of [http.Server].
func (r *Receiver) follow(conn net.Conn, s http.ConnState) {
	r.guests.state(conn, s)
	r.broken.state(conn, s)
}

func (r *Receiver) scheme() string {
	if r.options.TLS != nil {
		return "https://"
	}
	return "http://"
}

func (r *Receiver) serve(server *http.Server, l net.Listener) {
	if server.TLSConfig != nil {
		_ = server.ServeTLS(l, "", "") // ends when the server is closed
		return
	}
	_ = server.Serve(l)
}

// take takes a call: it finds out whose it is, keeps it and answers it. Whoever only reads a
// document has not called anybody.
func (r *Receiver) take(w http.ResponseWriter, req *http.Request) {
	if document, published := r.document(req); published {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(document)
		return
	}
	c := &Call{
		At: time.Now(), Method: req.Method, URL: r.asCalled(req.URL), Proto: req.Proto, From: req.RemoteAddr, Header: req.Header.Clone(),
	}
	if req.TLS != nil {
		c.TLSVersion = req.TLS.Version
	}
	inbox, astray := r.find(c, req.URL.EscapedPath())
	if inbox == nil {
		r.stranger(w, req, c)
		return
	}
	defer r.guests.welcome(req)()
	c.readBody(req.Body, r.room())
	if astray {
		c.Astray = true
		r.keep(inbox, &inbox.astray, c)
	} else {
		c.Answer = r.placed(inbox, inbox.nextAnswer())
		c.readName() // before anybody else can read the call
		r.keep(inbox, &inbox.calls, c)
		r.mislead(c, inbox)
	}
	r.observe(c)
	c.Answer.give(w, req, c)
}

// document is what is published where a request reads.
func (r *Receiver) document(req *http.Request) (text []byte, published bool) {
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		return nil, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	text, published = r.documents[req.URL.EscapedPath()]
	return text, published
}

// asCalled is the URL of a request as its caller must have written it.
func (r *Receiver) asCalled(u *url.URL) string {
	base, err := url.Parse(r.base)
	if err != nil {
		return u.String()
	}
	whole := *u
	whole.Scheme, whole.Host = base.Scheme, base.Host
	return whole.String()
}

// find is the inbox that a call belongs to, nil for a stranger's, and whether it came to
// an address that a redirect named. It tells the call its client.
func (r *Receiver) find(c *Call, path string) (inbox *Inbox, astray bool) {
	_, token := c.Bearer()
	r.mu.Lock()
	defer r.mu.Unlock()
	c.Client = r.endpoints[path]
	if inbox = r.elsewhere[path]; inbox != nil {
		return inbox, true
	}
	if token == "" {
		return nil, false
	}
	return r.inboxes[sha256.Sum256([]byte(token))], false
}

// room is how many bytes of a body may be kept.
func (r *Receiver) room() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return min(maxBody, max(0, maxBytes-r.bytes))
}

// keep keeps a call and counts its body.
func (r *Receiver) keep(inbox *Inbox, list *[]*Call, c *Call) {
	if inbox.add(list, c) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.bytes += int64(len(c.Body))
	}
}

// placed is an answer with the address that a redirect names. Every inbox has one such
// address, which nobody can guess.
func (r *Receiver) placed(inbox *Inbox, a Answer) Answer {
	if !a.Redirect {
		return a
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	a.location = r.elsewhereOf(inbox)
	return a
}

func (r *Receiver) observe(c *Call) {
	if r.options.Observe != nil {
		r.options.Observe(c)
	}
}

// stranger answers a call that belongs to no request, and keeps its traces. Its body is
// read where a client has its endpoint, since it may name a request.
func (r *Receiver) stranger(w http.ResponseWriter, req *http.Request, c *Call) {
	if c.Client != "" || r.options.Stranger != nil {
		c.readBody(req.Body, maxBody)
		c.readName() // of a request that is not named yet, it may be; see Name
	} else {
		c.Truncated = req.ContentLength != 0
	}
	c.Answer = r.toStranger(c)
	r.mu.Lock()
	r.strangers.add(c)
	r.mu.Unlock()
	if c.Client != "" {
		r.mislead(c, nil)
	}
	r.observe(c)
	c.Answer.give(w, req, c)
}

// mislead shows a call to the request that it names, if that is another one than the
// request whose token it has.
func (r *Receiver) mislead(c *Call, of *Inbox) {
	if c.names == "" {
		return
	}
	r.mu.Lock()
	named := r.names[c.names]
	r.mu.Unlock()
	if named != nil && named != of {
		named.add(&named.misled, c)
	}
}

func (r *Receiver) toStranger(c *Call) Answer {
	switch {
	case r.options.Stranger != nil:
		answer := *r.options.Stranger
		if answer.Redirect {
			answer.location = r.base + "/redirected"
		}
		return answer
	case c.Client == "":
		return Answer{Status: http.StatusNotFound}
	}
	return Answer{Status: http.StatusUnauthorized}
}

// guestKey is where the context of a call has its connection.
type guestKey struct{}

func rememberGuest(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, guestKey{}, conn)
}
