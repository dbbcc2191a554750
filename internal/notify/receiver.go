package notify

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Options are what a [Receiver] works with.
type Options struct {
	// Listen opens the address that is listened at; required. It is called again after
	// [Receiver.Away] and has to open the same address then.
	Listen func(context.Context) (net.Listener, error)

	// PublicURL is the base of all endpoints, as the OP reaches them. Empty: scheme and
	// address of the listener.
	PublicURL string

	// TLS has the certificate to show; nil: plain HTTP. HTTP/2 is spoken over TLS.
	TLS *tls.Config

	// Authority has vouched for the certificate of TLS, and vouches for those of impostors,
	// too; nil: another one has. See [Receiver.Impostors].
	Authority *Authority

	// Stranger answers the calls that carry no known token; nil: 404 where no client has
	// its endpoint, else 401. RFC 6750 3.1. A redirect names the path redirected.
	Stranger *Answer

	// Observe is told each call before it is answered, several at the same time; nil:
	// nobody is.
	Observe func(*Call)
}

// Receiver is the notification endpoint of all clients of a run. Make one with [Open]
// and Close it. It is safe for concurrent use.
type Receiver struct {
	options Options
	base    string // no slash at its end
	guests  *guests
	broken  broken

	mu        sync.Mutex
	server    *http.Server
	shown     *tls.Config // the certificate that new connections find
	serving   sync.WaitGroup
	closed    bool
	endpoints map[string]string // path -> client
	inboxes   map[secret]*Inbox // by token
	order     []secret          // of inboxes, the oldest first
	names     map[string]*Inbox // by auth_req_id
	elsewhere map[string]*Inbox // by the path of a redirect
	documents map[string][]byte // JSON, by path
	strangers strangers
	bytes     int64 // of the bodies that are kept
}

// secret stands for a token, so that looking one up tells nothing about others.
type secret [sha256.Size]byte

// Open listens and serves until it is closed.
func Open(ctx context.Context, o Options) (*Receiver, error) {
	r := &Receiver{
		options: o, shown: o.TLS, base: strings.TrimSuffix(o.PublicURL, "/"), guests: newGuests(),
		endpoints: map[string]string{}, inboxes: map[secret]*Inbox{}, names: map[string]*Inbox{}, elsewhere: map[string]*Inbox{},
		documents: map[string][]byte{},
	}
	if err := r.listen(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *Receiver) listen(ctx context.Context) error {
	listener, err := r.options.Listen(ctx)
	if err != nil {
		return fmt.Errorf("the notification endpoint cannot listen: %w; is another cibatest running, such as 'cibatest listen'?", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		_ = listener.Close()
		return errors.New("the notification endpoint is closed")
	}
	r.server = r.newServer()
	if r.base == "" {
		r.base = r.scheme() + listener.Addr().String()
	}
	r.serving.Go(func() { r.serve(r.server, listener) })
	return nil
}

// Away makes the endpoint unreachable: nobody listens, and all connections are closed. The
// function that it returns listens again. It concerns every request of the run.
func (r *Receiver) Away() (back func(context.Context) error) {
	r.stop()
	return r.listen
}

// Lend gives the address to somebody else who listens there, with the same certificate: this
// receiver takes no more calls. The caller closes the listener.
func (r *Receiver) Lend(ctx context.Context) (net.Listener, error) {
	r.stop()
	l, err := r.options.Listen(ctx)
	if err != nil {
		return nil, fmt.Errorf("the notification endpoint cannot be listened at again: %w", err)
	}
	if r.options.TLS != nil {
		l = tls.NewListener(l, r.options.TLS)
	}
	return l, nil
}

// Close ends the listener and all calls, and waits for them.
func (r *Receiver) Close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.stop()
}

func (r *Receiver) stop() {
	r.mu.Lock()
	server := r.server
	r.mu.Unlock()
	if server != nil {
		_ = server.Close()
	}
	r.serving.Wait()
}

// Base is the URL below which all endpoints lie, without a slash at its end.
func (r *Receiver) Base() string { return r.base }

// Endpoint makes the notification endpoint of a client and returns its URL, which is the
// one to register with the OP. Where a URL is given, it is that one and has to lie below
// the base; empty: one that nobody can guess is made.
func (r *Receiver) Endpoint(client, at string) (string, error) {
	if at == "" {
		at = r.base + "/" + unguessable()
	}
	u, err := url.Parse(at)
	if err != nil {
		return "", fmt.Errorf("the notification endpoint of client %s: %w", client, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, path := range r.paths(u) {
		r.endpoints[path] = client
	}
	return at, nil
}

// Publish serves a JSON document at a URL, which has to lie below the base, in the place of what
// was there. The OP reads it there as often as it likes; no inbox knows of it. A URL that is none
// is an error.
func (r *Receiver) Publish(at string, document []byte) error {
	u, err := url.Parse(at)
	if err != nil {
		return fmt.Errorf("a document to be read at %s: %w", at, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, path := range r.paths(u) {
		r.documents[path] = document
	}
	return nil
}

// Trap is an address that nobody can guess and that has to stay silent: whoever calls it has
// read it where it was shown to nobody else. The calls are [Inbox.Astray].
func (r *Receiver) Trap() (at string, calls *Inbox) {
	inbox := newInbox(time.Now().Add(DefaultLife))
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.elsewhereOf(inbox), inbox
}

// elsewhereOf is the silent address of an inbox. The lock is held.
func (r *Receiver) elsewhereOf(inbox *Inbox) string {
	if inbox.location != "" {
		return inbox.location
	}
	at, err := url.Parse(r.base + "/" + unguessable())
	if err != nil { // of a public URL that Endpoint refuses, too
		return ""
	}
	inbox.location = at.String()
	for _, path := range r.paths(at) {
		r.elsewhere[path] = inbox
		inbox.paths = append(inbox.paths, path)
	}
	return inbox.location
}

// paths are the paths at which a URL is called: its own, and what is left of it where a
// proxy takes the path of the public URL away.
func (r *Receiver) paths(u *url.URL) []string {
	list := []string{u.EscapedPath()}
	if base, err := url.Parse(r.base); err == nil && base.Path != "" {
		if rest, below := strings.CutPrefix(u.EscapedPath(), base.EscapedPath()); below {
			list = append(list, rest)
		}
	}
	return list
}

// Expect opens the inbox of a request by its client_notification_token, before the request
// is sent. The same token has the same inbox. life is how long it is kept; 0:
// [DefaultLife].
func (r *Receiver) Expect(token string, life time.Duration) *Inbox {
	if life <= 0 {
		life = DefaultLife
	}
	key := secret(sha256.Sum256([]byte(token)))
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.inboxes[key]; known != nil {
		return known
	}
	now := time.Now()
	r.forget(now)
	inbox := newInbox(now.Add(life))
	r.inboxes[key] = inbox
	r.order = append(r.order, key)
	return inbox
}

// forget drops inboxes that are past their time, the oldest first, and those for which
// there is no room.
func (r *Receiver) forget(now time.Time) {
	for len(r.order) > 0 {
		oldest := r.inboxes[r.order[0]]
		if len(r.order) < maxInboxes && now.Before(oldest.until) {
			return
		}
		for _, c := range oldest.Calls() {
			r.bytes -= int64(len(c.Body))
		}
		for _, id := range oldest.ids {
			delete(r.names, id)
		}
		for _, path := range oldest.paths {
			delete(r.elsewhere, path)
		}
		delete(r.inboxes, r.order[0])
		r.order = r.order[1:]
	}
}

// Name tells the auth_req_id of the request of an inbox, once the OP has made it, so that
// calls which name it without the token can be told from anybody's.
func (r *Receiver) Name(inbox *Inbox, authReqID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.names[authReqID] = inbox
	inbox.ids = append(inbox.ids, authReqID)
	for _, c := range r.strangers.kept {
		if c.Client != "" && c.names == authReqID {
			inbox.add(&inbox.misled, c)
		}
	}
}

// Named is the inbox of an auth_req_id, nil where none is known by it.
func (r *Receiver) Named(authReqID string) *Inbox {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.names[authReqID]
}

// unguessable is text of 128 random bits.
func unguessable() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}
