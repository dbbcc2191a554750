package driver

import (
	"context"
	"net/http"

	"github.com/cibatest/cibatest/internal/ciba"
)

// credentialed finds out which audience an endpoint wants in client assertions. Where
// one addressed to the issuer is refused, the endpoint's own URL is tried once and kept
// if it works. The refusal is a finding of the cases about audiences alone; all others
// would fail for it.
func (d *Driver) credentialed(next sender) sender {
	return func(ctx context.Context, r Request) (*ciba.Response, error) {
		resp, err := next(ctx, r)
		if err != nil || r.Client == nil || r.Forged || !r.Client.UsesAssertion() {
			return resp, err
		}
		if !RefusesClient(resp) || !r.Client.tryAudience(r.URL) {
			return resp, nil
		}
		again, err := next(ctx, r)
		if err != nil {
			return nil, err
		}
		if RefusesClient(again) {
			r.Client.forgetAudience(r.URL)
			return resp, nil
		}
		d.run.Note("%s refuses client assertions whose audience is the issuer; its own URL is used as audience there", r.Label)
		return again, nil
	}
}

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
