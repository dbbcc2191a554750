package faults

import (
	"encoding/json"
	"html"
	"net/url"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// DetailsBack are the defects of authorization_details on their way to the user, to
// the client and to resource servers; RFC 9396 3, 7 and 9. Each is one damage in one
// place.
var DetailsBack = slices.Concat(
	damaged(edit.InResponse, "RFC9396-7-RETURNED", gone, emptied, asText, asObject, texts, typeless),
	damaged(edit.InResponse, "RFC9396-7-FAITHFUL", otherAmount, otherCurrency, otherAccount, mangledText, escapedText, decodedTwice,
		rounded, numberAsYes, flattened, moreActions, moreMembers, otherType, twice),
	damaged(edit.InResponse, "RFC9396-7-COMPLETE", trimmed, retyped, noAmount, noCurrency, lessObjects, swapped, merged,
		noText, noAccount, lessActions),
	damaged(edit.InToken, "RFC9396-7-FAITHFUL", otherAmount, otherCurrency, mangledText, rounded, moreActions, otherType, twice),
	damaged(edit.InToken, "RFC9396-9.1-JWT-CLAIM", gone, asText, asObject, texts, typeless),
	damaged(edit.InIntrospection, "RFC9396-9.2-FAITHFUL", otherAmount, otherCurrency, mangledText, escapedText, rounded, numberAsYes,
		otherType, retyped),
	damaged(edit.InIntrospection, "RFC9396-9.2-INTROSPECTION", asText, asObject, texts, typeless),
	damaged(edit.InRefresh, "RFC9396-REFRESH", otherAmount, otherCurrency, rounded, moreActions, otherType, twice, gone, emptied, asText,
		noCurrency, noText, lessActions),
	damaged(edit.InPrompt, "RFC9396-3-CONSENT-SHOWN", otherAmount, otherCurrency, otherAccount, mangledText, escapedText, decodedTwice,
		rounded, moreActions, noAmount, noCurrency, lessObjects, twice, gone, emptied),

	// What only happens to one of several objects, or to a lone one.
	damaged(edit.InResponse, "RFC9396-7-FAITHFUL", secondAmount, secondFlag, thirdNumber, loneObject, quotedTwice),
	damaged(edit.InToken, "RFC9396-7-FAITHFUL", secondAmount, loneObject, swapped),
	damaged(edit.InIntrospection, "RFC9396-7-FAITHFUL", loneObject),
	damaged(edit.InIntrospection, "RFC9396-9.2-FAITHFUL", secondAmount, swapped),
	damaged(edit.InRefresh, "RFC9396-REFRESH", secondAmount, swapped),
	damaged(edit.InPrompt, "RFC9396-3-CONSENT-SHOWN", secondAmount, swapped),
)

// damage is a way to spoil details on their way back.
type damage struct {
	name, sees string
	rewrite    func([]any) any
}

// damaged makes a fault of each damage in one place.
func damaged(place edit.Place, breaks string, list ...damage) []Fault {
	made := make([]Fault, len(list))
	for i, d := range list {
		made[i] = Fault{"rar-" + string(place) + "-" + d.name, breaks, string(place) + " has " + d.sees, edit.Details(place, d.rewrite)}
	}
	return made
}

// What may happen to a payment, and to access to accounts.
var (
	otherAmount   = damage{"amount", "another amount", edit.AtMember("instructedAmount.amount", edit.Becomes("90.00"))}
	otherCurrency = damage{"currency", "another currency", edit.AtMember("instructedAmount.currency", edit.Becomes("GBP"))}
	otherAccount  = damage{"account", "another account", edit.AtMember("creditorAccount.iban", edit.Becomes("XX00666666660000000000"))}
	mangledText   = damage{"unicode", "question marks for what is not ASCII", inTexts(onlyASCII)}
	escapedText   = damage{"escaped", "text escaped for HTML", inTexts(html.EscapeString)}
	decodedTwice  = damage{"decoded-twice", "texts decoded from the form twice", inTexts(decodedAgain)}
	quotedTwice   = damage{"quoted-twice", "texts escaped for JSON twice", inTexts(strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace)}
	rounded       = damage{"number", "a large number rounded", edit.AtMember("limit", edit.Becomes(json.Number("9007199254740992")))}
	numberAsYes   = damage{"boolean", "true where a number was", edit.AtMember("limit", edit.Becomes(true))}
	flattened     = damage{"flat", "a text where an object was", edit.AtMember("instructedAmount", edit.Becomes("50.00 USD"))}
	moreActions   = damage{"action", "one action more", edit.AtMember("actions", oneMore("read_transactions"))}
	moreMembers   = damage{"member", "a member nobody asked for", eachObject(edit.SetMember("fee", "1.00"))}
	otherType     = damage{"type", "another type", firstObject(edit.SetMember("type", "payment_cancellation"))}
	twice         = damage{"twice", "an object twice", func(list []any) any { return append(list, refop.CloneJSON(list[0])) }}
	trimmed       = damage{"zeros", "amounts without their last zeros", edit.AtMember("instructedAmount.amount", withoutZeros)}
	retyped       = damage{"retyped", "amounts as numbers", edit.AtMember("instructedAmount.amount", asNumber)}
	noAmount      = damage{"no-amount", "no amount", edit.AtMember("instructedAmount", edit.Becomes(nil))}
	noCurrency    = damage{"no-currency", "no currency", edit.AtMember("instructedAmount.currency", edit.Becomes(nil))}
	noText        = damage{"no-text", "no text for the creditor", edit.AtMember("remittanceInformationUnstructured", edit.Becomes(nil))}
	noAccount     = damage{"no-account", "no account", edit.AtMember("creditorAccount", edit.Becomes(nil))}
	lessActions   = damage{"less-actions", "one action less", edit.AtMember("actions", oneLess)}
	lessObjects   = damage{"object", "one object less", func(list []any) any { return list[:len(list)-1] }}
	swapped       = damage{"swapped", "amounts of one object in the other", swapAmounts}
	merged        = damage{"merged", "one object of each type", mergeNeighbours}
	gone          = damage{"gone", "none", edit.Gone}
	emptied       = damage{"empty", "an empty array", func([]any) any { return []any{} }}
	asText        = damage{"text", "JSON in a string", func(list []any) any { return jsonText(list) }}
	asObject      = damage{"object-only", "a lone object", func(list []any) any { return list[0] }}
	texts         = damage{"strings", "an array of strings", func([]any) any { return []any{"payment_initiation"} }}
	typeless      = damage{"typeless", "objects without type", edit.AtMember("type", edit.Becomes(nil))}
	secondAmount  = damage{"second-amount", "another amount in the second object of a type", secondOfType(otherAmount.rewrite)}
	secondFlag    = damage{"second-flag", "false for true in the second object of a type", secondOfType(notUrgent)}
	thirdNumber   = damage{"third-number", "another number in the third object", third(edit.AtMember("limit", edit.Becomes(json.Number("1"))))}
	loneObject    = damage{"lone", "no array around a single object", unwrapped}
)

var notUrgent = edit.AtMember("urgent", edit.Becomes(false))

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

func oneMore(item string) func(any) any {
	return func(old any) any { return append(old.([]any), item) }
}

func oneLess(old any) any {
	list := old.([]any)
	return list[:max(0, len(list)-1)]
}

func withoutZeros(amount any) any {
	return strings.TrimRight(strings.TrimRight(amount.(string), "0"), ".")
}

func asNumber(amount any) any { return json.Number(amount.(string)) }

func eachObject(rewrite func(map[string]any)) func([]any) any {
	return func(list []any) any {
		for _, item := range list {
			rewrite(item.(map[string]any))
		}
		return list
	}
}

func firstObject(rewrite func(map[string]any)) func([]any) any {
	return func(list []any) any {
		rewrite(list[0].(map[string]any))
		return list
	}
}

// secondOfType edits the second object where it has the type of the first.
func secondOfType(rewrite func([]any) any) func([]any) any {
	return func(list []any) any {
		if len(list) > 1 && edit.SameTypes(list[:1], list[1:2]) {
			rewrite(list[1:2])
		}
		return list
	}
}

func third(rewrite func([]any) any) func([]any) any {
	return func(list []any) any {
		if len(list) > 2 {
			rewrite(list[2:3])
		}
		return list
	}
}

// swapAmounts exchanges the amounts of two objects of one type.
func swapAmounts(list []any) any {
	return secondOfType(func([]any) any {
		a, b := list[0].(map[string]any), list[1].(map[string]any)
		a["instructedAmount"], b["instructedAmount"] = b["instructedAmount"], a["instructedAmount"]
		return nil
	})(list)
}

func mergeNeighbours(list []any) any {
	return slices.CompactFunc(list, func(a, b any) bool { return edit.SameTypes([]any{a}, []any{b}) })
}

func unwrapped(list []any) any {
	if len(list) == 1 {
		return list[0]
	}
	return list
}

func jsonText(v any) string {
	data, _ := json.Marshal(v)
	return string(data)
}
