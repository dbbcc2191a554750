package tree

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestParseKeepsWhatCame(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"b":1.50,"a":[true,null,"x",{}],"c":[]}`: `{"b":1.50,"a":[true,null,"x",{}],"c":[]}`,
		` [1e2 , -0.0, "\u00e9\ud800" ] `:          `[1e2,-0.0,"é\ufffd"]`,
		"\"\xff\"":                                 `"\ufffd"`,
		`12345678901234567890.10`:                  `12345678901234567890.10`,
	} {
		v, err := Parse([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got, err := v.MarshalJSON()
		if string(got) != strings.ReplaceAll(want, `\ufffd`, "\ufffd") || err != nil {
			t.Errorf("%s is written as %s, %v", text, got, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		``: "not JSON: unexpected EOF", `[1`: "not JSON: ", `{"a":`: "not JSON: ", `{"a"}`: "not JSON: ", `[1,]`: "not JSON: ",
		`nul`: "not JSON: ", `{a:1}`: "not JSON: ",
		`[1] 2`: "more follows after the JSON value", `[1]]`: "more follows after the JSON value",
		`{"x":{"a~/b":1,"a~/b":2}}`: `member "a~/b" appears twice`, `{"a":1,"\u0061":2}`: `member "a" appears twice`,
		strings.Repeat("[", 33) + strings.Repeat("]", 33): "more than 32 levels of nesting",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.40s: %v, want %s", text, err, want)
		}
	}
	if _, err := Parse([]byte(strings.Repeat("[", 32) + strings.Repeat("]", 32))); err != nil {
		t.Error(err)
	}
}

func TestPointers(t *testing.T) {
	t.Parallel()
	v, err := Parse([]byte(`{"a/b":{"c~d":1},"list":[{"n":1},{"n":2},3],"":"empty"}`))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"/a~1b/c~0d": "1", "/list/*/n": "1 2", "/list/2": "3", "/list/02": "", "/list/9": "", "/": `"empty"`, "/list/*/n/x": "", "/nowhere": "",
	} {
		p, err := ParsePointer(text)
		if err != nil || p.String() != text {
			t.Errorf("%s is written as %s, %v", text, p, err)
		}
		var found []string
		for _, f := range p.Find(v) {
			raw, _ := f.Value.MarshalJSON()
			found = append(found, string(raw))
		}
		if got := strings.Join(found, " "); got != want {
			t.Errorf("%s finds %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{"a", "a/b", "/~", "/~2"} {
		if _, err := ParsePointer(text); err == nil {
			t.Errorf("%s is understood", text)
		}
	}
	if whole, ok := Pointer(nil).First(v); !ok || whole.Kind != Object {
		t.Error("the empty pointer does not find the whole")
	}
}

// FuzzParse: what is accepted is JSON to the standard library, too, and comes back as
// the same value.
func FuzzParse(f *testing.F) {
	f.Add(`{"a":[1.50,"x\u00e9",null,{"b":true}]}`)
	f.Add(`{"a":1,"a":2}`)
	f.Fuzz(func(t *testing.T, text string) {
		v, err := Parse([]byte(text))
		if err != nil {
			return
		}
		if !json.Valid([]byte(text)) {
			t.Fatalf("%q is accepted", text)
		}
		once, err := v.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(once)
		if err != nil {
			t.Fatalf("%q came back as %q: %v", text, once, err)
		}
		if twice, _ := again.MarshalJSON(); string(twice) != string(once) {
			t.Fatalf("%q and %q", once, twice)
		}
	})
}
