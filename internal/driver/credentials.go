package driver

import (
	"net/http"

	"github.com/cibatest/cibatest/internal/ciba"
)

// tryAudience makes the endpoint's URL the audience there. It reports false when that
// was tried before.
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

// RefusesClient reports whether the client authentication failed. Some OPs answer 401
// or 403 without an OAuth error; what their error lacks is judged elsewhere.
func RefusesClient(resp *ciba.Response) bool {
	_, coded := resp.OAuthError()
	return resp.Status == http.StatusUnauthorized || resp.Status == http.StatusForbidden && !coded || resp.Is(ciba.InvalidClient)
}
