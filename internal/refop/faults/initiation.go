package faults

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// Initiation are the defects of the backchannel authentication endpoint, apart from what
// other areas have; CIBA Core 7.
var Initiation = []Fault{
	{
		"start-get-500", "CIBA-7-POST-ONLY", "GET crashes the OP",
		startsThat(func(c *refop.Call) bool { return c.Request.Method == http.MethodGet }, crash),
	},
	{"start-by-any-method", "CIBA-7-POST-ONLY", "PUT starts a transaction", anyMethod(refop.EndpointStart)},
	{"start-json", "CIBA-7.1-FORM-ENCODING", "a JSON body is read", edit.ReadingJSON()},
	{
		"start-charset-refused", "CIBA-7.1-FORM-CHARSET-PARAM", "a charset parameter is refused",
		startsThat(contentType("charset"), refused("invalid_request")),
	},
	{
		"start-json-500", "CIBA-7.1-FORM-ENCODING", "a JSON body crashes the OP",
		startsThat(contentType("json"), crash),
	},
	{
		"start-query-500", "CIBA-7.1-QUERY-IGNORED", "a query crashes the OP",
		startsThat(func(c *refop.Call) bool {
			return c.Request.URL.Query().Has("scope") && c.Request.Method == http.MethodPost
		}, crash),
	},
	{"start-query", "CIBA-7.1-QUERY-IGNORED", "parameters are read from the URL", readingQuery(refop.EndpointStart)},
	{
		"start-empty-500", "CIBA-7.1-FORM-ENCODING", "a request without parameters crashes the OP",
		startsThat(func(c *refop.Call) bool { return !c.Has("scope") && len(c.Hints()) == 0 }, crash),
	},
	{"start-bad-escape-500", "CIBA-7.1-FORM-ENCODING", "a form that cannot be read crashes the OP", crashOnUnreadableForm},
	{"start-no-scope", "CIBA-7.1-SCOPE-MISSING", "scope is optional", edit.Without(refop.CheckScopeMissing, refop.CheckScopeOpenID)},
	{
		"start-no-scope-of-push", "CIBA-7.1-SCOPE-MISSING", "scope is optional for a push client",
		edit.WithoutWhen(edit.OfMode(refop.DeliveryPush), refop.CheckScopeMissing, refop.CheckScopeOpenID),
	},
	{
		"start-empty-scope", "CIBA-7.1-SCOPE-MISSING", "an empty scope is openid",
		edit.All(edit.KeepingEmpty("scope"), edit.Forms(func(c *refop.Call) {
			if c.Has("scope") && c.Value("scope") == "" {
				c.Form["scope"] = []string{"openid"}
			}
		})),
	},
	{
		"start-no-scope-denied", "CIBA-7.1-SCOPE-MISSING", "a missing scope is access_denied",
		edit.Answering(refop.CheckScopeMissing, 403, "access_denied"),
	},
	{
		"start-no-scope-500", "CIBA-7.1-SCOPE-MISSING", "a missing scope crashes the OP",
		edit.Answering(refop.CheckScopeMissing, 500, "server_error"),
	},
	{
		"start-no-openid-500", "CIBA-7.1-SCOPE-NO-OPENID", "a scope without openid crashes the OP",
		edit.Answering(refop.CheckScopeOpenID, 500, "server_error"),
	},
	{"start-no-openid-id-token", "CIBA-7.1-SCOPE-NO-OPENID", "an ID Token comes without openid", edit.Without(refop.CheckScopeOpenID)},
	{
		"start-unknown-scope-request", "CIBA-13-SCOPE-UNKNOWN", "an unknown scope is invalid_request",
		edit.Answering(refop.CheckScopeKnown, 400, "invalid_request"),
	},
	{
		"start-unknown-scope-denied", "CIBA-13-SCOPE-UNKNOWN", "an unknown scope is access_denied",
		edit.Answering(refop.CheckScopeKnown, 403, "access_denied"),
	},
	{
		"start-scope-order", "RFC6749-3.3-SCOPE-ORDER", "openid has to come first",
		startsThat(func(c *refop.Call) bool {
			return c.Value("scope") != "" && !strings.HasPrefix(c.Value("scope"), "openid")
		}, refused("invalid_scope")),
	},
	{"start-duplicates", "CIBA-13-DUPLICATE-PARAM", "the first of two parameters counts", edit.Without(refop.CheckRepeated)},
	{
		"start-duplicates-equal", "CIBA-13-DUPLICATE-PARAM", "a parameter may come twice with one value",
		notRepeated(func(_ string, values []string) bool { return len(slices.Compact(slices.Clone(values))) == 1 }),
	},
	{"start-duplicate-hint", "CIBA-13-DUPLICATE-PARAM", "the first of two hints counts", notRepeated(only("login_hint"))},
	{"start-duplicate-scope", "CIBA-13-DUPLICATE-PARAM", "the first of two scopes counts", notRepeated(only("scope"))},
	{
		"start-duplicate-message", "CIBA-13-DUPLICATE-PARAM", "the first of two binding messages counts",
		notRepeated(only("binding_message")),
	},
	{
		"start-duplicate-expiry", "CIBA-13-DUPLICATE-PARAM", "the first of two requested_expiry counts",
		notRepeated(only("requested_expiry")),
	},
	{
		"start-duplicate-hint-token", "CIBA-13-DUPLICATE-PARAM", "the first of two login_hint_tokens counts",
		notRepeated(only("login_hint_token")),
	},
	{
		"start-duplicate-details", "CIBA-13-DUPLICATE-PARAM", "the first of two authorization_details counts",
		notRepeated(only("authorization_details")),
	},
	{
		"start-duplicate-code", "CIBA-13-DUPLICATE-PARAM", "a repeated parameter is invalid_scope",
		edit.Answering(refop.CheckRepeated, 400, "invalid_scope"),
	},
	{
		"start-duplicate-500", "CIBA-13-DUPLICATE-PARAM", "a repeated parameter crashes the OP",
		edit.Answering(refop.CheckRepeated, 500, "server_error"),
	},
	{
		"start-unknown-parameter-500", "CIBA-7.2-UNKNOWN-PARAM-IGNORED", "an unknown parameter crashes the OP",
		startsThat(edit.Sent("x_unknown"), crash),
	},
	{
		"start-unknown-parameter", "CIBA-7.2-UNKNOWN-PARAM-IGNORED", "an unknown parameter is refused",
		startsThat(edit.Sent("x_unknown"), refused("invalid_request")),
	},
	{"start-empty-hint-counts", "RFC6749-3.2-EMPTY-PARAM", "an empty hint is a hint", edit.KeepingEmpty("login_hint_token")},
	{
		"start-empty-message-counts", "RFC6749-3.2-EMPTY-PARAM", "an empty binding_message is an unsuitable one",
		edit.KeepingEmpty("binding_message"),
	},
	{
		"start-empty-expiry-counts", "RFC6749-3.2-EMPTY-PARAM", "an empty requested_expiry is a bad one",
		edit.KeepingEmpty("requested_expiry"),
	},
	{"start-empty-counts", "RFC6749-3.2-EMPTY-PARAM", "an empty parameter counts as sent", edit.KeepingEmpty()},
	{
		"start-notification-token-500", "CIBA-7.1-CNT-IN-POLL", "a notification token crashes the OP",
		startsThat(edit.Sent("client_notification_token"), crash),
	},
	{"start-any-client", "CIBA-13-UNAUTHORIZED-CLIENT", "a client without CIBA can start", edit.Without(refop.CheckClientCIBA)},
	{
		"start-client-500", "CIBA-13-UNAUTHORIZED-CLIENT", "a client without CIBA crashes the OP",
		edit.Answering(refop.CheckClientCIBA, 500, "server_error"),
	},
	{
		"start-unknown-acr-500", "CIBA-7.1-ACR-UNKNOWN", "an unknown acr crashes the OP",
		startsThat(func(c *refop.Call) bool { return strings.HasPrefix(c.Value("acr_values"), "urn:x:") }, crash),
	},
	{
		"start-long-500", "CIBA-13-OVERLONG-PARAM", "a long value crashes the OP",
		startsThat(func(c *refop.Call) bool { return c.Request.ContentLength > 40_000 }, crash),
	},
	{
		"start-policy-400", "CIBA-13-ACCESS-DENIED-403", "a refusal by policy is a 400",
		edit.Answering(refop.CheckClientPolicy, 400, "access_denied"),
	},
	{
		"start-policy-code", "CIBA-13-ACCESS-DENIED-403", "a refusal by policy is unauthorized_client",
		edit.Answering(refop.CheckClientPolicy, 403, "unauthorized_client"),
	},
	{"start-no-policy", "CIBA-13-ACCESS-DENIED-403", "policy is not enforced", edit.Without(refop.CheckClientPolicy)},
	{
		"start-long-message-500", "CIBA-13-OVERLONG-PARAM", "a long binding_message crashes the OP",
		startsThat(func(c *refop.Call) bool { return len(c.Value("binding_message")) > 10_000 }, crash),
	},
	{"start-long-hint-404", "CIBA-13-OVERLONG-PARAM", "a long hint is answered 404", edit.Replies(func(c *refop.Call, r *refop.Reply) {
		if c.Endpoint == refop.EndpointStart && len(c.Value("login_hint")) > 10_000 {
			r.Kind, r.Status, r.Body = refop.ReplyError, http.StatusNotFound, map[string]any{"error": "not_found"}
		}
	})},
	{
		"start-prompt-first", "CIBA-7.2-NO-SIDE-EFFECT-ON-ERROR", "the user is asked before the client is authenticated",
		edit.Replies(func(c *refop.Call, r *refop.Reply) {
			named := userNamed(c)
			if c.Endpoint == refop.EndpointStart && r.Status == 401 && named != nil {
				c.User, c.Client = named, &c.OP.Registration().Clients[0]
				askAnyway(c)
			}
		}),
	},
	{
		"start-refused-ends-others", "CIBA-7.2-NO-SIDE-EFFECT-ON-ERROR", "a refused request ends what is open for its user",
		func(p *refop.Plan) {
			var mu sync.Mutex
			open := map[*refop.User]*refop.Flow{}
			p.EditFlows(func(_ *refop.Call, f *refop.Flow) {
				mu.Lock()
				defer mu.Unlock()
				open[f.User] = f
			})
			p.EditReplies(func(c *refop.Call, r *refop.Reply) {
				mu.Lock()
				f := open[c.User]
				mu.Unlock()
				if c.Endpoint != refop.EndpointStart || r.Kind != refop.ReplyError || f == nil {
					return
				}
				c.OP.Locked(f, func() {
					if f.State == "" {
						f.State = refop.Denied
					}
				})
			})
		},
	},
	{
		"start-prompt-unauthorized", "CIBA-7.2-NO-SIDE-EFFECT-ON-ERROR", "the user is asked by a client that may not ask",
		edit.Replies(func(c *refop.Call, r *refop.Reply) {
			named := userNamed(c)
			if c.Endpoint == refop.EndpointStart && r.Body["error"] == "unauthorized_client" && named != nil {
				c.User = named
				askAnyway(c)
			}
		}),
	},
	{"start-prompt-always", "CIBA-7.2-NO-SIDE-EFFECT-ON-ERROR", "refused requests reach the user", askingAnyway},
}

// anyMethod serves every HTTP method at one endpoint.
func anyMethod(e refop.Endpoint) edit.Change {
	return func(p *refop.Plan) {
		inner := p.Rules.MethodAllowed
		p.Rules.MethodAllowed = func(at refop.Endpoint, method string) bool { return at == e || inner(at, method) }
	}
}

// readingQuery takes the parameters of the URL for some of the form.
func readingQuery(e refop.Endpoint) edit.Change {
	return func(p *refop.Plan) {
		inner := p.Rules.ParseForm
		p.Rules.ParseForm = func(c *refop.Call, media string, body []byte) (url.Values, *refop.OAuthError) {
			form, err := inner(c, media, body)
			if err != nil || c.Endpoint != e {
				return form, err
			}
			for name, values := range c.Request.URL.Query() {
				form[name] = append(form[name], values...)
			}
			return form, nil
		}
	}
}

// notRepeated takes some repeated parameters for good.
func notRepeated(which func(name string, values []string) bool) edit.Change {
	return func(p *refop.Plan) {
		inner := p.Rules.Repeated
		p.Rules.Repeated = func(name string, values []string) bool { return inner(name, values) && !which(name, values) }
	}
}

func only(parameter string) func(string, []string) bool {
	return func(name string, _ []string) bool { return name == parameter }
}

// crashOnUnreadableForm crashes on a form whose escapes are broken.
func crashOnUnreadableForm(p *refop.Plan) {
	inner := p.Rules.ParseForm
	p.Rules.ParseForm = func(c *refop.Call, media string, body []byte) (url.Values, *refop.OAuthError) {
		if _, broken := url.ParseQuery(string(body)); broken != nil && c.Endpoint == refop.EndpointStart {
			return nil, &refop.OAuthError{Status: http.StatusInternalServerError, Code: "server_error"}
		}
		return inner(c, media, body)
	}
}

// userNamed is the user of a login_hint, whoever sends it.
func userNamed(c *refop.Call) *refop.User {
	return c.OP.UserBy(func(u refop.User) bool { return u.LoginHint == c.Value(refop.LoginHint) })
}

// contentType picks calls whose Content-Type contains a text.
func contentType(part string) edit.Which {
	return func(c *refop.Call) bool { return strings.Contains(c.Request.Header.Get("Content-Type"), part) }
}
