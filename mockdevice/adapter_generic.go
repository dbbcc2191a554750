package mockdevice

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cibatest/cibatest/mockdevice/audit"
	"github.com/cibatest/cibatest/mockdevice/tree"
	"github.com/cibatest/cibatest/mockdevice/wire"
)

func randomName() string { return rand.Text() }

func contextUntil(r *http.Request, until time.Time) (context.Context, context.CancelFunc) {
	return context.WithDeadline(r.Context(), until)
}

// request reads a document.
func (m Mapping) request(document tree.Value) (Request, error) {
	var r Request
	texts := []struct {
		name string
		at   tree.Pointer
		to   *string
	}{
		{"id", m.ID, &r.AuthReqID},
		{"user", m.User, &r.LoginHint},
		{"client", m.Client, &r.ClientID},
		{"message", m.Message, &r.BindingMessage},
		{"scope", m.Scope, &r.Scope},
		{"acr", m.ACR, &r.ACRValues},
		{"callback", m.Callback, &r.Callback},
		{"callback_token", m.CallbackToken, &r.CallbackToken},
	}
	for _, t := range texts {
		text, err := textAt(document, t.at)
		if err != nil {
			return Request{}, fmt.Errorf("%s (%s): %w", t.name, t.at, err)
		}
		*t.to = text
	}
	if r.AuthReqID == "" {
		return Request{}, fmt.Errorf("id (%s) is missing", m.ID)
	}
	for name, at := range m.Labels {
		if text, err := textAt(document, at); err == nil && text != "" {
			if r.Labels == nil {
				r.Labels = map[string]string{}
			}
			r.Labels[name] = text
		}
	}
	return r, errors.Join(m.readDetails(document, &r), m.readExpiry(document, &r))
}

// textAt is the text at a tree.Pointer, or empty. A list of words, as some OPs write
// scopes, becomes one text.
func textAt(document tree.Value, at tree.Pointer) (string, error) {
	if at == nil {
		return "", nil
	}
	value, ok := at.First(document)
	if !ok || value.Kind == tree.Null {
		return "", nil
	}
	if text, ok := value.Scalar(); ok {
		return text, nil
	}
	if value.Kind != tree.Array {
		return "", errors.New("not a text")
	}
	words := make([]string, len(value.Items))
	for i, item := range value.Items {
		if words[i], ok = item.Scalar(); !ok {
			return "", errors.New("not a list of texts")
		}
	}
	return strings.Join(words, " "), nil
}

// readDetails takes an array, or the text of one.
func (m Mapping) readDetails(document tree.Value, r *Request) error {
	if m.Details == nil {
		return nil
	}
	value, ok := m.Details.First(document)
	switch {
	case !ok || value.Kind == tree.Null:
		return nil
	case value.Kind == tree.String:
		r.AuthorizationDetails = []byte(value.Text)
		return nil
	}
	raw, err := value.MarshalJSON()
	r.AuthorizationDetails = raw
	return err
}

// readExpiry takes a time as RFC 3339 or Unix seconds, or a number of seconds from now.
func (m Mapping) readExpiry(document tree.Value, r *Request) error {
	if text, err := textAt(document, m.ExpiresAt); err != nil || text != "" {
		if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
			r.ExpiresAt = time.Unix(seconds, 0)
			return nil
		}
		if r.ExpiresAt, err = time.Parse(time.RFC3339, text); err != nil {
			return fmt.Errorf("expires_at (%s): %.40q is neither RFC 3339 nor Unix seconds", m.ExpiresAt, text)
		}
		return nil
	}
	if text, err := textAt(document, m.ExpiresIn); err != nil || text != "" {
		seconds, err := strconv.Atoi(text)
		if err != nil || seconds <= 0 || seconds > int(wire.MaxLife/time.Second) {
			return fmt.Errorf("expires_in (%s): %.40q is not a number of seconds", m.ExpiresIn, text)
		}
		r.ExpiresAt = time.Now().Add(time.Duration(seconds) * time.Second)
	}
	return nil
}

func (d *Device) receiveGeneric(w http.ResponseWriter, r *http.Request) {
	for _, g := range d.adapters.Generic {
		if g.Name == r.PathValue("name") {
			d.takeGeneric(w, r, g)
			return
		}
	}
	wire.Refuse(w, http.StatusNotFound, fmt.Errorf("no generic adapter %.40q is configured", r.PathValue("name")))
}

func (d *Device) takeGeneric(w http.ResponseWriter, r *http.Request, g Generic) {
	request, err := readMapped(r.Body, g.Mapping)
	if err != nil {
		wire.Refuse(w, http.StatusBadRequest, err)
		return
	}
	var out *outlet
	switch {
	case g.Sync > 0: // the answer tells
	case g.Out != nil:
		out = g.Out.outlet()
	default:
		out = nativeOutlet
	}
	if !d.take(w, r, request, g.Name, out) {
		return
	}
	decision := Decision{}
	k := wire.KeyOf(request.AuthReqID)
	if g.Sync > 0 {
		decision.Action = d.decisionNow(r, k, time.Now().Add(g.Sync))
	}
	request.Ref = k.String()
	g.Answer.write(w, request, decision)
}

func readMapped(body io.Reader, m Mapping) (Request, error) {
	raw, err := io.ReadAll(body)
	if err != nil {
		return Request{}, err
	}
	document, err := tree.Parse(raw)
	if err != nil {
		return Request{}, err
	}
	return m.request(document)
}

func (a Answer) write(w http.ResponseWriter, r Request, d Decision) {
	t := Template{Body: a.Body, Headers: map[string]string{"Content-Type": a.ContentType}, Words: a.Words}
	w.Header().Set("Content-Type", a.ContentType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(a.Status)
	_, _ = io.WriteString(w, t.fill(a.Body, r, d, t.escape()))
}

// pull polls the queue of an OP until the device closes. A queue that has something
// is asked again at once.
func (d *Device) pull(p Pull) {
	for d.ctx.Err() == nil {
		if n, err := d.pullOnce(p); err == nil && n > 0 {
			continue
		}
		if d.sleep(p.Every) != nil {
			return
		}
	}
}

// pullOnce takes in what the queue holds and says how many requests were new.
func (d *Device) pullOnce(p Pull) (taken int, err error) {
	if d.transport == nil {
		return 0, errNowhere
	}
	ctx, cancel := context.WithTimeout(d.ctx, time.Minute) // queues may hold a poll for a while
	defer cancel()
	req, err := p.Ask.outlet().request(Request{}, Decision{})
	if err != nil {
		return 0, err
	}
	resp, err := d.transport.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	if err != nil || resp.StatusCode/100 != 2 || len(raw) == 0 {
		return 0, err
	}
	document, err := tree.Parse(raw)
	if err != nil {
		return 0, err
	}
	for _, item := range p.items(document) {
		request, err := p.Mapping.request(item)
		_, known := d.Find(request.AuthReqID)
		if err == nil && !known {
			_, err = d.receive(request, p.Name, p.out())
			taken++
		}
		if err != nil {
			d.audit.Note(audit.Entry{Event: audit.Failed, Adapter: p.Name, Note: "pulled request: " + err.Error()})
		}
	}
	return taken, nil
}

func (p Pull) items(document tree.Value) []tree.Value {
	at, ok := p.Items.First(document)
	switch {
	case !ok || at.Kind == tree.Null:
		return nil
	case at.Kind == tree.Array:
		return at.Items
	}
	return []tree.Value{at}
}

func (p Pull) out() *outlet {
	if p.Out == nil {
		return nativeOutlet
	}
	return p.Out.outlet()
}
