package mockdevice

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// counter is an OP without a network: it notes when it was told what.
type counter struct {
	mu     sync.Mutex
	at     map[string][]time.Time
	tokens map[string]string
}

func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) {
	var body struct {
		AuthReqID string `json:"auth_req_id"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at == nil {
		c.at, c.tokens = map[string][]time.Time{}, map[string]string{}
	}
	c.at[body.AuthReqID] = append(c.at[body.AuthReqID], time.Now())
	c.tokens[body.AuthReqID] = r.Header.Get("Authorization")
	return &http.Response{StatusCode: http.StatusNoContent, Body: io.NopCloser(strings.NewReader(""))}, nil
}

// seen are the moments of the decisions, by auth_req_id.
func (c *counter) seen(since time.Time) map[string][]time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := map[string][]time.Duration{}
	for id, times := range c.at {
		for _, at := range times {
			seen[id] = append(seen[id], at.Sub(since))
		}
	}
	return seen
}
