package harness

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/internal/notify"
)

// CallbackWindow is what an OP may take from a decision to its call.
const CallbackWindow = driver.CallWindow

// Notification is a call of the OP to the client's notification endpoint. Its Payload is
// what matchers judge:
//
//	n, came := Notified(t, flow)
//	t.Expect(n.Payload).To(BeJSON())
type Notification = driver.Notification

// CallAnswer is what a call of the OP is answered with; the zero value is 204.
type CallAnswer = notify.Answer

// AnswerWith says how the OP's calls about a flow are answered from now on: one answer
// after the other, and the last for all that follow. Without it they are answered 204.
func AnswerWith(t *T, f *Flow, answers ...CallAnswer) { inboxOf(t, f).Answer(answers...) }

// ApproveUncalled approves a flow about which no call arrives, or none is taken. An OP that
// calls before it answers a decision may tell its own trouble with the call as one with the
// decision, or leave it without an answer; the decision counts all the same, or else what
// follows shows it.
func ApproveUncalled(t *T, f *Flow) {
	err := TryDecide(t, f, approve.Decision{Allow: true})
	if _, refused := errors.AsType[*approve.RefusedError](err); err != nil && !refused && !errors.Is(err, approve.ErrUncertain) {
		abortTransient("the decision could not be made: %v", err)
	}
}

// Notified is the first call about a flow, which it waits for as long as an OP may take.
func Notified(t *T, f *Flow) (n Notification, came bool) {
	list := NotifiedTimes(t, f, 1, CallbackWindow)
	if len(list) == 0 {
		return Notification{}, false
	}
	return list[0], true
}

// NotifiedTimes are the calls about a flow, once there are n of them or the time is over.
func NotifiedTimes(t *T, f *Flow, n int, within time.Duration) []Notification {
	list, err := t.driver.AwaitNotifications(t.ctx, f, n, within)
	if err != nil {
		endOn(t, err)
	}
	return list
}

// NotNotified waits, and returns the calls about a flow that came all the same.
func NotNotified(t *T, f *Flow, within time.Duration) []Notification {
	return NotifiedTimes(t, f, 1, within)
}

// MustBeNotified is [Notified] for cases about something else, which cannot be judged
// without a call.
func MustBeNotified(t *T, f *Flow) Notification {
	n, came := Notified(t, f)
	if !came {
		abortTransient("the OP did not call the notification endpoint of client %s within %s", f.Client.Name, CallbackWindow)
	}
	return n
}

// Misled are the calls that named a flow and did not carry its client_notification_token.
// An OP made them, or somebody who knows the auth_req_id.
func Misled(t *T, f *Flow) []Notification { return t.driver.Witness(inboxOf(t, f).Misled()) }

// Astray are the calls that followed a redirect which a call about the flow was answered
// with.
func Astray(t *T, f *Flow) []Notification { return t.driver.Witness(inboxOf(t, f).Astray()) }

// Trap is an address that was told to nobody and has to stay silent. The function returns
// what came there all the same.
func Trap(t *T) (at string, came func() []Notification) {
	at, inbox, ok := t.session.run.Trap()
	if !ok {
		t.Skip("notification_receiver: notifications.listen is not set, so nobody could be seen to fetch anything")
	}
	return at, func() []Notification { return t.driver.Witness(inbox.Astray()) }
}

// HoldingEndpoints takes steps while no other case does anything to the notification
// endpoints. A case needs that around [Unreachable] and [Posing], which concern every request
// of the run, so that only a case that comes after all others may use them.
func HoldingEndpoints(t *T, steps func()) {
	release, err := t.session.run.HoldEndpoints(t.ctx)
	if err != nil {
		endOn(t, err)
	}
	defer release()
	steps()
}

// Unreachable takes steps while nobody listens at the notification endpoints, which are held.
func Unreachable(t *T, steps func()) {
	defer openAgain(t, t.session.run.Unreachable())
	steps()
}

// Impostor is a certificate that an OP has to refuse at a notification endpoint. Its What
// says which.
type Impostor = notify.Impostor

// MustImpostors are those that the notification endpoints can pose as, or a skip where they
// have no certificate.
func MustImpostors(t *T) []Impostor {
	list, err := t.session.run.Impostors()
	MustNotFail(t, err)
	if len(list) == 0 {
		t.Skip("the notification endpoints are plain HTTP, so that there is no certificate to check; set notifications.tls")
	}
	return list
}

// Posing takes steps while the notification endpoints, which are held, show the certificate of
// an impostor to whoever connects.
func Posing(t *T, as Impostor, steps func()) {
	back, err := t.session.run.Pose(t.ctx, as)
	if err != nil {
		t.Abort("%v", err)
	}
	defer openAgain(t, back)
	steps()
}

// openAgain serves the notification endpoints as before, also when the time of the case is
// over.
func openAgain(t *T, back func(context.Context) error) {
	if err := back(context.WithoutCancel(t.ctx)); err != nil {
		t.Note("after the case %s the notification endpoint could not be opened again: %v", t.def.ID, err)
	}
}

// afterRefusal is how long a call may still come when a connection was given up.
const afterRefusal = 2 * time.Second

// NotifiedInspite takes steps that make the OP call about a flow, and returns the calls that
// come although connections to the endpoint ought to be given up, and whether one was. It waits
// as long as an OP may take, and less when a connection was given up.
func NotifiedInspite(t *T, f *Flow, steps func()) (calls []Notification, givenUp bool) {
	before, until := t.session.run.BrokenConnections(), time.Now().Add(CallbackWindow)
	steps()
	for time.Now().Before(until) {
		if calls := NotifiedTimes(t, f, 1, lookEvery); len(calls) > 0 {
			return calls, false
		}
		if t.session.run.BrokenConnections() > before {
			return NotifiedTimes(t, f, 1, afterRefusal), true
		}
	}
	return nil, false
}

// lookEvery is how often it is looked whether a connection was given up.
const lookEvery = 200 * time.Millisecond

// JudgeNoRedirect judges that the OP's calls follow no redirect: whoever can answer in the
// client's place would be sent the token of the request, and in push mode all others. The
// approval is not fetched.
func JudgeNoRedirect(t *T) {
	statuses := []int{301, 302, 303, 307, 308} // all that name a place to go to; RFC 9110 15.4
	flows := make([]*Flow, len(statuses))
	for i, status := range statuses {
		flows[i] = t.MustStart(t.Request())
		AnswerWith(t, flows[i], CallAnswer{Status: status, Redirect: true})
		ApproveUncalled(t, flows[i])
		MustBeNotified(t, flows[i])
	}
	t.Wait(CallbackWindow)
	for i, status := range statuses {
		followed := Astray(t, flows[i])
		if len(followed) > 0 {
			t.At(followed[0].Payload)
		}
		t.Check(len(followed) == 0, fmt.Sprintf("no call to the address that a %d names", status), "%d calls there", len(followed))
	}
}

func inboxOf(t *T, f *Flow) *notify.Inbox {
	inbox := t.session.run.Inbox(f)
	if inbox == nil {
		t.Abort("a defect in cibatest: the case asks for calls about a request that nobody can be called about")
	}
	return inbox
}
