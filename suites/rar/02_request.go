package rar

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/details"
	. "github.com/cibatest/cibatest/suites/harness"
)

// RFC 9396 2 and 3: authorization_details in a backchannel request, and their form.
var _ = Cases.Describe("authorization_details", func() {
	Case("rar-accepted", "are taken with a backchannel request", Judges("RFC9396-3-ACCEPT").Smoke(), func(t *T) {
		for _, d := range eachType(t) {
			t.JudgeAck("a valid "+OneLine(d.kind()), t.Start(withDetails(t, d)))
		}
		t.JudgeAck("the same with white space", t.Start(t.Request().With("authorization_details", indented(eachType(t)[0]))))
	})
	Case("rar-not-json", "are refused when they are not JSON", Judges("RFC9396-2-NOT-JSON").Smoke(), func(t *T) {
		t.JudgeVariant("[{", t.Start(t.Request().With("authorization_details", "[{")))
		t.JudgeVariant("text after the array", t.Start(t.Request().With("authorization_details", arrayOf(validDetails(t)[0])+"]")))
	})
	Case("rar-not-array", "are refused when they are not an array of objects", Judges("RFC9396-2-NOT-ARRAY"), notAnArray)
	Case("rar-empty-array", "are recorded when the array is empty", Judges("RFC9396-2-EMPTY-ARRAY"), func(t *T) {
		t.Judge(t.Start(t.Request().With("authorization_details", "[]")))
	})
	Case("rar-type-missing", "are refused when an object has no type", Judges("RFC9396-2-TYPE-MISSING").Smoke(), func(t *T) {
		valid := validDetails(t)[0]
		untyped := valid.with(func(object map[string]any) { delete(object, "type") })
		t.JudgeVariant("an object without type", t.Start(withDetails(t, untyped)))
		t.JudgeVariant("type null", t.Start(withDetails(t, valid.having("type", nil))))
		t.JudgeVariant("type 42", t.Start(withDetails(t, valid.having("type", json.Number("42")))))
		t.JudgeVariant("a type in a list", t.Start(withDetails(t, valid.having("type", []any{valid.kind()}))))
		t.JudgeVariant("an empty type", t.Start(withDetails(t, valid.having("type", ""))))
		t.JudgeVariant("a valid object before one without type", t.Start(withDetails(t, valid, untyped)))
	})
	Case("rar-same-type-twice", "may have two objects of one type", Judges("RFC9396-2-SAME-TYPE-TWICE"), func(t *T) {
		a, b := twins(t)
		t.JudgeAck("two different objects of type "+OneLine(a.kind()), t.Start(withDetails(t, a, b)))
	})
	Case("rar-large", "are recorded when they are large", Judges("RFC9396-11.4-LARGE").AfterAll(), func(t *T) {
		valid := validDetails(t)
		var many []detail
		for size := 0; size < largeDetails; size += len(many[len(many)-1].text) + 1 {
			many = append(many, valid[len(many)%len(valid)])
		}
		resp := t.Send(t.StartRequest(withDetails(t, many...)))
		if resp.Status == 0 {
			t.Skip("a request with %d bytes of authorization_details got no answer: %v", largeDetails, resp.Err)
		}
		t.Judge(resp)
	})
	Case("rar-unsupported", "are ignored or refused by an OP that does not know them", Judges("RFC9396-UNSUPPORTED"), func(t *T) {
		resp := t.Start(t.Request().With("authorization_details", `[{"type":"payment_initiation","instructedAmount":{"amount":"50.00","currency":"USD"}}]`))
		t.Judge(resp)
		if resp.Status == 200 {
			t.Note("this OP accepts authorization_details although it is said not to support them: it may ignore what the user should approve")
		}
	})
})

// largeDetails is a size that no URL carries and every POST should; RFC 9396 11.4.
const largeDetails = 30_000

// indented is the array with line breaks and spaces, which mean nothing in JSON.
func indented(d detail) string {
	var text bytes.Buffer
	if err := json.Indent(&text, []byte(arrayOf(d)), " ", "\t"); err != nil {
		return arrayOf(d)
	}
	return text.String() + "\n"
}

// notAnArray: products take a lone object for an array of one, or null for
// nothing; an array of strings names nothing that could be granted.
func notAnArray(t *T) {
	valid := validDetails(t)[0]
	t.JudgeVariant("an array of strings", t.Start(t.Request().With("authorization_details", arrayOf(detail{text: details.Text(valid.kind())}))))
	t.JudgeVariant("a valid object before a string", t.Start(withDetails(t, valid, detail{text: details.Text(valid.kind())})))
	t.JudgeVariant("an array in the array", t.Start(t.Request().With("authorization_details", "["+arrayOf(valid)+"]")))
	for _, lenient := range []struct{ what, value string }{
		{"a lone object", valid.text}, {"null", "null"}, {"a valid object before null", arrayOf(valid, detail{text: "null"})},
	} {
		resp := t.Start(t.Request().With("authorization_details", lenient.value))
		if resp.Status == 200 {
			t.At(resp)
			t.Warn(lenient.what+": "+Expectation(t.Requirement()), "%s", resp.Summary())
			continue
		}
		t.JudgeVariant(lenient.what, resp)
	}
}

// RFC 9396 5: a type that the OP does not know is refused with the whole request.
var _ = Cases.Describe("authorization_details types", func() {
	Case("rar-unknown-type", "are refused when unknown", Judges("RFC9396-5-UNKNOWN-TYPE").Smoke(), func(t *T) {
		valid := validDetails(t)[0]
		unknown := valid.having("type", "x-unknown-"+strings.ToLower(t.Random().Text()[:8]))
		t.JudgeVariant("an unknown type", t.Start(withDetails(t, unknown)))
		t.JudgeVariant("a valid object before one of an unknown type", t.Start(withDetails(t, valid, unknown)))
		t.JudgeVariant("a valid object after one of an unknown type", t.Start(withDetails(t, unknown, valid)))
		for _, similar := range []struct{ what, kind string }{
			{"the valid type in other letter case", OtherCase(valid.kind())}, {"the valid type and a letter more", valid.kind() + "x"},
		} {
			if !slices.Contains(t.Target().RAR.Types, similar.kind) {
				t.JudgeVariant(similar.what, t.Start(withDetails(t, valid.having("type", similar.kind))))
			}
		}
	})
})
