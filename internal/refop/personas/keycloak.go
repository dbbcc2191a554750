package personas

import (
	"regexp"
	"slices"
	"time"

	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/internal/refop"
)

const realm = "realm"

var keycloak = Persona{
	Name: "keycloak",
	Does: "Keycloak: the paths and tokens of a realm, polls that are too early, its own words",
	Times: refop.Registration{
		Interval: 5 * time.Second, ExpiresIn: 120 * time.Second, MaxExpiresIn: 120 * time.Second,
		AccessTokenLifetime: 5 * time.Minute, IDTokenLifetime: 5 * time.Minute,
	},
	Scopes:  []string{"openid", "profile", "email", "offline_access"},
	Options: []Option{{realm, []string{"cibatest"}, "name of the realm, which is part of every address"}},
	IssuerPath: func(set Settings) string {
		return "/realms/" + set[realm]
	},
	Hint:  func(_ string, u refop.User) string { return u.LoginHint },
	apply: applyKeycloak,
}

// keycloakMessage is what the product takes as a binding_message.
var keycloakMessage = regexp.MustCompile(`^[a-zA-Z0-9-._+/!?#]{1,50}$`)

func applyKeycloak(p *refop.Plan, _ Settings) {
	const protocol = "/protocol/openid-connect"
	p.Paths = refop.Paths{
		Start: protocol + "/ext/ciba/auth", Token: protocol + "/token", JWKS: protocol + "/certs",
		UserInfo: protocol + "/userinfo", Introspection: protocol + "/token/introspect",
	}
	p.SigningKeys = slices.DeleteFunc(p.SigningKeys, func(k jose.Key) bool { return k.Alg() != "RS256" })
	p.Rules.SuitableMessage = keycloakMessage.MatchString
}
