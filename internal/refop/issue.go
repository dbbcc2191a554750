package refop

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/jose"
)

// grant is an issued access or refresh token.
type grant struct {
	kind     string // access, refresh
	token    string
	client   *Client
	user     *User
	flow     *flow
	scope    string
	details  []any
	issued   time.Time
	expires  time.Time
	replaced bool // a refresh token that was rotated
	revoked  bool
}

func (g *grant) dead(now time.Time) bool {
	return g.replaced || g.revoked || !now.Before(g.expires)
}

const refreshLifetime = 24 * time.Hour

// issue makes the token response of CIBA Core 10.1.1.
func (op *OP) issue(c *call, f *flow) *reply {
	body, access := op.tokens(c, f, f.scope)
	if idToken, err := op.idToken(c, f, access.token); err == nil {
		body["id_token"] = idToken
	}
	if slices.Contains(strings.Fields(f.scope), "offline_access") {
		body["refresh_token"] = op.newRefresh(c, f, f.scope).token
	}
	return success("tokens", body)
}

// issueRefreshed makes the answer to a refresh.
func (op *OP) issueRefreshed(c *call, g *grant, scope string) *reply {
	c.client = g.client
	body, _ := op.tokens(c, g.flow, scope)
	if g.replaced {
		fresh := op.newRefresh(c, g.flow, g.scope)
		fresh.details = g.details
		body["refresh_token"] = fresh.token
	}
	if op.b.refreshIDToken {
		body["id_token"], _ = op.idToken(c, g.flow, body["access_token"].(string))
	}
	return success("refreshed", body)
}

func (op *OP) tokens(c *call, f *flow, scope string) (map[string]any, *grant) {
	g := &grant{kind: "access", client: c.client, user: f.user, flow: f, scope: scope, details: c.details, issued: c.now, expires: c.now.Add(op.reg.AccessTokenLifetime)}
	if op.b.onGrantFor != nil {
		op.b.onGrantFor(c, g)
	}
	g.token = op.newAccess(c, g)
	op.keepGrant(g)
	body := map[string]any{
		"access_token": g.token, "token_type": "Bearer", "expires_in": int(op.reg.AccessTokenLifetime / time.Second), "scope": scope,
	}
	if c.details != nil {
		body["authorization_details"] = cloneJSON(c.details)
	}
	return body, g
}

// newAccess makes a JWT access token; RFC 9068.
func (op *OP) newAccess(c *call, g *grant) string {
	if op.b.accessToken != nil {
		return op.b.accessToken(op)
	}
	claims := map[string]any{
		"iss": op.issuer, "sub": op.subject(g.client, g.user), "aud": op.reg.API, "client_id": g.client.ID, "scope": g.scope, "jti": randomID(16),
		"iat": g.issued.Unix(), "exp": g.expires.Unix(), "auth_time": g.flow.decided.Unix(),
	}
	if g.details != nil {
		claims["authorization_details"] = cloneJSON(g.details)
	}
	for _, edit := range op.b.onAccess {
		edit(c, claims)
	}
	header := map[string]any{"typ": "at+jwt"}
	if typ, ok := claims["typ"].(string); ok { // a fault speaks through the claims
		header["typ"] = typ
		delete(claims, "typ")
	}
	key := op.signingKey("ES256")
	if op.b.accessKey != nil {
		key = op.b.accessKey()
	}
	token, err := jose.Sign(header, claims, key)
	if err != nil {
		return randomID(32)
	}
	return token
}

func (op *OP) newRefresh(c *call, f *flow, scope string) *grant {
	token := randomID(32)
	if op.b.refreshToken != nil {
		token = op.b.refreshToken()
	}
	g := &grant{kind: "refresh", token: token, client: c.client, user: f.user, flow: f, scope: scope, details: c.details, issued: c.now, expires: c.now.Add(refreshLifetime)}
	op.keepGrant(g)
	return g
}

func (op *OP) keepGrant(g *grant) {
	s := op.shardOf(g.token)
	s.mu.Lock()
	s.grants.put(g.token, g, g.expires.Add(retention), g.issued)
	s.mu.Unlock()
	owner := op.shardOf(g.flow.id)
	owner.mu.Lock()
	g.flow.tokens = append(g.flow.tokens, g)
	owner.mu.Unlock()
}

// findGrant returns a token's grant with the lock of its shard held.
func (op *OP) findGrant(token string) (*grant, *shard) {
	s := op.shardOf(token)
	s.mu.Lock()
	return s.grants.items[token], s
}

// revoke ends all tokens of a flow.
func (op *OP) revoke(f *flow) {
	owner := op.shardOf(f.id)
	owner.mu.Lock()
	tokens := slices.Clone(f.tokens)
	owner.mu.Unlock()
	for _, g := range tokens {
		s := op.shardOf(g.token)
		s.mu.Lock()
		g.revoked = true
		s.mu.Unlock()
	}
}

// subject is the sub that a client is told: the same for all, or one for its
// sector (OIDC Core 8.1).
func (op *OP) subject(c *Client, u *User) string {
	if op.b.subject != nil {
		return op.b.subject(c, u)
	}
	if c.Sector == "" {
		return u.Sub
	}
	sum := sha256.Sum256([]byte("a salt of this OP/" + c.Sector + "/" + u.Sub))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// idToken makes the ID token of OIDC Core 2.
func (op *OP) idToken(c *call, f *flow, accessToken string) (string, error) {
	alg := c.client.IDTokenAlg
	if alg == "" {
		alg = op.b.idTokenAlg
	}
	key := op.signingKey(alg)
	atHash, err := jose.LeftHalfHash(key.Alg(), accessToken)
	if err != nil {
		return "", err
	}
	claims := map[string]any{
		"iss": op.issuer, "sub": op.subject(c.client, f.user), "aud": c.client.ID, "iat": c.now.Unix(), "exp": c.now.Add(op.reg.IDTokenLifetime).Unix(),
		"auth_time": f.decided.Unix(), "at_hash": atHash, "acr": op.acr(f),
	}
	d := &draft{header: map[string]any{}, claims: claims, key: key, flow: f, access: accessToken}
	for _, edit := range op.b.onDraft {
		edit(c, d)
	}
	var token string
	if d.unsigned {
		token, err = jose.Unsigned(d.header, d.claims)
	} else {
		token, err = jose.Sign(d.header, d.claims, d.key)
	}
	if err == nil && d.after != nil {
		token = d.after(token)
	}
	return token, err
}

// acr tells what the device of this OP achieves: the first of the requested
// values it supports, else its basic one.
func (op *OP) acr(f *flow) string {
	for _, wanted := range strings.Fields(f.acr) {
		if slices.Contains(op.reg.ACRValues, wanted) {
			return wanted
		}
	}
	return op.reg.ACRValues[0]
}

// PastIDToken is an ID token that this OP issued to a client about a user, by
// login_hint, and that expired the given time ago. It serves as an old
// id_token_hint.
func (op *OP) PastIDToken(clientID, loginHint string, ago time.Duration) (string, error) {
	client, user := op.clients[clientID], op.userBy(func(u User) bool { return u.LoginHint == loginHint })
	if client == nil || user == nil {
		return "", fmt.Errorf("an old ID token of %q for client %q: not registered", loginHint, clientID)
	}
	expired := op.now().Add(-ago)
	claims := map[string]any{
		"iss": op.issuer, "sub": op.subject(client, user), "aud": client.ID,
		"iat": expired.Add(-op.reg.IDTokenLifetime).Unix(), "exp": expired.Unix(),
	}
	return jose.Sign(nil, claims, op.signingKey(client.IDTokenAlg))
}

// discovery is the metadata of OIDC Discovery 3, CIBA Core 4 and RFC 9396 10.
func (op *OP) discovery(*call) *reply {
	types := make([]string, 0, len(op.reg.RARTypes))
	for name := range op.reg.RARTypes {
		types = append(types, name)
	}
	slices.Sort(types)
	doc := map[string]any{
		"issuer":                              op.issuer,
		"backchannel_authentication_endpoint": op.url(pathStart),
		"token_endpoint":                      op.url(pathToken),
		"jwks_uri":                            op.url(pathJWKS),
		"userinfo_endpoint":                   op.url(pathUserinfo),
		"introspection_endpoint":              op.url(pathIntrospect),
		"backchannel_token_delivery_modes_supported":            []any{"poll"},
		"backchannel_user_code_parameter_supported":             true,
		"backchannel_endpoint_login_hint_token_types_supported": []any{"jwt"},
		"grant_types_supported":                                 []any{grantCIBA, "refresh_token"},
		"response_types_supported":                              []any{"none"},
		"subject_types_supported":                               []any{"public", "pairwise"},
		"id_token_signing_alg_values_supported":                 anyList(op.algs()),
		"acr_values_supported":                                  anyList(op.reg.ACRValues),
		"scopes_supported":                                      anyList(op.reg.Scopes),
		"token_endpoint_auth_methods_supported":                 []any{"client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt"},
		"token_endpoint_auth_signing_alg_values_supported":      []any{"ES256", "RS256", "PS256", "HS256"},
		"introspection_endpoint_auth_methods_supported":         []any{"client_secret_basic", "client_secret_post"},
		"authorization_details_types_supported":                 anyList(types),
		"claims_supported":                                      []any{"sub", "name", "acr", "auth_time"},
		"authorization_endpoint":                                op.url("/no-front-channel"),
	}
	return success("discovery", doc)
}

func anyList(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

func (op *OP) jwks(*call) *reply {
	data, _ := jose.MarshalJWKS(op.reg.signing)
	var body map[string]any
	_ = json.Unmarshal(data, &body)
	for _, k := range body["keys"].([]any) {
		k.(map[string]any)["use"] = "sig"
	}
	return success("jwks", body)
}

// userinfo is OIDC Core 5.3, with the errors of RFC 6750 3.
func (op *OP) userinfo(c *call) *reply {
	if c.r.Method != "GET" && c.r.Method != "POST" {
		return methodNotAllowed("GET, POST")
	}
	bearer, ok := strings.CutPrefix(c.r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return failure(&oauthError{401, "invalid_token", "an access token is needed", "Bearer"})
	}
	g, s := op.findGrant(bearer)
	live := g != nil && (g.kind == "access" || op.b.skipped["userinfo-kind"]) && !g.dead(c.now)
	s.mu.Unlock()
	if !live && op.b.skipped["userinfo-token"] {
		return success("userinfo", map[string]any{"sub": op.reg.Users[0].Sub})
	}
	if !live {
		return failure(&oauthError{401, "invalid_token", "the access token is not valid", `Bearer error="invalid_token"`})
	}
	c.flow = g.flow
	body := map[string]any{"sub": op.subject(g.client, g.user)}
	if slices.Contains(strings.Fields(g.scope), "profile") {
		body["name"] = g.user.Name
	}
	return success("userinfo", body)
}

// introspect is RFC 7662 2.
func (op *OP) introspect(c *call) *reply {
	if err := c.run(clientChecks); err != nil {
		return failure(err)
	}
	if c.client == nil {
		c.client = &op.reg.Clients[0]
	}
	g, s := op.findGrant(c.value("token"))
	live := g != nil && !g.dead(c.now)
	s.mu.Unlock()
	if !live {
		return success("introspection", map[string]any{"active": false})
	}
	c.flow = g.flow
	body := map[string]any{
		"active": true, "iss": op.issuer, "sub": op.subject(g.client, g.user), "aud": op.reg.API, "client_id": g.client.ID, "scope": g.scope,
		"iat": g.issued.Unix(), "exp": g.expires.Unix(), "token_type": "Bearer",
	}
	if g.details != nil {
		body["authorization_details"] = cloneJSON(g.details)
	}
	return success("introspection", body)
}
