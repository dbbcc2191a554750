package harness

import (
	"net/http"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/jose"
)

// ResourceServer is the client that introspects.
func ResourceServer(t *T) *Client {
	i := slices.IndexFunc(t.Clients(), func(c *Client) bool { return c.Purpose == "resource-server" })
	if i < 0 {
		t.Abort("the target file has no client with purpose resource-server")
	}
	return t.Clients()[i]
}

// IntrospectionRequest asks about a token as the resource server.
func IntrospectionRequest(t *T, token string) Request {
	return IntrospectionRequestAs(t, ResourceServer(t), token)
}

func IntrospectionRequestAs(t *T, c *Client, token string) Request {
	return Request{Client: c, Call: ciba.Call{
		Label: "introspection request", URL: t.Target().Endpoints.Introspection, Form: ciba.P("token", token),
	}}
}

// Introspect asks the resource server, and the client itself where that one is
// told active false: a caller that is not entitled is answered so (RFC 7662 2.2),
// and some OPs entitle only the client that holds the token.
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

// UserinfoRequest asks for the claims of the user of an access token.
func UserinfoRequest(t *T, accessToken string) Request {
	return Request{Call: ciba.Call{
		Label: "UserInfo request", Method: http.MethodGet, URL: t.Target().Endpoints.Userinfo,
		Header: http.Header{"Authorization": {"Bearer " + accessToken}},
	}}
}

// UserinfoClaims reads a UserInfo response, which may be a JWT (OIDC Core 5.3.2).
func UserinfoClaims(t *T, resp *ciba.Response) (map[string]any, error) {
	if strings.HasPrefix(strings.TrimSpace(string(resp.Body)), "{") {
		return resp.Object()
	}
	text, err := Opened(t.client, strings.TrimSpace(string(resp.Body)))
	if err != nil {
		t.Abort("the UserInfo response is encrypted and cannot be opened: %v", err)
	}
	if jose.IsEncrypted(string(resp.Body)) && strings.HasPrefix(text, "{") {
		return ciba.DecodeObject([]byte(text)) // encrypted only
	}
	token, err := jose.Decode(text)
	return token.Claims, err
}

// UserinfoSubject is the sub that UserInfo tells for an access token, nil when
// it tells none.
func UserinfoSubject(t *T, accessToken string) any {
	if !t.Has("userinfo") {
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

func RefreshRequest(t *T, c *Client, refreshToken string) Request {
	call := t.TokenRequest(c, ciba.P("grant_type", "refresh_token", "refresh_token", refreshToken))
	call.Label = "refresh request"
	return call
}

// Refresh uses a refresh token as its client should.
func Refresh(t *T, refreshToken string) *ciba.Response {
	return t.Send(RefreshRequest(t, t.client, refreshToken))
}

// OwnScopes are values that servers act on themselves and may leave out of what
// they write into an access token.
var OwnScopes = []string{"openid", "offline_access"}

// GrantedScope is what the access token or introspection tells about the scope,
// and which of them it was; nothing when neither does.
func GrantedScope(t *T, accessToken string) (scope []string, where string) {
	if list, told := ScopeInside(accessToken); told {
		return list, "the access token"
	}
	if list, told := IntrospectedScope(t, accessToken); told {
		return list, "introspection"
	}
	return nil, ""
}

// ScopeInside is the scope in a JWT access token.
func ScopeInside(accessToken string) ([]string, bool) {
	token, err := jose.Decode(accessToken)
	if err != nil {
		return nil, false
	}
	if list, told := ScopeIn(token.Claims["scope"]); told {
		return list, true
	}
	return ScopeIn(token.Claims["scp"]) // as some servers call it
}

func IntrospectedScope(t *T, accessToken string) ([]string, bool) {
	if !t.Has("introspection") {
		return nil, false
	}
	resp := Introspect(t, accessToken)
	object, err := resp.Object()
	if err != nil || object["active"] != true {
		return nil, false
	}
	t.At(resp)
	return ScopeIn(object["scope"])
}

// ScopeIn reads a scope, which some servers write as an array.
func ScopeIn(value any) ([]string, bool) {
	if text, isString := value.(string); isString {
		return strings.Fields(text), true
	}
	return TextsOf(value)
}

// TryRedeem lets a request be approved that the OP may as well refuse.
func TryRedeem(t *T, p ciba.Params) (Redeemed, bool) {
	resp := t.Start(p)
	if resp.Status/100 != 2 {
		return Redeemed{}, false
	}
	r := Redeemed{Flow: t.FlowOf(t.client, t.User(), resp), Ack: resp}
	t.Approve(r.Flow)
	r.Response = t.PollDecided(r.Flow)
	var err error
	r.Tokens, err = r.Response.Tokens()
	return r, err == nil
}

// JWTClaims are the claims of an access token that is a readable JWT.
func JWTClaims(accessToken string) (map[string]any, bool) {
	token, err := jose.Decode(accessToken)
	if err != nil || token.Claims == nil {
		return nil, false
	}
	return token.Claims, true
}
