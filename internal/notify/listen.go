package notify

import (
	"context"
	"net"
	"net/url"
	"slices"
	"sync"
)

// ListenTCP is an [Options.Listen] at an address of this host, host:port. Where the port
// is 0 the first call takes a free one, and the others the same.
func ListenTCP(address string) func(context.Context) (net.Listener, error) {
	var mu sync.Mutex
	return func(ctx context.Context) (net.Listener, error) {
		mu.Lock()
		defer mu.Unlock()
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
		if err == nil {
			address = l.Addr().String()
		}
		return l, err
	}
}

// Hosts are the names and addresses by which an endpoint is reached that listens at an
// address and has a public URL; either may be empty. Those of loopback are always among them.
func Hosts(listen, publicURL string) []string {
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	if host, _, err := net.SplitHostPort(listen); err == nil && host != "" {
		hosts = append(hosts, host)
	}
	if u, err := url.Parse(publicURL); err == nil && u.Hostname() != "" {
		hosts = append(hosts, u.Hostname())
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}
