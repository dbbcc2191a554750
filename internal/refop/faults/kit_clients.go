package faults

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// authenticating lets calls in that a rule of its own recognises, as the client it
// names, and authenticates all others as usual.
func authenticating(as func(*refop.Call) *refop.Client) edit.Change {
	return func(p *refop.Plan) {
		p.Wrap(refop.CheckClient, func(inner refop.CheckFunc) refop.CheckFunc {
			return func(c *refop.Call) *refop.OAuthError {
				if client := as(c); client != nil {
					c.Client = client
					return nil
				}
				return inner(c)
			}
		})
	}
}

// nameIsEnough lets some clients in that show a client_id and nothing else.
func nameIsEnough(which edit.Which) edit.Change {
	return authenticating(func(c *refop.Call) *refop.Client {
		who := c.Credentials()
		if who.Method != refop.MethodNone {
			return nil
		}
		if c.Client = c.OP.Client(who.ID); c.Client != nil && which(c) {
			return c.Client
		}
		return nil
	})
}

// stranger is the client that somebody unknown is taken for.
func stranger(c *refop.Call, who refop.Credentials) *refop.Client {
	if who.Method == refop.MethodAssertion || c.OP.Client(who.ID) != nil {
		return nil
	}
	return &c.OP.Registration().Clients[0]
}

func strangerBy(method string) func(*refop.Call) *refop.Client {
	return func(c *refop.Call) *refop.Client {
		if who := c.Credentials(); who.Method == method {
			return stranger(c, who)
		}
		return nil
	}
}

func strangerAt(e refop.Endpoint) func(*refop.Call) *refop.Client {
	return func(c *refop.Call) *refop.Client {
		if c.Endpoint == e {
			return stranger(c, c.Credentials())
		}
		return nil
	}
}

// ownerOfFlow and ownerOfRefreshToken are the clients that somebody who names no
// client is taken for.
func ownerOfFlow(c *refop.Call) (owner *refop.Client) {
	if namesNobody(c) {
		c.OP.LockedFlow(c.Value("auth_req_id"), func(f *refop.Flow) { owner = f.Client })
	}
	return owner
}

func ownerOfRefreshToken(c *refop.Call) (owner *refop.Client) {
	if namesNobody(c) {
		c.OP.LockedGrant(c.Value("refresh_token"), func(g *refop.Grant) { owner = g.Client })
	}
	return owner
}

func namesNobody(c *refop.Call) bool {
	who := c.Credentials()
	return who.ID == "" && who.Method != refop.MethodAssertion
}

// clientLike is a client whose secret is shown under an id that is not quite its own.
func clientLike(fits func(id, known string) bool) func(*refop.Call) *refop.Client {
	return func(c *refop.Call) *refop.Client {
		who := c.Credentials()
		if who.ID == "" || who.Secret == "" || c.OP.Client(who.ID) != nil {
			return nil
		}
		all := c.OP.Registration().Clients
		if i := slices.IndexFunc(all, func(k refop.Client) bool { return k.Secret == who.Secret && fits(who.ID, k.ID) }); i >= 0 {
			return c.OP.Client(all[i].ID)
		}
		return nil
	}
}

// publicWithEmptySecret is a public client that shows an empty secret.
func publicWithEmptySecret(c *refop.Call) *refop.Client {
	who := c.Credentials()
	client := c.OP.Client(who.ID)
	if client == nil || client.AuthMethod != refop.MethodNone || who.Method == refop.MethodNone || who.Secret != "" {
		return nil
	}
	return client
}

// secretMatches takes secrets that fit in another way, too.
func secretMatches(too func(c *refop.Call, secret string) bool) edit.Change {
	return func(p *refop.Plan) {
		inner := p.Rules.SecretMatches
		p.Rules.SecretMatches = func(c *refop.Call, secret string) bool { return inner(c, secret) || too(c, secret) }
	}
}

func anySecret(which edit.Which) edit.Change {
	return secretMatches(func(c *refop.Call, _ string) bool { return which(c) })
}

func emptySecret(which edit.Which) edit.Change {
	return secretMatches(func(c *refop.Call, secret string) bool { return secret == "" && which(c) })
}

func secretOfAnybody(c *refop.Call, secret string) bool {
	return slices.ContainsFunc(c.OP.Registration().Clients, func(other refop.Client) bool {
		return other.Secret != "" && secret == other.Secret
	})
}

// secretOfSameMethod takes the secret of another client of one method for that of a client of
// the same.
func secretOfSameMethod(method string) func(*refop.Call, string) bool {
	return func(c *refop.Call, secret string) bool {
		return c.Client.AuthMethod == method && slices.ContainsFunc(c.OP.Registration().Clients, func(other refop.Client) bool {
			return other.AuthMethod == method && secret == other.Secret
		})
	}
}

// alike reports whether two clients differ in nothing but who they are.
func alike(a, b *refop.Client) bool {
	return a.AuthMethod == b.AuthMethod && a.IDTokenAlg == b.IDTokenAlg && a.Sector == b.Sector && a.UserCode == b.UserCode &&
		slices.Equal(a.RARTypes, b.RARTypes)
}

// bringsOwnKey reports whether a JWT is signed by the key in its own header.
func bringsOwnKey(token string) bool {
	t, err := jose.Decode(token)
	brought, there := t.Header["jwk"]
	if err != nil || !there {
		return false
	}
	set, _ := json.Marshal(map[string]any{"keys": []any{brought}})
	keys, err := jose.ParseKeySet(set)
	if err != nil {
		return false
	}
	_, err = jose.Verify(token, keys, []string{algOf(t.Header)})
	return err == nil
}

// credentials reads the credentials of some calls in another way.
func credentials(read func(*refop.Call, refop.Credentials) refop.Credentials) edit.Change {
	return func(p *refop.Plan) {
		inner := p.Rules.Credentials
		p.Rules.Credentials = func(c *refop.Call) refop.Credentials { return read(c, inner(c)) }
	}
}

// undecodedBasic overlooks that both parts of Basic are form-encoded.
func undecodedBasic(e refop.Endpoint) edit.Change {
	return credentials(func(c *refop.Call, who refop.Credentials) refop.Credentials {
		if who.Method == refop.MethodBasic && c.Endpoint == e {
			who.ID, who.Secret, _ = c.BasicPair()
		}
		return who
	})
}

// basicSecret decodes the secret of Basic in a way of its own.
func basicSecret(decode func(string) string) edit.Change {
	return credentials(func(c *refop.Call, who refop.Credentials) refop.Credentials {
		if who.Method == refop.MethodBasic {
			_, secret, _ := c.BasicPair()
			who.Secret = decode(secret)
		}
		return who
	})
}

// fromForm prefers what is in the form to the header.
func fromForm(c *refop.Call, who refop.Credentials) refop.Credentials {
	if who.Method == refop.MethodBasic && c.Has("client_secret") {
		return refop.Credentials{ID: c.Value("client_id"), Secret: c.Value("client_secret"), Method: refop.MethodPost}
	}
	return who
}

// fromQuery looks for a secret in the URL where there is none elsewhere.
func fromQuery(e refop.Endpoint) func(*refop.Call, refop.Credentials) refop.Credentials {
	return func(c *refop.Call, who refop.Credentials) refop.Credentials {
		q := c.Request.URL.Query()
		client := c.OP.Client(q.Get("client_id"))
		if who.Method != refop.MethodNone || c.Endpoint != e || client == nil || !q.Has("client_secret") {
			return who
		}
		return refop.Credentials{ID: client.ID, Secret: q.Get("client_secret"), Method: client.AuthMethod}
	}
}

// refusingMethod refuses clients of one method at one endpoint.
func refusingMethod(e refop.Endpoint, method string) edit.Change {
	return edit.Replies(func(c *refop.Call, r *refop.Reply) {
		if c.Endpoint == e && edit.OfMethod(method)(c) && r.Status != http.StatusUnauthorized {
			*r = *refop.Failure(c.BadClient("not with this method"))
			r.Header.Set("Content-Type", "application/json")
		}
	})
}

// withoutCredential edits what becomes of token requests that name a client and
// prove nothing, for a flow in one state. The lock of the flow is held.
func withoutCredential(in refop.State, rewrite func(*refop.Call, *refop.Flow, *refop.Reply)) edit.Change {
	return refusedTokenRequests(func(c *refop.Call, f *refop.Flow, r *refop.Reply) {
		if r.Status == http.StatusUnauthorized && c.Authentications() == 0 && f.StateAt(c.Now) == in {
			rewrite(c, f, r)
		}
	})
}

// failedBasic edits the answers to an Authorization header that failed.
func failedBasic(e refop.Endpoint, rewrite func(*refop.Reply)) edit.Change {
	return edit.Replies(func(c *refop.Call, r *refop.Reply) {
		if r.Status == http.StatusUnauthorized && c.Endpoint == e && c.Request.Header.Get("Authorization") != "" {
			rewrite(r)
		}
	})
}
