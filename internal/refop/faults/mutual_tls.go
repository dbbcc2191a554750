package faults

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// MutualTLS are the defects of client certificates and of tokens that are bound to them;
// RFC 8705.
var MutualTLS = []Fault{
	{
		"tls-any-certificate", "RFC8705-2-WRONG-CERT", "any certificate proves to be any client",
		certificatesFit(func(*refop.Call, *x509.Certificate) bool { return true }),
	},
	{
		"tls-any-certificate-at-start", "RFC8705-2-WRONG-CERT", "the backchannel endpoint takes any certificate",
		certificatesFit(func(c *refop.Call, _ *x509.Certificate) bool { return c.Endpoint == refop.EndpointStart }),
	},
	{
		"tls-any-certificate-at-token", "RFC8705-2-WRONG-CERT", "the token endpoint takes any certificate",
		certificatesFit(func(c *refop.Call, _ *x509.Certificate) bool { return c.Endpoint == refop.EndpointToken }),
	},
	{
		"tls-subject-only", "RFC8705-2-WRONG-CERT", "the subject counts, and nobody has to vouch for it",
		certificatesFit(func(c *refop.Call, shown *x509.Certificate) bool {
			return shown.Subject.String() == c.Client.TLSSubject
		}),
	},
	{
		"tls-authority-only", "RFC8705-2-WRONG-CERT", "whoever the authority vouches for is any client",
		certificatesFit(func(c *refop.Call, shown *x509.Certificate) bool {
			return c.Client.AuthMethod == refop.MethodTLS && c.VouchedFor(shown)
		}),
	},
	{
		"tls-self-signed-of-anybody", "RFC8705-2-WRONG-CERT", "every certificate that signed itself is the client's own",
		certificatesFit(func(c *refop.Call, _ *x509.Certificate) bool { return c.Client.AuthMethod == refop.MethodSelfSignedTLS }),
	},
	{
		"tls-none-at-start", "RFC8705-2-WRONG-CERT", "the backchannel endpoint needs no certificate",
		certificateNotNeeded(refop.EndpointStart),
	},
	{
		"tls-none-at-token", "RFC8705-2-WRONG-CERT", "the token endpoint needs no certificate",
		certificateNotNeeded(refop.EndpointToken),
	},
	{
		"tls-no-client-id-crash", "RFC8705-2-CLIENT-ID-NEEDED", "a certificate without client_id is a server error",
		startsThat(func(c *refop.Call) bool { return c.Shown() != nil && !c.Has("client_id") && !c.Has("client_assertion") }, crash),
	},
	{
		"tls-alias-polls-refused", "RFC8705-5-MTLS-ALIASES", "polls of clients with certificates find nothing at the alias",
		tokenRequestsThat(func(c *refop.Call) bool { return c.Shown() != nil && c.Flow != nil }, refused("invalid_grant")),
	},
	{
		"tls-unbound", "RFC8705-3-BOUND", "tokens are bound to nothing",
		boundTo(func(*refop.Call) string { return "" }),
	},
	{
		"tls-bound-hex", "RFC8705-3-BOUND", "the thumbprint is in hexadecimal",
		boundTo(func(c *refop.Call) string { sum := sha256.Sum256(c.Shown().Raw); return hex.EncodeToString(sum[:]) }),
	},
	{
		"tls-bound-padded", "RFC8705-3-BOUND", "the thumbprint is in base64 with padding",
		boundTo(func(c *refop.Call) string {
			sum := sha256.Sum256(c.Shown().Raw)
			return base64.StdEncoding.EncodeToString(sum[:])
		}),
	},
	{
		"tls-bound-key", "RFC8705-3-BOUND", "the thumbprint is that of the key",
		boundTo(func(c *refop.Call) string {
			sum := sha256.Sum256(c.Shown().RawSubjectPublicKeyInfo)
			return base64.RawURLEncoding.EncodeToString(sum[:])
		}),
	},
	{
		"tls-bound-subject", "RFC8705-3-BOUND", "the thumbprint is that of the subject",
		boundTo(func(c *refop.Call) string {
			sum := sha256.Sum256(c.Shown().RawSubject)
			return base64.RawURLEncoding.EncodeToString(sum[:])
		}),
	},
	{
		"tls-bound-unannounced", "RFC8705-3.3-METADATA", "the metadata do not tell of bound tokens",
		edit.Metadata(edit.DropMembers("tls_client_certificate_bound_access_tokens")),
	},
	{
		"tls-bound-announced-as-text", "RFC8705-3.3-METADATA", "the metadata tell of bound tokens by a string",
		edit.Metadata(edit.SetMember("tls_client_certificate_bound_access_tokens", "true")),
	},
	{
		"tls-unbound-without", "RFC8705-3-CERT-NEEDED", "who shows no certificate gets tokens that are bound to nothing",
		edit.Without(refop.CheckPollBound),
	},
	{
		"tls-userinfo-unbound", "RFC8705-3-RS", "UserInfo does not look at what a token is bound to",
		heldBy(func(*refop.Call) bool { return true }),
	},
	{
		"tls-userinfo-any-certificate", "RFC8705-3-RS", "UserInfo wants a certificate, and takes any",
		heldBy(func(c *refop.Call) bool { return c.Shown() != nil }),
	},
	{
		"tls-userinfo-no-certificate", "RFC8705-3-RS", "UserInfo compares certificates only where one is shown",
		heldBy(func(c *refop.Call) bool { return c.Shown() == nil }),
	},
}

// certificatesFit lets certificates in that are not the client's own.
func certificatesFit(too func(c *refop.Call, shown *x509.Certificate) bool) edit.Change {
	return func(p *refop.Plan) {
		inner := p.Rules.CertificateFits
		p.Rules.CertificateFits = func(c *refop.Call, shown *x509.Certificate) bool { return inner(c, shown) || too(c, shown) }
	}
}

// certificateNotNeeded takes a client that is registered with a certificate by its name.
func certificateNotNeeded(at refop.Endpoint) edit.Change {
	return authenticating(func(c *refop.Call) *refop.Client {
		known := c.OP.Client(c.Value("client_id"))
		if c.Endpoint != at || c.Shown() != nil || known == nil || !known.ByCertificate() {
			return nil
		}
		return known
	})
}

// boundTo binds the tokens of clients that are registered for it to something else.
func boundTo(what func(c *refop.Call) string) edit.Change {
	return func(p *refop.Plan) {
		inner, holds := p.Rules.BoundTo, p.Rules.Holds
		p.Rules.BoundTo = func(c *refop.Call) string {
			if inner(c) == "" {
				return ""
			}
			return what(c)
		}
		// What the token says is wrong, and not who may use it.
		p.Rules.Holds = func(c *refop.Call, g *refop.Grant) bool {
			return holds(c, g) || c.Shown() != nil && what(c) == g.BoundTo
		}
	}
}

// heldBy has UserInfo take tokens from who does not show what they are bound to.
func heldBy(too func(*refop.Call) bool) edit.Change {
	return func(p *refop.Plan) {
		inner := p.Rules.Holds
		p.Rules.Holds = func(c *refop.Call, g *refop.Grant) bool { return inner(c, g) || too(c) }
	}
}
