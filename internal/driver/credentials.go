package driver

import (
	"net/http"

	"github.com/cibatest/cibatest/internal/ciba"
)

// hasAudience reports whether assertions for an endpoint have its URL as audience.
func (c *Client) hasAudience(endpoint string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, has := c.audience[endpoint]
	return has
}

// keepAudience makes the endpoint's URL the audience there.
func (c *Client) keepAudience(endpoint string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.audience[endpoint] = endpoint
}

// RefusesClient reports whether the client authentication failed. Some OPs answer 401
// or 403 without an OAuth error; what their error lacks is judged elsewhere.
func RefusesClient(resp *ciba.Response) bool {
	_, coded := resp.OAuthError()
	return resp.Status == http.StatusUnauthorized || resp.Status == http.StatusForbidden && !coded || resp.Is(ciba.InvalidClient)
}
