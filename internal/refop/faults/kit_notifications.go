package faults

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
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

// answeredIn edits the answers of a kind to clients of one delivery mode.
func answeredIn(mode string, kind refop.ReplyKind, change func(*refop.Reply)) edit.Change {
	return func(p *refop.Plan) {
		p.EditReplies(func(c *refop.Call, r *refop.Reply) {
			if r.Kind == kind && edit.OfMode(mode)(c) {
				change(r)
			}
		})
	}
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

// toldAtOnce pings about an approval when a request has just been accepted.
func toldAtOnce(p *refop.Plan) {
	p.EditReplies(func(c *refop.Call, r *refop.Reply) {
		if r.Kind == refop.ReplyAcknowledgement && edit.OfMode(refop.DeliveryPing)(c) {
			c.OP.Tell(c.Flow, refop.Approved)
		}
	})
}

// followingRedirects follows redirects of some statuses, as clients of HTTP do: the method
// stays for 307 and 308, and is GET otherwise.
func followingRedirects(mode string, statuses ...int) edit.Change {
	return edit.Delivering(func(op *refop.OP, n *refop.Notification, try func() (refop.Receipt, error)) (refop.Receipt, error) {
		receipt, err := try()
		if err != nil || n.Flow.Client.DeliveryMode != mode || !slices.Contains(statuses, receipt.Status) {
			return receipt, err
		}
		next := *n
		next.URL, next.Header = receipt.Header.Get("Location"), maps.Clone(n.Header)
		if receipt.Status != http.StatusTemporaryRedirect && receipt.Status != http.StatusPermanentRedirect {
			next.Method, next.Raw = http.MethodGet, []byte{}
		}
		return op.Rules().Deliver(op, &next)
	})
}

// endedBy denies a request whose client answers its ping in some way.
func endedBy(which func(refop.Receipt, error) bool) edit.Change {
	return edit.Delivering(func(op *refop.OP, n *refop.Notification, try func() (refop.Receipt, error)) (refop.Receipt, error) {
		receipt, err := try()
		if n.Flow.Client.DeliveryMode == refop.DeliveryPing && which(receipt, err) {
			op.Locked(n.Flow, func() { n.Flow.State = refop.Denied })
		}
		return receipt, err
	})
}

// pendingWhileCalled shows a result when its ping was answered, and not before.
func pendingWhileCalled(p *refop.Plan) {
	var calling sync.Map // *refop.Flow
	p.Policy.NotifyTimeout = time.Minute
	edit.Delivering(func(_ *refop.OP, n *refop.Notification, try func() (refop.Receipt, error)) (refop.Receipt, error) {
		calling.Store(n.Flow, true)
		defer calling.Delete(n.Flow)
		return try()
	})(p)
	edit.SeenAsWhen(refop.Approved, refop.Pending, func(_ *refop.Call, f *refop.Flow) bool {
		_, underWay := calling.Load(f)
		return underWay
	})(p)
}

// pollAnswerOf answers polls of clients of one delivery mode in one state with another
// error.
func pollAnswerOf(mode string, in refop.State, code string) edit.Change {
	return func(p *refop.Plan) {
		inner := p.Rules.PollAnswer
		p.Rules.PollAnswer = func(c *refop.Call, f *refop.Flow, at refop.State) *refop.OAuthError {
			if at == in && edit.OfMode(mode)(c) {
				return refop.Refusal(code, "refused")
			}
			return inner(c, f, at)
		}
	}
}

// repeated makes a call of ping mode some times, however it is answered; without ends those
// about any end of a flow.
func repeated(pause time.Duration, times int, ends ...refop.State) edit.Change {
	return edit.NotifyingBy(func(op *refop.OP, n *refop.Notification, call func()) {
		call()
		if n.Flow.Client.DeliveryMode != refop.DeliveryPing || len(ends) > 0 && !slices.Contains(ends, n.End) {
			return
		}
		for range times - 1 {
			op.Wait(pause)
			call()
		}
	})
}

// tryingEvery tries a ping that was not taken again and again, which is a hundred times here.
func tryingEvery(pause time.Duration) edit.Change {
	return edit.NotifyingBy(func(op *refop.OP, n *refop.Notification, call func()) {
		if n.Flow.Client.DeliveryMode != refop.DeliveryPing {
			call()
			return
		}
		for range 100 {
			if receipt, err := op.Rules().Deliver(op, n); err == nil && receipt.Status/100 == 2 {
				return
			}
			op.Wait(pause)
		}
	})
}

// retriedWith edits a ping before its second try.
func retriedWith(change rewrite) edit.Change {
	var tried sync.Map // *refop.Notification
	return edit.Delivering(func(_ *refop.OP, n *refop.Notification, try func() (refop.Receipt, error)) (refop.Receipt, error) {
		if _, again := tried.LoadOrStore(n, true); again && n.Flow.Client.DeliveryMode == refop.DeliveryPing {
			change(n)
		}
		return try()
	})
}

// pendingUntilTaken shows a result to a ping client when a ping was taken, and not before.
func pendingUntilTaken(p *refop.Plan) {
	var taken sync.Map // *refop.Flow
	edit.Delivering(func(_ *refop.OP, n *refop.Notification, try func() (refop.Receipt, error)) (refop.Receipt, error) {
		receipt, err := try()
		if err == nil {
			taken.Store(n.Flow, true)
		}
		return receipt, err
	})(p)
	edit.SeenAsWhen(refop.Approved, refop.Pending, func(c *refop.Call, f *refop.Flow) bool {
		_, there := taken.Load(f)
		return edit.OfMode(refop.DeliveryPing)(c) && !there
	})(p)
}

// pollClientCalled calls poll clients that have an endpoint about approvals, with the token of
// the request; change, if any, edits the call.
func pollClientCalled(change rewrite) edit.Change {
	polls := func(c *refop.Client) bool { return c.NotificationEndpoint != "" && !c.Notified() }
	return func(p *refop.Plan) {
		p.EditFlows(func(c *refop.Call, f *refop.Flow) {
			if polls(c.Client) {
				f.NotificationToken = c.Value("client_notification_token")
			}
		})
		due := p.Rules.NotificationDue
		p.Rules.NotificationDue = func(f *refop.Flow, end refop.State) bool {
			return due(f, end) || polls(f.Client) && end == refop.Approved
		}
		p.EditNotifications(func(_ *refop.Call, n *refop.Notification) {
			if change != nil && polls(n.Flow.Client) {
				change(n)
			}
		})
	}
}

// pushedAfterwards sends a token in a second call of ping mode.
func pushedAfterwards(p *refop.Plan) {
	edit.NotifyingBy(func(op *refop.OP, n *refop.Notification, call func()) {
		call()
		if n.Flow.Client.DeliveryMode != refop.DeliveryPing || n.End != refop.Approved {
			return
		}
		op.Wait(2 * time.Second)
		n.Body["access_token"] = refop.RandomID(32)
		call()
	})(p)
}
