package refop

import (
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/jose"
)

// The parameters that name the user; CIBA Core 7.1.
const (
	LoginHint      = "login_hint"
	LoginHintToken = "login_hint_token"
	IDTokenHint    = "id_token_hint"
)

// hintChecks find the user; CIBA Core 7.1 and 7.2. Tokens are verified before what
// they say is believed; CIBA Core 14.
var hintChecks = []check{
	{CheckHintNone, func(c *Call) *OAuthError {
		if len(c.Hints()) == 0 {
			return Refusal("invalid_request", "one of login_hint, login_hint_token and id_token_hint is needed")
		}
		return nil
	}},
	{CheckHintMultiple, func(c *Call) *OAuthError {
		if len(c.Hints()) > 1 {
			return Refusal("invalid_request", "only one hint is allowed")
		}
		return nil
	}},
	{CheckHintEmpty, func(c *Call) *OAuthError {
		if c.hint() == LoginHint && strings.TrimSpace(c.Value(LoginHint)) == "" {
			return Refusal("invalid_request", "login_hint is empty")
		}
		return nil
	}},
	{CheckHintTokenSignature, func(c *Call) *OAuthError {
		if c.hint() != LoginHintToken {
			return nil
		}
		var err error
		if c.Hint, err = jose.Verify(c.Value(LoginHintToken), c.OP.reg.hints, []string{"ES256"}); err != nil {
			return Refusal("invalid_request", "login_hint_token cannot be verified")
		}
		return nil
	}},
	{CheckHintTokenExpired, func(c *Call) *OAuthError {
		if c.hint() == LoginHintToken && c.HintExpired() {
			return Refusal("expired_login_hint_token", "login_hint_token has expired")
		}
		return nil
	}},
	{CheckIDHintSignature, func(c *Call) *OAuthError {
		if c.hint() != IDTokenHint {
			return nil
		}
		var err error
		if c.Hint, err = c.OP.VerifyOwn(c.Value(IDTokenHint)); err != nil {
			return Refusal("invalid_request", "id_token_hint cannot be verified")
		}
		return nil
	}},
	{CheckIDHintIssuer, func(c *Call) *OAuthError {
		if c.hint() == IDTokenHint && c.Hint.Claims["iss"] != c.OP.issuer {
			return Refusal("invalid_request", "id_token_hint is not ours")
		}
		return nil
	}},
	{CheckIDHintAudience, func(c *Call) *OAuthError { // an expired one still names its user; CIBA Core 14
		if c.hint() == IDTokenHint && !addressedTo(c.Hint.Claims["aud"], c.Client.ID) {
			return Refusal("invalid_request", "id_token_hint is another client's")
		}
		return nil
	}},
	{CheckUserKnown, func(c *Call) *OAuthError {
		if c.User = c.OP.Rules().UserOfHint(c); c.User == nil {
			return Refusal("unknown_user_id", "the hint names no user")
		}
		return nil
	}},
}

// Hints are the names of the hints that were sent.
func (c *Call) Hints() []string {
	var list []string
	for _, name := range []string{LoginHint, LoginHintToken, IDTokenHint} {
		if c.Has(name) {
			list = append(list, name)
		}
	}
	return list
}

// hint is the hint that counts, empty for none.
func (c *Call) hint() string {
	for _, name := range []string{LoginHint, LoginHintToken, IDTokenHint} {
		if c.Has(name) {
			return name
		}
	}
	return ""
}

// HintExpired reports whether the hint is a token that has expired.
func (c *Call) HintExpired() bool {
	exp, ok := Moment(c.Hint.Claims["exp"])
	return ok && c.Now.After(exp)
}

// userOfHint looks a user up by login name, or by the subject that the client was
// told in an ID Token.
func userOfHint(c *Call) *User {
	sub, _ := c.Hint.Claims["sub"].(string)
	switch c.hint() {
	case LoginHint:
		return c.OP.UserByLogin(c.Value(LoginHint))
	case LoginHintToken:
		return c.OP.UserBy(func(u User) bool { return u.LoginHint == sub })
	case IDTokenHint:
		return c.OP.UserBy(func(u User) bool { return c.OP.Rules().Subject(c.Client, &u) == sub })
	}
	return nil
}

// addressedTo reports whether an audience, a string or an array, names a client.
func addressedTo(audience any, id string) bool {
	list, _ := audience.([]any)
	return audience == id || slices.Contains(list, any(id))
}
