package personas

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// The options of the persona auth0.
const (
	bindingMessage = "binding_message"
	expired        = "expired"
	pollStatus     = "poll_status"
	plainHint      = "plain_hint"
	unknownType    = "unknown_type"
	unknownAPI     = "unknown_api"
	credentials    = "credentials"
	missingGrant   = "missing_grant"
	limits         = "limits"
	detailsLimits  = "details_limits"
	latency        = "latency"
)

// pushLife is the longest life of a request whose user is asked by push; beyond it an e-mail
// is sent.
const pushLife = 300 * time.Second

var auth0 = Persona{
	Name: "auth0",
	Does: "Auth0: its paths, hints of iss and sub, JSON at the token endpoint, tokens for the audience asked for",
	TLS:  true,
	Port: "9443",
	Times: refop.Registration{
		Interval: 5 * time.Second, ExpiresIn: pushLife, MaxExpiresIn: 72 * time.Hour,
		AccessTokenLifetime: 24 * time.Hour, IDTokenLifetime: 10 * time.Hour,
	},
	Scopes: []string{"openid", "profile", "email", "offline_access"},
	Options: []Option{
		{bindingMessage, []string{"lenient", "documented"}, "up to 64 printable characters, or those that the documentation lists"},
		{expired, []string{"access_denied", "expired_token"}, "what a poll gets after the end of a request"},
		{pollStatus, []string{"400", "403-429"}, "status of pending, denied and slow_down; the second is that of the device flow"},
		{plainHint, []string{"unknown_user_id", "invalid_request"}, "what a login_hint gets that is no JSON object"},
		{
			unknownType,
			[]string{"invalid_authorization_details", "invalid_request", "access_denied"},
			"what authorization_details get whose type the API has not registered",
		},
		{unknownAPI, []string{"access_denied", "invalid_request", "invalid_target"}, "what an audience gets that is not registered"},
		{credentials, []string{"access_denied", "invalid_client"}, "what wrong client credentials get, with status 401"},
		{missingGrant, []string{"403", "400"}, "status of unauthorized_client for a client without the grant type"},
		{limits, []string{"off", "on"}, "5 notifications and 10 calls of UserInfo a minute and user, else 429"},
		{detailsLimits, []string{"on", "off"}, "5 objects, 5 kB, 10 properties, 255 characters and 5 levels in authorization_details"},
		{latency, []string{"none", "recorded"}, "a start takes 650 ms, a refused one 350 ms"},
	},
	Modes:      []string{refop.DeliveryPoll},
	IssuerPath: func(Settings) string { return "/" },
	Hint: func(issuer string, u refop.User) string {
		return fmt.Sprintf(`{"format":"iss_sub","iss":%q,"sub":%q}`, issuer, u.Sub)
	},
	apply: applyAuth0,
}

func applyAuth0(p *refop.Plan, set Settings) {
	p.Paths = refop.Paths{Start: "/bc-authorize", Token: "/oauth/token", JWKS: "/.well-known/jwks.json", UserInfo: "/userinfo"}
	rsaOnly(p)
	p.Policy.KeepRefreshToken, p.Policy.RefreshIDToken = true, true
	p.EditReplies(func(c *refop.Call, r *refop.Reply) {
		if r.Kind == refop.ReplyDiscovery {
			r.Body = auth0Metadata(c.OP)
		}
	})
	for _, change := range []func(*refop.Plan, Settings){
		auth0Requests, auth0Hints, auth0Details, auth0Polls, auth0Errors, auth0Channels, auth0Tokens,
	} {
		change(p, set)
	}
	if set[limits] == "on" {
		auth0Limits(p)
	}
	if set[latency] == "recorded" {
		p.EditReplies(func(c *refop.Call, r *refop.Reply) {
			if c.Endpoint == refop.EndpointStart {
				c.OP.Wait(map[bool]time.Duration{true: 650 * time.Millisecond, false: 350 * time.Millisecond}[r.Status == http.StatusOK])
			}
		})
	}
}

// auth0Metadata has the members that tenants publish; those about user codes, grant types and
// authorization_details are not among them.
func auth0Metadata(op *refop.OP) map[string]any {
	return map[string]any{
		"issuer":                                op.Issuer(),
		"authorization_endpoint":                op.URL("/authorize"),
		"token_endpoint":                        op.URL("/oauth/token"),
		"device_authorization_endpoint":         op.URL("/oauth/device/code"),
		"userinfo_endpoint":                     op.URL("/userinfo"),
		"mfa_challenge_endpoint":                op.URL("/mfa/challenge"),
		"jwks_uri":                              op.URL("/.well-known/jwks.json"),
		"registration_endpoint":                 op.URL("/oidc/register"),
		"revocation_endpoint":                   op.URL("/oauth/revoke"),
		"backchannel_authentication_endpoint":   op.URL("/bc-authorize"),
		"scopes_supported":                      []any{"openid", "profile", "offline_access", "name", "email", "email_verified"},
		"response_types_supported":              []any{"code", "token", "id_token"},
		"response_modes_supported":              []any{"query", "fragment", "form_post"},
		"code_challenge_methods_supported":      []any{"S256", "plain"},
		"subject_types_supported":               []any{"public"},
		"claims_supported":                      []any{"aud", "auth_time", "email", "email_verified", "exp", "iat", "iss", "name", "sub"},
		"id_token_signing_alg_values_supported": []any{"RS256"},
		"request_uri_parameter_supported":       false,
		"request_parameter_supported":           false,
		"token_endpoint_auth_methods_supported": []any{
			refop.MethodBasic, refop.MethodPost, refop.MethodPrivateKeyJWT,
		},
		"token_endpoint_auth_signing_alg_values_supported": []any{"RS256", "RS384", "PS256"},
		"backchannel_token_delivery_modes_supported":       []any{refop.DeliveryPoll},
	}
}

// ignoredByAuth0 are parameters of CIBA Core that the product does not document.
var ignoredByAuth0 = []string{refop.IDTokenHint, refop.LoginHintToken, "user_code", "client_notification_token", "acr_values"}

// documented is the alphabet of binding_message in the documentation, which the product's own
// samples do not keep to: theirs have spaces.
var (
	documented = regexp.MustCompile(`^[A-Za-z0-9+\-_.,:#]{1,64}$`)
	lenient    = regexp.MustCompile(`^[^\pC\x{2028}\x{2029}]{1,64}$`)
)

func auth0Requests(p *refop.Plan, set Settings) {
	parse := p.Rules.ParseForm
	p.Rules.ParseForm = func(c *refop.Call, media string, body []byte) (url.Values, *refop.OAuthError) {
		if c.Endpoint == refop.EndpointToken && media == "application/json" {
			return jsonForm(body)
		}
		return parse(c, media, body)
	}
	edit.After(refop.CheckRepeated, without(ignoredByAuth0))(p)
	edit.After(refop.CheckRepeated, func(c *refop.Call) *refop.OAuthError {
		if alias := c.Form["request_expiry"]; alias != nil && !c.Has("requested_expiry") {
			c.Form["requested_expiry"] = alias
		}
		return nil
	})(p)
	edit.After(refop.CheckClientPolicy, func(c *refop.Call) *refop.OAuthError {
		if c.Has(refop.RequestObject) {
			return refop.Refusal("invalid_request", "request is not supported")
		}
		return nil
	})(p)
	p.Rules.SuitableMessage = lenient.MatchString
	if set[bindingMessage] == "documented" {
		p.Rules.SuitableMessage = documented.MatchString
		reword(p, refop.CheckBindingMessage, func(err *refop.OAuthError) {
			err.Description = "binding_message has up to 64 letters, digits and + - _ . , : #"
		})
	}
	edit.After(refop.CheckUserKnown, func(c *refop.Call) *refop.OAuthError {
		if !c.Has("binding_message") {
			return refop.Refusal("invalid_request", "binding_message is required")
		}
		return nil
	})(p)
	p.Rules.Expiry = func(c *refop.Call, asked time.Duration) (time.Duration, *refop.OAuthError) {
		if longest := c.OP.Registration().MaxExpiresIn; asked > longest {
			return 0, refop.Refusal("invalid_request", fmt.Sprintf("requested_expiry is between 1 and %d", int(longest.Seconds())))
		}
		return asked, nil
	}
}

// jsonForm reads a JSON object of texts as a form. Members of other types are told of.
func jsonForm(body []byte) (url.Values, *refop.OAuthError) {
	value, err := refop.DecodeJSON(string(body))
	object, ok := value.(map[string]any)
	if err != nil || !ok {
		return nil, refop.Refusal("invalid_request", "the body is not a JSON object")
	}
	form := url.Values{}
	for name, member := range object {
		switch v := member.(type) {
		case nil: // as if it were not there
		case string:
			form.Set(name, v)
		default:
			return nil, refop.Refusal("invalid_request", "the member "+strconv.Quote(name)+" of the body is not a text")
		}
	}
	return form, nil
}

// auth0Hints reads the hints of the product: a JSON object of format, iss and sub. How it is
// written does not matter, and iss is compared by its host.
func auth0Hints(p *refop.Plan, set Settings) {
	p.Rules.UserOfHint = func(c *refop.Call) *refop.User {
		hint, _ := refop.DecodeJSON(c.Value(refop.LoginHint))
		object, _ := hint.(map[string]any)
		issuer, _ := object["iss"].(string)
		sub, _ := object["sub"].(string)
		if object["format"] != "iss_sub" || !ownIssuer(c, issuer) || !strings.Contains(sub, "|") {
			return nil
		}
		return c.OP.UserBySubject(sub)
	}
	p.Wrap(refop.CheckUserKnown, func(inner refop.CheckFunc) refop.CheckFunc {
		return func(c *refop.Call) *refop.OAuthError {
			if err := inner(c); err == nil || err.Code != "unknown_user_id" {
				return err
			}
			hint, _ := refop.DecodeJSON(c.Value(refop.LoginHint))
			if _, object := hint.(map[string]any); !object && set[plainHint] == "invalid_request" {
				return refop.Refusal("invalid_request", "login_hint is not a JSON object")
			}
			return refop.Refusal("unknown_user_id", "User ID is malformed or unknown")
		}
	})
}

func ownIssuer(c *refop.Call, issuer string) bool {
	named, err := url.Parse(issuer)
	if err != nil || named.Host == "" {
		return false
	}
	own, err := url.Parse(c.OP.Issuer())
	return err == nil && strings.EqualFold(named.Host, own.Host) || strings.EqualFold(named.Host, c.Request.Host)
}

// auth0Polls are the answers to polls in the product's words. Who polls too early is told how
// long to wait, and waits longer each time.
func auth0Polls(p *refop.Plan, set Settings) {
	status := map[string]int{}
	if set[pollStatus] == "403-429" {
		status = map[string]int{"authorization_pending": 403, "access_denied": 403, "slow_down": 429}
	}
	inner := p.Rules.PollAnswer
	p.Rules.PollAnswer = func(c *refop.Call, f *refop.Flow, at refop.State) *refop.OAuthError {
		err := inner(c, f, at)
		if err == nil {
			return nil
		}
		switch err.Code {
		case "authorization_pending":
			err.Description = "The end-user authorization is pending"
		case "expired_token", "access_denied":
			if at == refop.Expired {
				err.Code = set[expired]
			}
			err.Description = "The end-user denied the authorization request or it has expired"
		case "slow_down":
			wait := int(f.Interval.Seconds())
			err.Description = fmt.Sprintf("You are polling faster than allowed. Try again in %d seconds.", wait)
			err.RetryAfter, err.Members = f.Interval, map[string]any{"interval": wait}
		}
		if s, other := status[err.Code]; other {
			err.Status = s
		}
		return err
	}
}

// auth0Errors are refusals in the product's words.
func auth0Errors(p *refop.Plan, set Settings) {
	reword(p, refop.CheckScopeOpenID, func(err *refop.OAuthError) {
		err.Code, err.Description = "invalid_request", "openid scope must be requested"
	})
	reword(p, refop.CheckAudience, func(err *refop.OAuthError) {
		if err.Code == "invalid_target" {
			err.Code, err.Description = set[unknownAPI], "Service not found"
		}
		if err.Code == "access_denied" {
			err.Status = http.StatusForbidden
		}
	})
	for _, name := range []refop.CheckName{refop.CheckClientCIBA, refop.CheckPollCIBA} {
		reword(p, name, func(err *refop.OAuthError) { err.Status, _ = strconv.Atoi(set[missingGrant]) })
	}
	p.EditReplies(func(_ *refop.Call, r *refop.Reply) {
		switch {
		case r.Body["error"] == "invalid_client" && set[credentials] == "access_denied":
			r.Body["error"], r.Body["error_description"] = "access_denied", "Unauthorized"
		case r.Body["error"] == "unauthorized_client":
			r.Body["error_description"] = "Grant type '" + refop.GrantCIBA + "' not allowed for the client."
			r.Body["error_uri"] = "https://auth0.com/docs/clients/client-grant-types"
		}
	})
}

// auth0Channels chooses how the user is told: by push where there is a phone and the request
// is short, else by e-mail. Who has neither cannot be asked.
func auth0Channels(p *refop.Plan, _ Settings) {
	edit.After(refop.CheckRequestedExpiry, func(c *refop.Call) *refop.OAuthError {
		if channelFor(c.User, c.Expiry) == "" {
			return refop.Refusal("invalid_request", "The user has no enrolled device or verified e-mail address to be notified by")
		}
		return nil
	})(p)
	p.EditPrompts(func(f *refop.Flow, prompt map[string]any) {
		prompt["channel"] = channelFor(f.User, f.Expires.Sub(f.Created))
		if f.Audience != "" {
			prompt["audience"] = f.Audience
		}
	})
}

// channelFor is push, email, or empty for a user whom nothing reaches.
func channelFor(u *refop.User, life time.Duration) string {
	switch {
	case !u.NoPhone && life <= pushLife:
		return "push"
	case u.Email != "":
		return "email"
	}
	return ""
}

// auth0Tokens are for the audience that was asked for, and opaque without one.
func auth0Tokens(p *refop.Plan, _ Settings) {
	p.EditAccessTokens(func(c *refop.Call, d *refop.Draft) {
		audience := []any{d.Flow.Audience}
		scope, _ := d.Claims["scope"].(string)
		if slices.Contains(strings.Fields(scope), "openid") {
			audience = append(audience, c.OP.URL("/userinfo"))
		}
		d.Header, d.Key = map[string]any{"typ": "JWT"}, c.OP.SigningKey("RS256")
		claims := map[string]any{"aud": audience, "azp": d.Claims["client_id"]}
		for _, name := range []string{"iss", "sub", "iat", "exp", "scope", "authorization_details"} {
			if value, there := d.Claims[name]; there {
				claims[name] = value
			}
		}
		d.Claims = claims
	})
	signed := p.Rules.AccessToken
	p.Rules.AccessToken = func(c *refop.Call, g *refop.Grant) string {
		if g.Flow.Audience == "" {
			return refop.RandomID(32)
		}
		return signed(c, g)
	}
	p.EditIDTokens(func(_ *refop.Call, d *refop.Draft) {
		delete(d.Claims, "acr")
		describeUser(d)
	})
}
