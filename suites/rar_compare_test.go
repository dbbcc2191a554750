package suites

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
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

// Values are compared as JSON, with the freedom of RFC 9396 7 and 7.1.
func TestDifferences(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, asked, told string
		want              []string
	}{
		{"equal, in another order", `{"a":1,"b":"x"}`, `{"b":"x","a":1}`, nil},
		{"numbers by value", `{"a":50}`, `{"a":5.00e1}`, nil},
		{"a large number rounded", `{"a":9007199254740993}`, `{"a":9007199254740992}`, []string{"a is 9007199254740992, not 9007199254740993"}},
		{"a small difference", `{"a":0.10}`, `{"a":0.1000000000000000001}`, []string{"a is 0.1000000000000000001, not 0.10"}},
		{"a number as text", `{"a":50}`, `{"a":"50"}`, []string{`a is "50", not 50`}},
		{"zeros of a text", `{"a":"50.00"}`, `{"a":"50.0"}`, []string{`a is "50.0", not "50.00"`}},
		{"another text", `{"a":"Łódź"}`, `{"a":"Lodz"}`, []string{`a is "Lodz", not "Łódź"`}},
		{"another letter case", `{"a":"usd"}`, `{"a":"USD"}`, []string{`a is "USD", not "usd"`}},
		{"escapes", `{"a":"é\n\u0001"}`, `{"a":"\u00e9\u000a\u0001"}`, nil},
		{"no boolean", `{"a":true}`, `{"a":"true"}`, []string{`a is "true", not true`}},
		{"inside", `{"a":{"b":{"c":1}}}`, `{"a":{"b":{"c":2}}}`, []string{"a.b.c is 2, not 1"}},
		{"an object as text", `{"a":{"b":1}}`, `{"a":"b=1"}`, []string{`a is "b=1", not {"b":1}`}},
		{"left out", `{"a":1,"b":{"c":2}}`, `{"b":{}}`, []string{"a is missing", "b.c is missing"}},
		{"null is left out", `{"a":1}`, `{"a":null}`, []string{"a is missing"}},
		{"null asked", `{"a":null}`, `{}`, []string{"a is missing"}},
		{"added", `{"a":1}`, `{"a":1,"b":2}`, []string{"b has been added as 2"}},
		{"placeholders filled", `{"a":"","b":{},"c":[],"d":null}`, `{"a":"x","b":{"y":1},"c":[1],"d":2}`, nil},
		{"list in another order", `{"a":[1,2,3]}`, `{"a":[3,1,2]}`, nil},
		{"list shortened", `{"a":[1,2]}`, `{"a":[2]}`, []string{"a[] has lost 1"}},
		{"list grown", `{"a":[1]}`, `{"a":[1,2]}`, []string{"a[] has gained 2"}},
		{"a value of a list twice", `{"a":[1]}`, `{"a":[1,1]}`, []string{"a[] has gained 1"}},
		{"objects in a list", `{"a":[{"n":"x","q":1},{"n":"y","q":2}]}`, `{"a":[{"n":"y","q":2},{"n":"x","q":9}]}`, []string{"a[].q is 9, not 1"}},
		{"lists in a list", `{"a":[[1,2],[3]]}`, `{"a":[[3],[2,1]]}`, nil},
		{"a list as a value", `{"a":["x"]}`, `{"a":"x"}`, []string{`a is "x", not ["x"]`}},
		{"a huge exponent costs nothing", `{"a":1e3}`, `{"a":1e999999999}`, []string{"a is 1e999999999, not 1e3"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, d := range differencesOfObjects(objectOf(t, c.asked), objectOf(t, c.told), "") {
				got = append(got, d.String())
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s became %s: got %q, want %q", c.asked, c.told, got, c.want)
			}
		})
	}
}

// Of several objects of one type each answers the one it resembles most.
func TestCounterparts(t *testing.T) {
	t.Parallel()
	list := func(texts ...string) []map[string]any {
		var objects []map[string]any
		for _, text := range texts {
			objects = append(objects, objectOf(t, text))
		}
		return objects
	}
	asked := list(`{"type":"pay","amount":"1","to":"a"}`, `{"type":"pay","amount":"2","to":"b"}`, `{"type":"read"}`)
	told := list(`{"type":"pay","amount":"2","to":"b","id":7}`, `{"type":"pay","amount":"9","to":"a"}`, `{"type":"own"}`)
	p := counterparts(asked, told)
	if len(p.pairs) != 2 || len(p.missing) != 1 || len(p.surplus) != 1 {
		t.Fatalf("got %+v", p)
	}
	for _, pair := range p.pairs {
		if pair.asked["to"] != pair.told["to"] {
			t.Errorf("%v answers %v", pair.told, pair.asked)
		}
	}
	if p.missing[0]["type"] != "read" || p.surplus[0]["type"] != "own" {
		t.Errorf("missing %v, surplus %v", p.missing, p.surplus)
	}
}

// Excess is what answers a refused object better than a granted one.
func TestExcess(t *testing.T) {
	t.Parallel()
	granted, refused := objectOf(t, `{"type":"pay","amount":"50.00"}`), objectOf(t, `{"type":"pay","amount":"90.00"}`)
	for told, want := range map[string]bool{
		`{"type":"pay","amount":"50.00"}`:               false,
		`{"type":"pay","amount":"50.00","id":"P-1"}`:    false,
		`{"type":"pay","amount":"90.00"}`:               true,
		`{"type":"pay","amount":"90.00","fees":["1"]}`:  true,
		`{"type":"read"}`:                               false,
		`{"type":"pay","amount":"10.00","note":"less"}`: false,
	} {
		more := excess([]map[string]any{granted}, []map[string]any{refused}, []map[string]any{objectOf(t, told)})
		if (more != "") != want {
			t.Errorf("%s: got %q, want excess %v", told, more, want)
		}
	}
}

// A larger amount keeps its shape, and amounts are preferred to other numbers.
func TestLarger(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"type":"pay","amount":"50.00"}`:                  `{"amount":"90.00","type":"pay"}`,
		`{"type":"pay","amount":97}`:                       `{"amount":997,"type":"pay"}`,
		`{"type":"pay","days":3,"total":{"amount":"7.5"}}`: `{"days":3,"total":{"amount":"9.5"},"type":"pay"}`,
		`{"type":"pay","days":3}`:                          `{"days":9,"type":"pay"}`,
		`{"type":"pay","to":"DE02 1001"}`:                  "",
	} {
		got, ok := detail{text, objectOf(t, text)}.larger()
		if ok != (want != "") || ok && got.text != want {
			t.Errorf("%s: got %s %v, want %s", text, got.text, ok, want)
		}
	}
}

// Whatever an OP sends is compared without a panic, and a value equals itself.
func FuzzDifferences(f *testing.F) {
	f.Add(`{"a":[1,{"b":null}],"type":"x"}`, `{"a":[{"b":2},1e400],"type":"x"}`)
	f.Add(`{"a":[[],[[]]]}`, `{"a":{"":"\u0000"}}`)
	f.Fuzz(func(t *testing.T, one, other string) {
		a, err := ciba.DecodeObject([]byte(one))
		if err != nil {
			return
		}
		if same := differencesOfObjects(a, cloneJSON(a).(map[string]any), ""); len(same) > 0 {
			t.Errorf("%s differs from itself: %v", one, same)
		}
		b, err := ciba.DecodeObject([]byte(other))
		if err != nil {
			return
		}
		for _, d := range differencesOfObjects(a, b, "") {
			if text := d.String(); strings.ContainsAny(text, "\x00\n\x1b\u202e") {
				t.Errorf("%q is not safe to print", text)
			}
		}
	})
}

// What is no array of objects with a type is refused, whatever its kind.
func TestReadDetails(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		`[{"type":"x"}]`: true, `[]`: true, `null`: false, `{"type":"x"}`: false, `"[]"`: false, `[1]`: false, `[{"type":1}]`: false, `[{"type":""}]`: false, `[{}]`: false,
	} {
		var value any
		if err := json.Unmarshal([]byte(text), &value); err != nil {
			t.Fatal(err)
		}
		if _, err := readDetails(value); (err == nil) != ok {
			t.Errorf("%s: got %v", text, fmt.Sprint(err))
		}
	}
}
