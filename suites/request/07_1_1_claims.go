package request

import (
	"github.com/cibatest/cibatest/internal/jose"
	. "github.com/cibatest/cibatest/suites/harness"
)

// yearAgo is a year in seconds.
const yearAgo = 31_536_000

// CIBA Core 7.1.1: the JWT has iss, aud, exp, iat, nbf and jti. They make it the request of this
// client, to this OP, for this moment: without them one that was overheard, or signed for
// another purpose, starts transactions whenever somebody likes. Clocks may differ, which is why
// what is early or late here is so by ten minutes.
var _ = Cases.Describe("Signed request's claims", func() {
	for _, c := range []struct {
		id, title, requirement string
		flaws                  []jose.Flaw // that are refused
		lenient                []jose.Flaw // that a reader may be lenient about: a warning
	}{
		{
			"signed-iss-missing", "name the client", "CIBA-7.1.1-RO-ISS-MISSING",
			[]jose.Flaw{jose.Lacking("iss"), jose.Claiming("iss null", "iss", nil), jose.Claiming("an empty iss", "iss", "")},
			nil,
		},
		{
			"signed-aud-missing", "name the OP", "CIBA-7.1.1-RO-AUD-MISSING",
			[]jose.Flaw{jose.Lacking("aud"), jose.Claiming("aud null", "aud", nil), jose.Claiming("an empty aud", "aud", "")},
			nil,
		},
		{
			"signed-exp-missing", "say when it ends", "CIBA-7.1.1-RO-EXP-MISSING",
			[]jose.Flaw{jose.Lacking("exp"), jose.Claiming("exp null", "exp", nil), jose.Claiming("exp in words", "exp", "tomorrow")},
			nil,
		},
		{
			"signed-iat-missing", "say when it was issued", "CIBA-7.1.1-RO-IAT-MISSING",
			[]jose.Flaw{jose.Lacking("iat"), jose.Claiming("iat null", "iat", nil)},
			[]jose.Flaw{jose.Claiming("iat in words", "iat", "yesterday")},
		},
		{
			"signed-nbf-missing", "say since when it is good", "CIBA-7.1.1-RO-NBF-MISSING",
			[]jose.Flaw{jose.Lacking("nbf"), jose.Claiming("nbf null", "nbf", nil)},
			[]jose.Flaw{jose.Claiming("nbf in words", "nbf", "yesterday")},
		},
		{
			"signed-jti-missing", "tell it from others", "CIBA-7.1.1-RO-JTI-MISSING",
			[]jose.Flaw{jose.Lacking("jti"), jose.Claiming("jti null", "jti", nil)},
			[]jose.Flaw{jose.Claiming("an empty jti", "jti", ""), jose.Claiming("jti as number", "jti", 4711)},
		},
	} {
		Case(c.id, c.title, Judges(c.requirement), func(t *T) {
			judgeFlaws(t, c.flaws...)
			judgeFlawsBy(t, warning(t.Requirement()), c.lenient...)
		})
	}
	Case("signed-iss-wrong", "name the client that authenticates", Disturbing("CIBA-7.1.1-RO-ISS-WRONG"), func(t *T) {
		own := t.Client().ClientID
		judgeFlaws(t, jose.Claiming("iss of another client", "iss", t.Second().ClientID),
			jose.Claiming("iss of nobody", "iss", lastChanged(own)), jose.Claiming("iss with one character more", "iss", own+"x"),
			jose.Claiming("the OP as iss", "iss", t.Target().Issuer))
		judgeFlawsBy(t, warning(t.Requirement()), jose.Claiming("an array of clients as iss", "iss", []string{t.Second().ClientID, own}))
	})
	Case("signed-aud-wrong", "name this OP and no other", Judges("CIBA-7.1.1-RO-AUD-WRONG").Smoke(), func(t *T) {
		issuer, e := t.Target().Issuer, t.Target().Endpoints
		judgeFlaws(t, jose.Claiming("another OP as aud", "aud", "https://other.example/"),
			jose.Claiming("the issuer with another last character", "aud", lastChanged(issuer)),
			jose.Claiming("the issuer as the beginning of another host", "aud", issuer+".other.example"),
			jose.Claiming("another OP whose address holds the issuer", "aud", "https://other.example/?op="+issuer),
			jose.Claiming("an array that names another OP", "aud", []string{"https://other.example/"}),
			jose.Claiming("an array that names nobody", "aud", []string{}),
			jose.Claiming("the client as aud", "aud", t.Client().ClientID))
		// Unlike a client assertion, a request is addressed to the issuer only.
		judgeFlawsBy(t, warning(t.Requirement()), jose.Claiming("the backchannel endpoint as aud", "aud", e.BackchannelAuthentication),
			jose.Claiming("the token endpoint as aud", "aud", e.Token))
	})
	Case("signed-expired", "are over when they say so", Judges("CIBA-7.1.1-RO-EXPIRED").Smoke(), func(t *T) {
		judgeFlaws(t, jose.ClaimingAll("exp 600 s ago", map[string]any{"iat": inSeconds(-900), "nbf": inSeconds(-900), "exp": inSeconds(-600)}),
			jose.ClaimingAll("exp a year ago", map[string]any{
				"iat": inSeconds(-yearAgo), "nbf": inSeconds(-yearAgo), "exp": inSeconds(60 - yearAgo),
			}),
			jose.Claiming("exp 0", "exp", 0), jose.Claiming("exp before 1970", "exp", -1))
	})
	Case("signed-nbf-future", "are not good before they say so", Judges("CIBA-7.1.1-RO-NBF-FUTURE"), func(t *T) {
		judgeFlaws(t, jose.ClaimingAll("nbf in 600 s", map[string]any{"nbf": inSeconds(600), "exp": inSeconds(900)}),
			jose.ClaimingAll("nbf in a day", map[string]any{"nbf": inSeconds(86_400), "exp": inSeconds(86_700)}))
	})
})
