package details

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func decoded(text string) (object map[string]any, ok bool) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	err := decoder.Decode(&object)
	return object, err == nil
}

func objectOf(t *testing.T, text string) map[string]any {
	t.Helper()
	object, ok := decoded(text)
	if !ok {
		t.Fatalf("%s is no JSON object", text)
	}
	return object
}

func objectsOf(t *testing.T, texts ...string) (objects []map[string]any) {
	t.Helper()
	for _, text := range texts {
		objects = append(objects, objectOf(t, text))
	}
	return objects
}

// Values are compared as JSON, with the freedom of RFC 9396 7 and 7.1.
func TestCompare(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, asked, actual string
		want                []string
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
		{"objects in a list, one more", `{"a":[{"n":"x"}]}`, `{"a":[{"n":"x","q":1},{"n":"y"}]}`, []string{`a[] has lost {"n":"x"}`, `a[] has gained {"n":"x","q":1}`, `a[] has gained {"n":"y"}`}},
		{"empty elements of a list", `{"a":["",{},[],null]}`, `{"a":["x",{},[],null]}`, []string{`a[] has lost ""`, `a[] has gained "x"`}},
		{"an empty object of a list filled", `{"a":[{}]}`, `{"a":[{"b":1}]}`, []string{"a[].b has been added as 1"}},
		{"text that cannot be printed", `{"a\u202e":"b"}`, `{"a\u202e":"\u001b[31m"}`, []string{"a\uFFFD is \"\\u001b[31m\", not \"b\""}},
		{"lists in a list", `{"a":[[1,2],[3]]}`, `{"a":[[3],[2,1]]}`, nil},
		{"a list as a value", `{"a":["x"]}`, `{"a":"x"}`, []string{`a is "x", not ["x"]`}},
		{"a huge exponent costs nothing", `{"a":1e3}`, `{"a":1e999999999}`, []string{"a is 1e999999999, not 1e3"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, d := range Compare(objectOf(t, c.asked), objectOf(t, c.actual)) {
				got = append(got, d.String())
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s became %s: got %q, want %q", c.asked, c.actual, got, c.want)
			}
		})
	}
}

// Of several objects of one type each answers the one it resembles most.
func TestCounterparts(t *testing.T) {
	t.Parallel()
	asked := objectsOf(t, `{"type":"pay","amount":"1","to":"a"}`, `{"type":"pay","amount":"2","to":"b"}`, `{"type":"read"}`)
	actual := objectsOf(t, `{"type":"pay","amount":"2","to":"b","id":7}`, `{"type":"pay","amount":"9","to":"a"}`, `{"type":"own"}`)
	p := Counterparts(asked, actual)
	if len(p.Pairs) != 2 || len(p.Missing) != 1 || len(p.Surplus) != 1 {
		t.Fatalf("got %+v", p)
	}
	for _, pair := range p.Pairs {
		if pair.Asked["to"] != pair.Actual["to"] {
			t.Errorf("%v answers %v", pair.Actual, pair.Asked)
		}
	}
	if p.Missing[0]["type"] != "read" || p.Surplus[0]["type"] != "own" {
		t.Errorf("missing %v, surplus %v", p.Missing, p.Surplus)
	}
}

// Excess is what answers a refused object better than a granted one.
func TestExcess(t *testing.T) {
	t.Parallel()
	granted, refused := objectOf(t, `{"type":"pay","amount":"50.00"}`), objectOf(t, `{"type":"pay","amount":"90.00"}`)
	for actual, want := range map[string]bool{
		`{"type":"pay","amount":"50.00"}`:               false,
		`{"type":"pay","amount":"50.00","id":"P-1"}`:    false,
		`{"type":"pay","amount":"90.00"}`:               true,
		`{"type":"pay","amount":"90.00","fees":["1"]}`:  true,
		`{"type":"read"}`:                               false,
		`{"type":"pay","amount":"10.00","note":"less"}`: false,
	} {
		more := Excess([]map[string]any{granted}, []map[string]any{refused}, []map[string]any{objectOf(t, actual)})
		if (more != "") != want {
			t.Errorf("%s: got %q, want excess %v", actual, more, want)
		}
	}
}

// What goes beyond a grant is another value, another element or another object.
func TestBeyond(t *testing.T) {
	t.Parallel()
	granted := objectsOf(t, `{"type":"pay","amount":"50.00","to":["a"]}`, `{"type":"read"}`)
	for _, c := range []struct {
		name   string
		actual []string
		want   string
	}{
		{"nothing", nil, ""},
		{"the same", []string{`{"type":"read"}`, `{"type":"pay","amount":"50.00","to":["a"]}`}, ""},
		{"less", []string{`{"type":"pay"}`}, ""},
		{"enriched", []string{`{"type":"pay","amount":"50.00","to":["a"],"id":"P-1"}`}, ""},
		{"another value", []string{`{"type":"pay","amount":"90.00"}`}, `amount is "90.00", not "50.00"`},
		{"another element", []string{`{"type":"pay","to":["a","b"]}`}, `to[] has gained "b"`},
		{"one more object", []string{`{"type":"read"}`, `{"type":"read"}`}, `it has one more object of type "read"`},
		{"another type", []string{`{"type":"own"}`}, `it has one more object of type "own"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := Beyond(granted, objectsOf(t, c.actual...)); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestUnlike(t *testing.T) {
	t.Parallel()
	granted := objectsOf(t, `{"type":"pay","amount":"50.00"}`)
	for text, want := range map[string]string{
		`{"type":"pay","amount":"90.00"}`: `amount is "90.00", not "50.00"`,
		`{"type":"own"}`:                  `an object of type "own"`,
		`{"type":"pay","note":"x"}`:       `an object of type "pay"`,
	} {
		if got := Unlike(granted, objectOf(t, text)); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

// Enrichment and reduction are agreement, any other value is not.
func TestAgree(t *testing.T) {
	t.Parallel()
	asked := objectOf(t, `{"type":"pay","amount":"1.00","parts":[{"n":1},{"n":2}],"note":""}`)
	for text, want := range map[string]bool{
		`{"type":"pay","amount":"1.00","parts":[{"n":2},{"n":1}],"note":""}`: true,
		`{"type":"pay"}`:                     true,
		`{"type":"pay","id":7}`:              true,
		`{"type":"pay","note":"filled"}`:     true,
		`{"type":"pay","parts":[{"n":2}]}`:   true,
		`{"type":"pay","amount":"1.0"}`:      false,
		`{"type":"pay","amount":1.00}`:       false,
		`{"type":"pay","parts":[{"n":3}]}`:   false,
		`{"type":"read","amount":"1.00"}`:    false,
		`{"type":"pay","parts":{"n":1}}`:     false,
		`{"type":"pay","amount":["1.00"]}`:   false,
		`{"type":"pay","parts":[1,{"n":1}]}`: false,
	} {
		if got := Agree(asked, objectOf(t, text)); got != want {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
	}
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
		if _, err := Read(value); (err == nil) != ok {
			t.Errorf("%s: got %v", text, fmt.Sprint(err))
		}
	}
}

func TestTextOfAnOPIsShort(t *testing.T) {
	t.Parallel()
	if got := InWords(strings.Repeat("ä", 1000)); len([]rune(got)) != longestValue || !strings.HasSuffix(got, "…") {
		t.Errorf("got %d characters: %s", len([]rune(got)), got)
	}
	if got := InWords(func() {}); got != "unreadable" {
		t.Errorf("got %q", got)
	}
}

// The time that lists of objects in lists of objects take must not be multiplied on
// every level.
func TestDeepListsAreComparedQuickly(t *testing.T) {
	t.Parallel()
	const depth = 60
	nested := func(core string) map[string]any {
		return objectOf(t, strings.Repeat(`{"a":[`, depth)+core+strings.Repeat(`]}`, depth))
	}
	begun := time.Now()
	if got := Compare(nested("1"), nested("2")); len(got) != 2 {
		t.Errorf("got %v", got)
	}
	if took := time.Since(begun); took > time.Second {
		t.Errorf("%d levels took %s", depth, took)
	}
}

// jsonValues draws any JSON value. Without placeholders no value is empty.
func jsonValues(depth int, placeholders bool) *rapid.Generator[any] {
	least := 1
	if placeholders {
		least = 0
	}
	scalars := []*rapid.Generator[any]{
		rapid.Map(rapid.StringMatching(`[a-c"\\\x00\n\x{202e}]{1,3}`), func(s string) any { return s }),
		rapid.Map(rapid.IntRange(0, 3), func(n int) any { return json.Number(fmt.Sprint(n)) }),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }),
	}
	if placeholders {
		scalars = append(scalars, rapid.Just(any(nil)), rapid.Just(any("")))
	}
	if depth == 0 {
		return rapid.OneOf(scalars...)
	}
	inner := jsonValues(depth-1, placeholders)
	return rapid.OneOf(append(scalars,
		rapid.Map(rapid.SliceOfN(inner, least, 3), func(list []any) any { return list }),
		rapid.Map(rapid.MapOfN(rapid.StringMatching(`[a-c]`), inner, least, 3), func(object map[string]any) any { return object }),
	)...)
}

func jsonObjects(placeholders bool) *rapid.Generator[map[string]any] {
	return rapid.Custom(func(t *rapid.T) map[string]any {
		object := rapid.MapOfN(rapid.StringMatching(`[a-d]`), jsonValues(3, placeholders), 0, 4).Draw(t, "members")
		object["type"] = rapid.SampledFrom([]string{"pay", "read"}).Draw(t, "type")
		return object
	})
}

func TestEveryObjectEqualsItself(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		object := jsonObjects(true).Draw(t, "object")
		same, _ := decoded(Text(object))
		if got := Compare(object, same); len(got) > 0 || !Agree(object, same) {
			t.Errorf("%s differs from itself: %v", Text(object), got)
		}
		if got := Beyond([]map[string]any{object}, []map[string]any{same}); got != "" {
			t.Errorf("%s goes beyond itself: %s", Text(object), got)
		}
	})
}

func TestAddedAndRemovedMembersAreFound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		object := jsonObjects(false).Draw(t, "object")
		more := maps.Clone(object)
		more["new"] = jsonValues(2, true).Draw(t, "value")
		if got := Compare(object, more); len(got) != 1 || got[0].Kind != Extra || got[0].Path != "new" {
			t.Errorf("added: %v", got)
		}
		if got := Compare(more, object); len(got) != 1 || got[0].Kind != Absent || got[0].Path != "new" {
			t.Errorf("removed: %v", got)
		}
	})
}

func TestCounterpartsArePartitions(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		asked := rapid.SliceOfN(jsonObjects(true), 0, 5).Draw(t, "asked")
		actual := rapid.SliceOfN(jsonObjects(true), 0, 5).Draw(t, "actual")
		p := Counterparts(asked, actual)
		if len(p.Pairs)+len(p.Missing) != len(asked) || len(p.Pairs)+len(p.Surplus) != len(actual) {
			t.Errorf("%d pairs, %d missing, %d surplus of %d and %d", len(p.Pairs), len(p.Missing), len(p.Surplus), len(asked), len(actual))
		}
		for _, each := range p.Pairs {
			if each.Asked["type"] != each.Actual["type"] {
				t.Errorf("%v answers %v", each.Actual, each.Asked)
			}
		}
		for _, missing := range p.Missing {
			if slices.ContainsFunc(p.Surplus, func(s map[string]any) bool { return s["type"] == missing["type"] }) {
				t.Errorf("%v was left without a counterpart", missing)
			}
		}
	})
}

func TestOrderDoesNotCount(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		asked := rapid.SliceOfN(jsonObjects(false), 1, 5).Draw(t, "asked")
		shuffled := rapid.Permutation(asked).Draw(t, "shuffled")
		p := Counterparts(asked, shuffled)
		for _, each := range p.Pairs {
			if got := Compare(each.Asked, each.Actual); len(got) > 0 {
				t.Errorf("%s: %v", Text(each.Asked), got)
			}
		}
		if len(p.Pairs) != len(asked) {
			t.Errorf("%d of %d pairs", len(p.Pairs), len(asked))
		}
	})
}

// Whatever an OP sends is compared without a panic and told without harm.
func FuzzCompare(f *testing.F) {
	f.Add(`{"a":[1,{"b":null}],"type":"x"}`, `{"a":[{"b":2},1e400],"type":"x"}`)
	f.Add(`{"a":[[],[[]]]}`, `{"a":{"":"\u0000"}}`)
	f.Fuzz(func(t *testing.T, one, other string) {
		a, okA := decoded(one)
		b, okB := decoded(other)
		if !okA || !okB {
			return
		}
		for _, d := range Compare(a, b) {
			if text := d.String(); strings.ContainsAny(text, "\x00\n\x1b\u202e") {
				t.Errorf("%q is not safe to print", text)
			}
		}
		_, _ = Beyond([]map[string]any{a}, []map[string]any{b}), Excess([]map[string]any{a}, []map[string]any{b}, []map[string]any{b, a})
	})
}
