package security

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/ciba"
	. "github.com/cibatest/cibatest/suites/harness"
)

// RFC 9396 12: contents of authorization_details do not get out of their place on a
// consent page. Markup or a change of the reading direction there lets a client write what
// the user believes the OP to say, such as another amount. An OP may refuse such texts or
// show them as they are; what counts is what reaches the device.
var _ = Cases.Describe("authorization_details", func() {
	Case("rar-injection", "cannot inject into what the user is shown", Judges("RFC9396-12-SANITISE").AfterAll(), func(t *T) {
		for _, text := range Injections {
			resp := t.Start(t.Request().With("authorization_details", "["+detailsWithText(t, text)+"]"))
			t.JudgeVariant(strings.Trim(OneLine(text), `"`), resp)
			if resp.Status/100 != 2 {
				continue
			}
			prompt, isShown := PromptOf(t, t.FlowOf(t.Client(), t.User(), resp))
			isClean := !isShown || !hasControlCharacters(prompt.AuthorizationDetails)
			t.Check(isClean, "control characters do not reach the device", "the device is shown them")
		}
	})
})

// detailsWithText is the first valid object of the target file with a text of its own
// replaced: creditorName where it has one, else the last by name.
func detailsWithText(t *T, text string) string {
	if len(t.Target().RAR.Valid) == 0 {
		t.Skip("rar.valid in the target file is empty")
	}
	object, err := ciba.DecodeObject(t.Target().RAR.Valid[0])
	MustNotFail(t, err)
	member := ""
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if _, isString := object[name].(string); isString && name != "type" && member != "creditorName" {
			member = name
		}
	}
	if member == "" {
		t.Skip("the first object of rar.valid has no text member")
	}
	object[member] = text
	data, err := json.Marshal(object)
	MustNotFail(t, err)
	return string(data)
}

// hasControlCharacters looks into all texts of a JSON value.
func hasControlCharacters(data json.RawMessage) bool {
	var value any
	return json.Unmarshal(data, &value) == nil && hasControlCharactersIn(value)
}

func hasControlCharactersIn(value any) bool {
	switch v := value.(type) {
	case string:
		return strings.ContainsAny(v, Controls)
	case []any:
		return slices.ContainsFunc(v, hasControlCharactersIn)
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(v)), hasControlCharactersIn)
	}
	return false
}
