package main

import (
	"strings"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/hostile"
)

// authorize ends in time and in words, whatever the OP answers, and without tokens
// never as if all were well.
func TestAuthorizeAtAHostileOP(t *testing.T) {
	t.Parallel()
	says := map[string]string{
		"an interval of 10^9":      "given up without a decision: the next poll is due in 277777h46m40s, but the request lives for 1m0s",
		"pending after the end":    "given up without a decision",
		"an expiry of 2^62":        "the request was answered with 200, but expires_in is 4611686018427387904, which is beyond any sensible time",
		"an expiry of 1e309":       "the request was answered with 200, but expires_in is 1e309, not a whole number",
		"a member twice":           "the request was answered with 200, but the body has the member",
		"a body of 1 MiB":          "the request was not accepted: 400 authorization_pending",
		"a success without tokens": "200 without tokens: access_token is missing",
		"closed at once":           "closed the connection without a whole answer",
		"redirect to another host": "the request was not accepted: 307",
	}
	for _, mode := range hostile.Modes() {
		if mode.Slow {
			continue // the client has its own test for these, and more patience
		}
		t.Run(mode.Name, func(t *testing.T) {
			t.Parallel()
			server := hostile.Start(t, mode, false)
			began := time.Now()
			code, _, stderr := called(t, "authorize", "--target", written(t, "op.yaml", hostileTarget(server.URL)))
			if took := time.Since(began); took > 40*time.Second {
				t.Errorf("it took %s", took)
			}
			if code != exitNonConformant && code != exitNotJudged || !strings.Contains(stderr, says[mode.Name]) {
				t.Errorf("exit %d: %s", code, stderr)
			}
		})
	}
}
