package refop

import (
	"context"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/jose"
)

// published are the keys of a client as they were read at its jwks_uri.
type published struct {
	mu   sync.Mutex
	keys []jose.Key
	read time.Time // zero: not yet
}

// requestKeys are the registered keys of a client or, where it publishes them itself, those that
// were read last; they are read again where none of them is the one that the request names.
func requestKeys(c *Call) ([]jose.Key, []string) {
	if c.Client.JWKSURI == "" {
		return c.Client.keys, requestAlgs
	}
	stored, _ := c.OP.published.LoadOrStore(c.Client.ID, &published{})
	known := stored.(*published)
	known.mu.Lock()
	defer known.mu.Unlock()
	kid, _ := c.Signed.Header["kid"].(string)
	has := slices.ContainsFunc(known.keys, func(k jose.Key) bool { return k.KID() == kid })
	if !has && c.OP.Rules().ReadKeysAgain(c, known.read) {
		if keys := c.OP.readKeys(c.Client); keys != nil {
			known.keys, known.read = keys, c.Now
		}
	}
	return known.keys, requestAlgs
}

// readKeysAgain reads them whenever a key is not known.
func readKeysAgain(*Call, time.Time) bool { return true }

// readKeys reads what a client publishes, nil when that cannot be read.
func (op *OP) readKeys(client *Client) []jose.Key {
	if op.clientsBy == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(op.ctx, op.plan.Policy.NotifyTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, client.JWKSURI, nil)
	if err != nil {
		return nil
	}
	resp, err := op.clientsBy.RoundTrip(req)
	if err != nil {
		return nil
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxForm))
	if err != nil || resp.StatusCode != http.StatusOK {
		return nil
	}
	keys, _ := jose.ParseKeySet(text)
	return keys
}
