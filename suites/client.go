package suites

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// newClient prepares the client's way of authenticating.
func newClient(c targetfile.Client) (*Client, error) {
	own, err := c.Authenticator("")
	if err != nil {
		return nil, err
	}
	client := &Client{Client: c, audience: map[string]string{}}
	assertion, signs := own.(ciba.Assertion)
	client.key = assertion.Key
	client.auth = func(audience string) ciba.Authenticator {
		if !signs {
			return own
		}
		addressed := assertion
		addressed.Audience, addressed.Strict = audience, client.strict
		return addressed
	}
	return client, nil
}

// idTokenAlg is the algorithm its ID Tokens are registered for; OIDC
// Registration 2.
func (c *Client) idTokenAlg() string {
	if c.IDTokenAlg == "" {
		return "RS256"
	}
	return c.IDTokenAlg
}

// Key signs the client's assertions; it is the zero Key for other methods.
func (c *Client) Key() jose.Key { return c.key }

// UsesAssertion says whether the client authenticates by a JWT.
func (c *Client) UsesAssertion() bool {
	return c.AuthMethod == targetfile.AuthClientSecretJWT || c.AuthMethod == targetfile.AuthPrivateKeyJWT
}

// Auth authenticates the client at an endpoint. The assertion audience is the
// issuer, on which all texts agree, unless this endpoint was seen to refuse it.
func (c *Client) Auth(endpoint, issuer string) ciba.Authenticator {
	c.mu.Lock()
	defer c.mu.Unlock()
	if other, ok := c.audience[endpoint]; ok {
		return c.auth(other)
	}
	return c.auth(issuer)
}

// Assertion is the client's assertion for the issuer, to be altered by a case.
func (t *T) Assertion(c *Client) ciba.Assertion {
	return ciba.Assertion{ClientID: c.ClientID, Key: c.key, Audience: t.session.target.Issuer, Strict: c.strict}
}

// sendAuthenticated sends a call of a client. Where an endpoint refuses an
// assertion addressed to the issuer, its own URL is tried once and kept if it
// works: the refusal is a finding of the audience cases alone.
func (t *T) sendAuthenticated(c *Client, call func() ciba.Call) *ciba.Response {
	return t.sendAuthenticatedPaced(c, 0, call)
}

func (t *T) sendAuthenticatedPaced(c *Client, pace time.Duration, call func() ciba.Call) *ciba.Response {
	first := call()
	resp := t.sendPaced(first, pace)
	if !c.UsesAssertion() || !refusesClient(resp) || !c.tryAudience(first.URL) {
		return resp
	}
	again := t.sendPaced(call(), pace)
	if refusesClient(again) {
		c.forgetAudience(first.URL)
		return resp
	}
	t.Note("%s refuses client assertions whose audience is the issuer; its own URL is used as audience there", first.Label)
	return again
}

func (c *Client) tryAudience(endpoint string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, tried := c.audience[endpoint]; tried {
		return false
	}
	c.audience[endpoint] = endpoint
	return true
}

func (c *Client) forgetAudience(endpoint string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.audience, endpoint)
}

// refusesClient says whether the client authentication failed. Some OPs answer
// 401 or 403 without an OAuth error; what their error lacks is judged elsewhere.
func refusesClient(resp *ciba.Response) bool {
	_, coded := resp.OAuthError()
	return resp.Status == http.StatusUnauthorized || resp.Status == http.StatusForbidden && !coded || isError(resp, ciba.InvalidClient)
}

// isError says whether the answer is an OAuth error with this code.
func isError(resp *ciba.Response, code ciba.ErrorCode) bool {
	e, ok := resp.OAuthError()
	return ok && ciba.ErrorCode(e.Code) == code
}

// intervalIn is the interval member of an answer in seconds, zero without one.
// Auth0 puts one into slow_down answers.
func intervalIn(resp *ciba.Response) time.Duration {
	object, err := resp.Object()
	if err != nil {
		return 0
	}
	seconds, err := ciba.Seconds(object["interval"])
	if err != nil {
		return 0
	}
	return seconds
}

func contextWithin(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d)
}

func panicText(r any) string {
	return strings.TrimSpace(fmt.Sprintf("a defect in cibatest: %v", r))
}
