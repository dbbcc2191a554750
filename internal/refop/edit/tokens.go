package edit

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/internal/refop"
)

// IDTokens edits ID Tokens before they are signed.
func IDTokens(edit func(*refop.Draft)) Change {
	return func(p *refop.Plan) { p.EditIDTokens(func(_ *refop.Call, d *refop.Draft) { edit(d) }) }
}

// Claims edits the claims of ID Tokens.
func Claims(edit func(claims map[string]any)) Change {
	return IDTokens(func(d *refop.Draft) { edit(d.Claims) })
}

// FetchedClaims edits the claims of ID Tokens that the token endpoint answers with, and not
// those that are pushed.
func FetchedClaims(edit func(claims map[string]any)) Change {
	return func(p *refop.Plan) {
		p.EditIDTokens(func(c *refop.Call, d *refop.Draft) {
			if c.Endpoint == refop.EndpointToken {
				edit(d.Claims)
			}
		})
	}
}

// AccessClaims edits the claims of JWT access tokens.
func AccessClaims(edit func(c *refop.Call, claims map[string]any)) Change {
	return func(p *refop.Plan) {
		p.EditAccessTokens(func(c *refop.Call, d *refop.Draft) { edit(c, d.Claims) })
	}
}

// NewKey makes a key that no OP has. Without randomness, where nothing works, it is
// the zero key, which signs nothing.
func NewKey(alg, kid string) jose.Key {
	key, err := jose.GenerateKey(alg, kid)
	if err != nil {
		return jose.Key{}
	}
	return key
}

// SigningBy gives clients registered for no algorithm another one.
func SigningBy(alg string) Change {
	return func(p *refop.Plan) {
		p.SigningKeys = append(p.SigningKeys, NewKey(alg, "new-"+alg))
		p.Policy.IDTokenAlg = alg
	}
}

// Shift moves a time of some claims, if it is there. Whole seconds stay integers.
func Shift(claims map[string]any, name string, seconds float64) {
	switch at := claims[name].(type) {
	case int64:
		if moved := float64(at) + seconds; moved != math.Trunc(moved) {
			claims[name] = moved
		} else {
			claims[name] = int64(moved)
		}
	case float64:
		claims[name] = at + seconds
	}
}

// RotatingKeys signs with new keys of the same algorithms from some time after the first
// request on. What is published is decided by the edit, which is given the old keys and the
// new ones, and told whether these are in use.
func RotatingKeys(after time.Duration, published func(inUse bool, old, made []any) []any) Change {
	return func(p *refop.Plan) {
		old := len(p.SigningKeys)
		made := map[string]jose.Key{} // by the kid of the key that they replace
		for _, k := range p.SigningKeys[:old] {
			made[k.KID()] = NewKey(k.Alg(), "new-"+k.KID())
			p.SigningKeys = append(p.SigningKeys, made[k.KID()])
		}
		var first atomic.Pointer[time.Time]
		inUse := func(c *refop.Call) bool {
			now := c.Now
			first.CompareAndSwap(nil, &now)
			return now.Sub(*first.Load()) >= after
		}
		sign := func(c *refop.Call, d *refop.Draft) {
			if key, replaced := made[d.Key.KID()]; replaced && inUse(c) {
				d.Key = key
			}
		}
		p.EditIDTokens(sign)
		p.EditAccessTokens(sign)
		p.EditReplies(func(c *refop.Call, r *refop.Reply) {
			if rotated := inUse(c); r.Kind == refop.ReplyJWKS {
				keys := r.Body["keys"].([]any)
				r.Body["keys"] = published(rotated, keys[:old:old], keys[old:])
			}
		})
	}
}

// Keys edits the published keys.
func Keys(edit func(keys []any) any) Change {
	return Answers(refop.EndpointJWKS, refop.ReplyJWKS, func(r *refop.Reply) { r.Body["keys"] = edit(r.Body["keys"].([]any)) })
}

// EachKey edits every published key.
func EachKey(edit func(i int, key map[string]any)) func([]any) any {
	return func(keys []any) any {
		for i, k := range keys {
			edit(i, k.(map[string]any))
		}
		return keys
	}
}

// EncryptionKey is a published key that signs nothing.
func EncryptionKey() map[string]any {
	return map[string]any{
		"kty": "EC", "crv": "P-256", "use": "enc", "alg": "ECDH-ES", "kid": "for-encryption",
		"x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
	}
}

// Granting edits the scope of flows that were decided.
func Granting(scope func(string) string) Change {
	return func(p *refop.Plan) { p.EditDecisions(func(f *refop.Flow) { f.Scope = scope(f.Scope) }) }
}

// DropScope removes a value of a scope.
func DropScope(scope, name string) string {
	return strings.Join(slices.DeleteFunc(strings.Fields(scope), func(s string) bool { return s == name }), " ")
}

// IgnoringUnknownScopes accepts any scope and grants what is known.
func IgnoringUnknownScopes() Change {
	return All(Without(refop.CheckScopeKnown), func(p *refop.Plan) {
		p.EditFlows(func(c *refop.Call, f *refop.Flow) {
			for name := range strings.FieldsSeq(f.Scope) {
				if !slices.Contains(c.OP.Registration().Scopes, name) {
					f.Scope = DropScope(f.Scope, name)
				}
			}
		})
	})
}

// HexID is random in hexadecimal.
func HexID(bytes int) string {
	raw, _ := base64.RawURLEncoding.DecodeString(refop.RandomID(bytes))
	return hex.EncodeToString(raw)
}

// JWTPart is a value as a part of a JWT.
func JWTPart(v any) string {
	data, _ := json.Marshal(v)
	return base64.RawURLEncoding.EncodeToString(data)
}

// ForeignRefreshToken is the grant of a refresh token that another client sends, nil
// where a call is no such thing.
func ForeignRefreshToken(c *refop.Call) (grant *refop.Grant) {
	if c.Value("grant_type") != refop.GrantRefresh || c.Client == nil {
		return nil
	}
	c.OP.LockedGrant(c.Value("refresh_token"), func(g *refop.Grant) {
		if g.Client != c.Client {
			grant = g
		}
	})
	return grant
}

// Grants edits what access tokens are good for.
func Grants(edit func(*refop.Call, *refop.Grant)) Change {
	return func(p *refop.Plan) { p.EditGrants(edit) }
}
