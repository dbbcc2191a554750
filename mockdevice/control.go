package mockdevice

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/cibatest/cibatest/mockdevice/wire"
)

// filterOf reads the filter of a query, as [Filter.query] writes it.
func filterOf(r *http.Request) (Filter, error) {
	q := r.URL.Query()
	f := Filter{
		AuthReqID: q.Get("auth_req_id"), User: q.Get("user"), LoginHint: q.Get("login_hint"), ClientID: q.Get("client_id"),
		BindingMessage: q.Get("binding_message"), State: q.Get("state"),
	}
	return f, f.Check()
}

// The bounds of one page of a list.
const (
	maxList      = 1000
	maxListBytes = 8 << 20 // what the requests on it weigh
)

// list answers the newest requests that match, as many as a page holds, oldest of them
// first.
func (d *Device) list(w http.ResponseWriter, r *http.Request) {
	f, err := filterOf(r)
	limit := maxList
	if text := r.URL.Query().Get("limit"); err == nil && text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > maxList {
			err = fmt.Errorf("limit %.20q is not 1 to %d", text, maxList)
		}
	}
	if err != nil {
		wire.Refuse(w, http.StatusBadRequest, err)
		return
	}
	found := d.Requests(f.Matches)
	total := len(found)
	found = found[max(0, total-limit):]
	slices.Reverse(found)
	found = found[:wire.Lightest(found, maxListBytes)]
	slices.Reverse(found)
	for i := range found {
		found[i] = found[i].WithoutSecrets()
	}
	wire.Answer(w, map[string]any{"requests": append([]Request{}, found...), "total": total})
}

// keyIn reads the {id} of a path: an auth_req_id or a ref.
func (d *Device) keyIn(r *http.Request) wire.Key {
	id := r.PathValue("id")
	if k, ok := wire.ParseKey(id); ok {
		if _, known := d.store.get(k); known {
			return k
		}
	}
	return wire.KeyOf(id)
}

// read shows one request, without what only its OP may know.
func (d *Device) read(w http.ResponseWriter, r *http.Request) {
	request, ok := d.store.get(d.keyIn(r))
	if !ok {
		wire.Refuse(w, http.StatusNotFound, ErrUnknown)
		return
	}
	wire.Answer(w, request.WithoutSecrets())
}

// maxWait bounds a wait-for call.
const maxWait = 10 * time.Minute

// wait answers as soon as there is a request that matches, with 408 when none came in time.
func (d *Device) wait(w http.ResponseWriter, r *http.Request) {
	f, err := filterOf(r)
	timeout := 30 * time.Second
	if text := r.URL.Query().Get("timeout"); err == nil && text != "" {
		if timeout, err = time.ParseDuration(text); err != nil || timeout < 0 || timeout > maxWait {
			err = fmt.Errorf("timeout %.20q is not a duration up to %s", text, maxWait)
		}
	}
	if err != nil {
		wire.Refuse(w, http.StatusBadRequest, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	request, err := d.Wait(ctx, f.Matches)
	if err != nil {
		wire.Refuse(w, http.StatusRequestTimeout, fmt.Errorf("no such request arrived within %s", timeout))
		return
	}
	wire.Answer(w, request.WithoutSecrets())
}

// decideOne makes the decision of a test.
func (d *Device) decideOne(w http.ResponseWriter, r *http.Request) {
	var decision Decision
	if err := wire.Decode(r.Body, &decision); err != nil {
		wire.Refuse(w, http.StatusBadRequest, err)
		return
	}
	d.answerDecision(w, r, d.keyIn(r), decision, "command")
}

// answerDecision decides and answers when the OP was told. What can be no decision is
// 400, before anything is changed.
func (d *Device) answerDecision(w http.ResponseWriter, r *http.Request, k wire.Key, decision Decision, by string) {
	if _, err := decision.Checked(); err != nil {
		wire.Refuse(w, http.StatusBadRequest, err)
		return
	}
	wire.AnswerDecision(w, d.decide(r.Context(), k, decision, by))
}

// decideMany makes one decision about every open request that matches.
func (d *Device) decideMany(w http.ResponseWriter, r *http.Request) {
	var bulk struct {
		Match    Filter   `json:"match"`
		Decision Decision `json:"decision"`
	}
	err := wire.Decode(r.Body, &bulk)
	if err == nil {
		err = bulk.Match.Check()
	}
	if err == nil {
		_, err = bulk.Decision.Checked()
	}
	if err != nil {
		wire.Refuse(w, http.StatusBadRequest, err)
		return
	}
	var result struct {
		Decided int `json:"decided"`
		Failed  int `json:"failed"`
	}
	open := func(r Request) bool { return bulk.Match.Matches(r) && r.State(time.Now()) == wire.StateOpen }
	for err := range d.decideAll(r.Context(), d.Requests(open), bulk.Decision) {
		if err != nil {
			result.Failed++
		} else {
			result.Decided++
		}
	}
	wire.Answer(w, result)
}

// decideAll decides as many at once as may be on their way, and tells how each went.
func (d *Device) decideAll(ctx context.Context, requests []Request, decision Decision) <-chan error {
	results, next := make(chan error), make(chan Request)
	var workers sync.WaitGroup
	for range min(d.outbox.limit, len(requests)) {
		workers.Go(func() {
			for request := range next {
				results <- d.Decide(ctx, request.AuthReqID, decision)
			}
		})
	}
	go func() {
		for _, request := range requests {
			next <- request
		}
		close(next)
		workers.Wait()
		close(results)
	}()
	return results
}

// approve is the URL template of the OpenID Foundation suite.
func (d *Device) approve(w http.ResponseWriter, r *http.Request) {
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
		wire.Refuse(w, http.StatusForbidden, errors.New("a page of another origin may not decide"))
		return
	}
	q := r.URL.Query()
	d.decideByURL(w, r, q.Get("auth_req_id"), q.Get("action"))
}

// decideByURL knows the two words that templates for decisions have in common.
func (d *Device) decideByURL(w http.ResponseWriter, r *http.Request, id, word string) {
	action, ok := map[string]Action{"allow": Approve, "deny": Deny}[word]
	if !ok {
		wire.Refuse(w, http.StatusBadRequest, fmt.Errorf("action %.20q is not allow or deny", word))
		return
	}
	d.answerDecision(w, r, wire.KeyOf(id), Decision{Action: action}, "command")
}
