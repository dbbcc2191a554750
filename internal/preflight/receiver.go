package preflight

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"

	"github.com/cibatest/cibatest/internal/notify"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// Receive opens the notification endpoints of a target's ping and push clients. It returns
// nil where notifications.listen is not set. The caller closes the receiver. An error is a
// mistake in the target file, or an address that cannot be listened at.
func Receive(ctx context.Context, t *targetfile.Target) (*notify.Receiver, error) {
	if t.Notifications.Listen == "" {
		return nil, nil
	}
	secure, authority, err := shown(t)
	if err != nil {
		return nil, fmt.Errorf("notifications.tls: %w", err)
	}
	r, err := notify.Open(ctx, notify.Options{
		Listen: notify.ListenTCP(t.Notifications.Listen), PublicURL: t.Notifications.PublicURL, TLS: secure, Authority: authority,
	})
	if err != nil {
		return nil, fmt.Errorf("%w Else set notifications.listen to a free address of this host", err)
	}
	if err := Register(r, t.Clients); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// Register makes the endpoints of the ping and push clients: the one that the OP has of a
// client or, where the target file does not say, the client's name below the base. A poll client
// has one where the file names it. The keys of clients whose jwks_uri is here are published.
func Register(r *notify.Receiver, clients []targetfile.Client) error {
	var errs []error
	for _, c := range clients {
		if c.JWKSURI != "" {
			keys, err := c.PublicKeys()
			errs = append(errs, err, r.Publish(c.JWKSURI, keys))
		}
		if !c.Notified() && c.NotificationEndpoint == "" {
			continue
		}
		_, err := r.Endpoint(c.Name, EndpointOf(r, c))
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// shown is the certificate that the endpoints show, nil for plain HTTP, and the authority
// that vouches for it, if it is our own.
func shown(t *targetfile.Target) (*tls.Config, *notify.Authority, error) {
	n := t.Notifications
	switch {
	case n.TLS.CertFile != "":
		pair, err := tls.LoadX509KeyPair(t.Beside(n.TLS.CertFile), t.Beside(n.TLS.KeyFile))
		if err != nil {
			return nil, nil, err
		}
		return notify.Showing(pair), nil, nil
	case n.TLS.CAFile != "":
		authority, err := notify.OwnAuthority(t.Beside(n.TLS.CAFile))
		if err != nil {
			return nil, nil, err
		}
		secure, err := authority.Config(notify.Hosts(n.Listen, n.PublicURL)...)
		return secure, authority, err
	}
	return nil, nil, nil
}
