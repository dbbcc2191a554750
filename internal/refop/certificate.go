package refop

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net/url"
)

// The methods of client authentication by certificate; RFC 8705 2.
const (
	MethodTLS           = "tls_client_auth"
	MethodSelfSignedTLS = "self_signed_tls_client_auth"
)

// WithMutualTLS tells where this OP is served over TLS and asks for client certificates, as
// a URL without a path. Without it no client can show one. RFC 8705 5.
func WithMutualTLS(base string) Option {
	return func(op *OP) error { op.mutualTLS = base; return nil }
}

// ByCertificate reports whether the client authenticates by a certificate.
func (c *Client) ByCertificate() bool {
	return c.AuthMethod == MethodTLS || c.AuthMethod == MethodSelfSignedTLS
}

// Shown is the certificate that the caller showed at TLS, nil for none.
func (c *Call) Shown() *x509.Certificate {
	if c.Request.TLS == nil || len(c.Request.TLS.PeerCertificates) == 0 {
		return nil
	}
	return c.Request.TLS.PeerCertificates[0]
}

// certificateFits wants the registered subject and a chain to the authority (RFC 8705 2.1),
// or the registered certificate itself (2.2).
func certificateFits(c *Call, shown *x509.Certificate) bool {
	if c.Client.AuthMethod == MethodSelfSignedTLS {
		return shown.Equal(c.Client.certificate)
	}
	return shown.Subject.String() == c.Client.TLSSubject && c.VouchedFor(shown)
}

// VouchedFor reports whether the authority of this OP's clients has signed a certificate that
// is good now.
func (c *Call) VouchedFor(shown *x509.Certificate) bool {
	roots := x509.NewCertPool()
	if authority := c.OP.reg.clientAuthority; authority != nil {
		roots.AddCert(authority)
	}
	_, err := shown.Verify(x509.VerifyOptions{
		Roots: roots, CurrentTime: c.Now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	return err == nil
}

// authenticateByCertificate is RFC 8705 2: the client_id names the client, and what it shows
// at TLS has to be its own.
func (c *Call) authenticateByCertificate() *OAuthError {
	shown := c.Shown()
	if shown == nil || !c.OP.Rules().CertificateFits(c, shown) {
		return c.BadClient("the certificate is not the client's")
	}
	return nil
}

// needCertificate is RFC 8705 3: what is to be bound needs something to be bound to.
func (c *Call) needCertificate() *OAuthError {
	if c.Client.Bound && c.Shown() == nil {
		return Refusal("invalid_request", "the tokens of this client are bound to its certificate, and none was shown")
	}
	return nil
}

// Thumbprint is how a token names a certificate; RFC 8705 3.1.
func Thumbprint(of *x509.Certificate) string {
	sum := sha256.Sum256(of.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// boundTo binds the tokens of clients that registered for it to what they show.
func boundTo(c *Call) string {
	if c.Client == nil || !c.Client.Bound || c.Shown() == nil {
		return ""
	}
	return Thumbprint(c.Shown())
}

// holds wants the certificate that the token is bound to.
func holds(c *Call, g *Grant) bool {
	return g.BoundTo == "" || c.Shown() != nil && Thumbprint(c.Shown()) == g.BoundTo
}

// confirmation is the member cnf of what is told about a token; RFC 8705 3.1 and 3.2.
func confirmation(g *Grant) map[string]any { return map[string]any{"x5t#S256": g.BoundTo} }

// mutualTLSMetadata are the members of RFC 8705 3.3 and 5, and the methods of 2.
func (op *OP) mutualTLSMetadata(members map[string]any) map[string]any {
	if op.mutualTLS == "" {
		return members
	}
	aliases := map[string]any{}
	for _, name := range []string{"backchannel_authentication_endpoint", "token_endpoint", "userinfo_endpoint", "introspection_endpoint"} {
		address, _ := members[name].(string)
		if at, err := url.Parse(address); err == nil {
			aliases[name] = op.mutualTLS + at.Path
		}
	}
	methods, _ := members["token_endpoint_auth_methods_supported"].([]any)
	members["token_endpoint_auth_methods_supported"] = append(methods, MethodTLS, MethodSelfSignedTLS)
	members["mtls_endpoint_aliases"] = aliases
	members["tls_client_certificate_bound_access_tokens"] = true
	return members
}

// parseCertificate reads the first certificate of a PEM file.
func parseCertificate(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("registration: a certificate file holds no PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}
