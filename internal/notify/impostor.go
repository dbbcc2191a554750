package notify

import (
	"context"
	"crypto/tls"
)

// Impostor is a certificate that somebody in the place of the endpoints could show, and
// that whoever checks certificates refuses.
type Impostor struct {
	What string // the certificate, for people: "a self-signed certificate"
	tls  *tls.Config
}

// elsewhereHost is a name that no endpoint has; RFC 2606 2.
const elsewhereHost = "impostor.invalid"

// Impostors are those that the endpoints can pose as: one with a self-signed certificate for
// their own host and, where the authority is our own, one whose certificate it has signed for
// another host. Over plain HTTP there is none.
func (r *Receiver) Impostors() ([]Impostor, error) {
	if r.options.TLS == nil {
		return nil, nil
	}
	own, err := selfSigned(Hosts("", r.base)...)
	if err != nil {
		return nil, err
	}
	list := []Impostor{{"a self-signed certificate", own}}
	if r.options.Authority == nil {
		return list, nil
	}
	other, err := r.options.Authority.Config(elsewhereHost)
	if err != nil {
		return nil, err
	}
	return append(list, Impostor{"a certificate for another host", other}), nil
}

// Pose shows the certificate of an impostor to whoever connects from now on; all connections
// are closed. The function that it returns shows the right one again. It concerns every
// request of the run.
func (r *Receiver) Pose(ctx context.Context, as Impostor) (back func(context.Context) error, err error) {
	if err := r.show(ctx, as.tls); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return r.show(ctx, r.options.TLS) }, nil
}

func (r *Receiver) show(ctx context.Context, certificate *tls.Config) error {
	r.stop()
	r.mu.Lock()
	r.shown = certificate
	r.mu.Unlock()
	return r.listen(ctx)
}
