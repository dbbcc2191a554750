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
	raw, err := d.fetchQueue(p)
	if err != nil || len(raw) == 0 {
		return 0, err
	}
	document, err := tree.Parse(raw)
	if err != nil {
		return 0, err
	}
	for _, item := range p.items(document) {
		request, err := p.Mapping.request(item)
		if err == nil {
			err = d.mayCall(request.Callback, "")
		}
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

// The bounds of one look at a queue. Some hold a poll for a while.
const (
	queuePatience = time.Minute
	maxQueue      = 4 << 20 // bytes of an answer
)

// fetchQueue is what the queue answers; nothing, when the answer is no success.
func (d *Device) fetchQueue(p Pull) ([]byte, error) {
	if d.transport == nil {
		return nil, errNowhere
	}
	ctx, cancel := context.WithTimeout(d.ctx, queuePatience)
	defer cancel()
	req, err := p.Ask.outlet().request(Request{}, Decision{})
	if err != nil {
		return nil, err
	}
	resp, err := d.transport.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxQueue))
	if err != nil || resp.StatusCode/100 != 2 {
		return nil, err
	}
	return raw, nil
}

// items are the requests in an answer of the queue: a list of them, or the one there is.
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

// out is the way the OP is told.
func (p Pull) out() *outlet {
	if p.Out == nil {
		return nativeOutlet
	}
	return p.Out.outlet()
}
