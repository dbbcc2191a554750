package faults

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// pushedDraft edits ID Tokens that are pushed, before they are signed.
func pushedDraft(change func(*refop.Call, *refop.Draft)) edit.Change {
	return func(p *refop.Plan) {
		p.EditIDTokens(func(c *refop.Call, d *refop.Draft) {
			if edit.OfMode(refop.DeliveryPush)(c) {
				change(c, d)
			}
		})
	}
}

// pushedSigned edits ID Tokens that are pushed, after they were signed.
func pushedSigned(change func(token string) string) edit.Change {
	return func(p *refop.Plan) {
		p.EditSignedIDTokens(func(c *refop.Call, _ *refop.Draft, token string) string {
			if edit.OfMode(refop.DeliveryPush)(c) {
				return change(token)
			}
			return token
		})
	}
}

// unsigned takes the signature of a token away and names another alg.
func unsigned(alg string) func(token string) string {
	return func(token string) string {
		header, _ := json.Marshal(map[string]any{"alg": alg})
		return base64.RawURLEncoding.EncodeToString(header) + "." + strings.Split(token, ".")[1] + "."
	}
}

// hashed replaces rt_hash where there is one.
func hashed(by func() string) func(claims map[string]any) {
	return func(claims map[string]any) {
		if _, there := claims[refop.ClaimRTHash]; there {
			claims[refop.ClaimRTHash] = by()
		}
	}
}

// pushedGrants edits what pushed access tokens are good for.
func pushedGrants(change func(*refop.Call, *refop.Grant)) edit.Change {
	return func(p *refop.Plan) {
		p.EditGrants(func(c *refop.Call, g *refop.Grant) {
			if c.Endpoint == refop.EndpointNotification {
				change(c, g)
			}
		})
	}
}

// otherUser is a user whom the flow of a call is not about.
func otherUser(c *refop.Call) *refop.User {
	return c.OP.UserBy(func(u refop.User) bool { return u.Sub != c.Flow.User.Sub })
}

// pushedDetails replaces the authorization_details of a push.
func pushedDetails(change func([]any) any) edit.Change {
	return pushes(func(n *refop.Notification) {
		list, _ := n.Body["authorization_details"].([]any)
		if len(list) == 0 {
			return
		}
		if n.Body["authorization_details"] = change(list); n.Body["authorization_details"] == nil {
			delete(n.Body, "authorization_details")
		}
	}, refop.Approved)
}

// pushedAgain pushes about some end once more after a while, however the first push went.
func pushedAgain(after time.Duration, end refop.State) edit.Change {
	return edit.NotifyingBy(func(op *refop.OP, n *refop.Notification, call func()) {
		call()
		if n.Flow.Client.DeliveryMode == refop.DeliveryPush && n.End == end {
			op.Wait(after)
			call()
		}
	})
}

// pushesTried does something after each try of a push.
func pushesTried(do func(*refop.OP, *refop.Notification, refop.Receipt, error)) edit.Change {
	return edit.Delivering(func(op *refop.OP, n *refop.Notification, try func() (refop.Receipt, error)) (refop.Receipt, error) {
		receipt, err := try()
		if n.Flow.Client.DeliveryMode == refop.DeliveryPush {
			do(op, n, receipt, err)
		}
		return receipt, err
	})
}

// pushedThen edits a push for its further tries, of which there are some for any error.
func pushedThen(change rewrite) edit.Change {
	isTaken := func(r refop.Receipt) bool { return r.Status < 300 }
	afterwards := pushesTried(func(_ *refop.OP, n *refop.Notification, _ refop.Receipt, _ error) { change(n) })
	return edit.All(pushedUntil(isTaken, 3, time.Second), afterwards)
}

// pushedUntil tries a push at one pace until an answer is taken, a number of times at most.
func pushedUntil(isTaken func(refop.Receipt) bool, tries int, pause time.Duration) edit.Change {
	return edit.NotifyingBy(func(op *refop.OP, n *refop.Notification, call func()) {
		if n.Flow.Client.DeliveryMode != refop.DeliveryPush {
			call()
			return
		}
		for range tries {
			if receipt, err := op.Rules().Deliver(op, n); err == nil && isTaken(receipt) {
				return
			}
			op.Wait(pause)
		}
	})
}

// inURL tells a member of a push in the query, too.
func inURL(name string) rewrite {
	return func(n *refop.Notification) {
		if text, ok := n.Body[name].(string); ok {
			n.URL += "?" + name + "=" + text
		}
	}
}

// toldWhenAccepted tells a push client of an end when its request has just been accepted.
func toldWhenAccepted(end refop.State) edit.Change {
	return edit.All(edit.NotifyingOf(refop.DeliveryPush, end), func(p *refop.Plan) {
		p.EditReplies(func(c *refop.Call, r *refop.Reply) {
			if r.Kind == refop.ReplyAcknowledgement && edit.OfMode(refop.DeliveryPush)(c) {
				c.OP.Tell(c.Flow, end)
			}
		})
	})
}

// flows are the flows of push clients so far.
type flows struct {
	mu   sync.Mutex
	list []*refop.Flow
}

// remembered keeps the flows of push clients.
func remembered(p *refop.Plan) *flows {
	kept := &flows{}
	p.EditFlows(func(c *refop.Call, f *refop.Flow) {
		if edit.OfMode(refop.DeliveryPush)(c) {
			kept.mu.Lock()
			defer kept.mu.Unlock()
			kept.list = append(kept.list, f)
		}
	})
	return kept
}

// of are the flows of a client.
func (k *flows) of(client *refop.Client) []*refop.Flow {
	k.mu.Lock()
	defer k.mu.Unlock()
	var list []*refop.Flow
	for _, f := range k.list {
		if f.Client == client {
			list = append(list, f)
		}
	}
	return list
}

// ofLast edits a push with the last flow of its client at hand.
func ofLast(change func(n *refop.Notification, last *refop.Flow), ends ...refop.State) edit.Change {
	return func(p *refop.Plan) {
		kept := remembered(p)
		pushes(func(n *refop.Notification) {
			list := kept.of(n.Flow.Client)
			change(n, list[len(list)-1])
		}, ends...)(p)
	}
}

// sameAsFirst pushes the value of some member that the client's first push had.
func sameAsFirst(name string) edit.Change {
	return func(p *refop.Plan) {
		var first sync.Map // *refop.Client -> value
		pushes(func(n *refop.Notification) {
			if value, there := n.Body[name]; there {
				n.Body[name], _ = first.LoadOrStore(n.Flow.Client, value)
			}
		}, refop.Approved)(p)
	}
}

// toldToSiblings tells of an end for all open requests of the user and the client, too.
func toldToSiblings(end refop.State) edit.Change {
	return func(p *refop.Plan) {
		kept := remembered(p)
		edit.NotifyingBy(func(op *refop.OP, n *refop.Notification, call func()) {
			call()
			if n.Flow.Client.DeliveryMode != refop.DeliveryPush || n.End != end {
				return
			}
			for _, f := range kept.of(n.Flow.Client) {
				open := false
				op.Locked(f, func() {
					if open = f.User == n.Flow.User && f.State == ""; open {
						f.State = end
					}
				})
				if open {
					op.Tell(f, end)
				}
			}
		})(p)
	}
}

// decidedIn takes decisions about flows of push clients in some state, which are over.
func decidedIn(over refop.State) edit.Change {
	return func(p *refop.Plan) {
		inner := p.Rules.RefuseDecision
		p.Rules.RefuseDecision = func(f *refop.Flow, at, decision refop.State) (status int, text string) {
			if at == over && decision != over && f.Client.DeliveryMode == refop.DeliveryPush {
				return 0, ""
			}
			return inner(f, at, decision)
		}
	}
}

// alsoTold tells push clients of another end 3 s after one.
func alsoTold(end, other refop.State) edit.Change {
	return edit.NotifyingBy(func(op *refop.OP, n *refop.Notification, call func()) {
		call()
		if n.Flow.Client.DeliveryMode == refop.DeliveryPush && n.End == end {
			op.Wait(3 * time.Second)
			op.Tell(n.Flow, other)
		}
	})
}

// lostIsFetched gives the tokens of a push that was lost at the token endpoint.
func lostIsFetched(p *refop.Plan) {
	var lost sync.Map // *refop.Flow
	pushesTried(func(_ *refop.OP, n *refop.Notification, _ refop.Receipt, err error) {
		if err != nil {
			lost.Store(n.Flow, true)
		}
	})(p)
	was := func(f *refop.Flow) bool { _, there := lost.Load(f); return there }
	edit.WithoutWhen(func(c *refop.Call) bool { return c.Flow != nil && was(c.Flow) }, refop.CheckPollMode)(p)
	edit.SeenAsWhen(refop.Used, refop.Approved, func(_ *refop.Call, f *refop.Flow) bool { return was(f) })(p)
}
