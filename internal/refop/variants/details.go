package variants

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// Details are other ways to deal with authorization_details.
var Details = []Variant{
	{
		"rar-invalid-request", "CIBA Core 13 has a closed list of codes, without invalid_authorization_details",
		edit.Answering(refop.CheckDetails, 400, "invalid_request"),
	},
	{
		"rar-needs-resource", "RFC 8707 2: details are refused with invalid_target where the grant has no resource for them",
		edit.Replies(func(c *refop.Call, r *refop.Reply) {
			if c.Endpoint == refop.EndpointToken && c.Value("authorization_details") != "" && c.Flow != nil && len(c.Flow.Requested) == 0 {
				edit.Failing(http.StatusBadRequest, "invalid_target")(r)
			}
		}),
	},
	{
		"rar-types-not-advertised", "RFC 9396 10: publishing types is no duty",
		edit.Answers(refop.EndpointDiscovery, refop.ReplyDiscovery, edit.WithoutMember("authorization_details_types_supported")),
	},
	{"rar-type-only", "RFC 9396 5: an open type has no unknown or required members", func(p *refop.Plan) {
		p.Rules.DetailsMembers = func(*refop.Call, string, map[string]refop.Member, map[string]any) *refop.OAuthError { return nil }
		p.Declare("rar_schema", false)
	}},
	{"rar-any-client", "RFC 9396 10: holding clients to types is policy", func(p *refop.Plan) {
		p.Rules.MayUseType = func(*refop.Client, string) bool { return true }
	}},
	{
		"rar-response-only", "RFC 9396 9: an access token may be opaque and introspection silent, if the resource server has another channel",
		edit.All(edit.Details(edit.InToken, edit.Gone), edit.Details(edit.InIntrospection, edit.Gone)),
	},
	{"rar-opaque-token", "RFC 9396 9.2: details may be told by introspection alone", edit.RandomTokens()},
	{"rar-token-only", "RFC 9396 9.2: introspection may leave details out", edit.Details(edit.InIntrospection, edit.Gone)},
	{
		"rar-enriched", "RFC 9396 7.1: the AS may add what the type defines, here a payment id",
		edit.All(edit.DetailsBack(func(list []any) any {
			for _, item := range list {
				item.(map[string]any)["paymentId"] = "P-4711"
			}
			return list
		}), func(p *refop.Plan) { p.Declare("rar_enrich", true) }),
	},
	{"rar-sensitive-left-out", "RFC 9396 7: the AS may omit values, here the account", edit.All(
		edit.Details(edit.InResponse, edit.AtMember("creditorAccount", edit.Becomes(nil))),
		edit.Details(edit.InRefresh, edit.AtMember("creditorAccount", edit.Becomes(nil))),
	)},
	{"rar-filtered", "RFC 9396 9: details may be filtered for each resource server", edit.All(
		edit.Details(edit.InToken, func(list []any) any { return list[:1] }),
		edit.Details(edit.InIntrospection, edit.AtMember("remittanceInformationUnstructured", edit.Becomes(nil))),
	)},
	{
		"rar-empty-refused", "RFC 9396 2 does not say what an empty array is",
		edit.RefusingStarts("invalid_authorization_details", edit.DetailsThat(func(text string) bool { return text == "[]" })),
	},
	{"rar-empty-ignored", "RFC 9396 2 does not say what an empty array is", emptyIsNone},
	{"rar-null-is-absent", "N-29: products take null for an absent parameter", edit.Replies(func(c *refop.Call, r *refop.Reply) {
		if c.Endpoint == refop.EndpointStart && c.Value("authorization_details") == "null" {
			header := r.Header
			*r = *refop.Success(refop.ReplyAcknowledgement, map[string]any{"auth_req_id": refop.RandomID(32), "expires_in": 120, "interval": 5})
			r.Header = header
		}
	})},
	{"rar-reordered", "RFC 9396 2: the order of objects, and in lists of values, means nothing", edit.DetailsBack(func(list []any) any {
		slices.Reverse(list)
		return edit.AtMember("actions", func(old any) any {
			slices.Reverse(old.([]any))
			return old
		})(list)
	})},
	{
		"rar-numbers-written-otherwise", "RFC 8259 6: 50 and 50.0 are one number",
		edit.DetailsBack(edit.AtMember("limit", func(old any) any { return json.Number(old.(json.Number).String() + ".0") })),
	},
	{
		"rar-indented", "RFC 8259 2: white space means nothing, nor does the escaping of characters",
		edit.Replies(func(_ *refop.Call, r *refop.Reply) {
			if r.Raw == nil {
				r.Raw, _ = json.MarshalIndent(r.Body, "", "\t")
				r.Raw = bytes.ReplaceAll(r.Raw, []byte("—"), []byte(`\u2014`))
			}
		}),
	},
	{
		"rar-limits", "RFC 9396 11.4: limits are policy, here 5 objects and 5 kB",
		edit.RefusingStarts("invalid_authorization_details", edit.DetailsThat(tooLarge)),
	},
	{"rar-body-limit", "RFC 9110 15.5.14: a server may limit bodies", edit.Replies(func(c *refop.Call, r *refop.Reply) {
		if c.Endpoint == refop.EndpointStart && len(c.Value("authorization_details")) > 20_000 {
			r.Kind, r.Status, r.Raw = refop.ReplyError, http.StatusRequestEntityTooLarge, []byte("too large")
			r.Header.Set("Content-Type", "text/plain")
		}
	})},
	{"rar-narrow-ignored", "RFC 9396 6: an AS may not know the parameter at the token endpoint; RFC 6749 3.2", edit.NotNarrowing()},
	{"rar-narrow-refused", "RFC 9396 6 leaves open whether a grant can be narrowed", indivisible},
	{"rar-unknown-parameter", "CIBA Core 7.2: an OP without RAR ignores the parameter", edit.WithoutRAR()},
	{
		"rar-refused-parameter", "RFC 9396 3 obliges no OP to support the parameter",
		edit.All(edit.WithoutRAR(), edit.RefusingStarts("invalid_request", edit.Sent("authorization_details"))),
	},
}

// emptyIsNone takes an empty array for an absent parameter.
func emptyIsNone(p *refop.Plan) {
	inner := p.Rules.DetailsList
	p.Rules.DetailsList = func(c *refop.Call, list []any) ([]any, *refop.OAuthError) {
		if len(list) == 0 {
			return nil, nil
		}
		return inner(c, list)
	}
}

// indivisible refuses token requests that ask for a part of a grant.
func indivisible(p *refop.Plan) {
	inner := p.Rules.NarrowDetails
	p.Rules.NarrowDetails = func(c *refop.Call, granted []any) ([]any, *refop.OAuthError) {
		if c.Has("authorization_details") {
			return nil, refop.Refusal("invalid_authorization_details", "a grant is not divisible")
		}
		return inner(c, granted)
	}
}

// tooLarge is a limit of a product: five objects or 5 kB.
func tooLarge(text string) bool {
	var list []json.RawMessage
	return len(text) > 5<<10 || json.Unmarshal([]byte(text), &list) == nil && len(list) > 5
}
