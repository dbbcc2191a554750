package refop

import (
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/jose"
)

// startChecks are the steps of CIBA Core 7.2, after client authentication.
var startChecks = slices.Concat(clientChecks, []check{
	{"client-ciba", func(c *call) *oauthError {
		if c.client.NoCIBA {
			return refusal("unauthorized_client", "the client is not registered for CIBA")
		}
		return nil
	}},
	{"client-confidential", func(c *call) *oauthError {
		if c.client.AuthMethod == "none" && !c.skips("client-public") {
			return c.badClient("public clients cannot use CIBA")
		}
		return nil
	}},
	{"policy", func(c *call) *oauthError {
		if c.client.PolicyDenied {
			return &oauthError{403, "access_denied", "policy forbids this client's requests", ""}
		}
		return nil
	}},
	{"request-object", func(c *call) *oauthError {
		if c.form["request"] != nil || c.form["request_uri"] != nil {
			return refusal("invalid_request", "signed requests are not supported")
		}
		return nil
	}},
	{"scope-missing", func(c *call) *oauthError {
		if len(strings.Fields(c.value("scope"))) == 0 {
			return refusal("invalid_request", "scope is missing")
		}
		return nil
	}},
	{"scope-openid", func(c *call) *oauthError {
		if !slices.Contains(strings.Fields(c.value("scope")), "openid") {
			return refusal("invalid_scope", "scope has to contain openid")
		}
		return nil
	}},
	{"scope-known", func(c *call) *oauthError {
		for _, s := range strings.Fields(c.value("scope")) {
			if !slices.Contains(c.op.reg.Scopes, s) {
				return refusal("invalid_scope", "unknown scope")
			}
		}
		return nil
	}},
	{"hint-none", func(c *call) *oauthError {
		if len(c.hints()) == 0 {
			return refusal("invalid_request", "one of login_hint, login_hint_token and id_token_hint is needed")
		}
		return nil
	}},
	{"hint-multiple", func(c *call) *oauthError {
		if len(c.hints()) > 1 && !c.skips("hint-pair-"+strings.Join(c.hints(), "-")) {
			return refusal("invalid_request", "only one hint is allowed")
		}
		return nil
	}},
	{"hint", (*call).resolveHint},
	{"binding-message", func(c *call) *oauthError {
		if m := c.value("binding_message"); c.form["binding_message"] != nil && !c.op.b.shows(m) {
			return refusal("invalid_binding_message", "binding_message has up to 64 printable characters")
		}
		return nil
	}},
	{"user-code-missing", func(c *call) *oauthError {
		waived := c.skips("user-code-empty") && c.form["user_code"] != nil || c.skips("user-code-token") && c.form["login_hint_token"] != nil
		if c.client.UserCode && c.user.UserCode != "" && c.value("user_code") == "" && !waived {
			return refusal("missing_user_code", "user_code is missing")
		}
		return nil
	}},
	{"user-code-wrong", func(c *call) *oauthError {
		code := c.value("user_code")
		if c.skips("user-code-tail") && len(code) == len(c.user.UserCode) && code != "" && strings.HasPrefix(c.user.UserCode, code[:len(code)-1]) {
			return nil
		}
		if c.skips("user-code-more") && c.user.UserCode != "" && strings.HasPrefix(code, c.user.UserCode) {
			return nil
		}
		if c.skips("user-code-owner") && c.op.userBy(func(u User) bool { return u.UserCode != "" && equal(code, u.UserCode) }) != nil {
			return nil
		}
		if c.client.UserCode && code != "" && !equal(code, c.user.UserCode) {
			return refusal("invalid_user_code", "wrong user_code")
		}
		return nil
	}},
	{"requested-expiry", (*call).readExpiry},
	{"acr-values", func(*call) *oauthError { return nil }},
	{"rar", (*call).readDetails},
	{"further", func(c *call) *oauthError {
		for _, check := range c.op.b.onStart {
			if err := check(c); err != nil {
				return err
			}
		}
		return nil
	}},
})

// suitable is what a device of this OP can show without doubt: letters of any
// script, digits, spaces and ordinary punctuation.
var suitable = regexp.MustCompile(`^[\pL\pM\pN\pP\pZs$€£+=]{1,64}$`)

// shows says whether a binding message can be shown.
func (b *behaviour) shows(message string) bool {
	if b.suitable != nil {
		return b.suitable.MatchString(message)
	}
	return suitable.MatchString(message)
}

// hints are the names of the hints that were sent.
func (c *call) hints() []string {
	var names []string
	for _, name := range []string{"login_hint", "login_hint_token", "id_token_hint"} {
		if c.form[name] != nil {
			names = append(names, name)
		}
	}
	return names
}

func (c *call) resolveHint() *oauthError {
	err := c.lookUpUser()
	if err != nil {
		if other := c.op.b.instead["hint-unknown"]; other != nil && err.code == "unknown_user_id" {
			err = other
		}
		return err
	}
	if c.op.b.onHint != nil {
		c.user = c.op.b.onHint(c, c.user)
	}
	return nil
}

func (c *call) lookUpUser() *oauthError {
	switch {
	case c.form["login_hint"] != nil:
		hint := c.value("login_hint")
		if strings.TrimSpace(hint) == "" && !c.skips("hint-empty") {
			return refusal("invalid_request", "login_hint is empty")
		}
		c.user = c.op.userBy(func(u User) bool { return u.LoginHint == hint })
	case c.form["login_hint_token"] != nil:
		return c.userOfHintToken()
	case c.form["id_token_hint"] != nil:
		return c.userOfIDToken()
	}
	return c.needUser()
}

func (c *call) needUser() *oauthError {
	if c.user == nil && c.op.b.nobody != nil && len(c.hints()) > 0 {
		c.user = c.op.b.nobody
	}
	if c.user == nil && c.skips("hint-unknown") {
		c.user = &c.op.reg.Users[0]
	}
	if c.user == nil && len(c.hints()) > 0 {
		return refusal("unknown_user_id", "the hint names no user")
	}
	if c.user == nil { // only reached when a fault let a request without hint pass
		c.user = &c.op.reg.Users[0]
	}
	return nil
}

func (op *OP) userBy(match func(User) bool) *User {
	if i := slices.IndexFunc(op.reg.Users, match); i >= 0 {
		return &op.reg.Users[i]
	}
	return nil
}

// userOfHintToken reads a login_hint_token of the hint issuer this OP trusts.
func (c *call) userOfHintToken() *oauthError {
	token, err := jose.Verify(c.value("login_hint_token"), c.op.reg.hints, []string{"ES256"})
	unsigned := token.Header["alg"] == "none" && c.skips("hint-token-unsigned")
	if err != nil && (!c.skips("hint-token-signature") && !unsigned || token.Claims == nil) {
		return refusal("invalid_request", "login_hint_token cannot be verified")
	}
	if exp, ok := moment(token.Claims["exp"]); ok && c.now.After(exp) && !c.skips("hint-token-expired") {
		return refusal("expired_login_hint_token", "login_hint_token has expired")
	}
	sub, _ := token.Claims["sub"].(string)
	c.user = c.op.userBy(func(u User) bool { return u.LoginHint == sub })
	return c.needUser()
}

// userOfIDToken reads an ID token of this OP. An expired one still names its
// user; CIBA Core 14.
func (c *call) userOfIDToken() *oauthError {
	token, err := jose.Verify(c.value("id_token_hint"), c.op.reg.signing, c.op.algs())
	alg, _ := token.Header["alg"].(string)
	unverified := "id-hint-signature"
	switch {
	case alg == "none":
		unverified = "id-hint-unsigned"
	case strings.EqualFold(alg, "none"):
		unverified = "id-hint-unsigned-odd"
	case !slices.ContainsFunc(c.op.reg.signing, func(k jose.Key) bool { return k.KID() == token.Header["kid"] }):
		if c.skips("id-hint-unknown-key") {
			unverified = "id-hint-unknown-key"
		}
	}
	forged := err != nil && !c.skips(unverified)
	if forged || token.Claims == nil {
		return refusal("invalid_request", "id_token_hint cannot be verified")
	}
	if token.Claims["iss"] != c.op.issuer && !c.skips("id-hint-issuer") {
		return refusal("invalid_request", "id_token_hint is not ours")
	}
	if !names(token.Claims["aud"], c.client.ID) && !c.skips("id-hint-audience") {
		return refusal("invalid_request", "id_token_hint is another client's")
	}
	if exp, ok := moment(token.Claims["exp"]); ok && c.now.After(exp) && c.skips("id-hint-old") {
		return refusal("invalid_request", "id_token_hint has expired")
	}
	sub, _ := token.Claims["sub"].(string)
	c.user = c.op.userBy(func(u User) bool { return c.op.subject(c.client, &u) == sub })
	return c.needUser()
}

// names says whether an audience, a string or an array, contains a client.
func names(audience any, id string) bool {
	list, _ := audience.([]any)
	return audience == id || slices.Contains(list, any(id))
}

// readExpiry takes requested_expiry, up to the OP's longest.
func (c *call) readExpiry() *oauthError {
	c.expiry = c.op.reg.ExpiresIn
	if c.form["requested_expiry"] == nil {
		return nil
	}
	n, err := strconv.ParseUint(c.value("requested_expiry"), 10, 31)
	if err != nil || n == 0 {
		if c.skips("requested-expiry-value") {
			return nil
		}
		return refusal("invalid_request", "requested_expiry is a positive number of seconds")
	}
	if op := c.op; op.b.requestedExpiry != nil {
		return op.b.requestedExpiry(c, time.Duration(n)*time.Second)
	}
	c.expiry = min(time.Duration(n)*time.Second, c.op.reg.MaxExpiresIn)
	return nil
}

// start is the backchannel authentication endpoint.
func (op *OP) start(c *call) *reply {
	err := c.run(startChecks)
	if c.client == nil {
		c.client = &op.reg.Clients[0]
	}
	if err != nil {
		if op.b.promptAlways && c.user != nil || op.b.promptEarly && c.user != nil {
			op.prompt(c.newFlow())
		}
		return failure(err)
	}
	f := c.newFlow()
	if op.b.oneOpenRequest && !op.claimUser(f) {
		return failure(&oauthError{403, "access_denied", "the user has an open request", ""})
	}
	op.keep(f)
	op.prompt(f)
	body := map[string]any{"auth_req_id": f.id, "expires_in": int(c.expiry / time.Second), "interval": int(op.reg.Interval / time.Second)}
	c.flow = f
	return success("ack", body)
}

func (c *call) newFlow() *flow {
	op := c.op
	if c.user == nil {
		c.user = &op.reg.Users[0]
	}
	f := &flow{
		client: c.client, user: c.user, created: c.now, expires: c.now.Add(c.expiry), interval: op.reg.Interval,
		scope: strings.Join(strings.Fields(c.value("scope")), " "), binding: c.value("binding_message"), acr: c.value("acr_values"),
		requested: c.details, granted: c.details, callbackToken: randomID(16), woken: make(chan struct{}),
	}
	f.id = randomID(32)
	if op.b.authReqID != nil {
		f.id = op.b.authReqID(op)
	}
	for _, edit := range op.b.onFlow {
		edit(c, f)
	}
	return f
}

// keep stores a flow.
func (op *OP) keep(f *flow) {
	s := op.shardOf(f.id)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flows.put(f.id, f, f.expires.Add(retention), f.created)
	if op.b.openOne {
		op.supersede(f)
	}
}

// retention is how long an expired flow is still known as expired.
const retention = 10 * time.Minute

// readDetails validates authorization_details; RFC 9396 2 and 5.
func (c *call) readDetails() *oauthError {
	details, err := c.detailsIn("authorization_details")
	c.details = details
	return err
}

func (c *call) detailsIn(name string) ([]any, *oauthError) {
	if c.form[name] == nil {
		return nil, nil
	}
	if c.skips("rar-ignored") {
		return nil, nil
	}
	value, err := decodeJSON(c.value(name))
	if errors.Is(err, errTrailing) && c.skips("rar-trailing") {
		err = nil
	}
	if err != nil {
		if c.skips("rar-json") {
			return nil, nil
		}
		return nil, badDetails("authorization_details is not JSON")
	}
	list, ok := value.([]any)
	if !ok {
		if c.skips("rar-array") {
			return []any{value}, nil
		}
		return nil, badDetails("authorization_details is not an array")
	}
	known := make([]any, 0, len(list))
	for i, item := range list {
		if i > 0 && c.skips("rar-rest") {
			known = append(known, item)
			continue
		}
		if i < len(list)-1 && c.skips("rar-last-only") {
			known = append(known, item)
			continue
		}
		e := c.checkDetail(item)
		if e != nil && c.skips("rar-unknown-dropped") {
			continue
		}
		if e != nil {
			return nil, e
		}
		known = append(known, item)
	}
	if len(known) == 0 && c.skips("rar-empty") {
		return nil, nil
	}
	return known, nil
}

func badDetails(description string) *oauthError {
	return refusal("invalid_authorization_details", description)
}

func decodeJSON(text string) (any, error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return value, errTrailing
	}
	return value, nil
}

var errTrailing = errors.New("something follows the JSON value")
