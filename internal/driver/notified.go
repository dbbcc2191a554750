package driver

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/notify"
)

// notificationToken is the parameter with the token that the OP has to call with.
const notificationToken = "client_notification_token"

// newNotificationToken has 256 random bits, always new ones: CIBA Core 7.1 wants 128, and a
// run's seed is no secret.
func newNotificationToken() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// Notification is a call of the OP to a client's notification endpoint.
type Notification struct {
	*notify.Call

	// Payload is the call in the form of an answer, with its headers and body and the
	// status 200: what is pushed is read and judged as a token response. It is also the
	// evidence of the call.
	Payload *ciba.Response
}

// expectCalls opens the inbox of a backchannel request before it is sent, since the OP may
// call before it acknowledges.
func (r *Run) expectCalls(q Request) {
	if token := q.Form.Get(notificationToken); r.receiver != nil && token != "" {
		r.receiver.Expect(token, 0)
	}
}

// nameCalls tells the receiver the auth_req_id of a request.
func (r *Run) nameCalls(q Request, authReqID string) {
	if token := q.Form.Get(notificationToken); r.receiver != nil && token != "" {
		r.receiver.Name(r.receiver.Expect(token, 0), authReqID)
	}
}

// Inbox is what comes for a flow; nil where nothing can come, as the flow had no
// client_notification_token or nothing is received in this run.
func (r *Run) Inbox(f *Flow) *notify.Inbox {
	if r.receiver == nil {
		return nil
	}
	return r.receiver.Named(f.AuthReqID)
}

// Trap is an address of the receiver that has to stay silent, see [notify.Receiver.Trap].
// Nothing is received in this run where ok is false.
func (r *Run) Trap() (at string, calls *notify.Inbox, ok bool) {
	if r.receiver == nil {
		return "", nil, false
	}
	at, calls = r.receiver.Trap()
	return at, calls, at != ""
}

// HoldEndpoints has the notification endpoints to oneself until release is called: what is
// done to them concerns every request of the run. The error is a [*Stop] where others kept
// them too long.
func (r *Run) HoldEndpoints(ctx context.Context) (release func(), err error) {
	return r.endpoints.take(ctx)
}

// Unreachable makes the notification endpoints, which are held, unreachable until back is
// called.
func (r *Run) Unreachable() (back func(context.Context) error) { return r.receiver.Away() }

// Impostors are those that the notification endpoints can pose as; none where nothing is
// received, or over plain HTTP.
func (r *Run) Impostors() ([]notify.Impostor, error) {
	if r.receiver == nil {
		return nil, nil
	}
	return r.receiver.Impostors()
}

// Pose shows the certificate of an impostor at the notification endpoints, which are held,
// until back is called.
func (r *Run) Pose(ctx context.Context, as notify.Impostor) (back func(context.Context) error, err error) {
	return r.receiver.Pose(ctx, as)
}

// BrokenConnections counts those to the notification endpoints that ended before a call.
func (r *Run) BrokenConnections() int { return r.receiver.Broken().Count }

// AwaitNotifications waits until n calls have come for a flow, or the time is over, and
// returns those that came, as evidence of the case. The error is a [*Stop].
func (d *Driver) AwaitNotifications(ctx context.Context, f *Flow, n int, within time.Duration) ([]Notification, error) {
	inbox := d.run.Inbox(f)
	if inbox == nil {
		return nil, &Stop{Reason: "nothing can be received for this request: " +
			"it has no client_notification_token, or no notification endpoint is open"}
	}
	brief, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	calls := inbox.Await(brief, n)
	if ctx.Err() != nil {
		return nil, interrupted(ctx)
	}
	return d.Witness(calls), nil
}

// Witness keeps calls as evidence of the case.
func (d *Driver) Witness(calls []*notify.Call) []Notification {
	list := make([]Notification, len(calls))
	for i, c := range calls {
		payload, _ := d.run.received.LoadOrStore(c, d.run.http.Receive(Incoming(c)))
		list[i] = Notification{Call: c, Payload: payload.(*ciba.Response)}
		d.recorder.Received(list[i].Payload)
	}
	return list
}

// Incoming is a call as evidence has it.
func Incoming(c *notify.Call) ciba.Incoming {
	in := ciba.Incoming{
		Label: "notification", Method: c.Method, URL: c.URL, Header: c.Header, Body: c.Body, Truncated: c.Truncated, At: c.At,
		Status: c.Answer.Code(), AnswerHeader: c.Answer.Header(), AnswerBody: []byte(c.Answer.Body), Took: c.Answer.After,
	}
	switch {
	case c.Astray:
		in.Label = "notification at the address of a redirect"
	case c.Client == "":
		in.Label = "notification elsewhere"
	}
	if c.Answer.Cut {
		in.Err = "the connection was cut without an answer, as was wanted"
	}
	return in
}
