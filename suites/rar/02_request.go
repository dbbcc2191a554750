package rar

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/details"
	"github.com/cibatest/cibatest/reports/result"
	. "github.com/cibatest/cibatest/suites/harness"
)

// RFC 9396 3 names the backchannel request as a place for authorization_details, and
// RFC 9396 2 gives their form: a JSON array of objects, each with a string type. An OP
// that reads another form might record less, or something else, than the client meant.
// Which error code it answers is open in part, as CIBA Core 13 has a list of its own that
// leaves out invalid_authorization_details; see N-28 and N-29.
var _ = Cases.Describe("authorization_details", func() {
	Case("rar-accepted", "are taken with a backchannel request", Judges("RFC9396-3-ACCEPT").Smoke(), func(t *T) {
		for _, d := range firstOfEachType(t) {
			t.JudgeAck("a valid "+OneLine(d.kind()), t.Start(withDetails(t, d)))
		}
		t.JudgeAck("the same with white space", t.Start(withValue(t, indented(firstOfEachType(t)[0]))))
	})
	Case("rar-not-json", "are refused when they are not JSON", Judges("RFC9396-2-NOT-JSON").Smoke(), func(t *T) {
		t.JudgeVariant("[{", t.Start(withValue(t, "[{")))
		// A parser that reads one value from a stream does not look at what follows it.
		t.JudgeVariant("text after the array", t.Start(withValue(t, arrayOf(validDetails(t)[0])+"]")))
	})
	Case("rar-not-array", "are refused when they are not an array of objects", Judges("RFC9396-2-NOT-ARRAY"), judgeOtherForms)
	Case("rar-empty-array", "are recorded when the array is empty", Judges("RFC9396-2-EMPTY-ARRAY"), func(t *T) {
		t.Judge(t.Start(withValue(t, "[]")))
	})
	Case("rar-type-missing", "are refused when an object has no type", Judges("RFC9396-2-TYPE-MISSING").Smoke(), func(t *T) {
		valid := validDetails(t)[0]
		untyped := valid.edited(func(object map[string]any) { delete(object, "type") })
		t.JudgeVariant("an object without type", t.Start(withDetails(t, untyped)))
		t.JudgeVariant("type null", t.Start(withDetails(t, valid.having("type", nil))))
		t.JudgeVariant("type 42", t.Start(withDetails(t, valid.having("type", json.Number("42")))))
		t.JudgeVariant("a type in a list", t.Start(withDetails(t, valid.having("type", []any{valid.kind()}))))
		t.JudgeVariant("an empty type", t.Start(withDetails(t, valid.having("type", ""))))
		// An OP that checks the first object only grants the second one unseen.
		t.JudgeVariant("a valid object before one without type", t.Start(withDetails(t, valid, untyped)))
	})
	Case("rar-same-type-twice", "may have two objects of one type", Judges("RFC9396-2-SAME-TYPE-TWICE"), func(t *T) {
		a, b := sameTypePairInOneRequest(t)
		t.JudgeAck("two different objects of type "+OneLine(a.kind()), t.Start(withDetails(t, a, b)))
	})
	Case("rar-large", "are recorded when they are large", Judges("RFC9396-11.4-LARGE").AfterAll(), func(t *T) {
		resp := t.Send(t.StartRequest(withDetails(t, manyDetails(t, largeDetails)...)))
		if resp.Status == 0 {
			t.Skip("a request with %d bytes of authorization_details got no answer: %v", largeDetails, resp.Err)
		}
		t.Judge(resp)
	})
	Case("rar-unsupported", "are ignored or refused by an OP that does not know them", Judges("RFC9396-UNSUPPORTED"), func(t *T) {
		resp := t.Start(withValue(t, `[{"type":"payment_initiation","instructedAmount":{"amount":"50.00","currency":"USD"}}]`))
		t.Judge(resp)
		if resp.Status == http.StatusOK {
			t.Note("this OP accepts authorization_details although it is said not to support them: " +
				"it may ignore what the user should approve")
		}
	})
})

// largeDetails is a size in bytes that no URL carries and every POST should; RFC 9396 11.4.
const largeDetails = 30_000

// manyDetails repeats the valid objects until their text has a size in bytes.
func manyDetails(t *T, size int) []detail {
	valid := validDetails(t)
	var many []detail
	for written := 0; written < size; written += len(many[len(many)-1].text) + 1 {
		many = append(many, valid[len(many)%len(valid)])
	}
	return many
}

// withValue is a good request with any text in place of authorization_details.
func withValue(t *T, text string) ciba.Params { return t.Request().With("authorization_details", text) }

// indented is the array with line breaks and spaces, which mean nothing in JSON.
func indented(d detail) string {
	var text bytes.Buffer
	if err := json.Indent(&text, []byte(arrayOf(d)), " ", "\t"); err != nil {
		return arrayOf(d)
	}
	return text.String() + "\n"
}

// judgeOtherForms sends JSON that is no array of objects. Products take a lone object for
// an array of one, or null for nothing, which is tolerated (N-29). An array of strings
// names nothing that could be granted, so its acceptance is a failure.
func judgeOtherForms(t *T) {
	valid := validDetails(t)[0]
	text := detail{text: details.Text(valid.kind())}
	t.JudgeVariant("an array of strings", t.Start(withDetails(t, text)))
	t.JudgeVariant("a valid object before a string", t.Start(withDetails(t, valid, text)))
	t.JudgeVariant("an array in the array", t.Start(withValue(t, "["+arrayOf(valid)+"]")))
	for _, tolerated := range []struct{ what, value string }{
		{"a lone object", valid.text},
		{"null", "null"},
		{"a valid object before null", arrayOf(valid, detail{text: "null"})},
	} {
		judgeRefusalOr(t, result.Warn, tolerated.what, t.Start(withValue(t, tolerated.value)))
	}
}

// judgeRefusalOr is [T.JudgeVariant] with an outcome for acceptance that is not the
// verdict of the requirement.
func judgeRefusalOr(t *T, accepted result.Outcome, what string, resp *ciba.Response) {
	if t.Expect(resp).As(accepted).NotTo(HaveStatus(http.StatusOK), what+": "+Expectation(t.Requirement())) {
		t.JudgeVariant(what, resp)
	}
}

// RFC 9396 5: a type that the OP does not know is refused, and the whole request with
// it. If only the unknown object were ignored, the client would take for granted what
// nobody was asked about.
var _ = Cases.Describe("authorization_details types", func() {
	Case("rar-unknown-type", "are refused when unknown", Judges("RFC9396-5-UNKNOWN-TYPE").Smoke(), func(t *T) {
		valid := validDetails(t)[0]
		unknown := valid.having("type", "x-unknown-"+strings.ToLower(t.Random().Text()[:8]))
		t.JudgeVariant("an unknown type", t.Start(withDetails(t, unknown)))
		t.JudgeVariant("a valid object before one of an unknown type", t.Start(withDetails(t, valid, unknown)))
		t.JudgeVariant("a valid object after one of an unknown type", t.Start(withDetails(t, unknown, valid)))
		for _, similar := range []struct{ what, kind string }{
			{"the valid type in other letter case", OtherCase(valid.kind())},
			{"the valid type and a letter more", valid.kind() + "x"},
		} {
			if !slices.Contains(t.Target().RAR.Types, similar.kind) {
				t.JudgeVariant(similar.what, t.Start(withDetails(t, valid.having("type", similar.kind))))
			}
		}
	})
})
