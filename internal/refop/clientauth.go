package refop

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
)

// The methods of client authentication; OIDC Core 9.
const (
	MethodNone          = "none"
	MethodBasic         = "client_secret_basic"
	MethodPost          = "client_secret_post"
	MethodSecretJWT     = "client_secret_jwt"
	MethodPrivateKeyJWT = "private_key_jwt"

	// MethodAny is the registration of a client that may use each of them but none.
	MethodAny = "any"

	// MethodAssertion is either of the last two: which one shows when the client is
	// known.
	MethodAssertion = "assertion"
)

// Credentials are how a call says who makes it. The zero value names nobody.
type Credentials struct {
	ID     string // empty for an assertion, which names the client itself
	Secret string
	Method string
}

// clientChecks authenticate the client, in the order of RFC 6749 2.3 and 5.2.
var clientChecks = []check{
	{CheckForm, func(c *Call) *OAuthError { return c.badForm }},
	{CheckRepeated, (*Call).refuseRepeated},
	{CheckOneAuthentication, (*Call).needOneAuthentication},
	{CheckClient, (*Call).authenticate},
}

// refuseRepeated is RFC 6749 3.1 and 3.2: no parameter is sent more than once.
func (c *Call) refuseRepeated() *OAuthError {
	for name, values := range c.Form {
		if c.OP.Rules().Repeated(name, values) {
			return Refusal("invalid_request", "a parameter is given twice")
		}
	}
	return nil
}

// needOneAuthentication is RFC 6749 2.3: a client uses one method in a request.
func (c *Call) needOneAuthentication() *OAuthError {
	if c.Authentications() > 1 {
		return Refusal("invalid_request", "more than one client authentication")
	}
	return nil
}

// Authentications counts the ways in which a call authenticates.
func (c *Call) Authentications() int {
	n := 0
	for _, there := range []bool{c.Request.Header.Get("Authorization") != "", c.Has("client_secret"), c.Has("client_assertion")} {
		if there {
			n++
		}
	}
	return n
}

// Credentials are what the call shows of its client.
func (c *Call) Credentials() Credentials { return c.OP.Rules().Credentials(c) }

// credentials looks at the header first, then at the form.
func credentials(c *Call) Credentials {
	if id, secret, ok := c.BasicPair(); ok { // RFC 6749 2.3.1: both are form-encoded first
		id, _ = url.QueryUnescape(id)
		secret, _ = url.QueryUnescape(secret)
		return Credentials{id, secret, MethodBasic}
	}
	if c.Has("client_assertion") || c.Has("client_assertion_type") {
		return Credentials{Method: MethodAssertion}
	}
	if c.Has("client_secret") {
		return Credentials{c.Value("client_id"), c.Value("client_secret"), MethodPost}
	}
	return Credentials{ID: c.Value("client_id"), Method: MethodNone}
}

// BasicPair is the user name and the password of an Authorization header of the
// scheme Basic, as they stand there; ok is false without such a header. What is no
// base64 leaves both empty.
func (c *Call) BasicPair() (name, password string, ok bool) {
	header, ok := strings.CutPrefix(c.Request.Header.Get("Authorization"), "Basic ")
	if !ok {
		return "", "", false
	}
	data, _ := base64.StdEncoding.DecodeString(header)
	name, password, _ = strings.Cut(string(data), ":")
	return name, password, true
}

// authenticate finds the client and verifies that it uses its own method.
func (c *Call) authenticate() *OAuthError {
	who := c.Credentials()
	if who.Method == MethodAssertion {
		return c.run(c.OP.checks.assertion)
	}
	if c.Client = c.OP.Client(who.ID); c.Client == nil {
		return c.BadClient("unknown client")
	}
	if who.Method == MethodNone && c.Client.ByCertificate() {
		return c.authenticateByCertificate()
	}
	if who.Method == MethodNone {
		return c.BadClient("client authentication is required")
	}
	if !c.OP.Rules().MethodFits(c, who.Method) {
		return c.BadClient("the client is registered for another method")
	}
	if !c.OP.Rules().SecretMatches(c, who.Secret) {
		return c.BadClient("wrong secret")
	}
	return nil
}

func methodFits(c *Call, method string) bool {
	return method == c.Client.AuthMethod || c.Client.AuthMethod == MethodAny
}

// secretMatches takes any secret of a client that nobody has registered.
func secretMatches(c *Call, secret string) bool {
	return c.Client.Unlisted || equal(secret, c.Client.Secret)
}

// BadClient is the refusal of a client that could not be authenticated. One that
// used the Authorization header is told the scheme to use. RFC 6749 5.2.
func (c *Call) BadClient(description string) *OAuthError {
	e := &OAuthError{Status: http.StatusUnauthorized, Code: "invalid_client", Description: description}
	if c.Request.Header.Get("Authorization") != "" {
		e.Challenge = `Basic realm="clients"`
	}
	return e
}
