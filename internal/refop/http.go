package refop

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Endpoint names an endpoint of the protocol.
type Endpoint string

// The endpoints. Elsewhere is every path that has none.
const (
	EndpointDiscovery     Endpoint = "discovery"
	EndpointJWKS          Endpoint = "jwks"
	EndpointStart         Endpoint = "start" // backchannel authentication
	EndpointToken         Endpoint = "token"
	EndpointUserInfo      Endpoint = "userinfo"
	EndpointIntrospection Endpoint = "introspection"
	EndpointNotification  Endpoint = "notification" // of a client: the OP is the caller there
	Elsewhere             Endpoint = "elsewhere"
)

// Paths are where the endpoints lie below the issuer. An empty one is not served.
type Paths struct{ Start, Token, JWKS, UserInfo, Introspection string }

// usualPaths are unusual on purpose, so that discovery has to be used.
var usualPaths = Paths{Start: PathStart, Token: PathToken, JWKS: PathJWKS, UserInfo: PathUserInfo, Introspection: PathIntrospect}

// The paths of an OP that is given no others.
const (
	PathStart      = "/ciba/start-here"
	PathToken      = "/grants/redeem"
	PathJWKS       = "/public/keys"
	PathUserInfo   = "/who"
	PathIntrospect = "/grants/inspect"
)

// Handler serves the protocol below the path of the issuer, if it has one.
func (op *OP) Handler() http.Handler {
	base := ""
	if u, err := url.Parse(op.issuer); err == nil {
		base = strings.TrimSuffix(u.Path, "/")
	}
	mux := http.NewServeMux()
	mux.HandleFunc(op.plan.Rules.MetadataPath(base), op.serve(EndpointDiscovery, op.discovery))
	for _, part := range []struct {
		path   string
		name   Endpoint
		handle func(*Call) *Reply
	}{
		{op.plan.Paths.JWKS, EndpointJWKS, op.jwks},
		{op.plan.Paths.Start, EndpointStart, op.start},
		{op.plan.Paths.Token, EndpointToken, op.token},
		{op.plan.Paths.UserInfo, EndpointUserInfo, op.userinfo},
		{op.plan.Paths.Introspection, EndpointIntrospection, op.introspect},
	} {
		if part.path != "" {
			mux.HandleFunc(base+part.path, op.serve(part.name, part.handle))
		}
	}
	mux.HandleFunc("/", op.serve(Elsewhere, func(*Call) *Reply {
		return Failure(&OAuthError{Status: http.StatusNotFound, Code: "not_found"})
	}))
	return mux
}

// metadataPath is the place of OIDC Discovery 4.
func metadataPath(base string) string { return base + "/.well-known/openid-configuration" }

// methods are what an endpoint serves.
var methods = map[Endpoint][]string{
	EndpointDiscovery:     {http.MethodGet, http.MethodHead},
	EndpointJWKS:          {http.MethodGet, http.MethodHead},
	EndpointStart:         {http.MethodPost},
	EndpointToken:         {http.MethodPost},
	EndpointUserInfo:      {http.MethodGet, http.MethodPost}, // OIDC Core 5.3.1
	EndpointIntrospection: {http.MethodPost},
}

// methodAllowed looks the method up. Where there is no endpoint, a request is
// answered 404 whatever its method.
func methodAllowed(e Endpoint, method string) bool {
	return e == Elsewhere || slices.Contains(methods[e], method)
}

// serve wraps an endpoint: method, form, answer.
func (op *OP) serve(e Endpoint, handle func(*Call) *Reply) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := &Call{OP: op, Endpoint: e, Request: r, Now: op.now()}
		if !op.plan.Rules.MethodAllowed(e, r.Method) {
			op.write(w, c, wrongMethod(e))
			return
		}
		if e != EndpointDiscovery && e != EndpointJWKS { // these two take no parameters
			c.readForm(w)
		}
		op.write(w, c, handle(c))
	}
}

func wrongMethod(e Endpoint) *Reply {
	r := Failure(&OAuthError{Status: http.StatusMethodNotAllowed, Code: "invalid_request", Description: "the method is not supported here"})
	r.Header.Set("Allow", strings.Join(methods[e], ", "))
	return r
}

// finish sets what every answer of this OP has. Nothing here may be cached: even
// an error tells something about a request.
func finish(_ *Call, r *Reply) {
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Cache-Control", "no-store")
	r.Header.Set("Pragma", "no-cache")
}

// write finishes an answer and sends it.
func (op *OP) write(w http.ResponseWriter, c *Call, r *Reply) {
	op.plan.Rules.Finish(c, r)
	body := r.Raw
	if body == nil {
		var b bytes.Buffer
		encoder := json.NewEncoder(&b)
		encoder.SetEscapeHTML(false)
		_ = encoder.Encode(r.Body) // nothing is in a body that JSON cannot tell
		body = b.Bytes()
	}
	maps.Copy(w.Header(), r.Header)
	w.WriteHeader(r.Status)
	_, _ = w.Write(body)
}
