package targetfile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/reports/result"
)

// Capabilities says for every need of the catalogue whether this target meets
// it and how that is known. The target file has the last word.
func Capabilities(t *Target, d *Discovery) map[string]result.Capability {
	known := map[string]result.Capability{}
	set := func(has bool, reason string, names ...string) {
		for _, name := range names {
			known[name] = result.Capability{Has: has, Reason: reason}
		}
	}
	for _, name := range catalogue.Needs() {
		set(false, "not part of poll mode as it is judged so far", string(name))
	}
	t.harness(set)
	t.features(d, set)
	t.clientKinds(set)
	for name, has := range t.Capabilities {
		set(has, "the target file says so", string(name))
	}
	return known
}

type setter func(has bool, reason string, names ...string)

func (t *Target) harness(set setter) {
	decides := t.Approval.Kind != "none"
	set(decides, either(decides, "approval.kind is "+t.Approval.Kind, "approval.kind is none, so nobody decides"), "approve", "deny")
	set(true, "users stay idle until told otherwise", "no_action")
	narrow := t.Approval.Narrow && decides
	set(narrow, either(narrow, "approval.narrow is set", "approval.narrow is not set: the decision cannot grant less than was asked"), "approve_partial")
	observed := t.Approval.Observe.Listen != ""
	set(observed, either(observed, "approval.observe.listen is set", "approval.observe.listen is not set, so what the OP shows its user cannot be read"), "device_observer")
	users := len(t.Users)
	set(users > 1, fmt.Sprintf("the target file has %d users", users), "second_user")
	set(true, "found out during the run", "parallel", "short_expiry", "observes_slow_down", "refresh", "jwt_access_token")
	set(false, "needs a way to set the OP's clock or an old ID Token in the target file", "clock_wait")
	set(false, "the OP cannot be made to fail inside; the target file may say it can", "fault_injection")
	set(strings.HasPrefix(t.Issuer, "https://"), either(strings.HasPrefix(t.Issuer, "https://"), "the issuer is https", "the issuer is plain http"), "tls_probe")
	for _, u := range t.Users {
		if u.IDTokenHint != "" {
			set(true, "the target file has an id_token_hint, which may be old", "clock_wait")
		}
	}
}

func (t *Target) features(d *Discovery, set setter) {
	set(d.Found(), either(d.Found(), d.URL, "no discovery document was found"), "discovery")
	endpoint := func(name, url, member string) {
		set(url != "", either(url != "", member+" is known", "discovery lists no "+member), name)
	}
	endpoint("userinfo", t.Endpoints.Userinfo, "userinfo_endpoint")
	endpoint("introspection", t.Endpoints.Introspection, "introspection_endpoint")
	if !slices.ContainsFunc(t.SpokenClients(), func(c Client) bool { return c.Purpose == "resource-server" }) && t.Endpoints.Introspection != "" {
		set(false, "no client in the target file has purpose resource-server", "introspection")
	}
	offers := d.Document["backchannel_user_code_parameter_supported"] == true
	codeUser := slices.ContainsFunc(t.Users, func(u User) bool { return u.UserCode != "" })
	codeClient := slices.ContainsFunc(t.SpokenClients(), func(c Client) bool { return c.UserCode })
	set(offers && codeUser && codeClient, fmt.Sprintf("user_code: offered %v, a user with a code %v, a client that sends it %v", offers, codeUser, codeClient), "user_code")
	set(!offers, either(!offers, "discovery does not offer user_code", "discovery offers user_code"), "no_user_code")
	acr := len(d.Strings("acr_values_supported")) > 0
	set(acr, either(acr, "acr_values_supported is published", "discovery lists no acr_values_supported"), "acr")
	rar := len(t.RAR.Types) > 0
	set(rar, either(rar, "rar.types is set", "rar.types is not set in the target file"), "rar")
	set(!rar, either(!rar, "rar.types is not set in the target file", "rar.types is set"), "no_rar")
	schema := rar && slices.ContainsFunc(t.RAR.Invalid, func(i InvalidRAR) bool { return i.Kind != "" })
	set(schema, either(schema, "rar.invalid says what must be refused", "rar.invalid has no object with a kind, so the type definition is not known"), "rar_schema")
	set(false, "the target file does not say that the OP enriches authorization_details", "rar_enrich")
	hint := func(name string, has func(User) bool) {
		found := slices.ContainsFunc(t.Users, has)
		set(found, either(found, "a user has a "+name, "no user in the target file has a "+name), name)
	}
	hint("login_hint", func(u User) bool { return u.LoginHint != "" })
	hint("login_hint_token", func(u User) bool { return u.LoginHintToken != "" })
	set(true, "an ID Token of an approved flow serves as hint", "id_token_hint")
	published := func(member string) (bool, string) {
		_, there := d.Document[member]
		return there, either(there, member+" is published", "discovery lists no "+member)
	}
	signed, why := published("backchannel_authentication_request_signing_alg_values_supported")
	set(signed, why, "signed_request")
	set(!signed, why, "no_signed_request")
	dpop, why := published("dpop_signing_alg_values_supported")
	set(dpop, why, "dpop")
}

func (t *Target) clientKinds(set setter) {
	kinds := map[string]func(Client) bool{
		"client_secret": func(c Client) bool {
			return c.AuthMethod == AuthClientSecretBasic || c.AuthMethod == AuthClientSecretPost
		},
		"client_secret_basic":     func(c Client) bool { return c.AuthMethod == AuthClientSecretBasic },
		"client_secret_jwt":       func(c Client) bool { return c.AuthMethod == AuthClientSecretJWT },
		"private_key_jwt":         func(c Client) bool { return c.AuthMethod == AuthPrivateKeyJWT },
		"client_assertion":        func(c Client) bool { return c.AuthMethod == AuthPrivateKeyJWT || c.AuthMethod == AuthClientSecretJWT },
		"public_client":           func(c Client) bool { return c.AuthMethod == AuthNone },
		"no_ciba_client":          func(c Client) bool { return !c.CIBA && c.Purpose == "rp" && c.AuthMethod != AuthNone },
		"client_without_rar_type": func(c Client) bool { return len(c.RARTypes) > 0 && len(c.RARTypes) < len(t.RAR.Types) },
		"client_without_user_code": func(c Client) bool {
			return !c.UserCode && c.CIBA && c.Purpose == "rp"
		},
		"client_without_req_alg": func(c Client) bool { return c.RequestSigningAlg == "" },
		"bc_policy_deny":         func(c Client) bool { return c.PolicyDenied },
		"pairwise":               func(c Client) bool { return c.SubjectType == "pairwise" },
	}
	clients := t.SpokenClients()
	for name, fits := range kinds {
		i := slices.IndexFunc(clients, fits)
		if i < 0 {
			set(false, "no client in the target file is of this kind", name)
			continue
		}
		set(true, fmt.Sprintf("client %q", clients[i].Name), name)
	}
	ordinary := 0
	for _, c := range clients {
		if c.CIBA && c.Purpose == "rp" && c.DeliveryMode == "poll" && c.AuthMethod != AuthNone && !c.PolicyDenied {
			ordinary++
		}
	}
	set(ordinary > 1, fmt.Sprintf("the target file has %d poll clients", ordinary), "second_client")
}

func either(ok bool, yes, no string) string {
	if ok {
		return yes
	}
	return no
}
