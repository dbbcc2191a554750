package refop

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/jose"
)

const (
	maxForm       = 64 << 10
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	clockSkew     = 60 * time.Second
)

// readForm reads the body. What is wrong with it is told by the form check, after
// the method has been found right.
func (c *call) readForm(w http.ResponseWriter) {
	c.form = map[string][]string{}
	body, err := io.ReadAll(http.MaxBytesReader(w, c.r.Body, maxForm))
	if err != nil {
		c.badForm = &oauthError{413, "invalid_request", "the request is too large", ""}
		return
	}
	media, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if media != "application/x-www-form-urlencoded" && len(body) > 0 {
		if c.op.b.skipped["media-type"] && media == "application/json" {
			c.jsonForm(body)
			return
		}
		c.badForm = refusal("invalid_request", "the body has to be application/x-www-form-urlencoded")
		return
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		c.badForm = refusal("invalid_request", "the form cannot be read")
		return
	}
	c.form = values
	if c.op.b.skipped["query-"+c.endpoint] {
		for name, v := range c.r.URL.Query() {
			c.form[name] = append(c.form[name], v...)
		}
	}
	for name, v := range c.form { // RFC 6749 3.2: parameters without a value count as absent
		if len(v) == 1 && v[0] == "" && !c.skips("empty-is-absent") && !c.skips("empty-is-absent-"+name) {
			delete(c.form, name)
		}
	}
	for _, edit := range c.op.b.onForm {
		edit(c)
	}
}

func (c *call) jsonForm(body []byte) {
	var object map[string]any
	_ = json.Unmarshal(body, &object)
	for name, v := range object {
		if s, ok := v.(string); ok {
			c.form[name] = []string{s}
		}
	}
}

// clientChecks authenticate the client, in the order of RFC 6749 2.3 and 5.2.
var clientChecks = []check{
	{"form", func(c *call) *oauthError { return c.badForm }},
	{"duplicates", func(c *call) *oauthError {
		for name, v := range c.form {
			equals := len(slices.Compact(slices.Clone(v))) == 1
			if len(v) > 1 && !c.skips("duplicates-"+name) && (!equals || !c.skips("duplicates-equal")) {
				return refusal("invalid_request", "a parameter is given twice")
			}
		}
		return nil
	}},
	{"one-authentication", func(c *call) *oauthError {
		if c.authentications() > 1 {
			return refusal("invalid_request", "more than one client authentication")
		}
		return nil
	}},
	{"client", func(c *call) *oauthError { return c.authenticate() }},
}

func (c *call) authentications() int {
	n := 0
	for _, there := range []bool{c.r.Header.Get("Authorization") != "", c.form["client_secret"] != nil, c.form["client_assertion"] != nil} {
		if there {
			n++
		}
	}
	return n
}

func (c *call) badClient(description string) *oauthError {
	e := &oauthError{401, "invalid_client", description, ""}
	if c.r.Header.Get("Authorization") != "" {
		e.challenge = `Basic realm="clients"`
	}
	if other := c.op.b.instead["client"]; other != nil {
		return other
	}
	return e
}

func (c *call) skips(name string) bool { return c.op.b.skipped[name] }

// skipsAt also looks for a skip at this endpoint only.
func (c *call) skipsAt(name string) bool { return c.skips(name) || c.skips(name+"-"+c.endpoint) }

// skipsHere also looks for a skip for this grant type or for this method only.
func (c *call) skipsHere(name, method string) bool {
	return c.skipsAt(name) || c.skips(name+"-"+c.value("grant_type")) || c.skipsAt(name+"-"+method)
}

// authenticate finds the client and verifies that it uses its own method.
func (c *call) authenticate() *oauthError {
	id, secret, method := c.credentials()
	if method == "jwt" {
		return c.authenticateByAssertion()
	}
	if owner := c.ownerNamed(); owner != nil && id == "" {
		c.client = owner
		return nil
	}
	client := c.op.clients[id]
	if client == nil {
		if c.skipsHere("client-known", method) {
			c.client = &c.op.reg.Clients[0]
			return nil
		}
		return c.badClient("unknown client")
	}
	c.client = client
	if method == "none" {
		if client.AuthMethod == "none" && c.skips("client-public") || c.skipsHere("client-credential", client.AuthMethod) {
			return nil
		}
		return c.badClient("client authentication is required")
	}
	byForm := method == client.AuthMethod
	if c.skipsHere("client-method", client.AuthMethod) && strings.HasPrefix(client.AuthMethod, "client_secret") {
		byForm = true
	}
	if client.AuthMethod == "none" && secret == "" && c.skips("client-secret-of-none") {
		return nil
	}
	if !byForm {
		return c.badClient("the client is registered for another method")
	}
	if !c.secretOK(secret, client) {
		return c.badClient("wrong secret")
	}
	return nil
}

// ownerNamed is, for faults, whose auth_req_id or refresh token was sent.
func (c *call) ownerNamed() *Client {
	if c.skips("client-of-the-flow") {
		f, s := c.op.find(c.value("auth_req_id"))
		defer s.mu.Unlock()
		if f != nil {
			return f.client
		}
	}
	if c.skips("client-of-the-grant") {
		g, s := c.op.findGrant(c.value("refresh_token"))
		defer s.mu.Unlock()
		if g != nil {
			return g.client
		}
	}
	return nil
}

func (c *call) secretOK(secret string, client *Client) bool {
	switch {
	case secret == "" && c.skipsHere("client-secret-empty", client.AuthMethod):
		return true
	case c.skips("client-secret-more") && strings.HasPrefix(secret, client.Secret):
		return true
	case c.skips("client-secret-anybodys"):
		return slices.ContainsFunc(c.op.reg.Clients, func(other Client) bool { return other.Secret != "" && equal(secret, other.Secret) })
	case c.skips("client-secret-case") && strings.EqualFold(secret, client.Secret):
		return true
	case c.skips("client-secret-tail"):
		return len(secret) > 8 && strings.HasPrefix(client.Secret, secret[:8])
	}
	return equal(secret, client.Secret) || c.skipsHere("client-secret", client.AuthMethod)
}

// credentials says who claims to call, and by which method.
func (c *call) credentials() (id, secret, method string) {
	formWins := c.skips("form-wins") && c.form["client_secret"] != nil
	if header, ok := strings.CutPrefix(c.r.Header.Get("Authorization"), "Basic "); ok && !formWins {
		data, _ := base64.StdEncoding.DecodeString(header)
		rawID, rawSecret, _ := strings.Cut(string(data), ":")
		if c.skipsAt("basic-decoding") {
			return rawID, rawSecret, "client_secret_basic"
		}
		id, _ = url.QueryUnescape(rawID)
		secret, _ = url.QueryUnescape(rawSecret)
		return id, secret, "client_secret_basic"
	}
	switch {
	case c.form["client_assertion"] != nil || c.form["client_assertion_type"] != nil:
		return "", "", "jwt"
	case c.form["client_secret"] != nil:
		return c.value("client_id"), c.value("client_secret"), "client_secret_post"
	case (c.skips("secret-in-query") || c.skips("secret-in-query-"+c.endpoint)) && c.r.URL.Query().Has("client_secret"):
		q := c.r.URL.Query()
		client := c.op.clients[q.Get("client_id")]
		if client != nil {
			return client.ID, q.Get("client_secret"), client.AuthMethod
		}
	}
	return c.value("client_id"), "", "none"
}

// authenticateByAssertion follows RFC 7523 3 and OIDC Core 9.
func (c *call) authenticateByAssertion() *oauthError {
	if t := c.value("client_assertion_type"); t != assertionType && !c.skipsAt("assertion-type") && (t != "" || !c.skips("assertion-type-missing")) {
		return c.badClient("client_assertion_type is wrong or missing")
	}
	if named := c.op.clients[c.value("client_id")]; named != nil && c.value("client_assertion") == "" && c.skips("assertion-empty") {
		c.client = named
		return nil
	}
	token, err := jose.Decode(c.value("client_assertion"))
	if err != nil {
		return c.badClient("client_assertion is not a JWT")
	}
	sub, _ := token.Claims["sub"].(string)
	iss, _ := token.Claims["iss"].(string)
	if c.skips("assertion-iss-or-sub") && (iss == "" || sub == "") {
		iss, sub = iss+sub, iss+sub
	}
	client := c.op.clients[sub]
	if client == nil && c.skips("assertion-sub") {
		client = c.op.clients[iss]
	}
	if client == nil && c.skips("client-known-jwt") {
		c.client = &c.op.reg.Clients[0]
		return nil
	}
	if client == nil {
		return c.badClient("unknown client")
	}
	c.client = client
	if c.skips("assertion-sub-decides") && c.op.clients[iss] != nil { // the keys of one client, the rights of another
		if err := c.assertionSignature(c.op.clients[iss], token); err != nil {
			return err
		}
		return c.assertionTimes(token.Claims)
	}
	if iss != sub && !c.skips("assertion-iss") && !c.skips("assertion-sub") {
		return c.badClient("iss and sub differ")
	}
	if id := c.value("client_id"); id != "" && id != sub && !c.skipsAt("assertion-client-id") {
		return c.badClient("client_id is another client's")
	} else if id != "" && c.skips("assertion-client-id") && c.op.clients[id] != nil {
		c.client = c.op.clients[id]
	}
	if err := c.assertionSignature(client, token); err != nil {
		return err
	}
	return c.assertionTimes(token.Claims)
}

func (c *call) assertionSignature(client *Client, token jose.Token) *oauthError {
	keys, algs := client.keys, []string{"ES256", "RS256", "PS256", "ES384", "EdDSA"}
	switch client.AuthMethod {
	case "client_secret_jwt":
		keys, algs = []jose.Key{jose.SymmetricKey([]byte(client.Secret), "", "")}, []string{"HS256", "HS384", "HS512"}
		if c.skips("secret-jwt") {
			return c.badClient("client_secret_jwt does not work here")
		}
	case "private_key_jwt":
	case "client_secret_basic":
		if !c.skips("client-method-hmac") {
			return c.badClient("the client is registered for another method")
		}
		keys, algs = []jose.Key{jose.SymmetricKey([]byte(client.Secret), "", "")}, []string{"HS256"}
	default:
		return c.badClient("the client is registered for another method")
	}
	alg, _ := token.Header["alg"].(string)
	if alg == "none" && c.skipsAt("assertion-unsigned") || alg != "none" && strings.EqualFold(alg, "none") && c.skips("assertion-unsigned-odd") {
		return nil
	}
	if c.skips("assertion-keys") {
		for _, other := range c.op.reg.Clients {
			keys = append(slices.Clone(keys), other.keys...)
			if other.Secret != "" && client.AuthMethod == "client_secret_jwt" {
				keys = append(keys, jose.SymmetricKey([]byte(other.Secret), "", ""))
			}
		}
	}
	if _, err := jose.Verify(c.value("client_assertion"), keys, algs); err != nil && !c.skipsHere("assertion-signature", client.AuthMethod) {
		return c.badClient("the assertion is not signed by the client")
	}
	return nil
}

func (c *call) assertionTimes(claims map[string]any) *oauthError {
	if !c.audienceOK(claims["aud"]) && !c.skipsAt("assertion-aud") {
		return c.badClient("the assertion is addressed to somebody else")
	}
	exp, hasExp := moment(claims["exp"])
	switch {
	case !hasExp && !c.skipsAt("assertion-exp-missing"):
		return c.badClient("exp is missing")
	case hasExp && c.now.After(exp.Add(clockSkew)) && !c.skipsAt("assertion-exp"):
		return c.badClient("the assertion has expired")
	}
	if nbf, there := moment(claims["nbf"]); there && c.now.Add(clockSkew).Before(nbf) && !c.skips("assertion-nbf") {
		return c.badClient("the assertion is not valid yet")
	}
	jti, _ := claims["jti"].(string)
	if jti == "" {
		return c.op.b.instead["assertion-jti"] // RFC 7523 leaves it optional
	}
	if c.op.replayed(c.client.ID+" "+jti, exp) && !c.skips("assertion-replay") {
		if other := c.op.b.instead["assertion-replay"]; other != nil {
			return other
		}
		return c.badClient("the assertion was used before")
	}
	return nil
}

// audienceOK accepts what CIBA Core 7.1 lists: issuer, token endpoint and
// backchannel authentication endpoint.
func (c *call) audienceOK(aud any) bool {
	accepted := []string{c.op.issuer, c.op.url(pathToken), c.op.url(pathStart)}
	if c.skips("aud-issuer-" + c.endpoint) {
		accepted = []string{c.op.url(pathToken), c.op.url(pathStart)}
	}
	if c.skips("aud-endpoints") {
		accepted = accepted[:1]
	}
	if aud == nil && c.skips("aud-missing") {
		return true
	}
	if c.skips("aud-prefix") {
		s, _ := aud.(string)
		return strings.HasPrefix(s, c.op.issuer[:len(c.op.issuer)-1])
	}
	switch a := aud.(type) {
	case string:
		if c.skips("aud-inside") && strings.Contains(a, c.op.issuer) {
			return true
		}
		if c.skips("aud-beginning") && strings.HasPrefix(a, c.op.issuer) {
			return true
		}
		return slices.Contains(accepted, a)
	case []any:
		return c.skips("aud-array") || c.skips("aud-array-empty") && len(a) == 0 || slices.ContainsFunc(a, func(v any) bool { s, _ := v.(string); return slices.Contains(accepted, s) })
	}
	return false
}

// replayed remembers a jti until its token has expired.
func (op *OP) replayed(key string, until time.Time) bool {
	s := op.shardOf(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	_, seen := s.used.items[key]
	if until.IsZero() {
		until = op.now().Add(retention)
	}
	s.used.put(key, struct{}{}, until.Add(clockSkew), op.now())
	return seen
}

// moment reads a NumericDate.
func moment(v any) (time.Time, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return time.Time{}, false
	}
	f, err := n.Float64()
	if err != nil {
		return time.Time{}, false
	}
	return time.Unix(int64(f), 0), true
}
