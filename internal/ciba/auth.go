package ciba

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/cibatest/cibatest/internal/jose"
)

// AssertionType is the client_assertion_type of RFC 7523.
const AssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// DefaultAssertionLifetime is short, as every call signs its own assertion.
const DefaultAssertionLifetime = time.Minute

// Authenticator adds client authentication to a call. It is given a copy.
type Authenticator interface {
	Authenticate(call *Call) error
}

type authenticatorFunc func(*Call) error

func (f authenticatorFunc) Authenticate(c *Call) error { return f(c) }

// Basic is client_secret_basic: both parts form-urlencoded first, RFC 6749 2.3.1.
func Basic(id, secret string) Authenticator {
	value := "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
	return authenticatorFunc(func(c *Call) error {
		header := c.Header.Clone()
		if header == nil {
			header = http.Header{}
		}
		if header.Get("Authorization") == "" {
			header.Set("Authorization", value)
		}
		c.Header = header
		return nil
	})
}

// Post is client_secret_post.
func Post(id, secret string) Authenticator {
	return authenticatorFunc(func(c *Call) error {
		c.Form = c.Form.Add("client_id", id).Add("client_secret", secret)
		return nil
	})
}

// Public only names the client.
func Public(id string) Authenticator {
	return authenticatorFunc(func(c *Call) error {
		c.Form = c.Form.Add("client_id", id)
		return nil
	})
}

// ByCertificate is tls_client_auth and self_signed_tls_client_auth: the client shows a
// certificate at TLS and names itself in the form. A nil certificate shows none. RFC 8705 2.
func ByCertificate(id string, shown *tls.Certificate) Authenticator {
	return authenticatorFunc(func(c *Call) error {
		c.Certificate = shown
		c.Form = c.Form.Add("client_id", id)
		return nil
	})
}

// Assertion is private_key_jwt or client_secret_jwt, by the key. Every call is
// given a fresh token with iss, sub, aud, jti, iat and exp (OIDC Core 9); Edit may
// change anything before it is signed, a nil value removing a header member.
type Assertion struct {
	ClientID     string
	Key          jose.Key
	Audience     string
	Lifetime     time.Duration // default DefaultAssertionLifetime
	Edit         func(header, claims map[string]any)
	Token        func(header, claims map[string]any) (string, error) // replaces signing; nil: sign with Key
	Type         string                                              // default AssertionType
	OmitType     bool
	SendClientID bool // also as client_id, which RFC 7521 leaves optional
	Strict       bool // with the JWT type of RFC 10070, and with nbf, which some servers want
}

// Sign makes one assertion.
func (a Assertion) Sign() (string, error) {
	now := time.Now()
	lifetime := a.Lifetime
	if lifetime == 0 {
		lifetime = DefaultAssertionLifetime
	}
	header := map[string]any{}
	claims := map[string]any{
		"iss": a.ClientID, "sub": a.ClientID, "aud": a.Audience, "jti": rand.Text(),
		"iat": now.Unix(), "exp": now.Add(lifetime).Unix(),
	}
	if a.Strict {
		header["typ"], claims["nbf"] = "client-authentication+jwt", now.Unix()
	}
	if a.Edit != nil {
		a.Edit(header, claims)
	}
	if a.Token != nil {
		return a.Token(header, claims)
	}
	return jose.Sign(header, claims, a.Key)
}

// Authenticate implements [Authenticator].
func (a Assertion) Authenticate(c *Call) error {
	token, err := a.Sign()
	if err != nil {
		return fmt.Errorf("client assertion for %q: %w", a.ClientID, err)
	}
	if a.SendClientID {
		c.Form = c.Form.Add("client_id", a.ClientID)
	}
	if !a.OmitType {
		kind := a.Type
		if kind == "" {
			kind = AssertionType
		}
		c.Form = c.Form.Add("client_assertion_type", kind)
	}
	c.Form = c.Form.Add("client_assertion", token)
	return nil
}
