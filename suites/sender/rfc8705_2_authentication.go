package sender

import (
	"crypto/tls"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/targetfile"
	. "github.com/cibatest/cibatest/suites/harness"
)

// RFC 8705 2: a client proves who it is by the certificate of its TLS connection and names
// itself by client_id. With tls_client_auth the subject counts, and that somebody whom the OP
// trusts vouches for it (2.1); with self_signed_tls_client_auth the certificate itself (2.2).
// What is the client's own in one of these respects and not in the other is nobody's.
var _ = Cases.Describe("A client certificate", func() {
	Case("tls-wrong-certificate", "of another client, or of nobody, is refused",
		Disturbing("RFC8705-2-WRONG-CERT").Methods(targetfile.AuthTLS), judgeWrongCertificates)
	Case("tls-wrong-self-signed", "that signed itself and is not the client's own is refused",
		Disturbing("RFC8705-2-WRONG-CERT").Methods(targetfile.AuthSelfSignedTLS), judgeWrongCertificates)
	Case("tls-no-client-id", "names no client by itself", Disturbing("RFC8705-2-CLIENT-ID-NEEDED"), func(t *T) {
		judgeRefusal(t, "no client_id", t.StartRequest(t.Request()).AuthenticatedBy(showing(t.Client().Shown())))
	})
	Case("tls-aliases", "is taken where mtls_endpoint_aliases says", Judges("RFC8705-5-MTLS-ALIASES"), judgeAliases)
})

// judgeWrongCertificates shows what is not the client's own at both endpoints.
func judgeWrongCertificates(t *T) {
	id := t.Client().ClientID
	flow := t.MustStart(t.Request())
	for _, e := range []struct {
		where string
		good  func() Request
	}{
		{"", func() Request { return t.StartRequest(t.Request()) }},
		{" at the token endpoint", func() Request { return t.PollRequest(flow).Unpaced() }},
	} {
		for _, c := range Strangers(t) {
			if c.ByCertificate() {
				judgeRefusal(t, "the certificate of another client"+e.where, e.good().AuthenticatedBy(ciba.ByCertificate(id, c.Shown())))
				break // one will do
			}
		}
		forged := mustForge(t, t.Client().Shown())
		judgeRefusal(t, "a certificate of nobody with the client's subject"+e.where, e.good().AuthenticatedBy(ciba.ByCertificate(id, forged)))
		judgeRefusalBy(t, Tolerating(t.Requirement(), ciba.InvalidRequest, ciba.UnauthorizedClient), // a missing credential
			"no certificate"+e.where, e.good().AuthenticatedBy(ciba.Public(id)))
	}
}

// judgeRefusal judges the refusal of a request. A terminator in front of an OP may end the
// connection, or never bring it about: that lets nobody in either.
func judgeRefusal(t *T, what string, r Request) { judgeRefusalBy(t, t.Requirement(), what, r) }

// judgeRefusalBy is [judgeRefusal] by a requirement that a case has altered.
func judgeRefusalBy(t *T, by catalogue.Requirement, what string, r Request) {
	resp := t.Send(r)
	if resp.Dropped() {
		t.At(resp)
		t.Check(true, what+": refused", "the connection was ended")
		return
	}
	JudgeVariantBy(t, by, what, resp)
}

// certified shows a certificate and names no client.
type certified struct{ shown *tls.Certificate }

func showing(shown *tls.Certificate) ciba.Authenticator { return certified{shown} }

// Authenticate implements [ciba.Authenticator].
func (c certified) Authenticate(call *ciba.Call) error {
	call.Certificate = c.shown
	return nil
}

// judgeAliases carries a request through at the aliases, which the clients with certificates
// use anyway.
func judgeAliases(t *T) {
	aliases, endpoints := t.Target().Aliases, t.Target().Endpoints
	if aliases[endpoints.BackchannelAuthentication] == "" && aliases[endpoints.Token] == "" {
		t.Skip("the metadata have no mtls_endpoint_aliases for these endpoints, so the endpoints themselves take certificates")
	}
	// Where not even a good request is taken the client may be another one than is registered.
	poll := t.MustAnswer(t.Poll(t.MustStart(t.Request())))
	t.Expect(poll).To(BePending(), "a poll at the alias: authorization_pending or slow_down")
}
