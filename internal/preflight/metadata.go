package preflight

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// Discovery is an OP's metadata as it was served, OIDC Discovery 4 and RFC 8414 3.
type Discovery struct {
	URL      string
	Response *ciba.Response

	Document  map[string]any // empty, never nil, when there is none
	OAuthOnly bool           // found at the location of RFC 8414 only

	// Broken tells why metadata that the OP serves cannot be read; nil: they can, or there
	// are none.
	Broken error
}

// Found reports whether the OP publishes metadata.
func (d *Discovery) Found() bool { return d != nil && len(d.Document) > 0 }

// Text is a member of the document that is a string, or empty.
func (d *Discovery) Text(member string) string {
	s, _ := d.Document[member].(string)
	return s
}

// Strings is a member that is an array of strings, or nil.
func (d *Discovery) Strings(member string) []string {
	values, _ := d.Document[member].([]any)
	var list []string
	for _, v := range values {
		if s, ok := v.(string); ok {
			list = append(list, s)
		}
	}
	return list
}

// Discover reads the metadata from the location of OIDC Discovery, or from that
// of RFC 8414. Without a document it fails unless the target names the endpoints itself, or
// there is one that cannot be read, which is the OP's mistake; the error is a sentence for
// people.
func Discover(ctx context.Context, rt http.RoundTripper, t *targetfile.Target) (*Discovery, error) {
	h := ciba.NewHTTP(rt, ciba.Options{Secrets: t.Secrets()})
	var first *Discovery
	for i, location := range locations(t.Issuer) {
		d, err := read(ctx, h, location)
		if err != nil {
			return nil, fmt.Errorf("the OP cannot be reached: %w", err)
		}
		d.OAuthOnly = i > 0
		document, err := d.Response.Object()
		if err == nil && d.Response.Status == http.StatusOK {
			d.Document = document
			return d, nil
		}
		if meantAsMetadata(d.Response) {
			d.Broken = err
		}
		if first == nil || first.Broken == nil && d.Broken != nil {
			first = d
		}
	}
	named := t.Endpoints.BackchannelAuthentication != "" && t.Endpoints.Token != ""
	if named || first.Broken != nil {
		return first, nil
	}
	return nil, fmt.Errorf("%s answers %s, so nothing is known about the OP; check issuer, or name the endpoints in the target file",
		first.URL, first.Response.Summary())
}

// meantAsMetadata reports whether an answer was to be a JSON object. A page of HTML, which
// many servers have for every path, says that the issuer is another one.
func meantAsMetadata(resp *ciba.Response) bool {
	return resp.Status == http.StatusOK && (resp.MediaType() == "application/json" || bytes.HasPrefix(bytes.TrimSpace(resp.Body), []byte("{")))
}

// read asks one location; whether it has a document is not looked at. An error is that nothing answered there, or that the
// location cannot be sent to at all; then there is no exchange to show either.
func read(ctx context.Context, h *ciba.HTTP, location string) (*Discovery, error) {
	resp := h.Do(ctx, nil, ciba.Call{Label: "discovery", Method: http.MethodGet, URL: location})
	if resp.Err != nil && resp.Status == 0 {
		return nil, resp.Err
	}
	return &Discovery{URL: location, Response: resp, Document: map[string]any{}}, nil
}

// locations are where metadata may be, the usual place first.
func locations(issuer string) []string {
	trimmed := strings.TrimSuffix(issuer, "/")
	list := []string{trimmed + "/.well-known/openid-configuration"}
	if u, err := url.Parse(trimmed); err == nil {
		path := u.Path
		u.Path = "/.well-known/oauth-authorization-server" + path
		list = append(list, u.String())
	}
	return list
}

// Resolve gives a copy of the target in which the endpoints that the target file
// leaves open are those of the metadata. The caller's target stays as it is, so that
// one target can be judged twice.
func Resolve(t *targetfile.Target, d *Discovery) *targetfile.Target {
	resolved := *t
	e := &resolved.Endpoints
	for member, field := range map[string]*string{
		"backchannel_authentication_endpoint": &e.BackchannelAuthentication, "token_endpoint": &e.Token, "jwks_uri": &e.JWKS,
		"userinfo_endpoint": &e.Userinfo, "introspection_endpoint": &e.Introspection, "registration_endpoint": &e.Registration,
	} {
		if *field == "" {
			*field = d.Text(member)
		}
	}
	resolved.Aliases = aliases(*e, d)
	return &resolved
}

// aliases are the endpoints for client certificates by those for all others, RFC 8705 5. Only
// https is one: a certificate can be shown nowhere else.
func aliases(e targetfile.Endpoints, d *Discovery) map[string]string {
	published, _ := d.Document["mtls_endpoint_aliases"].(map[string]any)
	known := map[string]string{}
	for member, endpoint := range map[string]string{
		"backchannel_authentication_endpoint": e.BackchannelAuthentication, "token_endpoint": e.Token,
		"userinfo_endpoint": e.Userinfo, "introspection_endpoint": e.Introspection,
	} {
		alias, _ := published[member].(string)
		if u, err := url.Parse(alias); err == nil && u.Scheme == "https" && u.Host != "" && endpoint != "" {
			known[endpoint] = alias
		}
	}
	return known
}
