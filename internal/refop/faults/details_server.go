package faults

import (
	"strings"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// DetailsServer are the defects towards resource servers, of metadata, and of OPs without RAR;
// RFC 9396 9 and 10.
var DetailsServer = []Fault{
	{
		"rar-invisible", "RFC9396-9-RS-VISIBLE", "no resource server learns the details",
		edit.All(edit.Details(edit.InToken, edit.Gone), edit.Details(edit.InIntrospection, edit.Gone)),
	},
	{
		"rar-types-text", "RFC9396-10-METADATA", "types are a string",
		edit.Metadata(edit.SetMember("authorization_details_types_supported", "payment_initiation account_information")),
	},
	{
		"rar-types-numbers", "RFC9396-10-METADATA", "types have numbers",
		edit.Metadata(edit.SetMember("authorization_details_types_supported", []any{1, "payment_initiation", "account_information"})),
	},
	{
		"rar-client-type-500", "RFC9396-10-CLIENT-TYPES", "a type of other clients crashes the OP",
		startsThat(edit.Both(holdingToTypes, edit.DetailsThat(nameAccounts)), crash),
	},
	{
		"rar-client-type-code", "RFC9396-10-CLIENT-TYPES", "a type of other clients is invalid_scope",
		startsThat(holdingToTypes, func(c *refop.Call, r *refop.Reply) {
			if r.Body["error"] == "invalid_authorization_details" {
				refused("invalid_scope")(c, r)
			}
		}),
	},
	{"rar-unsupported-500", "RFC9396-UNSUPPORTED", "an OP without RAR is crashed by it", withoutRAR(crash)},
	{"rar-unsupported-scope", "RFC9396-UNSUPPORTED", "an OP without RAR calls it invalid_scope", withoutRAR(refused("invalid_scope"))},
}

// withoutRAR makes an OP that knows nothing of RFC 9396 and answers requests with
// authorization_details in a way of its own.
func withoutRAR(rewrite func(*refop.Call, *refop.Reply)) edit.Change {
	return edit.All(edit.WithoutRAR(), startsThat(edit.Sent("authorization_details"), rewrite))
}

// holdingToTypes picks requests of clients that may use some types only.
func holdingToTypes(c *refop.Call) bool { return c.Client != nil && len(c.Client.RARTypes) > 0 }

func nameAccounts(details string) bool { return strings.Contains(details, "account_information") }
