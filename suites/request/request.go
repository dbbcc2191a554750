// Package request has the cases of signed authentication requests: CIBA Core 7.1.1, what 7.2
// demands of their validation, and the parts of RFC 7515, RFC 7519, RFC 8725 and RFC 9101 that
// these build on.
//
// A client that is registered to sign has all of its requests signed by the driver. Here the
// JWT is spoiled, one flaw at a time (package jose), or something stands beside it. Each case
// has a good signed request accepted first, so that a refusal is about the flaw.
package request

import (
	"slices"
	"time"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
	. "github.com/cibatest/cibatest/suites/harness"
)

// Cases are the cases of this package.
var Cases = NewFamily("request")

// object is how a client signs its requests to this OP.
func object(t *T, c *Client) ciba.RequestObject { return c.RequestObject(t.Target().Issuer) }

// spoiled is a good request of the case's client whose JWT has a flaw.
func spoiled(t *T, f jose.Flaw) Request { return spoiledFor(t, t.Request(), f) }

// spoiledFor is [spoiled] for parameters of the caller's own.
func spoiledFor(t *T, p ciba.Params, f jose.Flaw) Request {
	o := object(t, t.Client())
	o.Flaw = &f
	return t.StartRequest(p).SignedAs(o)
}

// mustTakeSigned ends the case as error unless a good signed request is accepted: then the
// refusal of another one says nothing.
func mustTakeSigned(t *T) {
	Observe(t, "signed request", func(t *T) *ciba.Response {
		return t.MustAccept("a good signed request", t.Start(t.Request()))
	})
}

// judgeFlaws judges the answers to requests that have a flaw each.
func judgeFlaws(t *T, flaws ...jose.Flaw) { judgeFlawsBy(t, t.Requirement(), flaws...) }

// judgeFlawsBy is [judgeFlaws] by a requirement that the case has altered.
func judgeFlawsBy(t *T, r catalogue.Requirement, flaws ...jose.Flaw) {
	mustTakeSigned(t)
	for _, f := range flaws {
		JudgeVariantBy(t, r, f.Name, t.Send(spoiled(t, f)))
	}
}

// warning is the requirement where the acceptance of something is a warning at most.
func warning(r catalogue.Requirement) catalogue.Requirement {
	r.Verdict = string(result.Warn)
	return r
}

// signers are the clients of the case's mode that sign their requests and take part, the
// case's own first. What a client that was left out is refused for is a matter of the set-up.
func signers(t *T) []*Client {
	list := []*Client{t.Client()}
	for _, c := range Strangers(t) {
		if c.SignsRequests() && !c.UserCode && takesPart(t, c) {
			list = append(list, c)
		}
	}
	return list
}

func takesPart(t *T, c *Client) bool {
	return slices.ContainsFunc(t.Target().Clients, func(of targetfile.Client) bool { return of.Name == c.Name })
}

// inSeconds is the NumericDate of a moment from now; RFC 7519 2.
func inSeconds(n int) int64 { return time.Now().Add(time.Duration(n) * time.Second).Unix() }

// lastChanged is a text with another last character.
func lastChanged(text string) string {
	if text == "" {
		return "x"
	}
	last := "x"
	if text[len(text)-1] == 'x' {
		last = "y"
	}
	return text[:len(text)-1] + last
}

// hintParameters name the user; CIBA Core 7.1.
var hintParameters = []string{"login_hint", "login_hint_token", "id_token_hint"}

// hintIn is the parameter that names the user of a request.
func hintIn(p ciba.Params) ciba.Param {
	i := slices.IndexFunc(p, func(one ciba.Param) bool { return slices.Contains(hintParameters, one.Name) })
	if i < 0 {
		return ciba.Param{}
	}
	return p[i]
}
