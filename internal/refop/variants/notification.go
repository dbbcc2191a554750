package variants

import (
	"time"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// Notification are legal departures of calls to clients in ping and push mode.
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
}

func withCharset(_ *refop.Call, n *refop.Notification) {
	n.Header.Set("Content-Type", "application/json; charset=utf-8")
}
