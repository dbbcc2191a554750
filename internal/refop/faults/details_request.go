package faults

import (
	"encoding/json"
	"strings"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// DetailsRequest are the defects of what is taken and what is refused; RFC 9396 2, 3 and 5.
var DetailsRequest = []Fault{
	{"rar-refused", "RFC9396-3-ACCEPT", "authorization_details are refused", detailsThat(anyText, refused("invalid_request"))},
	{"rar-500", "RFC9396-3-ACCEPT", "authorization_details crash the OP", detailsThat(anyText, crash)},
	{
		"rar-white-space", "RFC9396-3-ACCEPT", "line breaks are refused",
		detailsThat(func(text string) bool { return strings.Contains(text, "\n") }, refused("invalid_authorization_details")),
	},
	{"rar-dropped", "RFC9396-7-RETURNED", "authorization_details are silently ignored", edit.IgnoringDetails()},
	{"rar-any-text", "RFC9396-2-NOT-JSON", "what is not JSON is ignored", ignoringDetailsThat(isNotJSON)},
	{"rar-trailing-text", "RFC9396-2-NOT-JSON", "text after the array is ignored", cuttingDetails},
	{
		"rar-not-json-500", "RFC9396-2-NOT-JSON", "what is not JSON crashes the OP",
		detailsThat(func(text string) bool { return !json.Valid([]byte(text)) }, crash),
	},
	{
		"rar-not-json-scope", "RFC9396-2-NOT-JSON", "what is not JSON is invalid_scope",
		detailsThat(func(text string) bool { return !json.Valid([]byte(text)) }, refused("invalid_scope")),
	},
	{"rar-any-value", "RFC9396-2-NOT-ARRAY", "a lone object or null is an array of one", loneDetails},
	{
		"rar-strings", "RFC9396-2-NOT-ARRAY", "an array of strings is accepted",
		detailsEntry(func(entry any) bool { _, object := entry.(map[string]any); return !object }),
	},
	{
		"rar-null-500", "RFC9396-2-NOT-ARRAY", "null crashes the OP",
		detailsThat(func(text string) bool { return text == "null" }, crash),
	},
	{
		"rar-object-500", "RFC9396-2-NOT-ARRAY", "a lone object crashes the OP",
		detailsThat(func(text string) bool { return strings.HasPrefix(text, "{") }, crash),
	},
	{
		"rar-empty-500", "RFC9396-2-EMPTY-ARRAY", "an empty array crashes the OP",
		detailsThat(func(text string) bool { return text == "[]" }, crash),
	},
	{"rar-type-missing", "RFC9396-2-TYPE-MISSING", "objects need no type", detailsType(func(kind any) bool { return kind == nil })},
	{"rar-type-number", "RFC9396-2-TYPE-MISSING", "a type may be a number", detailsType(isOddType)},
	{
		"rar-type-list", "RFC9396-2-TYPE-MISSING", "a type may be a list",
		detailsType(func(kind any) bool { _, list := kind.([]any); return list }),
	},
	{"rar-type-empty", "RFC9396-2-TYPE-MISSING", "a type may be empty", detailsType(func(kind any) bool { return kind == "" })},
	{
		"rar-first-only", "RFC9396-2-TYPE-MISSING", "only the first object is looked at",
		looksOnlyAt(func(list []any) []any { return list[:1] }),
	},
	{
		"rar-type-500", "RFC9396-2-TYPE-MISSING", "a type that is a number crashes the OP",
		detailsThat(func(text string) bool { return strings.Contains(text, `"type":42`) }, crash),
	},
	{"rar-any-type", "RFC9396-5-UNKNOWN-TYPE", "unknown types are accepted", anyType},
	{"rar-unknown-ignored", "RFC9396-5-UNKNOWN-TYPE", "invalid objects are left out", droppingBadEntries},
	{"rar-type-any-case", "RFC9396-5-UNKNOWN-TYPE", "the case of types does not matter", typesRead(strings.ToLower)},
	{
		"rar-type-prefix", "RFC9396-5-UNKNOWN-TYPE", "the end of a type does not matter",
		typesRead(func(name string) string { return strings.TrimSuffix(name, "x") }),
	},
	{
		"rar-wrong-code", "RFC9396-5-UNKNOWN-TYPE", "bad details are invalid_scope",
		edit.Answering(refop.CheckDetails, 400, "invalid_scope"),
	},
	{
		"rar-wrong-status", "RFC9396-5-UNKNOWN-TYPE", "bad details are 403",
		edit.Answering(refop.CheckDetails, 403, "invalid_authorization_details"),
	},
	{"rar-invalid-500", "RFC9396-5-MISSING-FIELD", "bad details crash the OP", edit.Answering(refop.CheckDetails, 500, "server_error")},
	{"rar-any-field", "RFC9396-5-UNKNOWN-FIELD", "unknown members are accepted", anyMember},
	{
		"rar-any-field-type", "RFC9396-5-WRONG-FIELD-TYPE", "members may have any JSON type",
		membersAsIf(func(m refop.Member, value any) bool { return !m.HasType(value) }),
	},
	{
		"rar-actions-text", "RFC9396-5-WRONG-FIELD-TYPE", "a list may be a string",
		membersAsIf(func(m refop.Member, value any) bool { return m.Type == "array" && !m.HasType(value) }),
	},
	{
		"rar-any-value-of-field", "RFC9396-5-INVALID-VALUE", "members may have any value",
		membersAsIf(func(m refop.Member, value any) bool {
			text, ok := value.(string)
			return ok && m.HasType(value) && !m.Allows(text)
		}),
	},
	{"rar-no-field-required", "RFC9396-5-MISSING-FIELD", "no member is required", noMemberRequired},
	{
		"rar-outside-only", "RFC9396-5-MISSING-FIELD", "objects inside objects are not looked at",
		membersAsIf(func(m refop.Member, value any) bool { return m.Type == "object" && m.HasType(value) }),
	},
	{"rar-one-of-a-type", "RFC9396-2-SAME-TYPE-TWICE", "two objects of one type are refused", detailsThat(func(text string) bool {
		return strings.Count(text, `"payment_initiation"`) == 2
	}, refused("invalid_authorization_details"))},
	{
		"rar-single", "RFC9396-2-SAME-TYPE-TWICE", "a second object is refused",
		detailsThat(severalObjects, refused("invalid_authorization_details")),
	},
	{
		"rar-large-500", "RFC9396-11.4-LARGE", "30 kB of details crash the OP",
		detailsThat(func(text string) bool { return len(text) > 20_000 }, crash),
	},
	{
		"rar-null-entry-500", "RFC9396-2-NOT-ARRAY", "null in the array crashes the OP",
		detailsThat(func(text string) bool { return strings.HasSuffix(text, "null]") }, crash),
	},
	{
		"rar-array-entry-500", "RFC9396-2-NOT-ARRAY", "an array in the array crashes the OP",
		detailsThat(func(text string) bool { return strings.HasPrefix(text, "[[") }, crash),
	},
	{
		"rar-type-null-500", "RFC9396-2-TYPE-MISSING", "a type that is null crashes the OP",
		detailsThat(func(text string) bool { return strings.Contains(text, `"type":null`) }, crash),
	},
	{"rar-list-elements", "RFC9396-5-WRONG-FIELD-TYPE", "lists of texts may hold anything", listsOfAnything},
	{
		"rar-last-only", "RFC9396-5-MISSING-FIELD", "only the last object is looked at",
		looksOnlyAt(func(list []any) []any { return list[len(list)-1:] }),
	},
}
