package lab

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"strings"

	"github.com/cibatest/cibatest/internal/memnet"
)

// mutualTLSHost is where clients show their certificates on a network in memory, where all
// else is plain HTTP.
const mutualTLSHost = "127.0.0.1:9005"

// mutualTLS is the URL where clients can show certificates, empty for an OP without TLS and
// for those whose clients were brought, who have none.
func (l *Lab) mutualTLS() string {
	switch o := l.options; {
	case l.Brought() || o.Persona != nil:
		return ""
	case o.Network != nil:
		return "https://" + mutualTLSHost
	case o.TLS:
		return strings.TrimSuffix(l.Issuer, "/")
	}
	return ""
}

// TakesCertificates reports whether clients can show certificates to the OP.
func (l *Lab) TakesCertificates() bool { return l.mutualTLS() != "" }

// serveMutualTLS serves the OP over TLS on a network in memory. Its transport has to trust
// the certificate, and is made anew for that.
func (l *Lab) serveMutualTLS(n *memnet.Network, handler http.Handler) {
	listener := n.Listen(mutualTLSHost)
	server := &http.Server{Handler: handler, ErrorLog: log.New(io.Discard, "", 0)} //nolint:gosec // in memory
	l.closers = append(l.closers, func() { _ = server.Close() })
	go func() { _ = server.Serve(tls.NewListener(listener, asking(l.secure))) }()
}

// asking asks clients for a certificate and takes any, or none: what is made of it is the
// OP's decision. RFC 8705 2.
func asking(config *tls.Config) *tls.Config {
	config = config.Clone()
	config.ClientAuth = tls.RequestClientCert
	return config
}

// trustingMemory is the transport of a network in memory, which trusts this lab.
func (l *Lab) trustingMemory(n *memnet.Network) (http.RoundTripper, error) {
	secure, authority, err := SelfSigned()
	if err != nil {
		return nil, err
	}
	l.secure = secure
	transport := n.RoundTripper().Clone()
	transport.TLSClientConfig = trustingOnly(authority)
	l.closers = append(l.closers, transport.CloseIdleConnections)
	return transport, nil
}

// trustingOnly trusts an authority in PEM, and nobody else.
func trustingOnly(pem []byte) *tls.Config {
	config := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	config.RootCAs.AppendCertsFromPEM(pem)
	return config
}
