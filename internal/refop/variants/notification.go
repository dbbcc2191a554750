package variants

import (
	"net/http"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// Notification are legal departures of calls to clients in ping and push mode. CIBA Core
// 10.2 and 10.3 say what a call is and what it is answered with; when it is made, how often,
// and what else HTTP brings along is left to the OP.
var Notification = []Variant{
	{"notify-after-5s", "no text says how fast a call comes", edit.NotifyingAfter(5 * time.Second)},
	{
		"notify-tried-once", "CIBA Core 10.2: what becomes of a call that is not taken is open",
		edit.TryingAgain(func(refop.Receipt, error) bool { return false }, 1, 0),
	},
	{
		"notify-tried-until-taken", "CIBA Core 10.2: what becomes of a call that is not taken is open",
		edit.TryingAgain(func(r refop.Receipt, err error) bool { return err != nil || r.Status/100 != 2 }, 5, 3*time.Second),
	},
	{"notify-with-charset", "RFC 8259 11: a parameter of the media type means nothing", edit.All(
		edit.Notifications(refop.DeliveryPing, withCharset), edit.Notifications(refop.DeliveryPush, withCharset),
	)},
	{"ping-on-expiry", "N-26: a call about an expiry is up to the OP", edit.NotifyingOf(refop.DeliveryPing, refop.Expired)},
	{"push-not-on-expiry", "N-26: a call about an expiry is up to the OP", edit.NotNotifying(refop.DeliveryPush, refop.Expired)},
	{"push-with-more", "RFC 6749 5.1: a token response may have members that a client does not know", edit.Notifications(refop.DeliveryPush,
		func(_ *refop.Call, n *refop.Notification) { n.Body["session_state"] = "x" }, refop.Approved)},
	{"push-error-without-description", "CIBA Core 12: error_description is optional", edit.Notifications(refop.DeliveryPush,
		func(_ *refop.Call, n *refop.Notification) { delete(n.Body, "error_description") }, refop.Denied, refop.Expired)},
	{"notify-retries-five-times", "CIBA Core 10.2: how often a call is tried is open", edit.TryingAgain(inTrouble, 6, 500*time.Millisecond)},
	{"notify-every-2s", "no text says how soon a call comes: the outbox is looked at every 2 s", notifyingEvery(2 * time.Second)},
	{"notify-media-type-in-capitals", "RFC 9110 8.3.1: the case of a media type says nothing", calling(func(n *refop.Notification) {
		n.Header.Set("Content-Type", "Application/JSON")
	})},
	{"notify-headers", "RFC 9110 5.1: any further header may be sent", calling(func(n *refop.Notification) {
		n.Header.Set("User-Agent", "Some-OP/7.1")
		n.Header.Set("Accept", "*/*")
		n.Header.Set("X-Request-Id", refop.RandomID(16))
		n.Header.Set("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	})},
	{"notify-spaced-json", "RFC 8259 2: space between the parts of JSON says nothing", calling(func(n *refop.Notification) {
		if n.Flow.Client.DeliveryMode == refop.DeliveryPing {
			n.Raw = []byte("{\r\n  \"auth_req_id\" : \"" + n.Flow.ID + "\"\r\n}\n")
		}
	})},
	{"notify-escaped-json", "RFC 8259 7: a character may be escaped", calling(func(n *refop.Notification) {
		if n.Flow.Client.DeliveryMode == refop.DeliveryPing {
			n.Raw = []byte(`{"\u0061uth_req_id":"` + n.Flow.ID + `"}`)
		}
	})},
	{
		"notification-token-short-refused", "CIBA-7.1-CNT-SHORT: an OP may refuse a token that can be guessed",
		edit.RefusingStarts("invalid_request", shortToken),
	},
	{
		"decision-answered-after-call", "no text says how a device is answered: an OP may call first, and tell the device of its trouble",
		answeredAfterCall,
	},
	{"notify-fresh-connections", "no text says that connections are kept", calling(func(n *refop.Notification) {
		n.Header.Set("Connection", "close")
	})},
}

func withCharset(_ *refop.Call, n *refop.Notification) {
	n.Header.Set("Content-Type", "application/json; charset=utf-8")
}

func inTrouble(r refop.Receipt, err error) bool { return err != nil || r.Status >= 500 }

// calling edits the calls of both modes.
func calling(change func(*refop.Notification)) edit.Change {
	each := func(_ *refop.Call, n *refop.Notification) { change(n) }
	return edit.All(edit.Notifications(refop.DeliveryPing, each), edit.Notifications(refop.DeliveryPush, each))
}

// notifyingEvery calls at whole multiples of a pause, as an OP does that looks what there is
// to tell from time to time.
func notifyingEvery(pause time.Duration) edit.Change {
	return edit.NotifyingBy(func(op *refop.OP, _ *refop.Notification, call func()) {
		now := op.Now()
		op.Wait(now.Truncate(pause).Add(pause).Sub(now))
		call()
	})
}

// shortToken are the requests of a notified client whose token has fewer than 22 characters,
// which are 128 bits.
func shortToken(c *refop.Call) bool {
	token := c.Value("client_notification_token")
	return c.Client != nil && c.Client.Notified() && c.Request.Method == http.MethodPost && token != "" && len(token) < 22
}

// answeredAfterCall answers a decision when its client was called: with an error where the
// call was not taken, although the decision counts.
func answeredAfterCall(p *refop.Plan) {
	var calls sync.Map // *refop.Flow -> chan bool, whether the call was taken
	p.Policy.NotifyTries, p.Policy.NotifyTimeout = 1, 5*time.Second
	p.EditDecisions(func(f *refop.Flow) {
		if p.Rules.NotificationDue(f, f.State) {
			calls.Store(f, make(chan bool, 1))
		}
	})
	edit.NotifyingBy(func(_ *refop.OP, n *refop.Notification, call func()) {
		call()
		if came, asked := calls.Load(n.Flow); asked {
			close(came.(chan bool)) // nothing that was taken is in it
		}
	})(p)
	edit.Delivering(func(_ *refop.OP, n *refop.Notification, try func() (refop.Receipt, error)) (refop.Receipt, error) {
		receipt, err := try()
		if came, asked := calls.Load(n.Flow); asked && err == nil && receipt.Status/100 == 2 {
			came.(chan bool) <- true
		}
		return receipt, err
	})(p)
	p.Rules.AnswerDecision = func(op *refop.OP, f *refop.Flow) (status int, text string) {
		came, asked := calls.Load(f)
		defer calls.Delete(f)
		if asked && !soon(op, came.(chan bool)) {
			return http.StatusBadRequest, "the client could not be called"
		}
		return http.StatusNoContent, ""
	}
}

// soon is what comes by a channel within 15 s, unless the OP is closed meanwhile; false
// where nothing comes.
func soon(op *refop.OP, came <-chan bool) bool {
	const look = 50 * time.Millisecond
	for range 15 * time.Second / look {
		select {
		case what := <-came:
			return what
		default:
			op.Wait(look)
		}
	}
	return false
}
