package rar

import (
	"testing"

	"github.com/cibatest/cibatest/internal/ciba"
)

func objectOf(t *testing.T, text string) map[string]any {
	t.Helper()
	object, err := ciba.DecodeObject([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return object
}

// A larger amount keeps its shape, and amounts are preferred to other numbers.
func TestWithLargerAmount(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"type":"pay","amount":"50.00"}`:                  `{"amount":"90.00","type":"pay"}`,
		`{"type":"pay","amount":97}`:                       `{"amount":997,"type":"pay"}`,
		`{"type":"pay","days":3,"total":{"amount":"7.5"}}`: `{"days":3,"total":{"amount":"9.5"},"type":"pay"}`,
		`{"type":"pay","days":3}`:                          `{"days":9,"type":"pay"}`,
		`{"type":"pay","to":"DE02 1001"}`:                  "",
	} {
		got, ok := detail{text, objectOf(t, text)}.withLargerAmount()
		if ok != (want != "") || ok && got.text != want {
			t.Errorf("%s: got %s %v, want %s", text, got.text, ok, want)
		}
	}
}
