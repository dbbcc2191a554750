package yamlfile

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const garden = `{
  "type": "object", "required": ["beds"],
  "properties": {
    "beds": {"type": "array", "description": "where things grow", "items": {"type": "object", "required": ["name"], "properties": {
      "name": {"type": "string", "description": "its name"}, "soil": {"enum": ["", "sand", "loam"]}, "size": {"$ref": "#/$defs/size", "description": "in metres"}
    }}},
    "fence": {"type": ["object", "null"], "properties": {"high": {"type": "boolean"}}}
  },
  "$defs": {"size": {"type": "number", "description": "a size"}}
}`

func TestKeys(t *testing.T) {
	t.Parallel()
	s := NewSchema([]byte(garden))
	want := []Key{
		{Path: "beds", Description: "where things grow", Type: "list", Required: true},
		{Path: "beds.name", Description: "its name", Type: "string", Required: true},
		{Path: "beds.soil", Values: []string{"sand", "loam"}},
		{Path: "beds.size", Description: "in metres", Type: "number"},
		{Path: "fence", Type: "mapping"},
		{Path: "fence.high", Type: "true or false"},
	}
	if diff := cmp.Diff(want, s.Keys()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if diff := cmp.Diff(want[1:4], s.Below("beds")); diff != "" {
		t.Errorf("below beds: -want +got\n%s", diff)
	}
	if len(NewSchema([]byte("{")).Keys()) != 0 {
		t.Error("a broken schema has keys")
	}
}

func TestKeyByPath(t *testing.T) {
	t.Parallel()
	s := NewSchema([]byte(garden))
	for path, want := range map[string]string{
		"beds.name": "", "beds.nam": `there is no key "beds.nam"; did you mean "name"?`,
		"fense": `there is no key "fense"; did you mean "fence"?`, "beds.x": `there is no key "beds.x"; allowed are name, soil, size`,
		"x.y": `there is no key "x.y"; allowed are beds, beds.name, beds.soil, beds.size, fence, fence.high`,
	} {
		key, err := s.Key(path)
		switch {
		case want == "" && (err != nil || key.Path != path):
			t.Errorf("%s: got %+v and %v", path, key, err)
		case want != "" && (err == nil || err.Error() != want):
			t.Errorf("%s: got %v, want %s", path, err, want)
		}
	}
}
