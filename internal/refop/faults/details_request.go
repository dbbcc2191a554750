package faults

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// DetailsRequest are the defects of what is taken and what is refused; RFC 9396 2, 3 and 5.
var DetailsRequest = []Fault{
	{"rar-refused", "RFC9396-3-ACCEPT", "authorization_details are refused", detailsThat(anyText, refused("invalid_request"))},
	{"rar-500", "RFC9396-3-ACCEPT", "authorization_details crash the OP", detailsThat(anyText, crash)},
	{"rar-white-space", "RFC9396-3-ACCEPT", "line breaks are refused",
		detailsThat(func(text string) bool { return strings.Contains(text, "\n") }, refused("invalid_authorization_details"))},
	{"rar-dropped", "RFC9396-7-RETURNED", "authorization_details are silently ignored", edit.IgnoringDetails()},
	{"rar-any-text", "RFC9396-2-NOT-JSON", "what is not JSON is ignored", ignoringDetailsThat(isNotJSON)},
	{"rar-trailing-text", "RFC9396-2-NOT-JSON", "text after the array is ignored", cuttingDetails},
	{"rar-not-json-500", "RFC9396-2-NOT-JSON", "what is not JSON crashes the OP",
		detailsThat(func(text string) bool { return !json.Valid([]byte(text)) }, crash)},
	{"rar-not-json-scope", "RFC9396-2-NOT-JSON", "what is not JSON is invalid_scope",
		detailsThat(func(text string) bool { return !json.Valid([]byte(text)) }, refused("invalid_scope"))},
	{"rar-any-value", "RFC9396-2-NOT-ARRAY", "a lone object or null is an array of one", loneDetails},
	{"rar-strings", "RFC9396-2-NOT-ARRAY", "an array of strings is accepted",
		detailsEntry(func(entry any) bool { _, object := entry.(map[string]any); return !object })},
	{"rar-null-500", "RFC9396-2-NOT-ARRAY", "null crashes the OP",
		detailsThat(func(text string) bool { return text == "null" }, crash)},
	{"rar-object-500", "RFC9396-2-NOT-ARRAY", "a lone object crashes the OP",
		detailsThat(func(text string) bool { return strings.HasPrefix(text, "{") }, crash)},
	{"rar-empty-500", "RFC9396-2-EMPTY-ARRAY", "an empty array crashes the OP",
		detailsThat(func(text string) bool { return text == "[]" }, crash)},
	{"rar-type-missing", "RFC9396-2-TYPE-MISSING", "objects need no type", detailsType(func(kind any) bool { return kind == nil })},
	{"rar-type-number", "RFC9396-2-TYPE-MISSING", "a type may be a number", detailsType(isOddType)},
	{"rar-type-list", "RFC9396-2-TYPE-MISSING", "a type may be a list",
		detailsType(func(kind any) bool { _, list := kind.([]any); return list })},
	{"rar-type-empty", "RFC9396-2-TYPE-MISSING", "a type may be empty", detailsType(func(kind any) bool { return kind == "" })},
	{"rar-first-only", "RFC9396-2-TYPE-MISSING", "only the first object is looked at",
		looksOnlyAt(func(list []any) []any { return list[:1] })},
	{"rar-type-500", "RFC9396-2-TYPE-MISSING", "a type that is a number crashes the OP",
		detailsThat(func(text string) bool { return strings.Contains(text, `"type":42`) }, crash)},
	{"rar-any-type", "RFC9396-5-UNKNOWN-TYPE", "unknown types are accepted", anyType},
	{"rar-unknown-ignored", "RFC9396-5-UNKNOWN-TYPE", "invalid objects are left out", droppingBadEntries},
	{"rar-type-any-case", "RFC9396-5-UNKNOWN-TYPE", "the case of types does not matter", typesRead(strings.ToLower)},
	{"rar-type-prefix", "RFC9396-5-UNKNOWN-TYPE", "the end of a type does not matter",
		typesRead(func(name string) string { return strings.TrimSuffix(name, "x") })},
	{"rar-wrong-code", "RFC9396-5-UNKNOWN-TYPE", "bad details are invalid_scope",
		edit.Answering(refop.CheckDetails, 400, "invalid_scope")},
	{"rar-wrong-status", "RFC9396-5-UNKNOWN-TYPE", "bad details are 403",
		edit.Answering(refop.CheckDetails, 403, "invalid_authorization_details")},
	{"rar-invalid-500", "RFC9396-5-MISSING-FIELD", "bad details crash the OP", edit.Answering(refop.CheckDetails, 500, "server_error")},
	{"rar-any-field", "RFC9396-5-UNKNOWN-FIELD", "unknown members are accepted", anyMember},
	{"rar-any-field-type", "RFC9396-5-WRONG-FIELD-TYPE", "members may have any JSON type",
		membersAsIf(func(m refop.Member, value any) bool { return !m.HasType(value) })},
	{"rar-actions-text", "RFC9396-5-WRONG-FIELD-TYPE", "a list may be a string",
		membersAsIf(func(m refop.Member, value any) bool { return m.Type == "array" && !m.HasType(value) })},
	{"rar-any-value-of-field", "RFC9396-5-INVALID-VALUE", "members may have any value",
		membersAsIf(func(m refop.Member, value any) bool {
			text, ok := value.(string)
			return ok && m.HasType(value) && !m.Allows(text)
		})},
	{"rar-no-field-required", "RFC9396-5-MISSING-FIELD", "no member is required", noMemberRequired},
	{"rar-outside-only", "RFC9396-5-MISSING-FIELD", "objects inside objects are not looked at",
		membersAsIf(func(m refop.Member, value any) bool { return m.Type == "object" && m.HasType(value) })},
	{"rar-one-of-a-type", "RFC9396-2-SAME-TYPE-TWICE", "two objects of one type are refused", detailsThat(func(text string) bool {
		return strings.Count(text, `"payment_initiation"`) == 2
	}, refused("invalid_authorization_details"))},
	{"rar-single", "RFC9396-2-SAME-TYPE-TWICE", "a second object is refused",
		detailsThat(severalObjects, refused("invalid_authorization_details"))},
	{"rar-large-500", "RFC9396-11.4-LARGE", "30 kB of details crash the OP",
		detailsThat(func(text string) bool { return len(text) > 20_000 }, crash)},
	{"rar-null-entry-500", "RFC9396-2-NOT-ARRAY", "null in the array crashes the OP",
		detailsThat(func(text string) bool { return strings.HasSuffix(text, "null]") }, crash)},
	{"rar-array-entry-500", "RFC9396-2-NOT-ARRAY", "an array in the array crashes the OP",
		detailsThat(func(text string) bool { return strings.HasPrefix(text, "[[") }, crash)},
	{"rar-type-null-500", "RFC9396-2-TYPE-MISSING", "a type that is null crashes the OP",
		detailsThat(func(text string) bool { return strings.Contains(text, `"type":null`) }, crash)},
	{"rar-list-elements", "RFC9396-5-WRONG-FIELD-TYPE", "lists of texts may hold anything", listsOfAnything},
	{"rar-last-only", "RFC9396-5-MISSING-FIELD", "only the last object is looked at",
		looksOnlyAt(func(list []any) []any { return list[len(list)-1:] })},
}

// detailsThat edits the answers to backchannel requests whose details a test picks.
func detailsThat(fit func(text string) bool, rewrite func(*refop.Call, *refop.Reply)) edit.Change {
	return startsThat(edit.DetailsThat(fit), rewrite)
}

func anyText(string) bool { return true }

func isNotJSON(text string) bool { return !json.Valid([]byte(text)) }

func severalObjects(text string) bool {
	var list []map[string]any
	return json.Unmarshal([]byte(text), &list) == nil && len(list) > 1
}

// ignoringDetailsThat takes no notice of some authorization_details.
func ignoringDetailsThat(fit func(text string) bool) edit.Change {
	return readingDetails(func(c *refop.Call, inner detailsReader) ([]any, *refop.OAuthError) {
		if c.Has("authorization_details") && fit(c.Value("authorization_details")) {
			return nil, nil
		}
		return inner(c)
	})
}

type detailsReader = func(*refop.Call) ([]any, *refop.OAuthError)

// readingDetails reads authorization_details in another way.
func readingDetails(read func(c *refop.Call, inner detailsReader) ([]any, *refop.OAuthError)) edit.Change {
	return func(p *refop.Plan) {
		inner := p.Rules.Details
		p.Rules.Details = func(c *refop.Call) ([]any, *refop.OAuthError) { return read(c, inner) }
	}
}

// cuttingDetails overlooks what follows the JSON value.
func cuttingDetails(p *refop.Plan) {
	readingDetails(func(c *refop.Call, inner detailsReader) ([]any, *refop.OAuthError) {
		text := c.Value("authorization_details")
		decoder := json.NewDecoder(strings.NewReader(text))
		var value any
		if decoder.Decode(&value) == nil {
			c.Form["authorization_details"] = []string{text[:decoder.InputOffset()]}
		}
		return inner(c)
	})(p)
}

// loneDetails takes a value for an array with that value, unseen.
func loneDetails(p *refop.Plan) {
	readingDetails(func(c *refop.Call, inner detailsReader) ([]any, *refop.OAuthError) {
		value, err := refop.DecodeJSON(c.Value("authorization_details"))
		if _, list := value.([]any); err != nil || list {
			return inner(c)
		}
		return []any{value}, nil
	})(p)
}

// looksOnlyAt validates a part of the entries and takes all.
func looksOnlyAt(part func(list []any) []any) edit.Change {
	return func(p *refop.Plan) {
		inner := p.Rules.DetailsList
		p.Rules.DetailsList = func(c *refop.Call, list []any) ([]any, *refop.OAuthError) {
			if len(list) == 0 {
				return inner(c, list)
			}
			if _, err := inner(c, part(list)); err != nil {
				return nil, err
			}
			return list, nil
		}
	}
}

// droppingBadEntries leaves out what is wrong and takes the rest.
func droppingBadEntries(p *refop.Plan) {
	p.Rules.DetailsList = func(c *refop.Call, list []any) ([]any, *refop.OAuthError) {
		good := []any{}
		for _, entry := range list {
			if c.OP.Rules().DetailsEntry(c, entry) == nil {
				good = append(good, entry)
			}
		}
		return good, nil
	}
}

// detailsEntry takes some entries without looking into them.
func detailsEntry(unseen func(entry any) bool) edit.Change {
	return func(p *refop.Plan) {
		inner := p.Rules.DetailsEntry
		p.Rules.DetailsEntry = func(c *refop.Call, entry any) *refop.OAuthError {
			if unseen(entry) {
				return nil
			}
			return inner(c, entry)
		}
	}
}

// detailsType takes objects with some types without looking into them.
func detailsType(unseen func(kind any) bool) edit.Change {
	return detailsEntry(func(entry any) bool {
		object, ok := entry.(map[string]any)
		return ok && unseen(object["type"])
	})
}

// isOddType picks types that are neither texts nor lists.
func isOddType(kind any) bool {
	switch kind.(type) {
	case nil, string, []any:
		return false
	}
	return true
}

// anyType takes objects of types that nobody has defined.
func anyType(p *refop.Plan) {
	inner := p.Rules.DetailsEntry
	p.Rules.DetailsEntry = func(c *refop.Call, entry any) *refop.OAuthError {
		object, _ := entry.(map[string]any)
		name, _ := object["type"].(string)
		if _, known := c.OP.Registration().RARTypes[name]; name != "" && !known {
			return nil
		}
		return inner(c, entry)
	}
}

// typesRead reads the names of types in another way.
func typesRead(as func(name string) string) edit.Change {
	return func(p *refop.Plan) {
		inner := p.Rules.DetailsEntry
		p.Rules.DetailsEntry = func(c *refop.Call, entry any) *refop.OAuthError {
			if object, _ := refop.CloneJSON(entry).(map[string]any); object != nil {
				if name, ok := object["type"].(string); ok {
					object["type"] = as(name)
					return inner(c, object)
				}
			}
			return inner(c, entry)
		}
	}
}

// members changes what the members of an object are held to.
func members(p *refop.Plan, change func(defined map[string]refop.Member, object map[string]any) (map[string]refop.Member, map[string]any)) {
	inner := p.Rules.DetailsMembers
	p.Rules.DetailsMembers = func(c *refop.Call, path string, defined map[string]refop.Member, object map[string]any) *refop.OAuthError {
		defined, object = change(defined, object)
		return inner(c, path, defined, object)
	}
}

// anyMember overlooks members that are not defined.
func anyMember(p *refop.Plan) {
	members(p, func(defined map[string]refop.Member, object map[string]any) (map[string]refop.Member, map[string]any) {
		known := map[string]any{}
		for name, value := range object {
			if _, ok := defined[name]; ok {
				known[name] = value
			}
		}
		return defined, known
	})
}

// noMemberRequired takes every member for optional.
func noMemberRequired(p *refop.Plan) {
	members(p, func(defined map[string]refop.Member, object map[string]any) (map[string]refop.Member, map[string]any) {
		optional := map[string]refop.Member{}
		for name, m := range defined {
			m.Required = false
			optional[name] = m
		}
		return optional, object
	})
}

// membersAsIf takes some members for good without looking into them.
func membersAsIf(good func(m refop.Member, value any) bool) edit.Change {
	return func(p *refop.Plan) {
		inner := p.Rules.DetailsMember
		p.Rules.DetailsMember = func(c *refop.Call, path string, m refop.Member, value any) *refop.OAuthError {
			if good(m, value) {
				return nil
			}
			return inner(c, path, m, value)
		}
	}
}

// listsOfAnything looks only at the texts of a list.
func listsOfAnything(p *refop.Plan) {
	inner := p.Rules.DetailsMember
	p.Rules.DetailsMember = func(c *refop.Call, path string, m refop.Member, value any) *refop.OAuthError {
		if list, ok := value.([]any); ok && m.Type == "array" {
			value = slices.DeleteFunc(slices.Clone(list), func(item any) bool { _, text := item.(string); return !text })
		}
		return inner(c, path, m, value)
	}
}
