package rar

import (
	"encoding/json"
	"slices"

	"github.com/cibatest/cibatest/internal/ciba"
	. "github.com/cibatest/cibatest/suites/harness"
)

// RFC 9396 10: the types a client is registered for. Whether an OP holds a client to them
// is its policy, so the answer is recorded. What the OP's metadata says about types is
// judged with the rest of it.
var _ = Cases.Describe("authorization_details types of a client", func() {
	Case("rar-client-type", "are recorded when the client asks for another one", Judges("RFC9396-10-CLIENT-TYPES"), func(t *T) {
		t.Judge(startUnregistered(t))
	})
})

// startUnregistered asks for a supported type that the client is not registered for.
func startUnregistered(t *T) *ciba.Response {
	for _, text := range t.Target().RAR.Valid {
		var typed struct {
			Type string `json:"type"`
		}
		if json.Unmarshal(text, &typed) == nil && !slices.Contains(t.Client().RARTypes, typed.Type) {
			return t.Start(withValue(t, "["+string(text)+"]"))
		}
	}
	t.Skip("rar.valid in the target file has no object of a type that client %s is not registered for", t.Client().Name)
	return nil
}
