package refop

import (
	"encoding/json"
	"fmt"
	"slices"
)

// readDetails reads the parameter: an array of objects; RFC 9396 2.
func readDetails(c *Call) ([]any, *OAuthError) {
	if !c.Has("authorization_details") {
		return nil, nil
	}
	value, err := DecodeJSON(c.Value("authorization_details"))
	if err != nil {
		return nil, badDetails("authorization_details is not JSON")
	}
	list, ok := value.([]any)
	if !ok {
		return nil, badDetails("authorization_details is not an array")
	}
	return c.OP.Rules().DetailsList(c, list)
}

// UnknownType is how a type of authorization_details is refused that is not registered.
const UnknownType = "unknown type"

func badDetails(description string) *OAuthError {
	return Refusal("invalid_authorization_details", description)
}

func checkDetailsList(c *Call, list []any) ([]any, *OAuthError) {
	for _, entry := range list {
		if err := c.OP.Rules().DetailsEntry(c, entry); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// checkDetailsEntry validates one object against the definition of its type.
func checkDetailsEntry(c *Call, entry any) *OAuthError {
	object, ok := entry.(map[string]any)
	if !ok {
		return badDetails("every entry of authorization_details is an object")
	}
	name, ok := object["type"].(string)
	if !ok || name == "" {
		return badDetails("type is missing")
	}
	definition, known := c.OP.reg.RARTypes[name]
	if !known {
		return c.checkTypeOfAPI(name, object)
	}
	if !c.OP.Rules().MayUseType(c.Client, name) {
		return badDetails("the client may not use this type")
	}
	members := make(map[string]any, len(object))
	for member, value := range object {
		if member != "type" {
			members[member] = value
		}
	}
	return c.OP.Rules().DetailsMembers(c, name, definition.Members, members)
}

func mayUseType(client *Client, name string) bool {
	return len(client.RARTypes) == 0 || slices.Contains(client.RARTypes, name)
}

func checkDetailsMembers(c *Call, path string, members map[string]Member, object map[string]any) *OAuthError {
	for name, value := range object {
		definition, known := members[name]
		if !known {
			return badDetails(path + " has an unknown member")
		}
		if err := c.OP.Rules().DetailsMember(c, path+"."+name, definition, value); err != nil {
			return err
		}
	}
	for name, definition := range members {
		if _, there := object[name]; definition.Required && !there {
			return badDetails(fmt.Sprintf("%s.%s is missing", path, name))
		}
	}
	return nil
}

// checkDetailsMember goes into objects and arrays, whose parts have definitions of
// their own.
func checkDetailsMember(c *Call, path string, m Member, value any) *OAuthError {
	if !m.HasType(value) {
		return badDetails(path + " has a value of the wrong type")
	}
	switch v := value.(type) {
	case string:
		if !m.Allows(v) {
			return badDetails(path + " has a value that is not allowed")
		}
	case map[string]any:
		return c.OP.Rules().DetailsMembers(c, path, m.Members, v)
	case []any:
		for _, item := range v {
			if m.Items == nil {
				break
			}
			if err := c.OP.Rules().DetailsMember(c, path+"[]", *m.Items, item); err != nil {
				return err
			}
		}
	}
	return nil
}

// HasType reports whether a JSON value is of the member's type.
func (m Member) HasType(value any) bool {
	switch value.(type) {
	case string:
		return m.Type == "string"
	case json.Number:
		return m.Type == "number"
	case bool:
		return m.Type == "boolean"
	case map[string]any:
		return m.Type == "object"
	case []any:
		return m.Type == "array"
	}
	return false
}

// Allows reports whether a text fits the member's pattern; without a pattern every
// text does.
func (m Member) Allows(text string) bool { return m.pattern == nil || m.pattern.MatchString(text) }

// narrowDetails is RFC 9396 6: a token request may ask for less than was granted.
func narrowDetails(c *Call, granted []any) ([]any, *OAuthError) {
	asked, err := c.OP.Rules().Details(c)
	if err != nil {
		return nil, err
	}
	if asked == nil {
		return granted, nil
	}
	if !c.OP.Rules().WithinGrant(c, asked, granted) {
		return nil, badDetails("authorization_details go beyond the grant")
	}
	return asked, nil
}

func withinGrant(_ *Call, asked, granted []any) bool { return Within(asked, granted) }
