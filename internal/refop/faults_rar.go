package refop

import (
	"bytes"
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// The places where the details of a grant come back, and where the user sees them.
const (
	inPrompt        = "prompt"
	inResponse      = "response"
	inToken         = "token"
	inIntrospection = "introspection"
	inRefresh       = "refresh"
)

// detailsAt lets an edit replace authorization_details in one place, unless they
// are empty. Objects are copies, which an edit may change; nil takes the member
// away.
func (b *behaviour) detailsAt(place string, edit func([]any) any) {
	inside := func(object map[string]any) {
		list, ok := object["authorization_details"].([]any)
		if !ok || len(list) == 0 {
			return
		}
		if object["authorization_details"] = edit(list); object["authorization_details"] == nil {
			delete(object, "authorization_details")
		}
	}
	switch place {
	case inPrompt:
		b.onPrompt = append(b.onPrompt, func(_ *flow, p map[string]any) { inside(p) })
	case inToken:
		b.onAccess = append(b.onAccess, func(_ *call, claims map[string]any) { inside(claims) })
	case inResponse:
		b.reply("token", "tokens", func(r *reply) { inside(r.body) })
	case inIntrospection:
		b.reply("introspection", "introspection", func(r *reply) { inside(r.body) })
	case inRefresh:
		b.reply("token", "refreshed", func(r *reply) { inside(r.body) })
	}
}

// damage is a way to spoil details on their way back.
type damage struct {
	name, sees string
	edit       func([]any) any
}

// atMember edits a member of every object that has it; nil takes it away.
func atMember(path string, change func(any) any) func([]any) any {
	names := strings.Split(path, ".")
	return func(list []any) any {
		for _, item := range list {
			object, ok := item.(map[string]any)
			for _, name := range names[:len(names)-1] {
				if ok {
					object, ok = object[name].(map[string]any)
				}
			}
			last := names[len(names)-1]
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

func becomes(value any) func(any) any { return func(any) any { return value } }

// eachText edits every text in a value but types.
func eachText(value any, change func(string) string) any {
	switch v := value.(type) {
	case string:
		return change(v)
	case []any:
		for i := range v {
			v[i] = eachText(v[i], change)
		}
	case map[string]any:
		for name := range v {
			if name != "type" {
				v[name] = eachText(v[name], change)
			}
		}
	}
	return value
}

func inTexts(change func(string) string) func([]any) any {
	return func(list []any) any { return eachText(list, change) }
}

// decodedAgain is a text taken for form-encoded once more.
func decodedAgain(s string) string {
	if again, err := url.QueryUnescape(s); err == nil {
		return again
	}
	return s
}

func onlyASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r > 0x7E {
			return '?'
		}
		return r
	}, s)
}

// What may happen to a payment, and to access to accounts.
var (
	otherAmount   = damage{"amount", "another amount", atMember("instructedAmount.amount", becomes("90.00"))}
	otherCurrency = damage{"currency", "another currency", atMember("instructedAmount.currency", becomes("GBP"))}
	otherAccount  = damage{"account", "another account", atMember("creditorAccount.iban", becomes("XX00666666660000000000"))}
	mangledText   = damage{"unicode", "question marks for what is not ASCII", inTexts(onlyASCII)}
	escapedText   = damage{"escaped", "text escaped for HTML", inTexts(html.EscapeString)}
	decodedTwice  = damage{"decoded-twice", "texts decoded from the form twice", inTexts(decodedAgain)}
	rounded       = damage{"number", "a large number rounded", atMember("limit", becomes(json.Number("9007199254740992")))}
	numberAsYes   = damage{"boolean", "true where a number was", atMember("limit", becomes(true))}
	flattened     = damage{"flat", "a text where an object was", atMember("instructedAmount", becomes("50.00 USD"))}
	moreActions   = damage{"action", "one action more", atMember("actions", func(old any) any { return append(old.([]any), "read_transactions") })}
	moreMembers   = damage{"member", "a member nobody asked for", func(list []any) any {
		for _, item := range list {
			item.(map[string]any)["fee"] = "1.00"
		}
		return list
	}}
	otherType = damage{"type", "another type", func(list []any) any {
		list[0].(map[string]any)["type"] = "payment_cancellation"
		return list
	}}
	twice       = damage{"twice", "an object twice", func(list []any) any { return append(list, cloneJSON(list[0])) }}
	trimmed     = damage{"zeros", "amounts without their last zeros", atMember("instructedAmount.amount", func(old any) any { return strings.TrimRight(strings.TrimRight(old.(string), "0"), ".") })}
	retyped     = damage{"retyped", "amounts as numbers", atMember("instructedAmount.amount", func(old any) any { return json.Number(old.(string)) })}
	noAmount    = damage{"no-amount", "no amount", atMember("instructedAmount", becomes(nil))}
	noCurrency  = damage{"no-currency", "no currency", atMember("instructedAmount.currency", becomes(nil))}
	lessObjects = damage{"object", "one object less", func(list []any) any { return list[:len(list)-1] }}
	swapped     = damage{"swapped", "amounts of one object in the other", func(list []any) any {
		if len(list) < 2 {
			return list
		}
		a, b := list[0].(map[string]any), list[1].(map[string]any)
		if a["type"] == b["type"] {
			a["instructedAmount"], b["instructedAmount"] = b["instructedAmount"], a["instructedAmount"]
		}
		return list
	}}
	merged = damage{"merged", "one object of each type", func(list []any) any {
		return slices.CompactFunc(list, func(a, b any) bool { return sameTypes([]any{a}, []any{b}) })
	}}
	gone     = damage{"gone", "none", func([]any) any { return nil }}
	emptied  = damage{"empty", "an empty array", func([]any) any { return []any{} }}
	asText   = damage{"text", "JSON in a string", func(list []any) any { return jsonText(list) }}
	asObject = damage{"object-only", "a lone object", func(list []any) any { return list[0] }}
	texts    = damage{"strings", "an array of strings", func([]any) any { return []any{"payment_initiation"} }}
	typeless = damage{"typeless", "objects without type", atMember("type", becomes(nil))}
)

func jsonText(v any) string {
	data, _ := json.Marshal(v)
	return string(data)
}

// damaged makes a fault of each damage in one place.
func damaged(place, breaks string, list ...damage) bool {
	for _, d := range list {
		plant(Fault{"rar-" + place + "-" + d.name, breaks, place + " has " + d.sees, func(b *behaviour) { b.detailsAt(place, d.edit) }})
	}
	return true
}

var (
	_ = damaged(inResponse, "RFC9396-7-RETURNED", gone, emptied, asText, asObject, texts, typeless)
	_ = damaged(inResponse, "RFC9396-7-FAITHFUL", otherAmount, otherCurrency, otherAccount, mangledText, escapedText, decodedTwice, rounded, numberAsYes, flattened,
		moreActions, moreMembers, otherType, twice)
	_ = damaged(inResponse, "RFC9396-7-COMPLETE", trimmed, retyped, noAmount, noCurrency, lessObjects, swapped, merged)
	_ = damaged(inToken, "RFC9396-7-FAITHFUL", otherAmount, otherCurrency, mangledText, rounded, moreActions, otherType, twice)
	_ = damaged(inToken, "RFC9396-9.1-JWT-CLAIM", gone, asText, asObject, texts, typeless)
	_ = damaged(inIntrospection, "RFC9396-9.2-FAITHFUL", otherAmount, otherCurrency, mangledText, escapedText, rounded, numberAsYes, otherType, retyped)
	_ = damaged(inIntrospection, "RFC9396-9.2-INTROSPECTION", asText, asObject, texts, typeless)
	_ = damaged(inRefresh, "RFC9396-REFRESH", otherAmount, otherCurrency, rounded, moreActions, otherType, twice, gone, emptied, asText)
	_ = damaged(inPrompt, "RFC9396-3-CONSENT-SHOWN", otherAmount, otherCurrency, otherAccount, mangledText, escapedText, decodedTwice, rounded, moreActions, noAmount, noCurrency, lessObjects, twice, gone, emptied)
)

// withDetails makes a fault of backchannel requests whose details a test picks.
func withDetails(name, breaks, sees string, picks func(text string) bool, edit func(*call, *reply)) Fault {
	return whenSent(name, breaks, sees, "start", "authorization_details", func(c *call, r *reply) {
		if picks(c.value("authorization_details")) {
			edit(c, r)
		}
	})
}

func always(string) bool { return true }

func severalObjects(text string) bool {
	var list []map[string]any
	return json.Unmarshal([]byte(text), &list) == nil && len(list) > 1
}

// RFC 9396 2, 3 and 5: what is taken and what is refused.
var _ = plant(
	withDetails("rar-refused", "RFC9396-3-ACCEPT", "authorization_details are refused", always, refused("invalid_request")),
	withDetails("rar-500", "RFC9396-3-ACCEPT", "authorization_details crash the OP", always, crash),
	withDetails("rar-white-space", "RFC9396-3-ACCEPT", "line breaks are refused", func(text string) bool { return strings.Contains(text, "\n") }, refused("invalid_authorization_details")),
	lax("rar-dropped", "RFC9396-7-RETURNED", "authorization_details are silently ignored", "rar-ignored"),
	lax("rar-any-text", "RFC9396-2-NOT-JSON", "what is not JSON is ignored", "rar-json"),
	lax("rar-trailing-text", "RFC9396-2-NOT-JSON", "text after the array is ignored", "rar-trailing"),
	withDetails("rar-not-json-500", "RFC9396-2-NOT-JSON", "what is not JSON crashes the OP", func(text string) bool { return !json.Valid([]byte(text)) }, crash),
	withDetails("rar-not-json-scope", "RFC9396-2-NOT-JSON", "what is not JSON is invalid_scope", func(text string) bool { return !json.Valid([]byte(text)) }, refused("invalid_scope")),
	lax("rar-any-value", "RFC9396-2-NOT-ARRAY", "a lone object or null is an array of one", "rar-array"),
	lax("rar-strings", "RFC9396-2-NOT-ARRAY", "an array of strings is accepted", "rar-object"),
	withDetails("rar-null-500", "RFC9396-2-NOT-ARRAY", "null crashes the OP", func(text string) bool { return text == "null" }, crash),
	withDetails("rar-object-500", "RFC9396-2-NOT-ARRAY", "a lone object crashes the OP", func(text string) bool { return strings.HasPrefix(text, "{") }, crash),
	withDetails("rar-empty-500", "RFC9396-2-EMPTY-ARRAY", "an empty array crashes the OP", func(text string) bool { return text == "[]" }, crash),
	lax("rar-type-missing", "RFC9396-2-TYPE-MISSING", "objects need no type", "rar-type-missing"),
	lax("rar-type-number", "RFC9396-2-TYPE-MISSING", "a type may be a number", "rar-type-odd"),
	lax("rar-type-list", "RFC9396-2-TYPE-MISSING", "a type may be a list", "rar-type-list"),
	lax("rar-type-empty", "RFC9396-2-TYPE-MISSING", "a type may be empty", "rar-type-empty"),
	lax("rar-first-only", "RFC9396-2-TYPE-MISSING", "only the first object is looked at", "rar-rest"),
	withDetails("rar-type-500", "RFC9396-2-TYPE-MISSING", "a type that is a number crashes the OP", func(text string) bool { return strings.Contains(text, `"type":42`) }, crash),
	lax("rar-any-type", "RFC9396-5-UNKNOWN-TYPE", "unknown types are accepted", "rar-unknown-type"),
	lax("rar-unknown-ignored", "RFC9396-5-UNKNOWN-TYPE", "invalid objects are left out", "rar-unknown-dropped"),
	lax("rar-type-any-case", "RFC9396-5-UNKNOWN-TYPE", "the case of types does not matter", "rar-type-case"),
	lax("rar-type-prefix", "RFC9396-5-UNKNOWN-TYPE", "the end of a type does not matter", "rar-type-prefix"),
	wrongly("rar-wrong-code", "RFC9396-5-UNKNOWN-TYPE", "bad details are invalid_scope", "rar", 400, "invalid_scope"),
	wrongly("rar-wrong-status", "RFC9396-5-UNKNOWN-TYPE", "bad details are 403", "rar", 403, "invalid_authorization_details"),
	wrongly("rar-invalid-500", "RFC9396-5-MISSING-FIELD", "bad details crash the OP", "rar", 500, "server_error"),
	lax("rar-any-field", "RFC9396-5-UNKNOWN-FIELD", "unknown members are accepted", "rar-unknown-field"),
	lax("rar-any-field-type", "RFC9396-5-WRONG-FIELD-TYPE", "members may have any JSON type", "rar-field-type"),
	lax("rar-actions-text", "RFC9396-5-WRONG-FIELD-TYPE", "a list may be a string", "rar-list-type"),
	lax("rar-any-value-of-field", "RFC9396-5-INVALID-VALUE", "members may have any value", "rar-value"),
	lax("rar-no-field-required", "RFC9396-5-MISSING-FIELD", "no member is required", "rar-missing-field"),
	lax("rar-outside-only", "RFC9396-5-MISSING-FIELD", "objects inside objects are not looked at", "rar-nested"),
	withDetails("rar-one-of-a-type", "RFC9396-2-SAME-TYPE-TWICE", "two objects of one type are refused", func(text string) bool {
		return strings.Count(text, `"payment_initiation"`) == 2
	}, refused("invalid_authorization_details")),
	withDetails("rar-single", "RFC9396-2-SAME-TYPE-TWICE", "a second object is refused", severalObjects, refused("invalid_authorization_details")),
	withDetails("rar-large-500", "RFC9396-11.4-LARGE", "30 kB of details crash the OP", func(text string) bool { return len(text) > 20_000 }, crash),
)

// Grants, RFC 9396 3 and 6.
var _ = plant(
	Fault{"rar-all-granted", "RFC9396-3-PARTIAL-GRANT", "the user's choice is overlooked", func(b *behaviour) {
		b.onGrant = append(b.onGrant, func(f *flow) { f.granted = f.requested })
	}},
	Fault{"rar-all-in-token", "RFC9396-3-PARTIAL-GRANT", "the access token has what was asked, not what was granted", func(b *behaviour) {
		b.onAccess = append(b.onAccess, func(c *call, claims map[string]any) {
			if claims["authorization_details"] != nil {
				claims["authorization_details"] = cloneJSON(c.flow.requested)
			}
		})
	}},
	Fault{"rar-all-in-introspection", "RFC9396-3-PARTIAL-GRANT", "introspection has what was asked, not what was granted", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if r.kind == "introspection" && c.flow != nil && c.flow.requested != nil {
				r.body["authorization_details"] = cloneJSON(c.flow.requested)
			}
		})
	}},
	withGrant("rar-no-scope", "RFC9396-3.1-WITH-SCOPE", "details replace the scope", func(r *reply) { r.body["scope"] = "payments" }),
	withGrant("rar-no-id-token", "RFC9396-3.1-WITH-SCOPE", "with details there is no ID Token", func(r *reply) { delete(r.body, "id_token") }),
	whenSent("rar-narrow-500", "RFC9396-6-TOKEN-REQ-NARROW", "details in a token request crash the OP", "token", "authorization_details", crash),
	Fault{"rar-narrow-response-only", "RFC9396-6-TOKEN-REQ-NARROW", "the access token is not narrowed", func(b *behaviour) {
		b.onAccess = append(b.onAccess, func(c *call, claims map[string]any) {
			if c.form["authorization_details"] != nil {
				claims["authorization_details"] = cloneJSON(c.flow.granted)
			}
		})
	}},
	lax("rar-exceed", "RFC9396-6-TOKEN-REQ-EXCEED", "a token request may ask for anything valid", "rar-exceed"),
	lax("rar-exceed-amount", "RFC9396-6-TOKEN-REQ-EXCEED", "one approval can be spent on another amount", "rar-exceed-value"),
	lax("rar-exceed-nothing", "RFC9396-6-TOKEN-REQ-EXCEED", "a token request may ask for anything when nothing was granted", "rar-exceed-nothing"),
	wrongly("rar-exceed-500", "RFC9396-6-TOKEN-REQ-EXCEED", "asking for more crashes the OP", "rar-exceed", 500, "server_error"),
	wrongly("rar-exceed-code", "RFC9396-6-TOKEN-REQ-EXCEED", "asking for more is access_denied", "rar-exceed", 400, "access_denied"),
	Fault{"rar-exceed-token-only", "RFC9396-6-TOKEN-REQ-EXCEED", "the access token has whatever the token request asks for", func(b *behaviour) {
		b.skip("rar-narrowing")
		b.onAccess = append(b.onAccess, func(c *call, claims map[string]any) {
			if value, err := decodeJSON(c.value("authorization_details")); err == nil && c.form["grant_type"][0] == grantCIBA {
				claims["authorization_details"] = value
			}
		})
	}},
	Fault{"rar-refresh-exceed", "RFC9396-REFRESH", "a refresh may ask for anything valid", func(b *behaviour) { b.skip("rar-exceed-refresh") }},
	Fault{"rar-refresh-subset-refused", "RFC9396-REFRESH", "a refresh with details is invalid_grant", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.value("grant_type") == "refresh_token" && c.form["authorization_details"] != nil {
				refused("invalid_grant")(c, r)
			}
		})
	}},
	Fault{"rar-latest-of-client", "RFC9396-7-FAITHFUL", "a request gets the details of the client's latest one", func(b *behaviour) {
		var mu sync.Mutex
		latest := map[*Client][]any{}
		b.onFlow = append(b.onFlow, func(c *call, f *flow) {
			mu.Lock()
			defer mu.Unlock()
			if f.requested != nil {
				latest[c.client] = f.requested
			}
		})
		b.onGrant = append(b.onGrant, func(f *flow) {
			mu.Lock()
			defer mu.Unlock()
			if f.requested != nil {
				f.granted = latest[f.client]
			}
		})
	}},
	Fault{"rar-prompt-previous", "RFC9396-3-CONSENT-SHOWN", "the user is shown the details of the first request", func(b *behaviour) {
		var mu sync.Mutex
		first := map[any][]any{}
		b.onPrompt = append(b.onPrompt, func(f *flow, p map[string]any) {
			mu.Lock()
			defer mu.Unlock()
			if len(f.requested) != 1 {
				return
			}
			kind := f.requested[0].(map[string]any)["type"]
			if first[kind] == nil {
				first[kind] = f.requested
			}
			p["authorization_details"] = first[kind]
		})
	}},
	Fault{"rar-default", "RFC9396-7-FAITHFUL", "details are granted that nobody asked for", func(b *behaviour) {
		b.onGrant = append(b.onGrant, func(f *flow) {
			if f.requested == nil {
				f.granted = []any{map[string]any{"type": "account_information", "actions": []any{"list_accounts"}}}
			}
		})
	}},
	Fault{"rar-not-enriched", "RFC9396-7.1-ENRICHED", "said to enrich details, it adds nothing", func(b *behaviour) { b.declare("rar_enrich", true) }},
)

// withGrant makes a fault of token responses with details.
func withGrant(name, breaks, sees string, edit func(*reply)) Fault {
	return swap(name, breaks, sees, "token", "tokens", func(r *reply) {
		if r.body["authorization_details"] != nil {
			edit(r)
		}
	})
}

// Resource servers, metadata and OPs without RAR; RFC 9396 9 and 10.
var _ = plant(
	Fault{"rar-invisible", "RFC9396-9-RS-VISIBLE", "no resource server learns the details", func(b *behaviour) {
		b.detailsAt(inToken, gone.edit)
		b.detailsAt(inIntrospection, gone.edit)
	}},
	swap("rar-types-text", "RFC9396-10-METADATA", "types are a string", "discovery", "discovery", member("authorization_details_types_supported", "payment_initiation account_information")),
	swap("rar-types-numbers", "RFC9396-10-METADATA", "types have numbers", "discovery", "discovery", member("authorization_details_types_supported", []any{1, "payment_initiation", "account_information"})),
	Fault{"rar-client-type-500", "RFC9396-10-CLIENT-TYPES", "a type of other clients crashes the OP", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "start" && c.client != nil && len(c.client.RARTypes) > 0 && strings.Contains(c.value("authorization_details"), "account_information") {
				crash(c, r)
			}
		})
	}},
	Fault{"rar-client-type-code", "RFC9396-10-CLIENT-TYPES", "a type of other clients is invalid_scope", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "start" && c.client != nil && len(c.client.RARTypes) > 0 && r.body["error"] == "invalid_authorization_details" {
				refused("invalid_scope")(c, r)
			}
		})
	}},
	withoutRAR("rar-unsupported-500", "RFC9396-UNSUPPORTED", "an OP without RAR is crashed by it", crash),
	withoutRAR("rar-unsupported-scope", "RFC9396-UNSUPPORTED", "an OP without RAR calls it invalid_scope", refused("invalid_scope")),
)

func withoutRAR(name, breaks, sees string, edit func(*call, *reply)) Fault {
	fault := whenSent(name, breaks, sees, "start", "authorization_details", edit)
	plain := fault.Do
	fault.Do = func(b *behaviour) {
		b.noRAR()
		plain(b)
	}
	return fault
}

// noRAR is an OP that knows nothing of RFC 9396, and whose target file says so.
func (b *behaviour) noRAR() {
	b.declare("rar", false)
	b.declare("no_rar", true)
	b.skip("rar-ignored")
	b.reply("discovery", "discovery", func(r *reply) { delete(r.body, "authorization_details_types_supported") })
}

// refuseDetails refuses backchannel requests by their details, before anybody is
// asked.
func (b *behaviour) refuseDetails(code string, picks func(text string) bool) {
	b.onStart = append(b.onStart, func(c *call) *oauthError {
		if c.form["authorization_details"] != nil && picks(c.value("authorization_details")) {
			return refusal(code, "refused")
		}
		return nil
	})
}

// everywhere edits what the client and resource servers get back.
func (b *behaviour) everywhere(edit func([]any) any) {
	for _, place := range []string{inResponse, inToken, inIntrospection, inRefresh} {
		b.detailsAt(place, edit)
	}
}

// tooLarge is a limit of a product: five objects or 5 kB.
func tooLarge(text string) bool {
	var list []json.RawMessage
	return len(text) > 5<<10 || json.Unmarshal([]byte(text), &list) == nil && len(list) > 5
}

var _ = allow(
	Variant{"rar-invalid-request", "CIBA Core 13 has a closed list of codes, without invalid_authorization_details", func(b *behaviour) {
		b.refuse("rar", 400, "invalid_request")
	}},
	Variant{"rar-needs-resource", "RFC 8707 2: details are refused with invalid_target where the grant has no resource for them", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "token" && c.value("authorization_details") != "" && c.flow != nil && len(c.flow.requested) == 0 {
				refused("invalid_target")(c, r)
			}
		})
	}},
	Variant{"rar-types-not-advertised", "RFC 9396 10: publishing types is no duty", func(b *behaviour) {
		b.reply("discovery", "discovery", func(r *reply) { delete(r.body, "authorization_details_types_supported") })
	}},
	Variant{"rar-type-only", "RFC 9396 5: an open type has no unknown or required members", func(b *behaviour) {
		b.skip("rar-unknown-field", "rar-field-type", "rar-value", "rar-missing-field", "rar-nested")
		b.declare("rar_schema", false)
	}},
	Variant{"rar-any-client", "RFC 9396 10: holding clients to types is policy", func(b *behaviour) { b.skip("rar-client-type") }},
	Variant{"rar-response-only", "RFC 9396 9: an access token may be opaque and introspection silent, if the resource server has another channel", func(b *behaviour) {
		b.detailsAt(inToken, gone.edit)
		b.detailsAt(inIntrospection, gone.edit)
	}},
	Variant{"rar-opaque-token", "RFC 9396 9.2: details may be told by introspection alone", func(b *behaviour) {
		b.accessToken = func(*OP) string { return randomID(32) }
	}},
	Variant{"rar-token-only", "RFC 9396 9.2: introspection may leave details out", func(b *behaviour) { b.detailsAt(inIntrospection, gone.edit) }},
	Variant{"rar-enriched", "RFC 9396 7.1: the AS may add what the type defines, here a payment id", func(b *behaviour) {
		b.declare("rar_enrich", true)
		b.everywhere(func(list []any) any {
			for _, item := range list {
				item.(map[string]any)["paymentId"] = "P-4711"
			}
			return list
		})
	}},
	Variant{"rar-sensitive-left-out", "RFC 9396 7: the AS may omit values, here the account", func(b *behaviour) {
		b.detailsAt(inResponse, atMember("creditorAccount", becomes(nil)))
		b.detailsAt(inRefresh, atMember("creditorAccount", becomes(nil)))
	}},
	Variant{"rar-filtered", "RFC 9396 9: details may be filtered for each resource server", func(b *behaviour) {
		b.detailsAt(inToken, func(list []any) any { return list[:1] })
		b.detailsAt(inIntrospection, atMember("remittanceInformationUnstructured", becomes(nil)))
	}},
	Variant{"rar-empty-refused", "RFC 9396 2 does not say what an empty array is", func(b *behaviour) {
		b.refuseDetails("invalid_authorization_details", func(text string) bool { return text == "[]" })
	}},
	Variant{"rar-empty-ignored", "RFC 9396 2 does not say what an empty array is", func(b *behaviour) { b.skip("rar-empty") }},
	Variant{"rar-null-is-absent", "N-29: products take null for an absent parameter", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "start" && c.value("authorization_details") == "null" {
				header := r.header
				*r = *success("ack", map[string]any{"auth_req_id": randomID(32), "expires_in": 120, "interval": 5})
				r.header = header
			}
		})
	}},
	Variant{"rar-reordered", "RFC 9396 2: the order of objects, and in lists of values, means nothing", func(b *behaviour) {
		b.everywhere(func(list []any) any {
			slices.Reverse(list)
			return atMember("actions", func(old any) any {
				slices.Reverse(old.([]any))
				return old
			})(list)
		})
	}},
	Variant{"rar-numbers-written-otherwise", "RFC 8259 6: 50 and 50.0 are one number", func(b *behaviour) {
		b.everywhere(atMember("limit", func(old any) any { return json.Number(old.(json.Number).String() + ".0") }))
	}},
	Variant{"rar-indented", "RFC 8259 2: white space means nothing, nor does the escaping of characters", func(b *behaviour) {
		b.onReply = append(b.onReply, func(_ *call, r *reply) {
			if r.raw == nil {
				r.raw, _ = json.MarshalIndent(r.body, "", "\t")
				r.raw = bytes.ReplaceAll(r.raw, []byte("—"), []byte(`\u2014`))
			}
		})
	}},
	Variant{"rar-limits", "RFC 9396 11.4: limits are policy, here 5 objects and 5 kB", func(b *behaviour) {
		b.refuseDetails("invalid_authorization_details", tooLarge)
	}},
	Variant{"rar-body-limit", "RFC 9110 15.5.14: a server may limit bodies", func(b *behaviour) {
		b.onReply = append(b.onReply, func(c *call, r *reply) {
			if c.endpoint == "start" && len(c.value("authorization_details")) > 20_000 {
				r.kind, r.status, r.raw = "error", http.StatusRequestEntityTooLarge, []byte("too large")
				r.header.Set("Content-Type", "text/plain")
			}
		})
	}},
	Variant{"rar-narrow-ignored", "RFC 9396 6: an AS may not know the parameter at the token endpoint; RFC 6749 3.2", func(b *behaviour) { b.skip("rar-narrowing") }},
	Variant{"rar-narrow-refused", "RFC 9396 6 leaves open whether a grant can be narrowed", func(b *behaviour) { b.skip("rar-narrow-nothing") }},
	Variant{"rar-unknown-parameter", "CIBA Core 7.2: an OP without RAR ignores the parameter", func(b *behaviour) { b.noRAR() }},
	Variant{"rar-refused-parameter", "RFC 9396 3 obliges no OP to support the parameter", func(b *behaviour) {
		b.noRAR()
		b.refuseDetails("invalid_request", always)
	}},
)
