package harness

import (
	"net/http"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/jose"
)

// ResourceServer is the client that introspects: the one of the target file with the purpose
// resource-server. Without one the case ends as error; the need introspection prevents that.
func ResourceServer(t *T) *Client {
	i := slices.IndexFunc(Clients(t), func(c *Client) bool { return c.Purpose == "resource-server" })
	if i < 0 {
		t.Abort("the target file has no client with purpose resource-server")
	}
	return Clients(t)[i]
}

// IntrospectionRequest asks about a token as the resource server. RFC 7662 2.1.
func IntrospectionRequest(t *T, token string) Request {
	return IntrospectionRequestAs(t, ResourceServer(t), token)
}

// IntrospectionRequestAs is [IntrospectionRequest] of any client.
func IntrospectionRequestAs(t *T, c *Client, token string) Request {
	return Request{Client: c, Call: ciba.Call{
		Label: "introspection request", URL: t.Target().Endpoints.Introspection, Form: ciba.P("token", token),
	}}
}

// Introspect asks about a token as the resource server, and as the case's client where the
// first answer is active false: a caller that is not entitled is answered so (RFC 7662 2.2),
// and some OPs entitle only the client that holds the token. The answer with active true is
// returned, else that to the resource server.
func Introspect(t *T, token string) *ciba.Response {
	as := func(c *Client) *ciba.Response {
		return t.Send(IntrospectionRequestAs(t, c, token))
	}
	resp := as(ResourceServer(t))
	if object, err := resp.Object(); err != nil || object["active"] != false {
		return resp
	}
	own := as(t.client)
	if object, err := own.Object(); err != nil || object["active"] != true {
		return resp
	}
	t.Note("introspection tells the client that holds a token what it does not tell client %s", ResourceServer(t).Name)
	return own
}

// UserinfoRequest asks for the claims of the user of an access token, with the certificate of
// the case's client where it has one. OIDC Core 5.3.1, RFC 8705 3.
func UserinfoRequest(t *T, accessToken string) Request {
	r := Request{Call: ciba.Call{
		Label: "UserInfo request", Method: http.MethodGet, URL: t.Target().Endpoints.Userinfo,
		Header: http.Header{"Authorization": {"Bearer " + accessToken}},
	}}
	if shown := t.Client().Shown(); shown != nil {
		r.Certificate, r.URL = shown, t.Target().ForCertificates(r.URL)
	}
	return r
}

// UserinfoClaims reads a UserInfo response, which may be a JWT, signed or encrypted or both
// (OIDC Core 5.3.2). The signature is not verified. One that cannot be decrypted ends the
// case as error.
func UserinfoClaims(t *T, resp *ciba.Response) (map[string]any, error) {
	if strings.HasPrefix(strings.TrimSpace(string(resp.Body)), "{") {
		return resp.Object()
	}
	text, err := Decrypted(t.client, strings.TrimSpace(string(resp.Body)))
	if err != nil {
		t.Abort("the UserInfo response is encrypted and cannot be opened: %v", err)
	}
	if jose.IsEncrypted(string(resp.Body)) && strings.HasPrefix(text, "{") {
		return ciba.DecodeObject([]byte(text)) // encrypted only
	}
	token, err := jose.Decode(text)
	return token.Claims, err
}

// UserinfoSubject is the sub that UserInfo has for an access token, nil when it has none or
// the target has no UserInfo. The next finding points at the answer.
func UserinfoSubject(t *T, accessToken string) any {
	if !t.Has(catalogue.NeedUserinfo) {
		return nil
	}
	resp := t.Send(UserinfoRequest(t, accessToken))
	t.At(resp)
	claims, err := UserinfoClaims(t, resp)
	if err != nil || resp.Status != 200 {
		return nil
	}
	return claims["sub"]
}

// OwnScopes are scope values that an OP acts on itself and may leave out of an access token,
// which is for others to read.
var OwnScopes = []string{"openid", "offline_access"}

// GrantedScope is the scope that the access token states, or else introspection, and which
// of them it was. Both are empty when neither states one. Where introspection was asked, the
// next finding may point at its answer.
func GrantedScope(t *T, accessToken string) (scope []string, where string) {
	if list, stated := ScopeOfJWT(accessToken); stated {
		return list, "the access token"
	}
	if list, stated := IntrospectedScope(t, accessToken); stated {
		return list, "introspection"
	}
	return nil, ""
}

// ScopeOfJWT is the scope in a JWT access token, and reports whether there is one.
func ScopeOfJWT(accessToken string) ([]string, bool) {
	token, err := jose.Decode(accessToken)
	if err != nil {
		return nil, false
	}
	if list, stated := ReadScope(token.Claims["scope"]); stated {
		return list, true
	}
	return ReadScope(token.Claims["scp"]) // as some servers call it
}

// IntrospectedActive is what introspection says of a token by the member active, nil when it
// says nothing or the target has no introspection. The next finding points at the answer.
func IntrospectedActive(t *T, token string) any {
	if !t.Has(catalogue.NeedIntrospection) {
		return nil
	}
	resp := t.MustAnswer(Introspect(t, token))
	t.At(resp)
	object, err := resp.Object()
	if err != nil {
		return nil
	}
	return object["active"]
}

// IntrospectedScope is the scope that introspection states for an active token, and reports
// whether there is one. The next finding points at the answer of an active token.
func IntrospectedScope(t *T, accessToken string) ([]string, bool) {
	if !t.Has(catalogue.NeedIntrospection) {
		return nil, false
	}
	resp := Introspect(t, accessToken)
	object, err := resp.Object()
	if err != nil || object["active"] != true {
		return nil, false
	}
	t.At(resp)
	return ReadScope(object["scope"])
}

// ReadScope reads a scope, a text of values with spaces between them (RFC 6749 3.3), which some
// servers write as an array. It reports whether the value is either.
func ReadScope(value any) ([]string, bool) {
	if text, isString := value.(string); isString {
		return strings.Fields(text), true
	}
	return StringsOf(value)
}

// JWTClaims are the claims of an access token, and reports whether it is a readable JWT. The
// signature is not verified.
func JWTClaims(accessToken string) (map[string]any, bool) {
	token, err := jose.Decode(accessToken)
	if err != nil || token.Claims == nil {
		return nil, false
	}
	return token.Claims, true
}
