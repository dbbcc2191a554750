package personas

import (
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// realm is an option of the persona keycloak.
const realm = "realm"

var keycloak = Persona{
	Name: "keycloak",
	Does: "Keycloak: the paths and tokens of a realm, hints by name, its pace and its words",
	Times: refop.Registration{
		Interval: 5 * time.Second, ExpiresIn: 120 * time.Second, MaxExpiresIn: 366 * 24 * time.Hour,
		AccessTokenLifetime: 5 * time.Minute, IDTokenLifetime: 5 * time.Minute,
	},
	Scopes:     []string{"openid", "profile", "email", "offline_access"},
	Options:    []Option{{realm, []string{"cibatest"}, "name of the realm, which is a part of every address"}},
	Modes:      []string{refop.DeliveryPoll, refop.DeliveryPing},
	IssuerPath: func(set Settings) string { return "/realms/" + set[realm] },
	Hint:       func(_ string, u refop.User) string { return u.LoginHint },
	apply:      applyKeycloak,
}

// keycloakMessage is what the product takes as a binding_message.
var keycloakMessage = regexp.MustCompile(`^[a-zA-Z0-9-._+/!?#]{1,50}$`)

// ignoredByKeycloak are parameters that a realm which takes login_hint does not read.
var ignoredByKeycloak = []string{refop.IDTokenHint, refop.LoginHintToken, "authorization_details"}

func applyKeycloak(p *refop.Plan, _ Settings) {
	const protocol = "/protocol/openid-connect"
	p.Paths = refop.Paths{
		Start: protocol + "/ext/ciba/auth", Token: protocol + "/token", JWKS: protocol + "/certs",
		UserInfo: protocol + "/userinfo", Introspection: protocol + "/token/introspect",
	}
	rsaOnly(p)
	p.Policy.PaceStep, p.Policy.PaceInEveryState, p.Policy.PaceWindowStays = 0, true, true
	p.Policy.AlwaysRefresh, p.Policy.RefreshIDToken = true, true
	p.Rules.SuitableMessage = keycloakMessage.MatchString
	edit.All(
		edit.WithoutWhen(edit.At(refop.EndpointStart), refop.CheckRepeated),
		edit.After(refop.CheckRepeated, without(ignoredByKeycloak)),
		edit.RequestIDs(encryptedID),
		edit.Metadata(func(doc map[string]any) {
			for _, name := range []string{
				"authorization_details_types_supported", "backchannel_endpoint_login_hint_token_types_supported",
				"backchannel_user_code_parameter_supported",
			} {
				delete(doc, name)
			}
			doc["backchannel_token_delivery_modes_supported"] = []any{refop.DeliveryPoll, refop.DeliveryPing}
			doc["claims_supported"] = []any{"aud", "sub", "iss", "auth_time", "name", "email", "acr"}
		}),
	)(p)
	keycloakErrors(p)
	keycloakExpiry(p)
	keycloakTokens(p)
}

// without takes parameters away before anything looks at them.
func without(names []string) refop.CheckFunc {
	return func(c *refop.Call) *refop.OAuthError {
		for _, name := range names {
			delete(c.Form, name)
		}
		return nil
	}
}

// encryptedID has the form of an encrypted JWT, several hundred characters long.
func encryptedID() string {
	header := edit.JWTPart(map[string]any{"alg": "dir", "enc": "A128CBC-HS256"})
	return strings.Join([]string{header, "", refop.RandomID(16), refop.RandomID(400), refop.RandomID(16)}, ".")
}

// keycloakErrors are refusals in the product's words: unknown users are an invalid request, and
// so is what only some modes of CIBA have.
func keycloakErrors(p *refop.Plan) {
	reword(p, refop.CheckUserKnown, func(err *refop.OAuthError) { err.Code, err.Description = "invalid_request", "invalid user" })
	for _, row := range []struct {
		parameter string
		which     edit.Which
	}{
		{"user_code", edit.Sent("user_code")},
		{"client_notification_token", edit.Both(edit.OfMode(refop.DeliveryPoll), edit.Sent("client_notification_token"))},
	} {
		edit.After(refop.CheckUserKnown, func(c *refop.Call) *refop.OAuthError {
			if row.which(c) {
				return refop.Refusal("invalid_request", "Not supported parameter: "+row.parameter)
			}
			return nil
		})(p)
	}
	reword(p, refop.CheckForm, func(err *refop.OAuthError) {
		if err.Description == refop.UnreadableForm {
			err.Status, err.Code = http.StatusInternalServerError, "unknown_error"
		}
	})
	p.Wrap(refop.CheckClient, func(inner refop.CheckFunc) refop.CheckFunc {
		return func(c *refop.Call) *refop.OAuthError {
			err := inner(c)
			if err == nil || !aboutSecret(c) {
				return err
			}
			err.Code, err.Description, err.Challenge = "unauthorized_client", "Invalid client or Invalid client credentials", ""
			return err
		}
	})
	inner := p.Rules.PollAnswer
	p.Rules.PollAnswer = func(c *refop.Call, f *refop.Flow, at refop.State) *refop.OAuthError {
		err := inner(c, f, at)
		if err == nil {
			return nil
		}
		err.Description = map[string]string{
			"authorization_pending": "The authorization request is still pending as the end-user hasn't yet been authenticated.",
			"slow_down":             "Too early to access.",
			"access_denied":         "not authorized",
			"expired_token":         "authentication timed out",
		}[err.Code]
		return err
	}
}

// aboutSecret reports whether a client is refused for its secret, or for showing none. What is
// wrong with an unknown client, or with an assertion by a key, has another code.
func aboutSecret(c *refop.Call) bool {
	who := c.Credentials()
	switch {
	case c.Client == nil:
		return who == refop.Credentials{Method: refop.MethodNone}
	case who.Method == refop.MethodAssertion:
		return c.Client.AuthMethod == refop.MethodSecretJWT
	case c.Client.AuthMethod == refop.MethodNone || c.Client.AuthMethod == refop.MethodPrivateKeyJWT:
		return false
	}
	return who.Method == refop.MethodNone || c.OP.Rules().MethodFits(c, who.Method)
}

// keycloakGrace is how long the product remembers a request that has expired, besides the
// interval.
const keycloakGrace = 10 * time.Second

// keycloakExpiry lets a request live as long as the realm says whatever was asked for, which
// only ends the time for the decision, and forgets a request soon after its end.
func keycloakExpiry(p *refop.Plan) {
	p.EditFlows(func(c *refop.Call, f *refop.Flow) {
		if c.Has("requested_expiry") {
			f.DecideBy = f.Expires
		}
		f.Expires = f.Created.Add(c.OP.Registration().ExpiresIn)
	})
	p.EditReplies(func(c *refop.Call, r *refop.Reply) {
		if r.Kind == refop.ReplyAcknowledgement {
			r.Body["expires_in"] = int(c.OP.Registration().ExpiresIn.Seconds())
		}
	})
	p.EditStates(func(c *refop.Call, f *refop.Flow, at refop.State) refop.State {
		if at == refop.Expired && c.Now.After(f.Expires.Add(c.OP.Registration().Interval+keycloakGrace)) {
			return refop.Forgotten
		}
		return at
	})
}

// keycloakTokens have the product's claims.
func keycloakTokens(p *refop.Plan) {
	p.EditAccessTokens(func(c *refop.Call, d *refop.Draft) {
		d.Header, d.Key = map[string]any{"typ": "JWT"}, c.OP.SigningKey("RS256")
		d.Claims["typ"], d.Claims["azp"] = "Bearer", d.Claims["client_id"]
		delete(d.Claims, "client_id")
		if d.Flow.Audience == "" {
			delete(d.Claims, "aud")
		}
	})
	p.EditIDTokens(func(_ *refop.Call, d *refop.Draft) {
		d.Claims["typ"], d.Claims["azp"] = "ID", d.Claims["aud"]
		describeUser(d)
	})
	p.EditReplies(func(_ *refop.Call, r *refop.Reply) {
		if r.Status == http.StatusOK && r.Body["refresh_token"] != nil {
			r.Body["refresh_expires_in"], r.Body["not-before-policy"] = int((24 * time.Hour).Seconds()), 0
		}
	})
}
