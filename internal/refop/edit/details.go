package edit

import (
	"encoding/json"
	"strings"

	"github.com/cibatest/cibatest/internal/refop"
)

// Place is where the details of a request come back, or where the user sees them.
type Place string

// The places of authorization_details.
const (
	InPrompt        Place = "prompt"
	InResponse      Place = "response"
	InToken         Place = "token"
	InIntrospection Place = "introspection"
	InRefresh       Place = "refresh"
)

// Details lets an edit replace authorization_details in one place, unless they are
// empty. Objects are copies, which an edit may change; nil takes the member away.
func Details(place Place, edit func([]any) any) Change {
	inside := func(object map[string]any) {
		list, ok := object["authorization_details"].([]any)
		if !ok || len(list) == 0 {
			return
		}
		if object["authorization_details"] = edit(list); object["authorization_details"] == nil {
			delete(object, "authorization_details")
		}
	}
	inBody := func(r *refop.Reply) { inside(r.Body) }
	switch place {
	case InPrompt:
		return func(p *refop.Plan) { p.EditPrompts(func(_ *refop.Flow, prompt map[string]any) { inside(prompt) }) }
	case InToken:
		return AccessClaims(func(_ *refop.Call, claims map[string]any) { inside(claims) })
	case InIntrospection:
		return Introspections(inBody)
	case InRefresh:
		return Answers(refop.EndpointToken, refop.ReplyRefreshed, inBody)
	case InResponse: // the answer with the first tokens
	}
	return Tokens(inBody)
}

// DetailsBack edits what the client and resource servers get back.
func DetailsBack(edit func([]any) any) Change {
	return All(Details(InResponse, edit), Details(InToken, edit), Details(InIntrospection, edit), Details(InRefresh, edit))
}

// Gone takes authorization_details away.
func Gone([]any) any { return nil }

// AtMember edits a member of every object that has it, by a path with dots; nil takes
// it away.
func AtMember(path string, change func(any) any) func([]any) any {
	names := strings.Split(path, ".")
	last := names[len(names)-1]
	return func(list []any) any {
		for _, item := range list {
			object, ok := item.(map[string]any)
			for _, name := range names[:len(names)-1] {
				if ok {
					object, ok = object[name].(map[string]any)
				}
			}
			old, there := object[last]
			if !there {
				continue
			}
			if object[last] = change(old); object[last] == nil {
				delete(object, last)
			}
		}
		return list
	}
}

// Becomes replaces a value.
func Becomes(value any) func(any) any { return func(any) any { return value } }

// IgnoringDetails takes no notice of authorization_details.
func IgnoringDetails() Change {
	return func(p *refop.Plan) {
		p.Rules.Details = func(*refop.Call) ([]any, *refop.OAuthError) { return nil, nil }
	}
}

// WithoutRAR makes an OP that knows nothing of RFC 9396, and whose target file says
// so.
func WithoutRAR() Change {
	return All(IgnoringDetails(), Metadata(func(doc map[string]any) { delete(doc, "authorization_details_types_supported") }),
		func(p *refop.Plan) {
			p.Declare("rar", false)
			p.Declare("no_rar", true)
		})
}

// NotNarrowing gives a token everything that was granted, whatever its request
// asks for.
func NotNarrowing() Change {
	return func(p *refop.Plan) {
		p.Rules.NarrowDetails = func(_ *refop.Call, granted []any) ([]any, *refop.OAuthError) { return granted, nil }
	}
}

// DetailsThat refers to backchannel requests whose authorization_details fit.
func DetailsThat(fit func(text string) bool) func(*refop.Call) bool {
	return func(c *refop.Call) bool {
		return c.Has("authorization_details") && fit(c.Value("authorization_details"))
	}
}

// SameTypes reports whether every object of a list has the type of one of another.
func SameTypes(list, others []any) bool {
	kinds := map[any]bool{}
	for _, o := range others {
		object, _ := o.(map[string]any)
		kinds[jsonText(object["type"])] = true
	}
	for _, item := range list {
		object, _ := item.(map[string]any)
		if !kinds[jsonText(object["type"])] {
			return false
		}
	}
	return true
}

func jsonText(v any) string {
	data, _ := json.Marshal(v)
	return string(data)
}
