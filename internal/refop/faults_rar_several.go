package refop

import (
	"encoding/json"
	"strings"
	"sync"
)

// secondOfType edits the second object where it has the type of the first.
func secondOfType(edit func([]any) any) func([]any) any {
	return func(list []any) any {
		if len(list) > 1 && sameTypes(list[:1], list[1:2]) {
			edit(list[1:2])
		}
		return list
	}
}

// What only happens to one of several objects, or to a lone one.
var (
	secondAmount = damage{"second-amount", "another amount in the second object of a type", secondOfType(otherAmount.edit)}
	secondFlag   = damage{"second-flag", "false for true in the second object of a type", secondOfType(atMember("urgent", becomes(false)))}
	thirdNumber  = damage{"third-number", "another number in the third object", func(list []any) any {
		if len(list) > 2 {
			atMember("limit", becomes(json.Number("1")))(list[2:3])
		}
		return list
	}}
	loneObject = damage{"lone", "no array around a single object", func(list []any) any {
		if len(list) == 1 {
			return list[0]
		}
		return list
	}}
	quotedTwice = damage{"quoted-twice", "texts escaped for JSON twice", inTexts(strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace)}
)

var (
	_ = damaged(inResponse, "RFC9396-7-FAITHFUL", secondAmount, secondFlag, thirdNumber, loneObject, quotedTwice)
	_ = damaged(inToken, "RFC9396-7-FAITHFUL", secondAmount, loneObject, swapped)
	_ = damaged(inIntrospection, "RFC9396-7-FAITHFUL", loneObject)
	_ = damaged(inIntrospection, "RFC9396-9.2-FAITHFUL", secondAmount, swapped)
	_ = damaged(inRefresh, "RFC9396-REFRESH", secondAmount, swapped)
	_ = damaged(inPrompt, "RFC9396-3-CONSENT-SHOWN", secondAmount, swapped)
)

// latestAt makes a fault of answers that have the details of the client's latest
// token response instead of the grant's own.
func latestAt(kind, name, sees string) Fault {
	return Fault{name, "RFC9396-7-FAITHFUL", sees, func(b *behaviour) {
		var mu sync.Mutex
		latest := map[*Client][]any{}
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			mu.Lock()
			defer mu.Unlock()
			switch {
			case r.body["authorization_details"] == nil:
			case r.kind == "tokens":
				latest[c.client] = c.flow.granted
			case r.kind == kind:
				r.body["authorization_details"] = cloneJSON(latest[c.flow.client])
			}
		})
	}}
}

// Grants of a part, and grants beside others.
var _ = plant(
	latestAt("refreshed", "rar-refresh-latest", "a refresh has the details of the client's latest token"),
	latestAt("introspection", "rar-introspection-latest", "introspection has the details of the client's latest token"),
	Fault{"rar-partial-list", "RFC9396-3-PARTIAL-GRANT", "only whole objects can be refused", func(b *behaviour) {
		b.onGrant = append(b.onGrant, func(f *flow) {
			var whole []any
			for _, asked := range f.requested {
				if sameTypes([]any{asked}, f.granted) {
					whole = append(whole, asked)
				}
			}
			f.granted = whole
		})
	}},
	Fault{"rar-partial-none", "RFC9396-3-PARTIAL-GRANT", "a grant of nothing is one of everything", func(b *behaviour) {
		b.onGrant = append(b.onGrant, func(f *flow) {
			if len(f.granted) == 0 {
				f.granted = f.requested
			}
		})
	}},
	Fault{"rar-refresh-requested", "RFC9396-3-PARTIAL-GRANT", "a refresh has what was asked, not what was granted", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if r.kind == "refreshed" && c.flow.requested != nil {
				r.body["authorization_details"] = cloneJSON(c.flow.requested)
			}
		})
	}},
	Fault{"rar-narrow-again", "RFC9396-6-TOKEN-REQ-NARROW", "a token for a part leaves the auth_req_id good for the rest", func(b *behaviour) {
		var narrowed sync.Map
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if r.kind == "tokens" && c.value("authorization_details") != "" {
				narrowed.Store(c.flow, true)
			}
		})
		b.state(func(_ *call, f *flow, at state) state {
			if _, partly := narrowed.Load(f); partly && at == used {
				return approved
			}
			return at
		})
	}},
	lax("rar-exceed-account", "RFC9396-6-TOKEN-REQ-EXCEED", "of a grant only type and amount are compared", "rar-exceed-account"),
	lax("rar-exceed-list", "RFC9396-6-TOKEN-REQ-EXCEED", "of a grant lists are not compared", "rar-exceed-list"),
)

// Entries that are no objects, or not all of them.
var _ = plant(
	withDetails("rar-null-entry-500", "RFC9396-2-NOT-ARRAY", "null in the array crashes the OP", func(text string) bool { return strings.HasSuffix(text, "null]") }, crash),
	withDetails("rar-array-entry-500", "RFC9396-2-NOT-ARRAY", "an array in the array crashes the OP", func(text string) bool { return strings.HasPrefix(text, "[[") }, crash),
	withDetails("rar-type-null-500", "RFC9396-2-TYPE-MISSING", "a type that is null crashes the OP", func(text string) bool { return strings.Contains(text, `"type":null`) }, crash),
	lax("rar-list-elements", "RFC9396-5-WRONG-FIELD-TYPE", "lists of texts may hold anything", "rar-list-elements"),
	lax("rar-last-only", "RFC9396-5-MISSING-FIELD", "only the last object is looked at", "rar-last-only"),
)
