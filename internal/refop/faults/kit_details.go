package faults

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

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
