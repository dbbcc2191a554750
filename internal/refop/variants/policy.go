package variants

import (
	"net/http"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// Policy are other ways to choose whose requests are welcome. CIBA Core 13:
// access_denied is what an OP answers when its policy does not want a request, and
// what that policy is, is its own.
var Policy = []Variant{
	{"five-open-requests", "CIBA Core 13: a user may have five open requests", openRequests(5, 403)},
	{"denial-keeps-away", "CIBA Core 13: a client that was denied may not ask the user again at once", deniedKeepsAway},
	{
		"wrong-code-locks", "CIBA Core 7.1.2: what wrong codes lead to is the OP's choice, here 10 s without requests",
		wrongCodeLocks,
	},
	{
		"wrong-secrets-lock", "RFC 6749 2.3.1: guessing has to be prevented, here by a minute without the client after five failures",
		wrongSecretsLock(5, named),
	},
	{
		"wrong-secrets-lock-address", "RFC 6749 2.3.1: guessing has to be prevented, here by a minute for nobody after twenty failures",
		wrongSecretsLock(20, func(*refop.Call) string { return "everybody" }),
	},
}

// notBefore keeps moments by a key.
type notBefore struct{ sync.Map }

func (n *notBefore) set(key string, until time.Time) { n.Store(key, until) }

func (n *notBefore) forbids(key string, now time.Time) bool {
	until, there := n.Load(key)
	return there && now.Before(until.(time.Time))
}

// refusing refuses good requests until a moment has come.
func (n *notBefore) refusing(key func(*refop.Call) string) edit.Change {
	return edit.After(refop.CheckDetails, func(c *refop.Call) *refop.OAuthError {
		if n.forbids(key(c), c.Now) {
			return &refop.OAuthError{Status: 403, Code: "access_denied", Description: "not now"}
		}
		return nil
	})
}

func deniedKeepsAway(p *refop.Plan) {
	denials := &notBefore{}
	p.EditDecisions(func(f *refop.Flow) {
		if f.State == refop.Denied {
			denials.set(f.Client.ID+" "+f.User.Sub, f.Decided.Add(3*time.Second))
		}
	})
	denials.refusing(func(c *refop.Call) string { return c.Client.ID + " " + c.User.Sub })(p)
}

// named is the client that a call names, whether or not it proves that.
func named(c *refop.Call) string {
	if token, err := jose.Decode(c.Value("client_assertion")); err == nil {
		sub, _ := token.Claims["sub"].(string)
		return sub
	}
	return c.Credentials().ID
}

// wrongSecretsLock refuses whatever credentials for a minute when so many have failed within
// one, by a key.
func wrongSecretsLock(most int, key func(*refop.Call) string) edit.Change {
	return func(p *refop.Plan) {
		failures, locks := edit.NewWindow(most-1, time.Minute), &notBefore{}
		edit.After(refop.CheckForm, func(c *refop.Call) *refop.OAuthError {
			if locks.forbids(key(c), c.Now) {
				return &refop.OAuthError{Status: http.StatusUnauthorized, Code: "invalid_client", Description: "locked", Challenge: `Basic realm="op"`}
			}
			return nil
		})(p)
		p.EditReplies(func(c *refop.Call, r *refop.Reply) {
			failed := r.Body["error"] == "invalid_client" && r.Body["error_description"] != "locked"
			if failed && failures.Take(key(c), c.Now) > 0 {
				locks.set(key(c), c.Now.Add(time.Minute))
			}
		})
	}
}

func wrongCodeLocks(p *refop.Plan) {
	locks := &notBefore{}
	p.EditReplies(func(c *refop.Call, r *refop.Reply) {
		if c.Endpoint == refop.EndpointStart && r.Body["error"] == "invalid_user_code" {
			locks.set(c.User.Sub, c.Now.Add(10*time.Second))
		}
	})
	locks.refusing(ofUser)(p)
}
