package security

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/ciba"
	. "github.com/cibatest/cibatest/suites/harness"
)

// RFC 9396 12: contents of authorization_details do not get out of their place on
// a consent page.
var _ = Cases.Describe("authorization_details", func() {
	Case("rar-injection", "cannot inject into what the user is shown", Judges("RFC9396-12-SANITISE").AfterAll(), func(t *T) {
		for _, text := range Injections {
			resp := t.Start(t.Request().With("authorization_details", "["+detailsSaying(t, text)+"]"))
			t.JudgeVariant(strings.Trim(OneLine(text), `"`), resp)
			if resp.Status/100 != 2 {
				continue
			}
			prompt, shown := PromptOf(t, t.FlowOf(t.Client(), t.User(), resp))
			t.Check(!shown || !sayControls(prompt.AuthorizationDetails), "control characters do not reach the device", "the device is shown them")
		}
	})
})

// detailsSaying is the first valid object of the target file with a text of its
// own replaced: creditorName where it has one.
func detailsSaying(t *T, text string) string {
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

// sayControls looks for control characters in the texts of a JSON value.
func sayControls(data json.RawMessage) bool {
	var value any
	if json.Unmarshal(data, &value) != nil {
		return false
	}
	var walk func(any) bool
	walk = func(value any) bool {
		switch v := value.(type) {
		case string:
			return strings.ContainsAny(v, Controls)
		case []any:
			for _, inner := range v {
				if walk(inner) {
					return true
				}
			}
		case map[string]any:
			for _, inner := range v {
				if walk(inner) {
					return true
				}
			}
		}
		return false
	}
	return walk(value)
}
