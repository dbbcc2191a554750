package preflight

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/cibatest/cibatest/internal/targetfile"
)

// Endpoint is one that is sent the credentials of clients.
type Endpoint struct {
	Name     string // as the target file calls it, below endpoints
	Member   string // as metadata calls it
	URL      string // empty: not known
	Optional bool   // an OP for CIBA need not have it
}

// credentialed are the endpoints at which clients authenticate.
func credentialed(e targetfile.Endpoints) []Endpoint {
	return []Endpoint{
		{"backchannel_authentication", "backchannel_authentication_endpoint", e.BackchannelAuthentication, false},
		{"token", "token_endpoint", e.Token, false},
		{"introspection", "introspection_endpoint", e.Introspection, true},
	}
}

// Elsewhere are the endpoints that would be sent the clients' credentials at a place
// which nobody but the OP's own metadata vouches for: at another host than the
// issuer's, or in the clear although the issuer is https. Gateways and hosts for mutual
// TLS make that legal, so an endpoint that the target file names itself is not among
// them.
func (f *Facts) Elsewhere() []Endpoint {
	issuer, err := url.Parse(f.Target.Issuer)
	if err != nil {
		return nil
	}
	var list []Endpoint
	named := credentialed(f.named)
	for i, e := range credentialed(f.Target.Endpoints) {
		if named[i].URL == "" && e.URL != "" && e.leaves(issuer) {
			list = append(list, e)
		}
	}
	return list
}

// leaves reports whether the endpoint is at another host than the issuer or less
// protected. What is no URL leaves it, too.
func (e Endpoint) leaves(issuer *url.URL) bool {
	at, err := url.Parse(e.URL)
	if err != nil {
		return true
	}
	return !strings.EqualFold(at.Hostname(), issuer.Hostname()) || issuer.Scheme == "https" && at.Scheme != "https"
}

// sendable reports why nothing can be sent to an endpoint, nil when it can.
func (e Endpoint) sendable() error {
	at, err := url.Parse(e.URL)
	if err != nil || at.Scheme != "http" && at.Scheme != "https" || at.Hostname() == "" || at.User != nil || at.Fragment != "" {
		return fmt.Errorf("%s is %q; wanted an http or https URL without user and fragment", e.Member, e.URL)
	}
	return nil
}
