package preflight

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/internal/notify"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// open opens the notification endpoints of a target that listens at a free port.
func openEndpoints(t *testing.T, publicURL string) (*notify.Receiver, *targetfile.Target) {
	t.Helper()
	target := &targetfile.Target{Notifications: targetfile.Notifications{Listen: "127.0.0.1:0", PublicURL: publicURL}}
	r, err := Receive(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r, target
}

// The way from this machine to an endpoint is tried: it is open where the endpoint is, and
// told where nobody listens.
func TestLeads(t *testing.T) {
	t.Parallel()
	gone, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close()
	for publicURL, want := range map[string]string{
		"":                               "calls from this machine get there; ",
		"http://" + gone.Addr().String(): "not even this machine gets there: dial tcp",
	} {
		r, target := openEndpoints(t, publicURL)
		at := EndpointOf(r, targetfile.Client{Name: "ping-a"})
		leads := func(at string) error { return Leads(context.Background(), r, target, at) }
		if why := WhyNotCalled(target, r, at, leads); !strings.HasPrefix(why, want) {
			t.Errorf("%s: %s", at, why)
		}
	}
}

// What has to be open depends on where OP and endpoint are.
func TestWayIn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ issuer, at, want string }{
		{"https://op.example", "http://127.0.0.1:9004/ping-a", "for this OP is its own machine"},
		{"http://localhost:8080/realms/a", "http://[::1]:9004/ping-a", "http://host.docker.internal:9004"},
		{"https://op.example", "https://lab.example/cb/ping-a", "let POST requests for https://lab.example/cb/ping-a through to 0.0.0.0:9004"},
	} {
		target := &targetfile.Target{Issuer: c.issuer, Notifications: targetfile.Notifications{Listen: "0.0.0.0:9004"}}
		if way := WayIn(target, c.at); !strings.Contains(way, c.want) {
			t.Errorf("%s of %s: %s", c.at, c.issuer, way)
		}
	}
}
