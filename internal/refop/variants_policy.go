package refop

import (
	"slices"
	"sync"
	"time"
)

// notBefore keeps moments by a key.
type notBefore struct{ sync.Map }

func (n *notBefore) set(key string, until time.Time) { n.Store(key, until) }

func (n *notBefore) forbids(key string, now time.Time) bool {
	until, there := n.Load(key)
	return there && now.Before(until.(time.Time))
}

// deniesFor refuses good requests of a user until a moment has come.
func (n *notBefore) deniesFor(b *behaviour, key func(*call) string) {
	b.onStart = append(b.onStart, func(c *call) *oauthError {
		if n.forbids(key(c), c.now) {
			return &oauthError{403, "access_denied", "not now", ""}
		}
		return nil
	})
}

// openOf are the open requests of users.
type openOf struct {
	mu    sync.Mutex
	flows map[string][]*flow
}

func (o *openOf) count(c *call) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := slices.DeleteFunc(o.flows[c.user.Sub], func(f *flow) bool {
		s := c.op.shardOf(f.id)
		s.mu.Lock()
		defer s.mu.Unlock()
		return f.stateAt(c.now) != pending
	})
	o.flows[c.user.Sub] = list
	return len(list)
}

func (o *openOf) add(c *call, f *flow) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.flows[c.user.Sub] = append(o.flows[c.user.Sub], f)
}

// CIBA Core 13: access_denied is what an OP answers when its policy does not want
// a request, and what that policy is, is its own.
var _ = allow(
	Variant{"five-open-requests", "CIBA Core 13: a user may have five open requests", func(b *behaviour) {
		open := &openOf{flows: map[string][]*flow{}}
		b.onStart = append(b.onStart, func(c *call) *oauthError {
			if open.count(c) >= 5 {
				return &oauthError{403, "access_denied", "the user has enough open requests", ""}
			}
			return nil
		})
		b.onFlow = append(b.onFlow, open.add)
	}},
	Variant{"denial-keeps-away", "CIBA Core 13: a client that was denied may not ask the user again at once", func(b *behaviour) {
		var denials notBefore
		b.onGrant = append(b.onGrant, func(f *flow) {
			if f.state == denied {
				denials.set(f.client.ID+" "+f.user.Sub, f.decided.Add(3*time.Second))
			}
		})
		denials.deniesFor(b, func(c *call) string { return c.client.ID + " " + c.user.Sub })
	}},
	Variant{"wrong-code-locks", "CIBA Core 7.1.2: what wrong codes lead to is the OP's choice, here 10 s without requests", func(b *behaviour) {
		var locks notBefore
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "start" && r.body["error"] == "invalid_user_code" {
				locks.set(c.user.Sub, c.now.Add(10*time.Second))
			}
		})
		locks.deniesFor(b, ofUser)
	}},
)
