package ciba

import (
	"strings"
	"testing"
)

func TestDecodeObject(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, want string }{
		{"an object", ` {"a":[{"b":{}},{"b":1.50}],"c":null} `, ""},
		{"one name in two objects", `{"a":{"x":1},"b":{"x":1},"c":[{"x":1},{"x":1}]}`, ""},
		{"a name that is also a value", `{"a":"a","b":["a","b"]}`, ""},
		{"a lone surrogate", `{"a":"\ud800"}`, ""},
		{"64 levels", `{"a":` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + `}`, ""},
		{"65 levels", `{"a":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`, "the body nests deeper than 64 levels"},
		{"many values", `{"a":[1` + strings.Repeat(",1", maxTokens-10) + `]}`, ""},
		{"too many values", `{"a":[1` + strings.Repeat(",1", maxTokens) + `]}`, "the body has more than 50000 names and values"},
		{"too many members", `{"a":[{}` + strings.Repeat(`,{"b":1}`, maxTokens/4) + `]}`, "the body has more than 50000 names and values"},
		{"a repeated name", `{"a":1,"a":1}`, `the body has the member "a" twice`},
		{"a repeated name, escaped", `{"a":{"b":1,"\u0062":2}}`, `the body has the member "b" twice`},
		{"a repeated name after a list", `{"a":[],"b":{},"a":1}`, `the body has the member "a" twice`},
		{"two values", `{} {}`, "the body goes on after the JSON value"},
		{"text behind", `{}x`, "the body goes on after the JSON value"},
		{"an array", `[1]`, "the body is JSON but not an object, it is an array"},
		{"a string", `"x"`, "the body is JSON but not an object, it is a string"},
		{"a number", `7`, "the body is JSON but not an object, it is a number"},
		{"null", `null`, "the body is JSON but not an object, it is null"},
		{"a boolean", `true`, "the body is JSON but not an object, it is a boolean"},
		{"nothing", ``, "the body is not JSON: "},
		{"half an object", `{"a":`, "the body is not JSON: "},
		{"half an array", `[1`, "the body is not JSON: "},
		{"no colon", `{"a" 1}`, "the body is not JSON: "},
		{"a closing brace", `}`, "the body is not JSON: "},
		{"mixed brackets", `{"a":[}]`, "the body is not JSON: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			object, err := DecodeObject([]byte(c.text))
			switch {
			case c.want == "" && (err != nil || object == nil):
				t.Errorf("got %v, %v", object, err)
			case c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want)):
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
