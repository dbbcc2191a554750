package sender

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/jose"
	. "github.com/cibatest/cibatest/suites/harness"
)

// RFC 8705 3: an access token that is bound to a certificate is good for nobody who cannot
// show it. A thief of the token gets nothing, unless the OP leaves out the binding, or a
// resource does not look at it.
var _ = Cases.Describe("A bound access token", func() {
	Case("tls-bound", "names the certificate that it was given to", Judges("RFC8705-3-BOUND"), judgeBinding)
	Case("metadata-bound-tokens", "is announced in the metadata", Judges("RFC8705-3.3-METADATA"), func(t *T) {
		const member = "tls_client_certificate_bound_access_tokens"
		value, there := t.Discovery().Document[member]
		t.At(t.Discovery().Response)
		t.Check(value == true, member+" is true", "it is %s", described(value, there))
	})
	Case("tls-bound-certificate-needed", "is not given to who shows no certificate",
		Judges("RFC8705-3-CERT-NEEDED").Needs(catalogue.NeedPrivateKeyJWT), func(t *T) {
			flow := t.MustStart(t.Request())
			t.Approve(flow)
			resp := t.PollDecidedWith(t.PollRequest(flow).AuthenticatedBy(Assertion(t, t.Client())))
			if resp.Dropped() {
				t.At(resp)
				t.Check(true, "refused", "the connection was ended")
				return
			}
			t.Judge(resp)
		})
	Case("tls-bound-at-resource", "opens UserInfo with its own certificate only", Judges("RFC8705-3-RS"), judgeAtResource)
})

// judgeBinding compares what the token, or introspection, says with the certificate. What
// resource servers read is up to the OP, but all that is there has to be right.
func judgeBinding(t *T) {
	r := t.Redeemed()
	shown := t.Client().Shown()
	sum := sha256.Sum256(shown.Certificate[0])
	want := base64.RawURLEncoding.EncodeToString(sum[:])
	said := 0
	judge := func(where string, claims map[string]any) {
		confirmation, _ := claims["cnf"].(map[string]any)
		if thumbprint, there := confirmation["x5t#S256"]; there {
			said++
			t.Check(thumbprint == want, where+": x5t#S256 of the client's certificate, "+want, "it is %.80v", thumbprint)
		}
	}
	t.At(r.Response)
	token, err := jose.Decode(r.Tokens.AccessToken)
	if err == nil {
		judge("the access token", token.Claims)
	}
	if t.Has(catalogue.NeedIntrospection) {
		resp := t.MustAnswer(Introspect(t, r.Tokens.AccessToken))
		t.At(resp)
		if object, failed := resp.Object(); failed == nil {
			judge("introspection", object)
		}
	} else if err != nil {
		t.Skip("the access token is opaque, and there is no introspection to ask")
	}
	t.Check(said > 0, "cnf with x5t#S256 in the access token or in introspection", "neither has it")
}

// described is a member of a document in words.
func described(value any, there bool) string {
	if !there {
		return "left out, which is false"
	}
	return fmt.Sprintf("%.40v (%T)", value, value)
}

// judgeAtResource shows the token with other certificates, and with none, where it is good
// with its own.
func judgeAtResource(t *T) {
	token := t.Redeemed().Tokens.AccessToken
	good := UserinfoRequest(t, token)
	if resp := t.MustAnswer(t.Send(good)); resp.Status != http.StatusOK {
		t.Abort("UserInfo answers %s to the token with its own certificate, so a refusal of others would say nothing", resp.Summary())
	}
	without := good
	without.Certificate = nil
	judgeCaller(t, "no certificate", without)
	other := good
	other.Certificate = mustForge(t, t.Client().Shown())
	judgeCaller(t, "a certificate of nobody with the client's subject", other)
	for _, c := range Strangers(t) {
		if c.Shown() != nil {
			other.Certificate = c.Shown()
			judgeCaller(t, "the certificate of another client", other)
			break // one will do
		}
	}
}

// judgeCaller wants UserInfo to refuse a call. The code is an attribute of the challenge, and
// not a member of the body; RFC 6750 3.
func judgeCaller(t *T, what string, call Request) {
	resp := t.Send(call)
	if resp.Dropped() {
		t.At(resp)
		t.Check(true, what+": refused", "the connection was ended")
		return
	}
	JudgeVariantBy(t, ExpectingAnyError(t.Requirement()), what, resp)
}
