package refop

import "slices"

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
	metadata("metadata-modes-twice", "CIBA-4-DISC-MODES", "a delivery mode is listed twice", set("backchannel_token_delivery_modes_supported", []any{"poll", "poll"})),
	metadata("metadata-endpoint-fragment", "CIBA-4-DISC-ENDPOINT", "the endpoint has a fragment", func(doc map[string]any) {
		doc["backchannel_authentication_endpoint"] = doc["backchannel_authentication_endpoint"].(string) + "#x"
	}),
	metadata("metadata-user-code-string", "CIBA-4-DISC-USERCODE-TYPE", "user_code support is the string true", set("backchannel_user_code_parameter_supported", "true")),
	metadata("metadata-grant-type-missing", "CIBA-4-DISC-GRANT-TYPE", "grant_types_supported lacks the CIBA grant", set("grant_types_supported", []any{"authorization_code"})),
	metadata("metadata-grant-types-absent", "CIBA-4-DISC-GRANT-TYPE", "grant_types_supported is absent", drop("grant_types_supported")),
	Fault{"metadata-as-text", "OIDD-4.2-CONFIG-RESPONSE", "the metadata is text/plain", func(b *behaviour) {
		b.reply("discovery", "discovery", func(r *reply) { r.header.Set("Content-Type", "text/plain") })
	}},
	metadata("metadata-issuer-slash", "OIDD-4.3-ISSUER-MATCH", "the issuer has a slash too many", func(doc map[string]any) { doc["issuer"] = doc["issuer"].(string) + "/" }),
	metadata("metadata-no-jwks", "OIDD-3-REQUIRED-MEMBERS", "jwks_uri is missing", drop("jwks_uri")),
	metadata("metadata-no-response-types", "OIDD-3-REQUIRED-MEMBERS", "response_types_supported is missing", drop("response_types_supported")),
	metadata("metadata-no-subject-types", "OIDD-3-REQUIRED-MEMBERS", "subject_types_supported is missing", drop("subject_types_supported")),
	metadata("metadata-algs-string", "OIDD-3-REQUIRED-MEMBERS", "the ID Token algorithms are a string", set("id_token_signing_alg_values_supported", "RS256")),
	metadata("metadata-jwks-http", "OIDD-3-REQUIRED-MEMBERS", "jwks_uri is plain http beyond loopback", set("jwks_uri", "http://keys.example/jwks")),
	metadata("metadata-empty-claims", "OIDD-4.2-NO-EMPTY-ARRAYS", "an empty array is published", set("claims_supported", []any{})),
	metadata("metadata-no-rs256", "OIDD-3-RS256-LISTED", "RS256 is not listed", func(doc map[string]any) {
		doc["id_token_signing_alg_values_supported"] = slices.DeleteFunc(slices.Clone(doc["id_token_signing_alg_values_supported"].([]any)), func(v any) bool { return v == "RS256" })
	}),
	metadata("metadata-auth-algs-missing", "RFC8414-2-AUTH-ALG-METADATA", "assertion algorithms are not published", drop("token_endpoint_auth_signing_alg_values_supported")),
	metadata("metadata-auth-algs-none", "RFC8414-2-AUTH-ALG-METADATA", "none is an assertion algorithm", set("token_endpoint_auth_signing_alg_values_supported", []any{"ES256", "none"})),
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
