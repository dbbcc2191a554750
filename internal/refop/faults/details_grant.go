package faults

import (
	"reflect"
	"slices"
	"sync"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// DetailsGrant are the defects of grants, of a part or beside others; RFC 9396 3, 6 and 7.
var DetailsGrant = []Fault{
	{
		"rar-refresh-latest", "RFC9396-7-FAITHFUL", "a refresh has the details of the client's latest token",
		latestDetails(refop.ReplyRefreshed),
	},
	{
		"rar-introspection-latest", "RFC9396-7-FAITHFUL", "introspection has the details of the client's latest token",
		latestDetails(refop.ReplyIntrospection),
	},
	{"rar-partial-list", "RFC9396-3-PARTIAL-GRANT", "only whole objects can be refused", func(p *refop.Plan) {
		p.EditDecisions(func(f *refop.Flow) {
			var whole []any
			for _, asked := range f.Requested {
				if edit.SameTypes([]any{asked}, f.Granted) {
					whole = append(whole, asked)
				}
			}
			f.Granted = whole
		})
	}},
	{"rar-partial-none", "RFC9396-3-PARTIAL-GRANT", "a grant of nothing is one of everything", func(p *refop.Plan) {
		p.EditDecisions(func(f *refop.Flow) {
			if len(f.Granted) == 0 {
				f.Granted = f.Requested
			}
		})
	}},
	{
		"rar-refresh-requested", "RFC9396-3-PARTIAL-GRANT", "a refresh has what was asked, not what was granted",
		edit.Replies(func(c *refop.Call, r *refop.Reply) {
			if r.Kind == refop.ReplyRefreshed && c.Flow.Requested != nil {
				r.Body["authorization_details"] = refop.CloneJSON(c.Flow.Requested)
			}
		}),
	},
	{
		"rar-narrow-again", "RFC9396-6-TOKEN-REQ-NARROW", "a token for a part leaves the auth_req_id good for the rest",
		func(p *refop.Plan) {
			var narrowed sync.Map
			p.EditReplies(func(c *refop.Call, r *refop.Reply) {
				if r.Kind == refop.ReplyTokens && c.Value("authorization_details") != "" {
					narrowed.Store(c.Flow, true)
				}
			})
			p.EditStates(func(_ *refop.Call, f *refop.Flow, at refop.State) refop.State {
				if _, partly := narrowed.Load(f); partly && at == refop.Used {
					return refop.Approved
				}
				return at
			})
		},
	},
	{
		"rar-exceed-account", "RFC9396-6-TOKEN-REQ-EXCEED", "of a grant only type and amount are compared",
		withinGrant(func(_ *refop.Call, asked, granted []any) bool { return sameAmounts(asked, granted) }),
	},
	{
		"rar-exceed-list", "RFC9396-6-TOKEN-REQ-EXCEED", "of a grant lists are not compared",
		withinGrant(func(_ *refop.Call, asked, granted []any) bool { return sameButLists(asked, granted) }),
	},
	{"rar-all-granted", "RFC9396-3-PARTIAL-GRANT", "the user's choice is overlooked", func(p *refop.Plan) {
		p.EditDecisions(func(f *refop.Flow) { f.Granted = f.Requested })
	}},
	{
		"rar-all-in-token", "RFC9396-3-PARTIAL-GRANT", "the access token has what was asked, not what was granted",
		edit.AccessClaims(func(c *refop.Call, claims map[string]any) {
			if claims["authorization_details"] != nil {
				claims["authorization_details"] = refop.CloneJSON(c.Flow.Requested)
			}
		}),
	},
	{
		"rar-all-in-introspection", "RFC9396-3-PARTIAL-GRANT", "introspection has what was asked, not what was granted",
		edit.Replies(func(c *refop.Call, r *refop.Reply) {
			if r.Kind == refop.ReplyIntrospection && c.Flow != nil && c.Flow.Requested != nil {
				r.Body["authorization_details"] = refop.CloneJSON(c.Flow.Requested)
			}
		}),
	},
	{
		"rar-no-scope", "RFC9396-3.1-WITH-SCOPE", "details replace the scope",
		tokensWithDetails(func(r *refop.Reply) { r.Body["scope"] = "payments" }),
	},
	{
		"rar-no-id-token", "RFC9396-3.1-WITH-SCOPE", "with details there is no ID Token",
		tokensWithDetails(edit.WithoutMember("id_token")),
	},
	{
		"rar-narrow-500", "RFC9396-6-TOKEN-REQ-NARROW", "details in a token request crash the OP",
		tokenRequestsThat(edit.Sent("authorization_details"), crash),
	},
	{
		"rar-narrow-response-only", "RFC9396-6-TOKEN-REQ-NARROW", "the access token is not narrowed",
		edit.AccessClaims(func(c *refop.Call, claims map[string]any) {
			if c.Has("authorization_details") {
				claims["authorization_details"] = refop.CloneJSON(c.Flow.Granted)
			}
		}),
	},
	{
		"rar-exceed", "RFC9396-6-TOKEN-REQ-EXCEED", "a token request may ask for anything valid",
		withinGrant(func(*refop.Call, []any, []any) bool { return true }),
	},
	{
		"rar-exceed-amount", "RFC9396-6-TOKEN-REQ-EXCEED", "one approval can be spent on another amount",
		withinGrant(func(_ *refop.Call, asked, granted []any) bool { return edit.SameTypes(asked, granted) }),
	},
	{
		"rar-exceed-nothing", "RFC9396-6-TOKEN-REQ-EXCEED", "a token request may ask for anything when nothing was granted",
		withinGrant(func(_ *refop.Call, _, granted []any) bool { return granted == nil }),
	},
	{"rar-exceed-500", "RFC9396-6-TOKEN-REQ-EXCEED", "asking for more crashes the OP", beyondGrant(500, "server_error")},
	{"rar-exceed-code", "RFC9396-6-TOKEN-REQ-EXCEED", "asking for more is access_denied", beyondGrant(400, "access_denied")},
	{
		"rar-exceed-token-only", "RFC9396-6-TOKEN-REQ-EXCEED", "the access token has whatever the token request asks for",
		edit.All(edit.NotNarrowing(), edit.AccessClaims(func(c *refop.Call, claims map[string]any) {
			if value, err := refop.DecodeJSON(c.Value("authorization_details")); err == nil && c.Value("grant_type") == refop.GrantCIBA {
				claims["authorization_details"] = value
			}
		})),
	},
	{
		"rar-refresh-exceed", "RFC9396-REFRESH", "a refresh may ask for anything valid",
		withinGrant(func(c *refop.Call, _, _ []any) bool { return refreshing(c) }),
	},
	{
		"rar-refresh-subset-refused", "RFC9396-REFRESH", "a refresh with details is invalid_grant",
		edit.Replies(func(c *refop.Call, r *refop.Reply) {
			if c.Value("grant_type") == "refresh_token" && c.Has("authorization_details") {
				refused("invalid_grant")(c, r)
			}
		}),
	},
	{"rar-latest-of-client", "RFC9396-7-FAITHFUL", "a request gets the details of the client's latest one", func(p *refop.Plan) {
		var mu sync.Mutex
		latest := map[*refop.Client][]any{}
		p.EditFlows(func(c *refop.Call, f *refop.Flow) {
			mu.Lock()
			defer mu.Unlock()
			if f.Requested != nil {
				latest[c.Client] = f.Requested
			}
		})
		p.EditDecisions(func(f *refop.Flow) {
			mu.Lock()
			defer mu.Unlock()
			if f.Requested != nil {
				f.Granted = latest[f.Client]
			}
		})
	}},
	{"rar-prompt-previous", "RFC9396-3-CONSENT-SHOWN", "the user is shown the details of the first request", func(p *refop.Plan) {
		var mu sync.Mutex
		first := map[any][]any{}
		p.EditPrompts(func(f *refop.Flow, p map[string]any) {
			mu.Lock()
			defer mu.Unlock()
			if len(f.Requested) != 1 {
				return
			}
			kind := f.Requested[0].(map[string]any)["type"]
			if first[kind] == nil {
				first[kind] = f.Requested
			}
			p["authorization_details"] = first[kind]
		})
	}},
	{"rar-default", "RFC9396-7-FAITHFUL", "details are granted that nobody asked for", func(p *refop.Plan) {
		p.EditDecisions(func(f *refop.Flow) {
			if f.Requested == nil {
				f.Granted = []any{map[string]any{"type": "account_information", "actions": []any{"list_accounts"}}}
			}
		})
	}},
	{
		"rar-not-enriched", "RFC9396-7.1-ENRICHED", "said to enrich details, it adds nothing",
		func(p *refop.Plan) { p.Declare("rar_enrich", true) },
	},
}

// tokensWithDetails edits token responses that have authorization_details.
func tokensWithDetails(rewrite func(*refop.Reply)) edit.Change {
	return edit.Tokens(func(r *refop.Reply) {
		if r.Body["authorization_details"] != nil {
			rewrite(r)
		}
	})
}

// withinGrant grants other details, too, than those that stay within the grant.
func withinGrant(too func(c *refop.Call, asked, granted []any) bool) edit.Change {
	return func(p *refop.Plan) {
		inner := p.Rules.WithinGrant
		p.Rules.WithinGrant = func(c *refop.Call, asked, granted []any) bool {
			return inner(c, asked, granted) || too(c, asked, granted)
		}
	}
}

// beyondGrant answers token requests that go beyond the grant with another error.
func beyondGrant(status int, code string) edit.Change {
	return func(p *refop.Plan) {
		inner := p.Rules.NarrowDetails
		p.Rules.NarrowDetails = func(c *refop.Call, granted []any) ([]any, *refop.OAuthError) {
			details, err := inner(c, granted)
			if err == nil {
				return details, nil
			}
			if _, invalid := c.OP.Rules().Details(c); invalid != nil {
				return nil, invalid
			}
			return nil, &refop.OAuthError{Status: status, Code: code, Description: "refused"}
		}
	}
}

// sameAmounts is [edit.SameTypes] that looks at amounts as well.
func sameAmounts(asked, granted []any) bool {
	amount := func(v any) any {
		object, _ := v.(map[string]any)
		return object["instructedAmount"]
	}
	return edit.SameTypes(asked, granted) && !slices.ContainsFunc(asked, func(a any) bool {
		return !slices.ContainsFunc(granted, func(g any) bool { return reflect.DeepEqual(amount(a), amount(g)) })
	})
}

// sameButLists compares everything except lists.
func sameButLists(asked, granted []any) bool {
	return reflect.DeepEqual(withoutLists(asked), withoutLists(granted))
}

func withoutLists(list []any) any {
	out := refop.CloneJSON(list).([]any)
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

// latestDetails tells, in answers of a kind, the details of the client's latest token
// response instead of the grant's own.
func latestDetails(kind refop.ReplyKind) edit.Change {
	return func(p *refop.Plan) {
		var mu sync.Mutex
		latest := map[*refop.Client][]any{}
		p.EditReplies(func(c *refop.Call, r *refop.Reply) {
			mu.Lock()
			defer mu.Unlock()
			switch {
			case r.Body["authorization_details"] == nil:
			case r.Kind == refop.ReplyTokens:
				latest[c.Client] = c.Flow.Granted
			case r.Kind == kind:
				r.Body["authorization_details"] = refop.CloneJSON(latest[c.Flow.Client])
			}
		})
	}
}
