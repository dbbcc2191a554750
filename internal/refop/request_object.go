package refop

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/jose"
)

// The parameters that carry a request object. CIBA defines no request_uri.
const (
	RequestObject = "request"
	RequestURI    = "request_uri"
)

// requestAlgs are the algorithms that signed requests may have. CIBA Core 4 and 7.1.1:
// asymmetric ones.
var requestAlgs = []string{"ES256", "PS256", "RS256", "EdDSA"}

// RequestParameters are the parameters of an authentication request, which have to be
// inside the JWT of a signed one. CIBA Core 7.1.
var RequestParameters = []string{
	"scope", "client_notification_token", "acr_values", LoginHintToken, IDTokenHint, LoginHint, "binding_message",
	"user_code", "requested_expiry", "authorization_details",
}

// requestChecks are CIBA Core 7.1.1 and 7.2: the signature is verified before anything
// inside is believed, then the claims that make the JWT one for this OP, from this client
// and for this moment. What it asks for takes the place of the form.
var requestChecks = []check{
	{CheckRequestURI, func(c *Call) *OAuthError {
		if c.Has(RequestURI) {
			return Refusal("invalid_request", "request_uri is not supported")
		}
		return nil
	}},
	{CheckRequestPlain, func(c *Call) *OAuthError { // CIBA Core 4 leaves it open
		if c.Client.RequestAlg != "" && !c.Has(RequestObject) {
			return Refusal("invalid_request", "the client is registered to sign its requests")
		}
		return nil
	}},
	ofSigned(CheckRequestEncrypted, func(c *Call) *OAuthError { // CIBA Core 7.1.1: encryption is not supported
		if strings.Count(c.Value(RequestObject), ".") == 4 {
			return Refusal("invalid_request", "encrypted requests are not supported")
		}
		return nil
	}),
	ofSigned(CheckRequestJWT, func(c *Call) *OAuthError {
		var err error
		if c.Signed, err = c.OP.Rules().DecodeRequest(c); err != nil {
			return Refusal("invalid_request", "request is not a JWT")
		}
		return nil
	}),
	ofSigned(CheckRequestAlg, func(c *Call) *OAuthError {
		if !slices.Contains(requestAlgs, c.RequestAlg()) {
			return Refusal("invalid_request", "request has to be signed with one of "+strings.Join(requestAlgs, ", "))
		}
		return nil
	}),
	ofSigned(CheckRequestRegisteredAlg, func(c *Call) *OAuthError {
		if registered := c.Client.RequestAlg; registered != "" && c.RequestAlg() != registered {
			return Refusal("invalid_request", "the client is registered to sign its requests with "+registered)
		}
		return nil
	}),
	ofSigned(CheckRequestSignature, func(c *Call) *OAuthError {
		keys, algs := c.OP.Rules().RequestKeys(c)
		if _, err := jose.Verify(c.Value(RequestObject), keys, algs); err != nil {
			return Refusal("invalid_request", "request is not signed by the client")
		}
		return nil
	}),
	textClaim(CheckRequestWithIssuer, "iss"),
	ofSigned(CheckRequestIssuer, func(c *Call) *OAuthError {
		if c.signedText("iss") != c.Client.ID {
			return Refusal("invalid_request", "iss is not the client_id")
		}
		return nil
	}),
	ofSigned(CheckRequestWithAudience, func(c *Call) *OAuthError {
		if aud := c.Signed.Claims["aud"]; aud == nil || aud == "" {
			return Refusal("invalid_request", "aud is missing")
		}
		return nil
	}),
	ofSigned(CheckRequestAudience, func(c *Call) *OAuthError {
		if !c.OP.Rules().RequestAudienceFits(c, c.Signed.Claims["aud"]) {
			return Refusal("invalid_request", "aud does not name the issuer")
		}
		return nil
	}),
	timeClaim(CheckRequestWithExp, "exp"),
	ofSigned(CheckRequestExpired, func(c *Call) *OAuthError {
		if exp, ok := Moment(c.Signed.Claims["exp"]); ok && c.Now.After(exp.Add(clockSkew)) {
			return Refusal("invalid_request", "request has expired")
		}
		return nil
	}),
	timeClaim(CheckRequestWithIat, "iat"),
	timeClaim(CheckRequestWithNbf, "nbf"),
	ofSigned(CheckRequestNotBefore, func(c *Call) *OAuthError {
		if nbf, ok := Moment(c.Signed.Claims["nbf"]); ok && c.Now.Add(clockSkew).Before(nbf) {
			return Refusal("invalid_request", "request is not valid yet")
		}
		return nil
	}),
	textClaim(CheckRequestWithJTI, "jti"),
	ofSigned(CheckRequestOutside, func(c *Call) *OAuthError { // the ban addresses the sender; refusing is the safest
		if slices.ContainsFunc(RequestParameters, c.Has) {
			return Refusal("invalid_request", "a parameter stands outside the signed request")
		}
		return nil
	}),
	ofSigned(CheckRequestParameters, func(c *Call) *OAuthError {
		inside, err := c.OP.Rules().RequestParameters(c)
		if err == nil {
			c.Form = inside
		}
		return err
	}),
	{CheckRequestReplay, func(c *Call) *OAuthError { // no text demands it
		jti := c.signedText("jti")
		if exp, _ := Moment(c.Signed.Claims["exp"]); jti != "" && c.OP.replayed("request "+c.Client.ID+" "+jti, exp) {
			return Refusal("invalid_request", "request was used before")
		}
		return nil
	}},
}

// ofSigned is a check of signed requests alone.
func ofSigned(name CheckName, run CheckFunc) check {
	return check{name, func(c *Call) *OAuthError {
		if !c.Has(RequestObject) {
			return nil
		}
		return run(c)
	}}
}

// textClaim wants a claim that is a string and not empty.
func textClaim(name CheckName, claim string) check {
	return ofSigned(name, func(c *Call) *OAuthError {
		if c.signedText(claim) == "" {
			return Refusal("invalid_request", claim+" is missing")
		}
		return nil
	})
}

// timeClaim wants a claim that is a NumericDate.
func timeClaim(name CheckName, claim string) check {
	return ofSigned(name, func(c *Call) *OAuthError {
		if _, ok := Moment(c.Signed.Claims[claim]); !ok {
			return Refusal("invalid_request", claim+" is missing or no number")
		}
		return nil
	})
}

// signedText is a claim of the signed request that is a string, else empty.
func (c *Call) signedText(name string) string {
	value, _ := c.Signed.Claims[name].(string)
	return value
}

// RequestAlg is the algorithm that the header of the signed request names.
func (c *Call) RequestAlg() string {
	alg, _ := c.Signed.Header["alg"].(string)
	return alg
}

func decodeRequest(c *Call) (jose.Token, error) { return jose.Decode(c.Value(RequestObject)) }

// requestAudienceFits takes the issuer alone or in an array.
func requestAudienceFits(c *Call, audience any) bool { return addressedTo(audience, c.OP.issuer) }

// requestParameters are the parameters inside, and the authentication of the client beside
// them. Claims that are no parameter are passed over.
func requestParameters(c *Call) (map[string][]string, *OAuthError) {
	form := map[string][]string{}
	for name, values := range c.Form {
		if strings.HasPrefix(name, "client_") && name != "client_notification_token" {
			form[name] = values
		}
	}
	for name, value := range c.Signed.Claims {
		if name == RequestObject || name == RequestURI { // RFC 9101 4
			return nil, Refusal("invalid_request", "a request object has no other one inside")
		}
		if !slices.Contains(RequestParameters, name) {
			continue
		}
		text, ok := ParameterText(name, value)
		if !ok {
			return nil, Refusal("invalid_request", name+" has the wrong type")
		}
		if text != "" || !c.OP.Rules().EmptyIsAbsent(name) {
			form[name] = []string{text}
		}
	}
	return form, nil
}

// ParameterText is a claim as the parameter of a form would have it. CIBA Core 7.1.1: strings,
// but for requested_expiry, which may be a number; RFC 9396 2: authorization_details are an
// array.
func ParameterText(name string, value any) (text string, ok bool) {
	switch v := value.(type) {
	case string:
		return v, name != "authorization_details"
	case json.Number:
		return v.String(), name == "requested_expiry"
	case []any:
		data, err := json.Marshal(v)
		return string(data), err == nil && name == "authorization_details"
	}
	return "", false
}

// IssuedLate reports whether the signed request says that it was issued later than now by more
// than clocks may differ.
func (c *Call) IssuedLate() bool {
	iat, ok := Moment(c.Signed.Claims["iat"])
	return ok && c.Now.Add(clockSkew).Before(iat)
}

// SignedLifetime is how long the signed request says it is good for, from nbf to exp.
func (c *Call) SignedLifetime() time.Duration {
	nbf, _ := Moment(c.Signed.Claims["nbf"])
	exp, _ := Moment(c.Signed.Claims["exp"])
	return exp.Sub(nbf)
}
