package mockdevice

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/serve"
	"github.com/cibatest/cibatest/mockdevice/audit"
	"github.com/cibatest/cibatest/mockdevice/inbox"
	"github.com/cibatest/cibatest/mockdevice/wire"
)

// Inbox receives what an OP sends to people and is a dialect as all others are: a message
// that the rules understand is a request, and its decision goes by the link or the code
// that the message holds.
type Inbox struct {
	Name   string
	Road   Road
	Secret string // what senders show; empty: the device's token
	Only   string // the account of text messages, or the project of FCM; empty: any
	Most   int    // requests that may be open at once, so that a flood takes the device from nobody

	Listen string           // of mail: host:port
	TLS    *tls.Certificate // of mail, for STARTTLS; nil: it is not offered
	Forced bool             // of mail: nothing is taken without TLS

	Pointers inbox.Pointers // of webhooks
	Rules    inbox.Rules

	Link  *Link     // how a decision follows the link that a message holds
	Reply *Template // how a decision is told otherwise, with {label:code}, {label:from} and {label:to}
}

// Road is how messages come.
type Road string

// The roads. Mail has a server of its own; the others are served by the device.
const (
	RoadMail    Road = "smtp"
	RoadSMS     Road = "sms"     // POST /2010-04-01/Accounts/ACCOUNT/Messages.json, as Twilio has it
	RoadFCM     Road = "fcm"     // POST /v1/projects/PROJECT/messages:send
	RoadWebhook Road = "webhook" // POST /inboxes/NAME
)

// MostOpen is how many requests of an inbox may be open at once by default.
const MostOpen = 1000

// outlet tells the decisions of an inbox.
func (b *Inbox) outlet() *outlet {
	if b.Link != nil {
		return b.Link.outlet()
	}
	return b.replyOutlet()
}

// Read reads a message as it comes by the road of the inbox, a mail or the body of an HTTP
// request, and makes a request of it without asking anybody, so that patterns can be tried.
// Where there is no request, the message tells what was searched for one.
func (b *Inbox) Read(raw []byte) (m wire.Message, r Request, err error) {
	switch b.Road {
	case RoadMail:
		m, err = inbox.ReadMail(bytes.NewReader(raw))
	case RoadSMS:
		var form url.Values
		if form, err = url.ParseQuery(strings.TrimSpace(string(raw))); err == nil {
			m, err = inbox.ReadSMS(form)
		}
	case RoadFCM:
		m, err = inbox.ReadFCM(raw)
	case RoadWebhook:
		m, err = b.Pointers.Read(raw)
	}
	if err == nil {
		r, err = b.Rules.Request(b.Name, m)
	}
	return m, r, err
}

// mailbox is an inbox with what has become of its messages.
type mailbox struct {
	*Inbox
	mu   sync.Mutex
	seen InboxCounters
}

// InboxCounters are what has become of the messages of an inbox.
type InboxCounters struct {
	Name        string `json:"name"`
	Road        Road   `json:"road"`
	Messages    int64  `json:"messages"`
	Requests    int64  `json:"requests"`               // messages that are a request, also one that was known
	Ignored     int64  `json:"ignored"`                // messages that are none
	Refused     int64  `json:"refused"`                // messages that were not taken, as the inbox was full or the device unavailable
	LastIgnored string `json:"last_ignored,omitempty"` // why the last of them is no request
}

// newMailboxes are those of a device, in the order of its adapter file.
func newMailboxes(inboxes []Inbox) []*mailbox {
	boxes := make([]*mailbox, len(inboxes))
	for i := range inboxes {
		b := inboxes[i]
		if b.Most <= 0 {
			b.Most = MostOpen
		}
		boxes[i] = &mailbox{Inbox: &b, seen: InboxCounters{Name: b.Name, Road: b.Road}}
	}
	return boxes
}

// counters is a snapshot.
func (b *mailbox) counters() InboxCounters {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seen
}

// count notes what became of a message; why is nil for a request.
func (b *mailbox) count(why error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen.Messages++
	switch {
	case why == nil:
		b.seen.Requests++
	case refuses(why):
		b.seen.Refused++
	default:
		b.seen.Ignored++
		b.seen.LastIgnored = why.Error()
	}
}

// refuses reports whether a message is refused. All others are taken, whatever they say.
func refuses(err error) bool { return errors.Is(err, inbox.ErrBusy) || errors.Is(err, ErrNoAudit) }

// takeMessage makes a request of a message. The error says why the message was refused,
// see [refuses]; a message that is no request is taken all the same, since a person gets
// those, too.
func (d *Device) takeMessage(b *mailbox, m wire.Message) (Verdict, error) {
	request, err := b.Rules.Request(b.Name, m)
	if err == nil {
		err = d.roomFor(b, request)
	}
	var verdict Verdict
	if err == nil {
		verdict, err = d.receive(request, b.Name, b.outlet())
	}
	b.count(err)
	switch {
	case err == nil || refuses(err):
		return verdict, err
	default:
		d.audit.Note(audit.Entry{Event: audit.Failed, Adapter: b.Name, Note: "a message is no request: " + err.Error()})
		return Verdict{}, nil
	}
}

// roomFor refuses a new request where as many of the inbox are open as may be.
func (d *Device) roomFor(b *mailbox, r Request) error {
	if _, known := d.Find(r.AuthReqID); known || d.store.size.Load() < int64(b.Most) {
		return nil
	}
	if d.store.openOf(b.Name, b.Most, time.Now()) >= b.Most {
		return inbox.ErrBusy
	}
	return nil
}

// secretOf is what senders of an inbox show, or empty.
func (d *Device) secretOf(b *mailbox) string {
	if b.Secret != "" {
		return b.Secret
	}
	return d.token
}

// inboxFor is the first inbox of a road that takes what is sent to an account or project.
func (d *Device) inboxFor(road Road, only string) (*mailbox, bool) {
	i := slices.IndexFunc(d.inboxes, func(b *mailbox) bool { return b.Road == road && (b.Only == "" || b.Only == only) })
	if i < 0 {
		return nil, false
	}
	return d.inboxes[i], true
}

// OpenInboxes has the inboxes for mail listen until the device is closed, and returns
// their addresses by name. It refuses to listen beyond loopback without a secret, with
// [ErrOpen].
func (d *Device) OpenInboxes(ctx context.Context) (map[string]net.Addr, error) {
	open := map[string]net.Addr{}
	for _, b := range d.inboxes {
		if b.Road != RoadMail {
			continue
		}
		listener, err := serve.Listen(ctx, b.Listen, d.secretOf(b))
		switch {
		case errors.Is(err, ErrOpen):
			return nil, fmt.Errorf("inbox %s: %w; set smtp.secret, which senders show as their password, or listen on 127.0.0.1", b.Name, err)
		case err != nil:
			return nil, fmt.Errorf("inbox %s: %w", b.Name, err)
		}
		open[b.Name] = listener.Addr()
		d.serveMail(b, inbox.Listener(listener))
	}
	return open, nil
}

// serveMail serves an inbox until the device is closed.
func (d *Device) serveMail(b *mailbox, listener net.Listener) {
	server := inbox.NewServer(inbox.Mail{
		Name: "cibatest", Secret: d.secretOf(b), TLS: b.TLS, Forced: b.Forced, Local: serve.IsLoopback(listener.Addr().String()),
		Take: func(ctx context.Context, m wire.Message) error {
			verdict, err := d.takeMessage(b, m)
			if err == nil {
				err = d.playMail(ctx, verdict)
			}
			return err
		},
	})
	context.AfterFunc(d.ctx, func() { _ = server.Close() })
	d.work.Go(func() { _ = server.Serve(listener) })
}

// playMail plays the faults of being asked as a mail server can.
func (d *Device) playMail(ctx context.Context, v Verdict) error {
	switch {
	case slices.Contains(v.Faults, Reset):
		return inbox.ErrReset
	case slices.Contains(v.Faults, Unavailable):
		return inbox.ErrAbsent
	case slices.Contains(v.Faults, SlowAnswer):
		d.dawdle(ctx)
	}
	return nil
}
