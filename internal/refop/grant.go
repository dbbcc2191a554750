package refop

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"time"

	"github.com/cibatest/cibatest/internal/jose"
)

// GrantKind is the kind of token that a grant is held by.
type GrantKind string

// The kinds of tokens.
const (
	AccessToken  GrantKind = "access"
	RefreshToken GrantKind = "refresh"
)

// refreshLifetime is how long a refresh token lives.
const refreshLifetime = 24 * time.Hour

// Grant is what an access token or a refresh token is good for. Replaced and Revoked
// are guarded by the lock of its shard.
type Grant struct {
	Kind    GrantKind
	Token   string
	Client  *Client
	User    *User
	Flow    *Flow // that it comes from
	Scope   string
	Details []any // authorization_details; nil for none
	Issued  time.Time
	Expires time.Time
	BoundTo string // thumbprint of the certificate that has to be shown with the token; empty: none

	Replaced bool // a refresh token that was rotated
	Revoked  bool
}

// Dead reports whether the token is no good any more.
func (g *Grant) Dead(now time.Time) bool { return g.Replaced || g.Revoked || !now.Before(g.Expires) }

func newGrant(c *Call, f *Flow, scope string) *Grant {
	return &Grant{
		Kind: AccessToken, Client: c.Client, User: f.User, Flow: f, Scope: scope, Details: c.Details,
		Issued: c.Now, Expires: c.Now.Add(c.OP.reg.AccessTokenLifetime), BoundTo: c.OP.plan.Rules.BoundTo(c),
	}
}

// keepGrant stores a grant under its token, and with its flow, so that all tokens
// of the flow can be revoked.
func (op *OP) keepGrant(g *Grant) {
	s := op.shardOf(g.Token)
	s.mu.Lock()
	s.grants.put(g.Token, g, g.Expires.Add(retention), g.Issued)
	s.mu.Unlock()
	op.Locked(g.Flow, func() { g.Flow.tokens = append(g.Flow.tokens, g) })
}

// findGrant returns a token's grant with the lock of its shard held; the caller
// unlocks. The grant is nil when the token is unknown.
func (op *OP) findGrant(token string) (*Grant, *shard) {
	s := op.shardOf(token)
	s.mu.Lock()
	return s.grants.items[token], s
}

// LockedGrant does something with the grant of a token while its lock is held, and
// nothing where the token is unknown.
func (op *OP) LockedGrant(token string, do func(*Grant)) {
	g, s := op.findGrant(token)
	defer s.mu.Unlock()
	if g != nil {
		do(g)
	}
}

// Revoke ends all tokens of a flow.
func (op *OP) Revoke(f *Flow) {
	var tokens []*Grant
	op.Locked(f, func() { tokens = slices.Clone(f.tokens) })
	for _, g := range tokens {
		op.LockedGrant(g.Token, func(*Grant) { g.Revoked = true })
	}
}

// newAccessToken signs a JWT. What cannot be signed is replaced by an opaque token,
// which introspection tells about as well.
func newAccessToken(c *Call, g *Grant) string {
	d := c.OP.plan.Rules.DraftAccessToken(c, g)
	token, err := jose.Sign(d.Header, d.Claims, d.Key)
	if err != nil {
		return RandomID(32)
	}
	return token
}

// draftAccessToken follows the profile of RFC 9068 2.
func draftAccessToken(c *Call, g *Grant) *Draft {
	claims := map[string]any{
		"iss": c.OP.issuer, "sub": c.OP.plan.Rules.Subject(g.Client, g.User), "aud": c.OP.audience(g.Flow), "client_id": g.Client.ID,
		"scope": g.Scope, "jti": RandomID(16), "iat": g.Issued.Unix(), "exp": g.Expires.Unix(), "auth_time": g.Flow.Decided.Unix(),
	}
	if g.Details != nil { // RFC 9396 9.1
		claims["authorization_details"] = CloneJSON(g.Details)
	}
	if g.BoundTo != "" {
		claims["cnf"] = confirmation(g)
	}
	return &Draft{Header: map[string]any{"typ": "at+jwt"}, Claims: claims, Key: c.OP.SigningKey("ES256"), Flow: g.Flow}
}

func newRefreshToken() string { return RandomID(32) }

// subject is the same for all clients, or one for the client's sector, which
// nobody can trace back to the user; OIDC Core 8.1.
func subject(client *Client, user *User) string {
	if client.Sector == "" {
		return user.Sub
	}
	sum := sha256.Sum256([]byte("a salt of this OP/" + client.Sector + "/" + user.Sub))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
