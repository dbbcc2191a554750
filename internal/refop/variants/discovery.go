package variants

import (
	"strings"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// Discovery are other ways to publish metadata.
var Discovery = []Variant{
	{"metadata-more-members", "OIDC Discovery 3: further members may be there", edit.Metadata(func(doc map[string]any) {
		doc["x_vendor"] = map[string]any{"edition": "enterprise"}
		if aliases, ok := doc["mtls_endpoint_aliases"].(map[string]any); ok {
			aliases["revocation_endpoint"] = "https://mtls.op.example/revoke"
		}
		doc["backchannel_authentication_request_signing_alg_values_supported"] = []any{"ES256", "PS256", "Ed25519"}
		doc["dpop_signing_alg_values_supported"] = []any{"ES256"}
	})},
	{
		"metadata-more-methods", "OIDC Discovery 3: methods of other flows and clients are listed too",
		edit.Metadata(edit.SetMember("token_endpoint_auth_methods_supported", []any{
			"none", "tls_client_auth", "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt",
		})),
	},
	{
		"metadata-no-methods", "OIDC Discovery 3: without a list the method is client_secret_basic",
		edit.Metadata(edit.DropMembers("token_endpoint_auth_methods_supported")),
	},
	{
		"metadata-other-mode", "CIBA Core 4: a profile may add modes",
		edit.Metadata(edit.SetMember("backchannel_token_delivery_modes_supported", []any{"poll", "ping", "x-sms"})),
	},
	{"metadata-few-members", "CIBA Core 4, OIDC Discovery 3: these members are optional", edit.Metadata(func(doc map[string]any) {
		for _, name := range []string{
			"backchannel_user_code_parameter_supported", "backchannel_endpoint_login_hint_token_types_supported", "acr_values_supported",
			"scopes_supported", "introspection_endpoint", "introspection_endpoint_auth_methods_supported", "userinfo_endpoint", "claims_supported",
		} {
			delete(doc, name)
		}
	})},
	{"metadata-no-front-channel", "CIBA needs no authorization endpoint", edit.Metadata(edit.DropMembers("authorization_endpoint"))},
	{
		"metadata-charset", "RFC 9110 8.3.1: media types may have parameters",
		edit.Answers("", "", edit.Media("application/json;charset=UTF-8")),
	},
	{"metadata-type-case", "RFC 9110 8.3.1: media types are case-insensitive", edit.Answers("", "", edit.Media("Application/JSON"))},
	{"metadata-header-case", "RFC 9110 5.1: field names are case-insensitive", edit.Answers("", "", func(r *refop.Reply) {
		for _, name := range []string{"Cache-Control", "Pragma", "WWW-Authenticate"} {
			if values := r.Header.Values(name); values != nil {
				r.Header.Del(name)
				r.Header[strings.ToLower(name)] = values
			}
		}
	})},
	{
		"metadata-oauth-location", "RFC 8414 3: an authorization server publishes here",
		edit.All(atOAuthLocation, edit.Metadata(edit.DropMembers("subject_types_supported", "id_token_signing_alg_values_supported"))),
	},
}

// atOAuthLocation publishes the metadata where RFC 8414 3 has it.
func atOAuthLocation(p *refop.Plan) {
	p.Rules.MetadataPath = func(base string) string { return "/.well-known/oauth-authorization-server" + base }
}
