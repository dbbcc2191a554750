// Package ciba is the protocol client. It puts exactly on the wire what a case
// asks for, right or wrong, and reports what came back: status, headers, body and
// timing. It never judges, never follows a redirect and never repeats a request by
// itself. Whatever an OP answers, however large, slow or malformed, becomes a
// [Response] that can be read or that says in words why it cannot.
package ciba

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// GrantTypeCIBA is the grant type of token requests. CIBA Core 4.
const GrantTypeCIBA = "urn:openid:params:grant-type:ciba"

// Param is one form or query parameter.
type Param struct{ Name, Value string }

// Params are parameters in the order they are sent. A name may come twice, and
// a value may be empty; the methods return changed copies.
type Params []Param

// P makes parameters of name and value in turn; a name without value is dropped.
func P(namesAndValues ...string) Params {
	var p Params
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		p = append(p, Param{namesAndValues[i], namesAndValues[i+1]})
	}
	return p
}

// With sets a parameter: the first of that name is replaced and further ones go,
// or it is appended.
func (p Params) With(name, value string) Params {
	out := make(Params, 0, len(p)+1)
	done := false
	for _, param := range p {
		if param.Name != name {
			out = append(out, param)
		} else if !done {
			out = append(out, Param{name, value})
			done = true
		}
	}
	if !done {
		out = append(out, Param{name, value})
	}
	return out
}

// Add appends a parameter, also when the name is there already.
func (p Params) Add(name, value string) Params {
	return append(append(make(Params, 0, len(p)+1), p...), Param{name, value})
}

// Without drops all parameters of these names.
func (p Params) Without(names ...string) Params {
	var out Params
next:
	for _, param := range p {
		for _, name := range names {
			if param.Name == name {
				continue next
			}
		}
		out = append(out, param)
	}
	return out
}

// Get is the first value of a name, empty when there is none.
func (p Params) Get(name string) string {
	for _, param := range p {
		if param.Name == name {
			return param.Value
		}
	}
	return ""
}

// Has reports whether a parameter of this name is there.
func (p Params) Has(name string) bool {
	for _, param := range p {
		if param.Name == name {
			return true
		}
	}
	return false
}

// Encode is the application/x-www-form-urlencoded form, in order.
func (p Params) Encode() string {
	var b strings.Builder
	for i, param := range p {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(param.Name))
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(param.Value))
	}
	return b.String()
}

// NoContentType as [Call.ContentType] sends a body without a media type.
const NoContentType = "-"

// Call is one HTTP request, exactly as it goes on the wire. The zero value of a
// field is the ordinary choice.
type Call struct {
	Label       string        // what the exchange is called in the evidence
	Client      string        // whose request it is in the evidence, by name; empty: nobody's
	Method      string        // default POST
	URL         string        // absolute
	Query       Params        // appended to the URL's own query
	Form        Params        // the body, unless Body is set
	Body        []byte        // raw body; nil: Form
	ContentType string        // default: form; NoContentType: none
	Header      http.Header   // set last; replaces headers of the same name
	Auth        Authenticator // nil: no client authentication
	Timeout     time.Duration // default DefaultTimeout

	// Certificate is shown at TLS; nil: none. Connections are shared by the calls that show
	// the same one, and by no others.
	Certificate *tls.Certificate
}

// With is the call with one form parameter set.
func (c Call) With(name, value string) Call {
	c.Form = c.Form.With(name, value)
	return c
}

// Without is the call without some form parameters.
func (c Call) Without(names ...string) Call {
	c.Form = c.Form.Without(names...)
	return c
}

// AuthenticatedBy is the call with another client authentication, nil for none.
func (c Call) AuthenticatedBy(a Authenticator) Call {
	c.Auth = a
	return c
}

// isForm reports whether the parameters travel in the body.
func (c Call) isForm() bool { return c.Body == nil && c.method() != http.MethodGet }

func (c Call) method() string {
	if c.Method == "" {
		return http.MethodPost
	}
	return c.Method
}
