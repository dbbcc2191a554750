package refop

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"unicode"
)

// Access says which clients may ask for an API.
type Access string

// The ways of giving access. The empty one is AllowAll.
const (
	AllowAll     Access = "allow_all"
	RequireGrant Access = "require_client_grant" // those that were granted it: [Client.APIs]
	DenyAll      Access = "deny_all"
)

// API is a resource server that access tokens are for.
type API struct {
	Identifier string // audience of the tokens
	Scopes     []string
	Types      map[string]DetailsType // of authorization_details, by name
	Access     Access
}

// DetailsType is a type of authorization_details of an API. The zero value takes every
// object that says it is of this type.
type DetailsType struct {
	// Check says what is wrong with an object of the type, nil for nothing.
	Check func(object map[string]any) error
}

// Open says of what an OP knows more than its registration lists. What is listed is held to
// what the list says of it.
type Open struct {
	Clients bool // any client_id, with any secret or assertion
	Users   bool // any login_hint
	APIs    bool // any audience
	Scopes  bool // any scope
	Types   bool // any type of authorization_details, with any members
}

// Everything is open to all.
var Everything = Open{true, true, true, true, true}

// And is open to what either is open to.
func (o Open) And(other Open) Open {
	return Open{
		o.Clients || other.Clients, o.Users || other.Users, o.APIs || other.APIs, o.Scopes || other.Scopes, o.Types || other.Types,
	}
}

// api is the API of an identifier, of the usual one for an empty identifier, nil for one that
// is not listed.
func (op *OP) api(identifier string) *API {
	identifier = cmp.Or(identifier, op.reg.API)
	i := slices.IndexFunc(op.reg.APIs, func(a API) bool { return a.Identifier == identifier })
	if i < 0 {
		return nil
	}
	return &op.reg.APIs[i]
}

// audienceOf takes the name that RFC 8707 has for it before the one that products have.
func audienceOf(c *Call) string {
	if resource := c.Value("resource"); resource != "" {
		return resource
	}
	return c.Value("audience")
}

// findAPI is RFC 8707 2: who asks for what this OP does not know, or may not have, is told.
func (c *Call) findAPI() *OAuthError {
	name := c.OP.Rules().AudienceOf(c)
	api := c.OP.api(name)
	if api == nil && name != "" && name != c.OP.reg.API && !c.OP.reg.Open.APIs {
		return Refusal("invalid_target", "unknown API")
	}
	if api != nil && !api.open(c.Client) {
		return &OAuthError{Status: http.StatusForbidden, Code: "access_denied", Description: "the client may not ask for this API"}
	}
	c.Audience = name
	return nil
}

func (a *API) open(client *Client) bool {
	switch a.Access {
	case DenyAll:
		return false
	case RequireGrant:
		return slices.Contains(client.APIs, a.Identifier)
	case AllowAll:
	}
	return true
}

// audience is the API that the tokens of a flow are for; this OP itself where no API was asked
// for and none is the usual one.
func (op *OP) audience(f *Flow) string { return cmp.Or(f.Audience, op.reg.API, op.issuer) }

// scopes are the values of scope that may be asked for along with an API.
func (op *OP) scopes(audience string) []string {
	if api := op.api(audience); api != nil {
		return slices.Concat(op.reg.Scopes, api.Scopes)
	}
	return op.reg.Scopes
}

// checkTypeOfAPI validates an object by the definition that the API has of its type.
func (c *Call) checkTypeOfAPI(name string, object map[string]any) *OAuthError {
	var kind DetailsType
	known := false
	if api := c.OP.api(c.Audience); api != nil {
		kind, known = api.Types[name]
	}
	if !known && !c.OP.reg.Open.Types {
		return badDetails(UnknownType)
	}
	if !c.OP.Rules().MayUseType(c.Client, name) {
		return badDetails("the client may not use this type")
	}
	if kind.Check != nil {
		if err := kind.Check(object); err != nil {
			return badDetails(err.Error())
		}
	}
	return nil
}

// UserByLogin is the user of a login name, nil for nobody. Where the registration is open to
// users, a name that is not listed is that of a user with this name as subject.
func (op *OP) UserByLogin(name string) *User {
	known := op.UserBy(func(u User) bool { return u.LoginHint == name || slices.Contains(u.Logins, name) })
	if known == nil {
		return op.unlisted(name)
	}
	return known
}

// UserBySubject is the user of a subject, nil for nobody; see [OP.UserByLogin].
func (op *OP) UserBySubject(sub string) *User {
	known := op.UserBy(func(u User) bool { return u.Sub == sub })
	if known == nil {
		return op.unlisted(sub)
	}
	return known
}

// unlisted is the user of a name in an open registration, with an address that leads nowhere;
// nil where the registration is not open to users, or the name is nobody's.
func (op *OP) unlisted(name string) *User {
	if !op.reg.Open.Users || name == "" || slices.Contains(op.reg.Nobody, name) {
		return nil
	}
	short := name[strings.LastIndex(name, "|")+1:]
	email := short
	if !strings.Contains(short, "@") {
		email = strings.Map(mailbox, short) + "@users.example"
	}
	return &User{Sub: name, LoginHint: name, Name: short, Email: email}
}

// mailbox keeps the characters that the local part of an address has without quotes.
func mailbox(r rune) rune {
	if r < 128 && (unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_' || r == '.') {
		return r
	}
	return '-'
}
