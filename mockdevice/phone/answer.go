package phone

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/cibatest/cibatest/mockdevice/tree"
	"github.com/cibatest/cibatest/mockdevice/wire"
)

// requestIn is the request that the path of a page's call names.
func (p *Page) requestIn(r *http.Request) (request wire.Request, k wire.Key, ok bool) {
	if k, ok = wire.ParseKey(r.PathValue("ref")); !ok {
		return wire.Request{}, k, false
	}
	request, ok = p.device.Lookup(k)
	return request, k, ok
}

// showRequest is the part of the page that shows one request.
func (p *Page) showRequest(w http.ResponseWriter, r *http.Request) {
	request, _, ok := p.requestIn(r)
	if !ok {
		wire.Refuse(w, http.StatusNotFound, wire.ErrUnknown)
		return
	}
	shown := promptOf(request, time.Now())
	part := "finished"
	if shown.State == wire.StateOpen {
		part = "open"
	}
	render(w, http.StatusOK, part, shown)
}

// answer is what the page posts.
type answer struct {
	Digest   string      `json:"digest"` // of what it shows
	Decision wire.Action `json:"decision"`
	Reason   string      `json:"reason"`
	// What of a narrowable request is granted; absent: all of it.
	Scopes  *[]string `json:"scopes"`
	Details *[]int    `json:"details"`
}

// readAnswer refuses an answer to something else than what is asked now.
func (p *Page) readAnswer(w http.ResponseWriter, r *http.Request) (a answer, request wire.Request, k wire.Key, ok bool) {
	request, k, ok = p.requestIn(r)
	if !ok {
		wire.Refuse(w, http.StatusNotFound, wire.ErrUnknown)
		return a, request, k, false
	}
	if err := wire.Decode(r.Body, &a); err != nil {
		wire.Refuse(w, http.StatusBadRequest, err)
		return a, request, k, false
	}
	if !equal(a.Digest, Digest(request)) {
		wire.Refuse(w, http.StatusConflict, errors.New("what the page shows is not what is asked any more; load it again"))
		return a, request, k, false
	}
	return a, request, k, true
}

// noteShown is told by the page once every part of a request was on the screen.
func (p *Page) noteShown(w http.ResponseWriter, r *http.Request) {
	_, request, _, ok := p.readAnswer(w, r)
	if !ok {
		return
	}
	p.device.MarkShown(request)
	w.WriteHeader(http.StatusNoContent)
}

// decide takes a person's decision. An approval needs everything to have been visible
// before.
func (p *Page) decide(w http.ResponseWriter, r *http.Request) {
	a, request, k, ok := p.readAnswer(w, r)
	if !ok {
		return
	}
	decision, err := a.decision(request)
	switch {
	case err != nil:
		wire.Refuse(w, http.StatusBadRequest, err)
	case decision.Action == wire.Approve && !p.device.WasShown(k):
		wire.Refuse(w, http.StatusConflict, errors.New("not everything was visible yet"))
	default:
		wire.AnswerDecision(w, p.device.Decide(r.Context(), k, decision))
	}
}

// maxReason bounds what a person may write, in bytes.
const maxReason = 500

// decision is what the person decided, in the words of the device.
func (a answer) decision(asked wire.Request) (wire.Decision, error) {
	if a.Decision != wire.Approve && a.Decision != wire.Deny {
		return wire.Decision{}, fmt.Errorf("decision %.20q is not approve or deny", a.Decision)
	}
	if len(a.Reason) > maxReason {
		return wire.Decision{}, fmt.Errorf("the reason is longer than %d bytes", maxReason)
	}
	d := wire.Decision{Action: a.Decision, Reason: a.Reason}
	if a.Decision == wire.Approve {
		a.narrow(asked, &d)
	}
	return d, nil
}

// narrow leaves of an approval what the person picked.
func (a answer) narrow(asked wire.Request, d *wire.Decision) {
	if a.Scopes != nil {
		scope := asked.ScopeWithin(*a.Scopes)
		d.Scope = &scope
	}
	if a.Details != nil {
		details, _ := asked.Details() // was checked when it arrived
		kept := tree.Value{Kind: tree.Array}
		for i, object := range details {
			if slices.Contains(*a.Details, i) {
				kept.Items = append(kept.Items, object)
			}
		}
		d.AuthorizationDetails, _ = kept.MarshalJSON()
	}
}
