package lab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"strings"

	"github.com/cibatest/cibatest/fixtures"
	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/internal/notify"
	"github.com/cibatest/cibatest/internal/refop"
)

// receiverHost is where the notification endpoints are on a network in memory.
const receiverHost = "127.0.0.1:9004"

// notifications gives the ping and push clients, and those that are reachable, their endpoints, which nobody can guess,
// and returns how the OP reaches them.
func (l *Lab) notifications(ctx context.Context, o Options, clients []refop.Client) (http.RoundTripper, error) {
	by, err := l.openReceiver(ctx, o)
	if err != nil {
		return nil, err
	}
	base := strings.TrimSuffix(o.Receiver, "/")
	if l.Receiver != nil {
		base = l.Receiver.Base()
	}
	_, listen, _ := strings.Cut(base, "://")
	l.Notifications = &fixtures.Notifications{
		Listen: listen, PublicURL: base, AuthorityFile: o.ReceiverFile, Endpoints: map[string]string{}, Keys: map[string]string{},
	}
	for i := range clients {
		c := &clients[i]
		if err := l.publishKeys(base, c); err != nil {
			return nil, err
		}
		if !c.Notified() && !c.Reachable {
			continue
		}
		if c.NotificationEndpoint != "" { // it was brought
			continue
		}
		c.NotificationEndpoint = base + "/" + refop.RandomID(16)
		l.Notifications.Endpoints[c.ID] = c.NotificationEndpoint
		if l.Receiver != nil {
			if _, err := l.Receiver.Endpoint(c.ID, c.NotificationEndpoint); err != nil {
				return nil, err
			}
		}
	}
	return by, nil
}

// publishKeys serves the keys of a client that publishes them itself, beside its endpoints.
func (l *Lab) publishKeys(base string, c *refop.Client) error {
	if !c.ServesKeys || c.JWKSURI != "" {
		return nil
	}
	c.JWKSURI = base + "/" + refop.RandomID(16)
	l.Notifications.Keys[c.ID] = c.JWKSURI
	if l.Receiver == nil {
		return nil
	}
	keys, err := jose.MarshalJWKS(c.KeySet())
	if err != nil {
		return err
	}
	return l.Receiver.Publish(c.JWKSURI, keys)
}

// openReceiver opens the endpoints of this process, if they are in this process, and
// returns how the OP reaches them.
func (l *Lab) openReceiver(ctx context.Context, o Options) (http.RoundTripper, error) {
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	l.closers = append(l.closers, transport.CloseIdleConnections)
	if o.Receiver != "" {
		transport.TLSClientConfig = trusting(o.ReceiverCA)
		return transport, nil
	}
	options := notify.Options{Listen: notify.ListenTCP("127.0.0.1:0")}
	if o.Network != nil {
		transport.DialContext = o.Network.Dial
		options.Listen = func(context.Context) (net.Listener, error) { return o.Network.Listen(receiverHost), nil }
	}
	if o.TLS {
		authority, err := notify.NewAuthority()
		if err != nil {
			return nil, err
		}
		transport.TLSClientConfig = trusting(authority.PEM)
		if options.TLS, err = authority.Config("127.0.0.1"); err != nil {
			return nil, err
		}
		options.Authority = authority
	}
	return transport, l.receive(ctx, options)
}

func (l *Lab) receive(ctx context.Context, o notify.Options) (err error) {
	if l.Receiver, err = notify.Open(ctx, o); err == nil {
		l.closers = append(l.closers, l.Receiver.Close)
	}
	return err
}

// trusting trusts certificates in PEM besides the system's roots.
func trusting(pem []byte) *tls.Config {
	roots, err := x509.SystemCertPool()
	if err != nil { // a machine without roots of its own
		roots = x509.NewCertPool()
	}
	roots.AppendCertsFromPEM(pem)
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}
