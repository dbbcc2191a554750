package core

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/internal/targetfile"
	. "github.com/cibatest/cibatest/suites/harness"
)

// RFC 6749 2.3.1: client_id and secret are form-encoded before they become the user name and
// the password of HTTP Basic. Secrets that were generated as base64 have a slash or a plus
// sign, and an OP that does not decode them locks out the clients that encode, or, where it
// decodes what they did not encode, those that do not.
var _ = Cases.Describe("HTTP Basic", func() {
	Case("auth-basic-encoding", "decodes client_id and secret from their form encoding",
		Disturbing("RFC6749-2.3.1-BASIC-ENCODING").AlsoAs(Ping, Push), judgeBasicEncoding)
})

// judgeBasicEncoding looks at the clients that the OP refuses, too: the encoding may be why.
func judgeBasicEncoding(t *T) {
	clients := slices.DeleteFunc(Clients(t), func(c *Client) bool {
		return c.AuthMethod != targetfile.AuthClientSecretBasic || !changesWhenEncoded(c)
	})
	if len(clients) == 0 {
		t.Skip("no client_secret_basic client of the target file has a client_id or secret with a character that " +
			"form-encoding changes, such as a slash, a plus sign, a colon or a space")
	}
	judged := false
	for _, c := range clients {
		for _, request := range []Request{
			t.StartRequest(ciba.P("scope", t.Target().Scope)), // asks nobody, as it has no hint
			t.TokenRequest(c, ciba.P("grant_type", ciba.GrantTypeCIBA, "auth_req_id", t.Random().Text())),
		} {
			judged = judgeBasicForms(t, c, request.As(c)) || judged
		}
	}
	if !judged {
		t.Abort("client %s is refused whether its credential is form-encoded or not; compare it with the registration", clients[0].Name)
	}
}

func changesWhenEncoded(c *Client) bool {
	secret := c.ClientSecret.Reveal()
	return url.QueryEscape(c.ClientID) != c.ClientID || url.QueryEscape(secret) != secret
}

// judgeBasicForms shows the credential of a client as the text has it and, where that is
// refused, as it is. Where both are refused, the credential may be wrong, and nothing is
// judged. It reports whether something was.
func judgeBasicForms(t *T, c *Client, request Request) bool {
	secret := c.ClientSecret.Reveal()
	encoded := t.MustAnswer(t.Send(request.AuthenticatedBy(ciba.Basic(c.ClientID, secret))))
	if !driver.RefusesClient(encoded) {
		return true
	}
	raw := request.AuthenticatedBy(nil)
	raw.Header = http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(c.ClientID+":"+secret))}}
	if driver.RefusesClient(t.MustAnswer(t.Send(raw))) {
		return false
	}
	t.At(encoded)
	return !t.Check(false, request.Label+" of client "+c.Name+": its form-encoded credential is let in",
		"%s, while the one that is not encoded is let in", encoded.Summary())
}
