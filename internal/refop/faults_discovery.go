package refop

import (
	"slices"
	"strings"
)

// metadata makes a fault of an edit of the discovery document.
func metadata(name, breaks, sees string, edit func(doc map[string]any)) Fault {
	return Fault{name, breaks, sees, func(b *behaviour) {
		b.reply("discovery", "discovery", func(r *reply) { edit(r.body) })
	}}
}

func set(name string, value any) func(map[string]any) {
	return func(doc map[string]any) { doc[name] = value }
}

func drop(name string) func(map[string]any) {
	return func(doc map[string]any) { delete(doc, name) }
}

var _ = plant(
	metadata("metadata-modes-missing", "CIBA-4-DISC-MODES", "no delivery modes are published", drop("backchannel_token_delivery_modes_supported")),
	metadata("metadata-modes-string", "CIBA-4-DISC-MODES", "the delivery modes are a string", set("backchannel_token_delivery_modes_supported", "poll")),
	metadata("metadata-modes-empty", "CIBA-4-DISC-MODES", "the list of delivery modes is empty", set("backchannel_token_delivery_modes_supported", []any{})),
	metadata("metadata-modes-case", "CIBA-4-DISC-MODES", "delivery modes are capitalised", set("backchannel_token_delivery_modes_supported", []any{"POLL"})),
	metadata("metadata-modes-null", "CIBA-4-DISC-MODES", "the delivery modes are null", set("backchannel_token_delivery_modes_supported", nil)),
	metadata("metadata-modes-number", "CIBA-4-DISC-MODES", "a delivery mode is a number", set("backchannel_token_delivery_modes_supported", []any{"poll", 2})),
	metadata("metadata-modes-unknown", "CIBA-4-DISC-MODES", "no listed delivery mode is one of CIBA", set("backchannel_token_delivery_modes_supported", []any{"pull"})),
	metadata("metadata-modes-without-poll", "CIBA-4-DISC-MODES", "poll clients are served, and poll is not listed", set("backchannel_token_delivery_modes_supported", []any{"ping"})),
	metadata("metadata-modes-twice", "CIBA-4-DISC-MODES", "a delivery mode is listed twice", set("backchannel_token_delivery_modes_supported", []any{"poll", "poll"})),
	metadata("metadata-endpoint-fragment", "CIBA-4-DISC-ENDPOINT", "the endpoint has a fragment", func(doc map[string]any) {
		doc["backchannel_authentication_endpoint"] = doc["backchannel_authentication_endpoint"].(string) + "#x"
	}),
	metadata("metadata-endpoint-empty-fragment", "CIBA-4-DISC-ENDPOINT", "the endpoint ends in #", func(doc map[string]any) {
		doc["backchannel_authentication_endpoint"] = doc["backchannel_authentication_endpoint"].(string) + "#"
	}),
	metadata("metadata-endpoint-relative", "CIBA-4-DISC-ENDPOINT", "the endpoint is a path", set("backchannel_authentication_endpoint", pathStart)),
	metadata("metadata-endpoint-no-scheme", "CIBA-4-DISC-ENDPOINT", "the endpoint has no scheme", func(doc map[string]any) {
		_, rest, _ := strings.Cut(doc["backchannel_authentication_endpoint"].(string), ":")
		doc["backchannel_authentication_endpoint"] = rest
	}),
	metadata("metadata-user-code-null", "CIBA-4-DISC-USERCODE-TYPE", "user_code support is null", set("backchannel_user_code_parameter_supported", nil)),
	metadata("metadata-user-code-number", "CIBA-4-DISC-USERCODE-TYPE", "user_code support is 1", set("backchannel_user_code_parameter_supported", 1)),
	metadata("metadata-user-code-string", "CIBA-4-DISC-USERCODE-TYPE", "user_code support is the string true", set("backchannel_user_code_parameter_supported", "true")),
	metadata("metadata-grant-type-missing", "CIBA-4-DISC-GRANT-TYPE", "grant_types_supported lacks the CIBA grant", set("grant_types_supported", []any{"authorization_code"})),
	metadata("metadata-grant-type-device", "CIBA-4-DISC-GRANT-TYPE", "the CIBA grant has the name of an old draft", set("grant_types_supported", []any{"urn:openid:params:modrna:grant-type:backchannel_request"})),
	metadata("metadata-grant-types-absent", "CIBA-4-DISC-GRANT-TYPE", "grant_types_supported is absent", drop("grant_types_supported")),
	Fault{"metadata-as-text", "OIDD-4.2-CONFIG-RESPONSE", "the metadata is text/plain", func(b *behaviour) {
		b.reply("discovery", "discovery", func(r *reply) { r.header.Set("Content-Type", "text/plain") })
	}},
	metadata("metadata-request-algs-none", "CIBA-4-DISC-REQ-ALGS", "none is an algorithm of signed requests", set("backchannel_authentication_request_signing_alg_values_supported", []any{"ES256", "none"})),
	metadata("metadata-request-algs-hmac", "CIBA-4-DISC-REQ-ALGS", "HS256 is an algorithm of signed requests", set("backchannel_authentication_request_signing_alg_values_supported", []any{"PS256", "HS256"})),
	metadata("metadata-request-algs-string", "CIBA-4-DISC-REQ-ALGS", "the algorithms of signed requests are a string", set("backchannel_authentication_request_signing_alg_values_supported", "ES256")),
	metadata("metadata-request-algs-empty", "CIBA-4-DISC-REQ-ALGS", "the algorithms of signed requests are an empty array", set("backchannel_authentication_request_signing_alg_values_supported", []any{})),
	metadata("metadata-dpop-algs-hmac", "RFC9449-5.1-DPOP-ALGS", "HS512 is an algorithm of DPoP proofs", set("dpop_signing_alg_values_supported", []any{"ES256", "HS512"})),
	Fault{"metadata-as-html", "OIDD-4.2-CONFIG-RESPONSE", "the metadata is called HTML", func(b *behaviour) {
		b.reply("discovery", "discovery", func(r *reply) { r.header.Set("Content-Type", "text/html; charset=utf-8") })
	}},
	Fault{"metadata-no-type", "OIDD-4.2-CONFIG-RESPONSE", "the metadata has no media type", func(b *behaviour) {
		b.reply("discovery", "discovery", func(r *reply) { r.header.Set("Content-Type", "") })
	}},
	metadata("metadata-issuer-missing", "OIDD-4.3-ISSUER-MATCH", "there is no issuer", drop("issuer")),
	metadata("metadata-issuer-case", "OIDD-4.3-ISSUER-MATCH", "the scheme of the issuer is written HTTP", func(doc map[string]any) { doc["issuer"] = strings.Replace(doc["issuer"].(string), "http", "HTTP", 1) }),
	metadata("metadata-issuer-other", "OIDD-4.3-ISSUER-MATCH", "the issuer is another one", set("issuer", "https://op.example")),
	metadata("metadata-issuer-slash", "OIDD-4.3-ISSUER-MATCH", "the issuer has a slash too many", func(doc map[string]any) { doc["issuer"] = doc["issuer"].(string) + "/" }),
	metadata("metadata-no-jwks", "OIDD-3-REQUIRED-MEMBERS", "jwks_uri is missing", drop("jwks_uri")),
	metadata("metadata-no-response-types", "OIDD-3-REQUIRED-MEMBERS", "response_types_supported is missing", drop("response_types_supported")),
	metadata("metadata-no-subject-types", "OIDD-3-REQUIRED-MEMBERS", "subject_types_supported is missing", drop("subject_types_supported")),
	metadata("metadata-no-algs", "OIDD-3-REQUIRED-MEMBERS", "the ID Token algorithms are missing", drop("id_token_signing_alg_values_supported")),
	metadata("metadata-response-types-string", "OIDD-3-REQUIRED-MEMBERS", "the response types are a string", set("response_types_supported", "none")),
	metadata("metadata-subject-types-numbers", "OIDD-3-REQUIRED-MEMBERS", "the subject types are numbers", set("subject_types_supported", []any{1})),
	metadata("metadata-jwks-relative", "OIDD-3-REQUIRED-MEMBERS", "jwks_uri is a path", set("jwks_uri", pathJWKS)),
	metadata("metadata-jwks-null", "OIDD-3-REQUIRED-MEMBERS", "jwks_uri is null", set("jwks_uri", nil)),
	metadata("metadata-algs-string", "OIDD-3-REQUIRED-MEMBERS", "the ID Token algorithms are a string", set("id_token_signing_alg_values_supported", "RS256")),
	metadata("metadata-jwks-http", "OIDD-3-REQUIRED-MEMBERS", "jwks_uri is plain http beyond loopback", set("jwks_uri", "http://keys.example/jwks")),
	metadata("metadata-userinfo-http", "OIDD-3-REQUIRED-MEMBERS", "userinfo_endpoint is plain http beyond loopback", set("userinfo_endpoint", "http://op.example/who")),
	metadata("metadata-empty-claims", "OIDD-4.2-NO-EMPTY-ARRAYS", "an empty array is published", set("claims_supported", []any{})),
	metadata("metadata-no-rs256", "OIDD-3-RS256-LISTED", "RS256 is not listed", func(doc map[string]any) {
		doc["id_token_signing_alg_values_supported"] = slices.DeleteFunc(slices.Clone(doc["id_token_signing_alg_values_supported"].([]any)), func(v any) bool { return v == "RS256" })
	}),
	metadata("metadata-auth-algs-missing", "RFC8414-2-AUTH-ALG-METADATA", "assertion algorithms are not published", drop("token_endpoint_auth_signing_alg_values_supported")),
	metadata("metadata-auth-algs-none", "RFC8414-2-AUTH-ALG-METADATA", "none is an assertion algorithm", set("token_endpoint_auth_signing_alg_values_supported", []any{"ES256", "none"})),
	metadata("metadata-auth-algs-string", "RFC8414-2-AUTH-ALG-METADATA", "the assertion algorithms are a string", set("token_endpoint_auth_signing_alg_values_supported", "ES256")),
	metadata("metadata-hint-types-numbers", "FAPI-CIBA-DISC-LHT-TYPES", "login_hint_token types are numbers", set("backchannel_endpoint_login_hint_token_types_supported", []any{1, 2})),
	metadata("metadata-hint-types-string", "FAPI-CIBA-DISC-LHT-TYPES", "login_hint_token types are a string", set("backchannel_endpoint_login_hint_token_types_supported", "jwt")),
	metadata("metadata-rar-types-missing", "RFC9396-10-METADATA", "authorization_details types are not published", drop("authorization_details_types_supported")),
	metadata("metadata-rar-types-partial", "RFC9396-10-METADATA", "a supported type is not listed", set("authorization_details_types_supported", []any{"payment_initiation"})),
	metadata("metadata-token-http", "CIBA-7-ENDPOINT-HTTPS", "the backchannel endpoint is plain http beyond loopback", func(doc map[string]any) {
		doc["token_endpoint"] = "http://op.example/token"
	}),
	Fault{"metadata-poll-does-not-work", "CIBA-4-DISC-MODES-WORK", "approved requests are never redeemable in poll mode", func(b *behaviour) {
		b.state(func(_ *call, _ *flow, at state) state {
			if at == approved {
				return pending
			}
			return at
		})
	}},
)

// published makes a variant of an edit of the discovery document.
func published(name, why string, edit func(doc map[string]any)) Variant {
	return Variant{name, why, func(b *behaviour) {
		b.reply("discovery", "discovery", func(r *reply) { edit(r.body) })
	}}
}

var _ = allow(
	published("metadata-more-members", "OIDC Discovery 3: further members may be there", func(doc map[string]any) {
		doc["x_vendor"] = map[string]any{"edition": "enterprise"}
		doc["tls_client_certificate_bound_access_tokens"] = false
		doc["mtls_endpoint_aliases"] = map[string]any{"token_endpoint": "https://mtls.op.example/token"}
		doc["backchannel_authentication_request_signing_alg_values_supported"] = []any{"ES256", "PS256", "Ed25519"}
		doc["dpop_signing_alg_values_supported"] = []any{"ES256"}
	}),
	published("metadata-more-methods", "OIDC Discovery 3: methods of other flows and clients are listed too",
		set("token_endpoint_auth_methods_supported", []any{"none", "tls_client_auth", "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt"})),
	published("metadata-no-methods", "OIDC Discovery 3: without a list the method is client_secret_basic", drop("token_endpoint_auth_methods_supported")),
	published("metadata-other-mode", "CIBA Core 4: a profile may add modes", set("backchannel_token_delivery_modes_supported", []any{"poll", "ping", "x-sms"})),
	published("metadata-few-members", "CIBA Core 4, OIDC Discovery 3: these members are optional", func(doc map[string]any) {
		for _, name := range []string{
			"backchannel_user_code_parameter_supported", "backchannel_endpoint_login_hint_token_types_supported", "acr_values_supported",
			"scopes_supported", "introspection_endpoint", "introspection_endpoint_auth_methods_supported", "userinfo_endpoint", "claims_supported",
		} {
			delete(doc, name)
		}
	}),
	published("metadata-no-front-channel", "CIBA needs no authorization endpoint", drop("authorization_endpoint")),
	Variant{"metadata-charset", "RFC 9110 8.3.1: media types may have parameters", func(b *behaviour) {
		b.reply("", "", func(r *reply) { r.header.Set("Content-Type", "application/json;charset=UTF-8") })
	}},
	Variant{"metadata-type-case", "RFC 9110 8.3.1: media types are case-insensitive", func(b *behaviour) {
		b.reply("", "", func(r *reply) { r.header.Set("Content-Type", "Application/JSON") })
	}},
	Variant{"metadata-header-case", "RFC 9110 5.1: field names are case-insensitive", func(b *behaviour) {
		b.reply("", "", func(r *reply) {
			for _, name := range []string{"Cache-Control", "Pragma", "WWW-Authenticate"} {
				if values := r.header.Values(name); values != nil {
					r.header.Del(name)
					r.header[strings.ToLower(name)] = values
				}
			}
		})
	}},
	Variant{"metadata-oauth-location", "RFC 8414 3: an authorization server publishes here", func(b *behaviour) {
		b.skip("oidc-location")
		b.reply("discovery", "discovery", func(r *reply) {
			for _, name := range []string{"subject_types_supported", "id_token_signing_alg_values_supported"} {
				delete(r.body, name)
			}
		})
	}},
)
