package preflight

import (
	"net/url"
	"strings"

	"github.com/cibatest/cibatest/internal/targetfile"
)

// product is a product whose OPs can be told by where they are and what they publish, so that
// a first target file has what is particular to them.
type product struct {
	persona string
	is      func(*Discovery, *url.URL) bool // of the metadata, and the issuer

	methods []string // of client authentication, the most usual one first; nil: the simplest
	sub     string   // what subjects look like where hints are made of them, with %s for a name; empty: users have hints
}

// products are those that can be told.
var products = []product{
	{
		persona: "auth0", is: isAuth0, sub: "auth0|CHANGE-ME-%s",
		methods: []string{targetfile.AuthClientSecretPost, targetfile.AuthClientSecretBasic, targetfile.AuthPrivateKeyJWT},
	},
	{persona: "keycloak", is: func(d *Discovery, _ *url.URL) bool {
		return strings.HasSuffix(d.Text("backchannel_authentication_endpoint"), "/protocol/openid-connect/ext/ciba/auth")
	}},
}

// isAuth0 tells a tenant by its host or, under a domain of its own, by two things together
// that it publishes.
func isAuth0(d *Discovery, issuer *url.URL) bool {
	host := issuer.Hostname()
	named := host == "auth0.com" || strings.HasSuffix(host, ".auth0.com")
	endpoint, err := url.Parse(d.Text("backchannel_authentication_endpoint"))
	return named || err == nil && endpoint.Path == "/bc-authorize" && d.Text("mfa_challenge_endpoint") != ""
}

// productOf is the product of an OP; for one that is not known it has the persona core.
func productOf(d *Discovery, issuer string) product {
	if at, err := url.Parse(issuer); err == nil {
		for _, p := range products {
			if p.is(d, at) {
				return p
			}
		}
	}
	return product{persona: "core"}
}
