package faults

import (
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// Discovery are the defects of the metadata; CIBA Core 4, OIDC Discovery 3.
var Discovery = []Fault{
	{
		"metadata-modes-missing", "CIBA-4-DISC-MODES", "no delivery modes are published",
		edit.Metadata(edit.DropMembers("backchannel_token_delivery_modes_supported")),
	},
	{
		"metadata-modes-string", "CIBA-4-DISC-MODES", "the delivery modes are a string",
		edit.Metadata(edit.SetMember("backchannel_token_delivery_modes_supported", "poll")),
	},
	{
		"metadata-modes-empty", "CIBA-4-DISC-MODES", "the list of delivery modes is empty",
		edit.Metadata(edit.SetMember("backchannel_token_delivery_modes_supported", []any{})),
	},
	{
		"metadata-modes-case", "CIBA-4-DISC-MODES", "delivery modes are capitalised",
		edit.Metadata(edit.SetMember("backchannel_token_delivery_modes_supported", []any{"POLL"})),
	},
	{
		"metadata-modes-null", "CIBA-4-DISC-MODES", "the delivery modes are null",
		edit.Metadata(edit.SetMember("backchannel_token_delivery_modes_supported", nil)),
	},
	{
		"metadata-modes-number", "CIBA-4-DISC-MODES", "a delivery mode is a number",
		edit.Metadata(edit.SetMember("backchannel_token_delivery_modes_supported", []any{"poll", 2})),
	},
	{
		"metadata-modes-unknown", "CIBA-4-DISC-MODES", "no listed delivery mode is one of CIBA",
		edit.Metadata(edit.SetMember("backchannel_token_delivery_modes_supported", []any{"pull"})),
	},
	{
		"metadata-modes-without-poll", "CIBA-4-DISC-MODES", "poll clients are served, and poll is not listed",
		edit.Metadata(edit.SetMember("backchannel_token_delivery_modes_supported", []any{"ping"})),
	},
	{
		"metadata-modes-twice", "CIBA-4-DISC-MODES", "a delivery mode is listed twice",
		edit.Metadata(edit.SetMember("backchannel_token_delivery_modes_supported", []any{"poll", "poll"})),
	},
	{"metadata-endpoint-fragment", "CIBA-4-DISC-ENDPOINT", "the endpoint has a fragment", edit.Metadata(func(doc map[string]any) {
		doc["backchannel_authentication_endpoint"] = doc["backchannel_authentication_endpoint"].(string) + "#x"
	})},
	{"metadata-endpoint-empty-fragment", "CIBA-4-DISC-ENDPOINT", "the endpoint ends in #", edit.Metadata(func(doc map[string]any) {
		doc["backchannel_authentication_endpoint"] = doc["backchannel_authentication_endpoint"].(string) + "#"
	})},
	{
		"metadata-endpoint-relative", "CIBA-4-DISC-ENDPOINT", "the endpoint is a path",
		edit.Metadata(edit.SetMember("backchannel_authentication_endpoint", refop.PathStart)),
	},
	{"metadata-endpoint-no-scheme", "CIBA-4-DISC-ENDPOINT", "the endpoint has no scheme", edit.Metadata(func(doc map[string]any) {
		_, rest, _ := strings.Cut(doc["backchannel_authentication_endpoint"].(string), ":")
		doc["backchannel_authentication_endpoint"] = rest
	})},
	{
		"metadata-user-code-null", "CIBA-4-DISC-USERCODE-TYPE", "user_code support is null",
		edit.Metadata(edit.SetMember("backchannel_user_code_parameter_supported", nil)),
	},
	{
		"metadata-user-code-number", "CIBA-4-DISC-USERCODE-TYPE", "user_code support is 1",
		edit.Metadata(edit.SetMember("backchannel_user_code_parameter_supported", 1)),
	},
	{
		"metadata-user-code-string", "CIBA-4-DISC-USERCODE-TYPE", "user_code support is the string true",
		edit.Metadata(edit.SetMember("backchannel_user_code_parameter_supported", "true")),
	},
	{
		"metadata-grant-type-missing", "CIBA-4-DISC-GRANT-TYPE", "grant_types_supported lacks the CIBA grant",
		edit.Metadata(edit.SetMember("grant_types_supported", []any{"authorization_code"})),
	},
	{
		"metadata-grant-type-device", "CIBA-4-DISC-GRANT-TYPE", "the CIBA grant has the name of an old draft",
		edit.Metadata(edit.SetMember("grant_types_supported", []any{"urn:openid:params:modrna:grant-type:backchannel_request"})),
	},
	{
		"metadata-grant-types-absent", "CIBA-4-DISC-GRANT-TYPE", "grant_types_supported is absent",
		edit.Metadata(edit.DropMembers("grant_types_supported")),
	},
	{
		"metadata-as-text", "OIDD-4.2-CONFIG-RESPONSE", "the metadata is text/plain",
		edit.Answers(refop.EndpointDiscovery, refop.ReplyDiscovery, edit.Media("text/plain")),
	},
	{
		"metadata-request-algs-none", "CIBA-4-DISC-REQ-ALGS", "none is an algorithm of signed requests",
		edit.Metadata(edit.SetMember("backchannel_authentication_request_signing_alg_values_supported", []any{"ES256", "none"})),
	},
	{
		"metadata-request-algs-hmac", "CIBA-4-DISC-REQ-ALGS", "HS256 is an algorithm of signed requests",
		edit.Metadata(edit.SetMember("backchannel_authentication_request_signing_alg_values_supported", []any{"PS256", "HS256"})),
	},
	{
		"metadata-request-algs-string", "CIBA-4-DISC-REQ-ALGS", "the algorithms of signed requests are a string",
		edit.Metadata(edit.SetMember("backchannel_authentication_request_signing_alg_values_supported", "ES256")),
	},
	{
		"metadata-request-algs-empty", "CIBA-4-DISC-REQ-ALGS", "the algorithms of signed requests are an empty array",
		edit.Metadata(edit.SetMember("backchannel_authentication_request_signing_alg_values_supported", []any{})),
	},
	{
		"metadata-dpop-algs-hmac", "RFC9449-5.1-DPOP-ALGS", "HS512 is an algorithm of DPoP proofs",
		edit.Metadata(edit.SetMember("dpop_signing_alg_values_supported", []any{"ES256", "HS512"})),
	},
	{
		"metadata-as-html", "OIDD-4.2-CONFIG-RESPONSE", "the metadata is called HTML",
		edit.Answers(refop.EndpointDiscovery, refop.ReplyDiscovery, edit.Media("text/html; charset=utf-8")),
	},
	{
		"metadata-no-type", "OIDD-4.2-CONFIG-RESPONSE", "the metadata has no media type",
		edit.Answers(refop.EndpointDiscovery, refop.ReplyDiscovery, edit.Media("")),
	},
	{
		"metadata-endpoint-missing", "CIBA-4-DISC-ENDPOINT", "the endpoint is missing",
		edit.Metadata(edit.DropMembers("backchannel_authentication_endpoint")),
	},
	{
		"metadata-token-endpoint-missing", "OIDD-3-REQUIRED-MEMBERS", "token_endpoint is missing",
		edit.Metadata(edit.DropMembers("token_endpoint")),
	},
	{
		"metadata-cut", "OIDD-4.2-CONFIG-RESPONSE", "the metadata ends in the middle",
		edit.Answers(refop.EndpointDiscovery, refop.ReplyDiscovery, func(r *refop.Reply) { r.Raw = []byte(`{"issuer": "`) }),
	},
	{
		"metadata-list", "OIDD-4.2-CONFIG-RESPONSE", "the metadata is a JSON array",
		edit.Answers(refop.EndpointDiscovery, refop.ReplyDiscovery, func(r *refop.Reply) {
			r.Raw = []byte(`[{"issuer": "https://op.example"}]`)
		}),
	},
	{"metadata-issuer-missing", "OIDD-4.3-ISSUER-MATCH", "there is no issuer", edit.Metadata(edit.DropMembers("issuer"))},
	{
		"metadata-issuer-case", "OIDD-4.3-ISSUER-MATCH", "the scheme of the issuer is written HTTP",
		edit.Metadata(func(doc map[string]any) { doc["issuer"] = strings.Replace(doc["issuer"].(string), "http", "HTTP", 1) }),
	},
	{
		"metadata-issuer-other", "OIDD-4.3-ISSUER-MATCH", "the issuer is another one",
		edit.Metadata(edit.SetMember("issuer", "https://op.example")),
	},
	{
		"metadata-issuer-slash", "OIDD-4.3-ISSUER-MATCH", "the issuer has a slash too many",
		edit.Metadata(func(doc map[string]any) { doc["issuer"] = doc["issuer"].(string) + "/" }),
	},
	{"metadata-no-jwks", "OIDD-3-REQUIRED-MEMBERS", "jwks_uri is missing", edit.Metadata(edit.DropMembers("jwks_uri"))},
	{
		"metadata-no-response-types", "OIDD-3-REQUIRED-MEMBERS", "response_types_supported is missing",
		edit.Metadata(edit.DropMembers("response_types_supported")),
	},
	{
		"metadata-no-subject-types", "OIDD-3-REQUIRED-MEMBERS", "subject_types_supported is missing",
		edit.Metadata(edit.DropMembers("subject_types_supported")),
	},
	{
		"metadata-no-algs", "OIDD-3-REQUIRED-MEMBERS", "the ID Token algorithms are missing",
		edit.Metadata(edit.DropMembers("id_token_signing_alg_values_supported")),
	},
	{
		"metadata-response-types-string", "OIDD-3-REQUIRED-MEMBERS", "the response types are a string",
		edit.Metadata(edit.SetMember("response_types_supported", "none")),
	},
	{
		"metadata-subject-types-numbers", "OIDD-3-REQUIRED-MEMBERS", "the subject types are numbers",
		edit.Metadata(edit.SetMember("subject_types_supported", []any{1})),
	},
	{"metadata-jwks-relative", "OIDD-3-REQUIRED-MEMBERS", "jwks_uri is a path", edit.Metadata(edit.SetMember("jwks_uri", refop.PathJWKS))},
	{"metadata-jwks-null", "OIDD-3-REQUIRED-MEMBERS", "jwks_uri is null", edit.Metadata(edit.SetMember("jwks_uri", nil))},
	{
		"metadata-algs-string", "OIDD-3-REQUIRED-MEMBERS", "the ID Token algorithms are a string",
		edit.Metadata(edit.SetMember("id_token_signing_alg_values_supported", "RS256")),
	},
	{
		"metadata-jwks-http", "OIDD-3-REQUIRED-MEMBERS", "jwks_uri is plain http beyond loopback",
		edit.Metadata(edit.SetMember("jwks_uri", "http://keys.example/jwks")),
	},
	{
		"metadata-userinfo-http", "OIDD-3-REQUIRED-MEMBERS", "userinfo_endpoint is plain http beyond loopback",
		edit.Metadata(edit.SetMember("userinfo_endpoint", "http://op.example/who")),
	},
	{
		"metadata-empty-claims", "OIDD-4.2-NO-EMPTY-ARRAYS", "an empty array is published",
		edit.Metadata(edit.SetMember("claims_supported", []any{})),
	},
	{"metadata-no-rs256", "OIDD-3-RS256-LISTED", "RS256 is not listed", edit.Metadata(func(doc map[string]any) {
		algs := doc["id_token_signing_alg_values_supported"].([]any)
		doc["id_token_signing_alg_values_supported"] = slices.DeleteFunc(algs, func(v any) bool { return v == "RS256" })
	})},
	{
		"metadata-auth-algs-missing", "RFC8414-2-AUTH-ALG-METADATA", "assertion algorithms are not published",
		edit.Metadata(edit.DropMembers("token_endpoint_auth_signing_alg_values_supported")),
	},
	{
		"metadata-auth-algs-none", "RFC8414-2-AUTH-ALG-METADATA", "none is an assertion algorithm",
		edit.Metadata(edit.SetMember("token_endpoint_auth_signing_alg_values_supported", []any{"ES256", "none"})),
	},
	{
		"metadata-auth-algs-string", "RFC8414-2-AUTH-ALG-METADATA", "the assertion algorithms are a string",
		edit.Metadata(edit.SetMember("token_endpoint_auth_signing_alg_values_supported", "ES256")),
	},
	{
		"metadata-hint-types-numbers", "FAPI-CIBA-DISC-LHT-TYPES", "login_hint_token types are numbers",
		edit.Metadata(edit.SetMember("backchannel_endpoint_login_hint_token_types_supported", []any{1, 2})),
	},
	{
		"metadata-hint-types-string", "FAPI-CIBA-DISC-LHT-TYPES", "login_hint_token types are a string",
		edit.Metadata(edit.SetMember("backchannel_endpoint_login_hint_token_types_supported", "jwt")),
	},
	{
		"metadata-rar-types-missing", "RFC9396-10-METADATA", "authorization_details types are not published",
		edit.Metadata(edit.DropMembers("authorization_details_types_supported")),
	},
	{
		"metadata-rar-types-partial", "RFC9396-10-METADATA", "a supported type is not listed",
		edit.Metadata(edit.SetMember("authorization_details_types_supported", []any{"payment_initiation"})),
	},
	{
		"metadata-token-http", "CIBA-7-ENDPOINT-HTTPS", "the backchannel endpoint is plain http beyond loopback",
		edit.Metadata(func(doc map[string]any) {
			doc["token_endpoint"] = "http://op.example/token"
		}),
	},
	{
		"metadata-poll-does-not-work", "CIBA-4-DISC-MODES-WORK", "approved requests are never redeemable in poll mode",
		edit.SeenAs(refop.Approved, refop.Pending),
	},
}
