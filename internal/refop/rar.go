package refop

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// checkDetail validates one object against the definition of its type.
func (c *call) checkDetail(item any) *oauthError {
	object, ok := item.(map[string]any)
	if !ok {
		if c.skips("rar-object") {
			return nil
		}
		return badDetails("every entry of authorization_details is an object")
	}
	name, ok := object["type"].(string)
	if !ok || name == "" {
		if c.skips("rar-type-" + flaw(object["type"])) {
			return nil
		}
		return badDetails("type is missing")
	}
	if c.skips("rar-type-case") {
		name = strings.ToLower(name)
	}
	if c.skips("rar-type-prefix") {
		name = strings.TrimSuffix(name, "x")
	}
	definition, known := c.op.reg.RARTypes[name]
	if !known {
		if c.skips("rar-unknown-type") {
			return nil
		}
		return badDetails("unknown type")
	}
	if len(c.client.RARTypes) > 0 && !slices.Contains(c.client.RARTypes, name) && !c.skips("rar-client-type") {
		return badDetails("the client may not use this type")
	}
	fields := make(map[string]any, len(object))
	for member, value := range object {
		if member != "type" {
			fields[member] = value
		}
	}
	if e := c.checkMembers(name, definition.Members, fields); e != nil {
		return e
	}
	return nil
}

// flaw says what is wrong with a type.
func flaw(kind any) string {
	switch kind.(type) {
	case nil:
		return "missing"
	case string:
		return "empty"
	case []any:
		return "list"
	}
	return "odd"
}

func (c *call) checkMembers(path string, members map[string]Member, object map[string]any) *oauthError {
	for name, value := range object {
		definition, known := members[name]
		if !known {
			if c.skips("rar-unknown-field") {
				continue
			}
			return badDetails(path + " has an unknown member")
		}
		if e := c.checkMember(path+"."+name, definition, value); e != nil {
			return e
		}
	}
	for name, definition := range members {
		if _, there := object[name]; definition.Required && !there && !c.skips("rar-missing-field") {
			return badDetails(fmt.Sprintf("%s.%s is missing", path, name))
		}
	}
	return nil
}

func (c *call) checkMember(path string, m Member, value any) *oauthError {
	switch v := value.(type) {
	case string:
		if m.Type == "string" {
			if m.pattern != nil && !m.pattern.MatchString(v) && !c.skips("rar-value") {
				return badDetails(path + " has a value that is not allowed")
			}
			return nil
		}
	case json.Number:
		if m.Type == "number" {
			return nil
		}
	case bool:
		if m.Type == "boolean" {
			return nil
		}
	case map[string]any:
		if m.Type == "object" && c.skips("rar-nested") {
			return nil
		}
		if m.Type == "object" {
			return c.checkMembers(path, m.Members, v)
		}
	case []any:
		if m.Type == "array" {
			for _, item := range v {
				if m.Items == nil {
					break
				}
				if _, isText := item.(string); !isText && c.skips("rar-list-elements") {
					continue
				}
				if e := c.checkMember(path+"[]", *m.Items, item); e != nil {
					return e
				}
			}
			return nil
		}
	}
	if c.skips("rar-field-type") || m.Type == "array" && c.skips("rar-list-type") {
		return nil
	}
	return badDetails(path + " has a value of the wrong type")
}

// within says whether every object of granted is one of requested, or one with
// fewer elements in its lists: what a user may narrow a request to.
func within(granted, requested []any) bool {
	for _, g := range granted {
		if !slices.ContainsFunc(requested, func(r any) bool { return narrower(g, r) }) {
			return false
		}
	}
	return true
}

// sameTypes says whether every object has the type of a granted one, which is not
// enough.
func sameTypes(asked, granted []any) bool {
	kind := func(v any) any {
		object, _ := v.(map[string]any)
		return object["type"]
	}
	for _, a := range asked {
		if !slices.ContainsFunc(granted, func(g any) bool { return kind(g) == kind(a) }) {
			return false
		}
	}
	return true
}

func narrower(g, r any) bool {
	switch granted := g.(type) {
	case map[string]any:
		requested, ok := r.(map[string]any)
		if !ok || len(granted) != len(requested) {
			return false
		}
		for name, value := range granted {
			if other, there := requested[name]; !there || !narrower(value, other) {
				return false
			}
		}
		return true
	case []any:
		requested, ok := r.([]any)
		return ok && within(granted, requested)
	}
	return reflect.DeepEqual(g, r)
}

// cloneJSON copies a value, so that an edit of one place does not reach another.
func cloneJSON(v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(x))
		for name, value := range x {
			out[name] = cloneJSON(value)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, value := range x {
			out[i] = cloneJSON(value)
		}
		return out
	}
	return v
}

// encodeJSON is a part of a JWT.
func encodeJSON(v any) string {
	data, _ := json.Marshal(v)
	return base64.RawURLEncoding.EncodeToString(data)
}

// sameAmounts is [sameTypes] that looks at amounts as well.
func sameAmounts(asked, granted []any) bool {
	amount := func(v any) any {
		object, _ := v.(map[string]any)
		return object["instructedAmount"]
	}
	return sameTypes(asked, granted) && !slices.ContainsFunc(asked, func(a any) bool {
		return !slices.ContainsFunc(granted, func(g any) bool { return reflect.DeepEqual(amount(a), amount(g)) })
	})
}

// sameButLists compares everything except lists.
func sameButLists(asked, granted []any) bool {
	scalars := func(list []any) any {
		out := cloneJSON(list).([]any)
		for _, v := range out {
			object, _ := v.(map[string]any)
			for name := range object {
				if _, isList := object[name].([]any); isList {
					delete(object, name)
				}
			}
		}
		return out
	}
	return reflect.DeepEqual(scalars(asked), scalars(granted))
}
