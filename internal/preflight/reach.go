package preflight

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/notify"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// leadsPatience is how long a call of our own to a notification endpoint may take.
const leadsPatience = 5 * time.Second

// Leads reports why a call from this machine to a notification endpoint does not arrive at
// its receiver; nil: it does. What an OP elsewhere reaches is another question, yet a name
// or a proxy that leads nowhere is found. Nothing secret is sent.
func Leads(ctx context.Context, r *notify.Receiver, t *targetfile.Target, at string) error {
	token := rand.Text()
	inbox := r.Expect(token, leadsPatience)
	ctx, cancel := context.WithTimeout(ctx, leadsPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at, strings.NewReader("{}"))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted(t), MinVersion: tls.VersionTLS12}, DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	if inbox.Count() == 0 {
		return fmt.Errorf("something else answers there, with %d", resp.StatusCode)
	}
	return nil
}

// trusted are the system's roots and what the endpoints of a target show.
func trusted(t *targetfile.Target) *x509.CertPool {
	roots, err := x509.SystemCertPool()
	if err != nil { // a machine without roots of its own
		roots = x509.NewCertPool()
	}
	for _, file := range []string{t.Notifications.TLS.CAFile, t.Notifications.TLS.CertFile} {
		if file == "" {
			continue
		}
		if pem, err := os.ReadFile(t.Beside(file)); err == nil {
			roots.AppendCertsFromPEM(pem)
		}
	}
	return roots
}

// EndpointOf is where the OP calls a client: what the target file says or, where it does
// not, the client's name below the base of the receiver.
func EndpointOf(r *notify.Receiver, c targetfile.Client) string {
	if c.NotificationEndpoint != "" {
		return c.NotificationEndpoint
	}
	return r.Base() + "/" + url.PathEscape(c.Name)
}

// WayIn tells what has to be open so that an OP's calls to a notification endpoint arrive.
func WayIn(t *targetfile.Target, at string) string {
	_, port, err := net.SplitHostPort(t.Notifications.Listen)
	if err != nil {
		port = "PORT"
	}
	endpoint, issuer := isLoopback(at), isLoopback(t.Issuer)
	const guarded = "; some products call no loopback or private address unless they are configured to"
	switch {
	case endpoint && !issuer:
		return fmt.Sprintf("the endpoint is at loopback, which for this OP is its own machine: set notifications.listen to 0.0.0.0:%s, and "+
			"notifications.public_url to an address of this machine that the OP reaches, "+
			"or to that of a tunnel or reverse proxy that leads here"+guarded, port)
	case endpoint:
		return fmt.Sprintf("where the OP runs in a container, loopback is the container itself: set notifications.listen to 0.0.0.0:%s, and "+
			"notifications.public_url to http://host.docker.internal:%s (Docker) "+
			"or http://host.containers.internal:%s (Podman)"+guarded, port, port, port)
	}
	return fmt.Sprintf("firewalls, tunnels and reverse proxies between the OP and this machine have to let POST requests "+
		"for %s through to %s, "+
		"with their Authorization header; the path of public_url may be taken away", at, t.Notifications.Listen)
}

// isLoopback reports whether a URL has a name or address of this machine's loopback.
func isLoopback(text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// WhyNotCalled is what to look at where the OP was to call a client at an address and did
// not: what was seen, and what has to be open. leads is [Leads] for the address; nil: that
// is not tried.
func WhyNotCalled(t *targetfile.Target, r *notify.Receiver, at string, leads func(at string) error) string {
	var parts []string
	if leads != nil {
		if err := leads(at); err != nil {
			parts = append(parts, fmt.Sprintf("not even this machine gets there: %v", err))
		} else {
			parts = append(parts, "calls from this machine get there")
		}
	}
	if b := r.Broken(); b.Count > 0 {
		parts = append(parts, fmt.Sprintf("%d connections were given up before a call, the last with %q%s", b.Count, b.Last, trustHint(t)))
	}
	if s := r.Strangers(); s.All() > 0 {
		last := s.Latest[len(s.Latest)-1]
		parts = append(parts, fmt.Sprintf("%d calls came that belong to no request, the last to %q from %s", s.All(), last.URL, last.From))
	}
	return inert(strings.Join(append(parts, WayIn(t, at)), "; "))
}

func trustHint(t *targetfile.Target) string {
	if t.Notifications.TLS.CAFile == "" {
		return ""
	}
	return " (the OP has to trust " + t.Notifications.TLS.CAFile + ")"
}
