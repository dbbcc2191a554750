package rar

import (
	"encoding/json"
	"slices"

	"github.com/cibatest/cibatest/reports/result"
	. "github.com/cibatest/cibatest/suites/harness"
)

// RFC 9396 5: objects that do not obey the definition of their type are refused. The
// definition is not public, so the target file lists objects that are invalid, each with
// its reason; see N-29. An OP that lets one pass grants what its own API does not know.
var _ = Cases.Describe("Invalid authorization_details", func() {
	Case("rar-unknown-field", "are refused with a member the type does not have", Judges("RFC9396-5-UNKNOWN-FIELD"), judgeUnknownFields)
	Case("rar-wrong-field-type", "are refused with a member of another JSON type", Judges("RFC9396-5-WRONG-FIELD-TYPE").Smoke(), func(t *T) {
		judgeInvalid(t, "wrong_field_type", misTypedCommonFields(t)...)
	})
	Case("rar-invalid-value", "are refused with a value the type does not have", Judges("RFC9396-5-INVALID-VALUE"), func(t *T) {
		judgeInvalid(t, "invalid_value")
	})
	Case("rar-missing-field", "are refused without a member the type requires", Judges("RFC9396-5-MISSING-FIELD"), func(t *T) {
		judgeInvalid(t, "missing_field")
	})
})

// judgeInvalid sends every invalid object of a kind, and one of them beside a valid
// object: the valid one does not save it, wherever it stands.
func judgeInvalid(t *T, kind string, more ...invalidDetail) {
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

// judgeUnknownFields fails an OP only for members that the target file calls unknown.
// Whether a type is open is for its definition to say, so a member of our own that is
// accepted is a warning.
func judgeUnknownFields(t *T) {
	for _, invalid := range invalidDetails(t, "unknown_field") {
		judgeRefusalOr(t, result.Fail, invalid.why, t.Start(withDetails(t, invalid.detail)))
	}
	for _, d := range firstOfEachType(t) {
		t.JudgeVariant(`"zzz": 1 in `+OneLine(d.kind()), t.Start(withDetails(t, d.having("zzz", json.Number("1")))))
	}
}

// misTypedCommonFields are valid objects with a field of RFC 9396 2.2 of another type:
// a list written as text or with a number among the texts, an identifier that is a list.
// Only fields that the objects use are altered, as a type need not have the others.
func misTypedCommonFields(t *T) []invalidDetail {
	var list []invalidDetail
	for _, d := range firstOfEachType(t) {
		for _, name := range []string{"locations", "actions", "datatypes", "privileges"} {
			values, isList := d.object[name].([]any)
			if isList && len(values) > 0 && slices.ContainsFunc(values, isText) {
				withNumber := append(slices.Clone(values), json.Number("42"))
				list = append(list,
					invalidDetail{d.having(name, values[0]), name + " is a list"},
					invalidDetail{d.having(name, withNumber), name + " is a list of strings"})
			}
		}
		if identifier := d.object["identifier"]; isText(identifier) {
			list = append(list, invalidDetail{d.having("identifier", []any{identifier}), "identifier is a string"})
		}
	}
	return list
}
