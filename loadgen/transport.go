package loadgen

import (
	"net/http"
	"time"
)

// plain takes away what Vegeta adds to every request, so that an OP sees an
// ordinary client.
type plain struct{ next http.RoundTripper }

func (p plain) RoundTrip(r *http.Request) (*http.Response, error) {
	delete(r.Header, "X-Vegeta-Seq")
	delete(r.Header, "X-Vegeta-Attack")
	return p.next.RoundTrip(r)
}

// newHTTPClient follows no redirect and gives up after the timeout.
func newHTTPClient(rt http.RoundTripper, timeout time.Duration) *http.Client {
	return &http.Client{Transport: plain{rt}, Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}
