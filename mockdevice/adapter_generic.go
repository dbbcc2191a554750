package mockdevice

import (
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/cibatest/cibatest/mockdevice/tree"
	"github.com/cibatest/cibatest/mockdevice/wire"
)

// receiveGeneric finds the adapter that the path names.
func (d *Device) receiveGeneric(w http.ResponseWriter, r *http.Request) {
	for _, g := range d.adapters.Generic {
		if g.Name == r.PathValue("name") {
			d.takeGeneric(w, r, g)
			return
		}
	}
	wire.Refuse(w, http.StatusNotFound, fmt.Errorf("no generic adapter %.40q is configured", r.PathValue("name")))
}

// takeGeneric takes a request in and answers as the adapter file says: at once, or with
// the decision.
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

// readMapped finds a request in a body of any shape.
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

// write fills the answer. Without sync there is no decision yet, and {action} is deny.
func (a Answer) write(w http.ResponseWriter, r Request, d Decision) {
	t := Template{Body: a.Body, Headers: map[string]string{"Content-Type": a.ContentType}, Words: a.Words}
	w.Header().Set("Content-Type", a.ContentType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(a.Status)
	_, _ = io.WriteString(w, t.body(t.values(r, d)))
}
