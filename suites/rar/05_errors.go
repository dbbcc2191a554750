package rar

import (
	"encoding/json"
	"slices"

	. "github.com/cibatest/cibatest/suites/harness"
)

// RFC 9396 5: objects that do not obey the definition of their type are refused.
// The definition is known by the objects the target file lists as invalid.
var _ = Cases.Describe("Invalid authorization_details", func() {
	Case("rar-unknown-field", "are refused with a member the type does not have", Judges("RFC9396-5-UNKNOWN-FIELD"), unknownField)
	Case("rar-wrong-field-type", "are refused with a member of another JSON type", Judges("RFC9396-5-WRONG-FIELD-TYPE").Smoke(), func(t *T) {
		refusesInvalid(t, "wrong_field_type", misTypedCommonFields(t)...)
	})
	Case("rar-invalid-value", "are refused with a value the type does not have", Judges("RFC9396-5-INVALID-VALUE"), func(t *T) {
		refusesInvalid(t, "invalid_value")
	})
	Case("rar-missing-field", "are refused without a member the type requires", Judges("RFC9396-5-MISSING-FIELD"), func(t *T) {
		refusesInvalid(t, "missing_field")
	})
})

// refusesInvalid sends every invalid object of a kind, and one of them beside a
// valid object: the valid one does not save it.
func refusesInvalid(t *T, kind string, more ...invalidDetail) {
	list := append(invalidDetails(t, kind), more...)
	if len(list) == 0 {
		t.Skip("rar.invalid in the target file has no object of kind %s", kind)
	}
	for _, invalid := range list {
		t.JudgeVariant(invalid.why, t.Start(withDetails(t, invalid.detail)))
	}
	valid := validDetails(t)[0]
	t.JudgeVariant("a valid object before an invalid one", t.Start(withDetails(t, valid, list[0].detail)))
	t.JudgeVariant("a valid object after an invalid one", t.Start(withDetails(t, list[0].detail, valid)))
}

// unknownField: whether a type is open is for its definition to say. Only a
// member that the target file calls unknown must be refused.
func unknownField(t *T) {
	for _, invalid := range invalidDetails(t, "unknown_field") {
		resp := t.Start(withDetails(t, invalid.detail))
		if resp.Status == 200 {
			t.At(resp)
			t.Fail(invalid.why+": "+Expectation(t.Requirement()), "%s", resp.Summary())
			continue
		}
		t.JudgeVariant(invalid.why, resp)
	}
	for _, d := range eachType(t) {
		t.JudgeVariant(`"zzz": 1 in `+OneLine(d.kind()), t.Start(withDetails(t, d.having("zzz", json.Number("1")))))
	}
}

// misTypedCommonFields are the fields of RFC 9396 2.2, where a valid object uses
// them: lists written as text or with a number among the texts, and an identifier that is a list.
func misTypedCommonFields(t *T) []invalidDetail {
	var list []invalidDetail
	for _, d := range eachType(t) {
		for _, name := range []string{"locations", "actions", "datatypes", "privileges"} {
			values, isList := d.object[name].([]any)
			if isList && len(values) > 0 && slices.ContainsFunc(values, isText) {
				more := append(slices.Clone(values), json.Number("42"))
				list = append(list, invalidDetail{d.having(name, values[0]), name + " is a list"}, invalidDetail{d.having(name, more), name + " is a list of strings"})
			}
		}
		if isText(d.object["identifier"]) {
			list = append(list, invalidDetail{d.having("identifier", []any{d.object["identifier"]}), "identifier is a string"})
		}
	}
	return list
}
