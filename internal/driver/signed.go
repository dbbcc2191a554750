package driver

import (
	"crypto/rand"
	"errors"
	"slices"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/jose"
)

// SignsRequests reports whether the client is registered to sign its backchannel requests.
func (c *Client) SignsRequests() bool { return c.RequestSigningAlg != "" }

// RequestObject is how the client signs a request to an issuer, to be altered. A client that
// is not registered to do so signs with the key of its assertions, if it has one.
func (c *Client) RequestObject(issuer string) ciba.RequestObject {
	return ciba.RequestObject{ClientID: c.ClientID, Key: c.requestKey, Audience: issuer}
}

// SignedAs is the request signed in a way of the caller's own.
func (r Request) SignedAs(o ciba.RequestObject) Request {
	r.Object = &o
	return r
}

// Beside is the request with a parameter that stands beside the signed ones.
func (r Request) Beside(name, value string) Request {
	r.Outside = r.Outside.Add(name, value)
	return r
}

// Unsigned is the request as a plain form, whatever its client is registered for.
func (r Request) Unsigned() Request {
	r.Plain = true
	return r
}

// sealed is the call of a request as it goes to the wire: where the client signs its requests,
// with the parameters in a JWT, new for each sending. A form that names a request object
// already is left as it is. CIBA Core 7.1.1.
func (r *Run) sealed(q Request) (ciba.Call, error) {
	object := q.Object
	if object == nil && r.starts(q) && q.Client != nil && q.Client.SignsRequests() {
		usual := q.Client.RequestObject(r.target.Issuer)
		object = &usual
	}
	named := func(p ciba.Param) bool { return p.Name == "request" || p.Name == "request_uri" }
	if object == nil || q.Plain || q.Body != nil || slices.ContainsFunc(q.Form, named) {
		return q.Call, nil
	}
	var inside, outside ciba.Params
	for _, p := range q.Form {
		if ciba.Outside(p.Name) {
			outside = append(outside, p)
			continue
		}
		inside = append(inside, p)
	}
	token, err := object.Sign(inside)
	call := q.Call
	call.Form = append(append(ciba.P("request", token), q.Outside...), outside...)
	return call, err
}

// RotateKey publishes a new key of a client at its jwks_uri, beside those it has, and returns it.
// The client itself goes on with its own. The error says why nothing can be published.
func (r *Run) RotateKey(c *Client) (jose.Key, error) {
	if r.receiver == nil || c.JWKSURI == "" {
		return jose.Key{}, errors.New("nothing is served at a jwks_uri of client " + c.Name)
	}
	fresh, err := jose.GenerateKey(c.requestKey.Alg(), "rotated-"+rand.Text())
	if err != nil {
		return jose.Key{}, err
	}
	keys, err := c.PublicKeys(fresh)
	if err != nil {
		return jose.Key{}, err
	}
	return fresh, r.receiver.Publish(c.JWKSURI, keys)
}
