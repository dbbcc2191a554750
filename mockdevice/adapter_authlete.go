package mockdevice

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/cibatest/cibatest/mockdevice/audit"
	"github.com/cibatest/cibatest/mockdevice/wire"
)

// The modes of Authlete's simulator.
var authleteModes = []string{"sync", "async", "poll"}

// authleteAsk is what Authlete's reference AS sends in every mode.
type authleteAsk struct {
	Workspace      string `json:"workspace"`
	User           string `json:"user"`
	Message        string `json:"message"`
	Timeout        int    `json:"timeout"` // seconds
	ActionizeToken string `json:"actionize_token"`
	State          string `json:"state"`
}

// authleteAnswer is what it is answered, now or by callback.
type authleteAnswer struct {
	RequestID string `json:"request_id,omitempty"`
	Status    string `json:"status,omitempty"`
	Result    string `json:"result,omitempty"`
	State     string `json:"state,omitempty"`
}

// The shortest and longest an authentication may take, in seconds.
const authleteShortest, authleteLongest = 5, 60

// request is the request in our words. The actionize_token is the id, since the decision
// by URL names it; an AS that sends none cannot use that way, and gets a random one.
func (a authleteAsk) request() (Request, error) {
	switch {
	case a.Workspace == "":
		return Request{}, errors.New("workspace is missing")
	case a.User == "":
		return Request{}, errors.New("user is missing")
	case a.Timeout < authleteShortest || a.Timeout > authleteLongest:
		return Request{}, fmt.Errorf("timeout is %d, not %d to %d seconds", a.Timeout, authleteShortest, authleteLongest)
	}
	if a.ActionizeToken == "" {
		a.ActionizeToken = rand.Text()
	}
	return Request{
		AuthReqID: a.ActionizeToken, LoginHint: a.User, BindingMessage: a.Message,
		ExpiresAt: time.Now().Add(time.Duration(a.Timeout) * time.Second),
		Labels:    map[string]string{"workspace": a.Workspace, "state": a.State},
	}, nil
}

// authleteResult has three words: everything but yes and no is a timeout.
func authleteResult(a Action) string {
	switch a {
	case Approve:
		return "allow"
	case Deny, Cancel:
		return "deny"
	default:
		return "timeout"
	}
}

// receiveAuthlete serves sync, async and poll.
func (d *Device) receiveAuthlete(w http.ResponseWriter, r *http.Request) {
	mode := r.PathValue("mode")
	if !slices.Contains(authleteModes, mode) {
		wire.Refuse(w, http.StatusNotFound, fmt.Errorf("mode %.20q is not %s", mode, wire.OneOf(authleteModes)))
		return
	}
	var ask authleteAsk
	err := wire.Decode(r.Body, &ask)
	if err == nil && mode == "async" && d.adapters.Authlete.Callback == "" {
		err = errors.New("async needs authlete.callback in the device's adapter file")
	}
	var request Request
	if err == nil {
		request, err = ask.request()
	}
	if err != nil {
		wire.Refuse(w, http.StatusBadRequest, err)
		return
	}
	var out *outlet
	if mode == "async" {
		request.Callback, out = d.adapters.Authlete.Callback, authleteOutlet
	}
	if d.take(w, r, request, adapterAuthlete, out) {
		d.answerAuthlete(w, r, mode, request)
	}
}

// answerAuthlete answers as the mode wants: sync with the decision, the others with a
// name to ask for or to expect a callback about. Async is told also when nobody decides.
func (d *Device) answerAuthlete(w http.ResponseWriter, r *http.Request, mode string, request Request) {
	k := wire.KeyOf(request.AuthReqID)
	switch mode {
	case "sync":
		wire.Answer(w, authleteAnswer{Result: authleteResult(d.decisionNow(r, k, request.ExpiresAt))})
	case "async":
		d.wheel.after(d.ctx, &d.work, time.Until(request.ExpiresAt), func() { d.tellTimeout(k) })
		fallthrough
	default:
		wire.Answer(w, authleteAnswer{RequestID: k.String()})
	}
}

// decisionNow waits for a decision until a moment and notes that it was handed over
// in the answer.
func (d *Device) decisionNow(r *http.Request, k wire.Key, until time.Time) Action {
	ctx, cancel := context.WithDeadline(r.Context(), until)
	defer cancel()
	request, ok := d.awaitDecision(ctx, k)
	if !ok || request.Decided == "" || request.Decided == Ignore {
		if request.Decided == Ignore {
			<-ctx.Done() // a user who ignores the phone lets the OP wait
		}
		return wire.TimedOut
	}
	d.counters.delivered.Add(1)
	d.audit.Note(audit.Entry{Event: audit.Delivered, Ref: k.String(), Note: "in the answer"})
	d.conclude(k, "in the answer")
	return request.Decided
}

// tellTimeout tells an OP that wants to hear of it that nobody decided.
func (d *Device) tellTimeout(k wire.Key) {
	d.outbox.do(&d.work, func() {
		if c, err := d.claim(k, anySeq, Decision{Action: wire.TimedOut}, "time"); err == nil && c.first {
			_ = d.deliver(c.request, c.outlet, Decision{Action: wire.TimedOut})
		}
	})
}

// authleteStatus serves the poll mode.
func (d *Device) authleteStatus(w http.ResponseWriter, r *http.Request) {
	var ask authleteAnswer
	if err := wire.Decode(r.Body, &ask); err != nil {
		wire.Refuse(w, http.StatusBadRequest, err)
		return
	}
	k, _ := wire.ParseKey(ask.RequestID)
	request, ok := d.store.get(k)
	if !ok || request.Adapter != adapterAuthlete {
		wire.Refuse(w, http.StatusNotFound, errors.New("there is no authentication with this request_id"))
		return
	}
	switch {
	case request.Decided != "" && request.Decided != Ignore && request.Decided != wire.TimedOut:
		wire.Answer(w, authleteAnswer{Status: "complete", Result: authleteResult(request.Decided)})
	case request.ExpiredAt(time.Now()):
		wire.Answer(w, authleteAnswer{Status: "timeout", Result: "timeout"})
	default:
		wire.Answer(w, authleteAnswer{Status: "active"})
	}
}

// actionize is the decision by URL of Authlete's simulator.
func (d *Device) actionize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	request, ok := d.Find(q.Get("token"))
	if !ok || request.Labels["workspace"] != q.Get("workspace") {
		wire.Refuse(w, http.StatusNotFound, errors.New("there is no authentication with this workspace and token"))
		return
	}
	d.decideByURL(w, r, q.Get("token"), q.Get("action"))
}
