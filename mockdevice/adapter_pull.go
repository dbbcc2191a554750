package mockdevice

import (
	"context"
	"io"
	"time"

	"github.com/cibatest/cibatest/mockdevice/audit"
	"github.com/cibatest/cibatest/mockdevice/tree"
)

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

// pullOnce takes in what the queue holds and counts the new requests.
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
