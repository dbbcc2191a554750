package refop

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/cibatest/cibatest/internal/jose"
)

// discovery is the metadata of OIDC Discovery 3, CIBA Core 4 and RFC 9396 10.
func (op *OP) discovery(*Call) *Reply {
	paths := op.plan.Paths
	doc := map[string]any{
		"issuer":                              op.issuer,
		"backchannel_authentication_endpoint": op.URL(paths.Start),
		"token_endpoint":                      op.URL(paths.Token),
		"jwks_uri":                            op.URL(paths.JWKS),
		"userinfo_endpoint":                   op.URL(paths.UserInfo),
		"introspection_endpoint":              op.URL(paths.Introspection),
		"authorization_endpoint":              op.URL("/no-front-channel"),
		"backchannel_token_delivery_modes_supported":                      []any{DeliveryPoll, DeliveryPing, DeliveryPush},
		"backchannel_user_code_parameter_supported":                       true,
		"backchannel_authentication_request_signing_alg_values_supported": anyList(requestAlgs),
		"backchannel_endpoint_login_hint_token_types_supported":           []any{"jwt"},
		"grant_types_supported":                                           []any{GrantCIBA, GrantRefresh},
		"response_types_supported":                                        []any{"none"},
		"subject_types_supported":                                         []any{"public", "pairwise"},
		"id_token_signing_alg_values_supported":                           anyList(op.algs()),
		"acr_values_supported":                                            anyList(op.reg.ACRValues),
		"scopes_supported":                                                anyList(op.allScopes()),
		"token_endpoint_auth_methods_supported":                           []any{MethodBasic, MethodPost, MethodSecretJWT, MethodPrivateKeyJWT},
		"token_endpoint_auth_signing_alg_values_supported":                []any{"ES256", "RS256", "PS256", "HS256"},
		"introspection_endpoint_auth_methods_supported":                   []any{MethodBasic, MethodPost},
		"authorization_details_types_supported":                           anyList(op.allTypes()),
		"claims_supported":                                                []any{"sub", "name", "acr", "auth_time"},
	}
	for _, name := range []string{"acr_values_supported", "authorization_details_types_supported"} {
		if list, _ := doc[name].([]any); len(list) == 0 { // OIDC Discovery 4.2: no empty lists
			delete(doc, name)
		}
	}
	return Success(ReplyDiscovery, op.mutualTLSMetadata(doc))
}

// allScopes are the values of scope of this OP and of its APIs.
func (op *OP) allScopes() []string {
	list := slices.Clone(op.reg.Scopes)
	for _, api := range op.reg.APIs {
		list = append(list, api.Scopes...)
	}
	slices.Sort(list[len(op.reg.Scopes):])
	return slices.Compact(list)
}

// allTypes are the types of authorization_details of this OP and of its APIs.
func (op *OP) allTypes() []string {
	types := slices.Collect(maps.Keys(op.reg.RARTypes))
	for _, api := range op.reg.APIs {
		types = slices.AppendSeq(types, maps.Keys(api.Types))
	}
	slices.Sort(types)
	return slices.Compact(types)
}

func anyList(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

// jwks publishes the public halves of the signing keys; RFC 7517 5.
func (op *OP) jwks(*Call) *Reply {
	data, _ := jose.MarshalJWKS(op.plan.SigningKeys)
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	_ = json.Unmarshal(data, &set)
	keys := make([]any, len(set.Keys))
	for i, k := range set.Keys {
		k["use"] = "sig"
		keys[i] = k
	}
	return Success(ReplyJWKS, map[string]any{"keys": keys})
}
