package faults

import (
	"net/url"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// rewrite edits a call to a client.
type rewrite = func(*refop.Notification)

// pings edits the calls of ping mode; without ends those about any end of a flow.
func pings(change rewrite, ends ...refop.State) edit.Change {
	return callsOf(refop.DeliveryPing, change, ends...)
}

// pushes edits the calls of push mode; without ends those about any end of a flow.
func pushes(change rewrite, ends ...refop.State) edit.Change {
	return callsOf(refop.DeliveryPush, change, ends...)
}

func callsOf(mode string, change rewrite, ends ...refop.State) edit.Change {
	return edit.Notifications(mode, func(_ *refop.Call, n *refop.Notification) { change(n) }, ends...)
}

// member sets a member of a call.
func member(name string, value any) rewrite {
	return func(n *refop.Notification) { n.Body[name] = value }
}

// lacking takes members of a call away.
func lacking(names ...string) rewrite {
	return func(n *refop.Notification) {
		for _, name := range names {
			delete(n.Body, name)
		}
	}
}

// named sends a member of a call by another name.
func named(name, as string) rewrite {
	return func(n *refop.Notification) {
		n.Body[as] = n.Body[name]
		delete(n.Body, name)
	}
}

// raw sends some text in place of the body.
func raw(text string) rewrite {
	return func(n *refop.Notification) { n.Raw = []byte(text) }
}

// calledBy makes the calls by another HTTP method.
func calledBy(method string) rewrite {
	return func(n *refop.Notification) { n.Method = method }
}

// headed sets a header of a call, empty for none.
func headed(name, value string) rewrite {
	return func(n *refop.Notification) {
		if n.Header.Del(name); value != "" {
			n.Header.Set(name, value)
		}
	}
}

// credited sends another Authorization header, made of the token of the request.
func credited(with func(token string) string) rewrite {
	return func(n *refop.Notification) { headed("Authorization", with(n.Flow.NotificationToken))(n) }
}

// asForm sends the body as a form.
func asForm(n *refop.Notification) {
	form := url.Values{}
	for name, value := range n.Body {
		if text, ok := value.(string); ok {
			form.Set(name, text)
		}
	}
	n.Raw = []byte(form.Encode())
	n.Header.Set("Content-Type", "application/x-www-form-urlencoded")
}

// tokenInURL tells the token in the query, and not in the header.
func tokenInURL(n *refop.Notification) {
	n.URL += "?access_token=" + url.QueryEscape(n.Flow.NotificationToken)
	n.Header.Del("Authorization")
}

// withFirstToken calls each client with the token of its first request only.
func withFirstToken(mode string) edit.Change {
	return func(p *refop.Plan) {
		var first sync.Map // *refop.Client -> token
		p.EditFlows(func(c *refop.Call, f *refop.Flow) { first.LoadOrStore(c.Client, f.NotificationToken) })
		edit.Notifications(mode, func(_ *refop.Call, n *refop.Notification) {
			if token, there := first.Load(n.Flow.Client); there {
				n.Header.Set("Authorization", "Bearer "+token.(string))
			}
		})(p)
	}
}

// withLastToken calls each client with the token of its last request.
func withLastToken(mode string) edit.Change {
	return func(p *refop.Plan) {
		var last sync.Map // *refop.Client -> token
		p.EditFlows(func(c *refop.Call, f *refop.Flow) { last.Store(c.Client, f.NotificationToken) })
		edit.Notifications(mode, func(_ *refop.Call, n *refop.Notification) {
			if token, there := last.Load(n.Flow.Client); there {
				n.Header.Set("Authorization", "Bearer "+token.(string))
			}
		})(p)
	}
}

// lateBy makes the calls of a mode a while after they are due.
func lateBy(mode string, d time.Duration) edit.Change {
	return edit.NotifyingBy(func(op *refop.OP, n *refop.Notification, call func()) {
		if n.Flow.Client.DeliveryMode == mode {
			op.Wait(d)
		}
		call()
	})
}
