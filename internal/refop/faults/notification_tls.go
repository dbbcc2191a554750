package faults

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// NotificationTLS are defects in whom the OP takes for a client. They show over TLS only.
var NotificationTLS = []Fault{
	{
		"notify-untrusted-certificate", "CIBA-9-PING-TLS-ONLY", "clients are called whatever certificate is shown",
		checking(func(c *tls.Config) { c.InsecureSkipVerify = true }),
	},
	{"notify-any-host-name", "CIBA-9-PING-TLS-ONLY", "clients are called with a certificate for any host", checking(chainAlone)},
}

// checking checks certificates of notification endpoints in another way.
func checking(change func(*tls.Config)) edit.Change {
	return func(p *refop.Plan) {
		p.Rules.ClientsBy = func(rt http.RoundTripper) http.RoundTripper {
			transport, ok := rt.(*http.Transport)
			if !ok {
				return rt
			}
			own := transport.Clone()
			own.DisableKeepAlives = true // nobody closes what it would keep
			if own.TLSClientConfig == nil {
				own.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
			}
			change(own.TLSClientConfig)
			return own
		}
	}
}

// chainAlone checks who has signed a certificate, and not whose it is.
func chainAlone(c *tls.Config) {
	roots := c.RootCAs
	c.InsecureSkipVerify = true
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 {
			return errors.New("no certificate is shown")
		}
		between := x509.NewCertPool()
		for _, certificate := range s.PeerCertificates[1:] {
			between.AddCert(certificate)
		}
		_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between})
		return err
	}
}
