package driver

import (
	"crypto/tls"
	"sync"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// Client is a registered client, ready to speak to the target.
type Client struct {
	targetfile.Client
	key jose.Key // signs assertions; zero for the other methods

	certificate *tls.Certificate // shown in all requests; nil: none

	requestKey jose.Key // signs requests; where the client does not, as key

	auth func(audience string) ciba.Authenticator

	mu        sync.Mutex
	audience  map[string]string // endpoint URL -> assertion audience, where the issuer was refused
	rejection string            // how the OP refuses this client altogether; empty: it does not
	letIn     bool              // it was tried, and the OP lets it in
	strict    bool              // its assertions have to be of the kind RFC 10070 asks for
}

// newClient prepares the client's way of authenticating.
func newClient(c targetfile.Client) (*Client, error) {
	own, err := c.Authenticator("")
	if err != nil {
		return nil, err
	}
	client := &Client{Client: c, audience: map[string]string{}}
	if client.certificate, err = c.Certificate.TLS(); err != nil {
		return nil, err
	}
	assertion, signs := own.(ciba.Assertion)
	client.key, client.requestKey = assertion.Key, assertion.Key
	if c.RequestSigningAlg != "" {
		if client.requestKey, err = c.RequestKey(); err != nil {
			return nil, err
		}
	}
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

// IDTokenAlg is the algorithm that the client's ID Tokens are registered for: RS256
// unless the target file names another. OIDC Registration 2.
func (c *Client) IDTokenAlg() string {
	if c.Client.IDTokenAlg == "" {
		return "RS256"
	}
	return c.Client.IDTokenAlg
}

// Shown is the certificate that the client shows at TLS, nil for none. RFC 8705.
func (c *Client) Shown() *tls.Certificate { return c.certificate }

// Key signs the client's assertions; it is the zero Key for other methods.
func (c *Client) Key() jose.Key { return c.key }

// Rejection is how the OP refuses this client whatever it asks, empty where it is
// let in. [Run.TryCredentials] finds it out.
func (c *Client) Rejection() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rejection
}

// reject keeps how the OP refuses the client; with nothing it is let in.
func (c *Client) reject(how string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rejection, c.letIn = how, how == ""
}

// provesItself reports whether the client has credentials that the OP is not known to refuse.
func (c *Client) provesItself() bool {
	return c.AuthMethod != targetfile.AuthNone && c.Rejection() == ""
}

// isLetIn reports whether the client was tried and let in.
func (c *Client) isLetIn() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.letIn
}

// UsesAssertion reports whether the client authenticates by a JWT.
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

// Assertion is the client's usual assertion, to be altered. Its audience is the
// issuer.
func (c *Client) Assertion(issuer string) ciba.Assertion {
	return ciba.Assertion{ClientID: c.ClientID, Key: c.key, Audience: issuer, Strict: c.strict}
}

// Working leaves out the clients that the OP refuses, unless it refuses all.
func Working(clients []*Client) []*Client {
	var working []*Client
	for _, c := range clients {
		if c.Rejection() == "" {
			working = append(working, c)
		}
	}
	if len(working) == 0 {
		return clients
	}
	return working
}
