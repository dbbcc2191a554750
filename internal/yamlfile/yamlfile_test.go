package yamlfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
)

var orders = Kind{
	Expand: true,
	Empty:  "write one",
	Schema: NewSchema([]byte(`{
  "title": "a list of orders",
  "type": "object", "additionalProperties": false, "required": ["orders"],
  "properties": {
    "orders": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/order"}},
    "anything": true
  },
  "$defs": {
    "order": {
      "type": "object", "additionalProperties": false,
      "properties": {
        "size": {"enum": ["small", "large"]},
        "secret": {"type": "string", "minLength": 1},
        "count": {"type": "integer", "minimum": 1},
        "gift": {"type": ["boolean", "null"]},
        "wait": {"$ref": "#/$defs/wait"},
        "tags": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
      }
    },
    "wait": {
      "title": "none, a duration such as 8s, or a mapping with from and to",
      "anyOf": [
        {"type": "string", "enum": ["none"]},
        {"type": "string", "pattern": "^[0-9]+s$"},
        {
          "type": "object", "additionalProperties": false, "required": ["from"],
          "properties": {"from": {"type": "string"}, "to": {"type": "string"}}
        }
      ]
    }
  }
}`)),
}

func parseOrders(text string) *File {
	return orders.Parse("o.yaml", []byte(text), Env{
		Lookup: func(name string) (string, bool) { return "canary-" + name, name != "UNSET" },
		FS:     fstest.MapFS{"orders/secret.txt": {Data: []byte("canary-file\n")}},
		Dir:    "orders",
	})
}

// TestComplaints holds every wording, each with its place.
func TestComplaints(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"nothing":        {"", []string{"o.yaml: the file is empty; write one"}},
		"only a comment": {"# none", []string{"o.yaml: the file is empty; write one"}},
		"no YAML":        {"orders:\n  - [", []string{"o.yaml:2:1: not readable as YAML: did not find expected node content"}},
		"two documents":  {"orders: [{}]\n---\norders: []", []string{"o.yaml:2:1: a second document begins here; a file has one"}},
		"a broken second document": {
			"orders: [{}]\n---\n[", []string{"o.yaml:3:1: not readable as YAML: did not find expected node content"},
		},
		"too large":    {strings.Repeat("#", MaxSize+1), []string{"o.yaml: the file is larger than 1048576 bytes"}},
		"another type": {"[]", []string{"o.yaml:1:1: is a list; wanted a list of orders"}},
		"missing":      {"{}", []string{"o.yaml:1:1: orders: is missing"}},
		"too few":      {"orders: []", []string{"o.yaml:1:9: orders: needs at least 1 entry"}},
		"a near miss":  {"order: []\norders: [{}]", []string{`o.yaml:1:1: order: unknown key; did you mean "orders"?`}},
		"an unknown": {"orders: [{colour: red}]", []string{"o.yaml:1:11: orders[0].colour: unknown key; allowed are count, gift, " +
			"secret, size, tags, wait"}},
		"twice": {"orders: [{}]\norders: [{}]", []string{"o.yaml:2:1: orders: the key is given twice"}},
		"a merge key": {"x: &x {}\norders: [{<<: *x}]", []string{
			"o.yaml:1:1: x: unknown key; allowed are anything, orders",
			"o.yaml:2:11: orders[0]: keys are plain words; merge keys and complex keys are not supported",
		}},
		"dots in a key": {"orders: [{a.b: 1, 'x[0]': 2}]", []string{"o.yaml:1:11: orders[0].a.b: unknown key; allowed are count, gift, " +
			"secret, size, tags, wait", "o.yaml:1:19: orders[0].x[0]: unknown key; allowed are count, gift, secret, size, tags, wait"}},
		"a loop": {"anything: &a [*a]\norders: [{}]", []string{"o.yaml:1:11: the file nests deeper than 64 levels"}},
		"a bomb": {
			"anything: [&a [x,x,x,x,x,x,x,x,x,x], &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a], &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b], &d " +
				"[*c,*c,*c,*c,*c,*c,*c,*c,*c,*c], &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d], *e]\norders: [{}]",
			[]string{"o.yaml:1:30: anything[4][3][3][8][8][7]: the file unfolds to more than 50000 values; aliases may not repeat that much"},
		},
		"values": {
			"orders:\n- {size: huge, secret: '', count: 0, gift: 'yes'}\n- {size: [], secret: 5, count: 1.5, gift: {}}\n- {count: 1e300, " +
				"secret: }\n- 7", []string{
				`o.yaml:2:10: orders[0].size: is "huge"; allowed are small, large`, "o.yaml:2:24: orders[0].secret: is empty",
				`o.yaml:2:35: orders[0].count: is "0"; wanted at least 1`, "o.yaml:2:44: orders[0].gift: is a text; wanted true or false",
				"o.yaml:3:10: orders[1].size: is a list; allowed are small, large", "o.yaml:3:22: orders[1].secret: is a number; wanted a text",
				"o.yaml:3:32: orders[1].count: is a number; wanted a whole number", "o.yaml:3:43: orders[1].gift: is a mapping; wanted true or false",
				"o.yaml:4:11: orders[2].count: is too large or too long a number", "o.yaml:4:26: orders[2].secret: is empty; wanted a text",
				"o.yaml:5:3: orders[3]: is a number; wanted a mapping",
			},
		},
		"one of several shapes": {
			"orders:\n- {wait: soon, tags: {}}\n- {wait: {to: 5s}, tags: [1]}\n- {wait: [], tags: 5}\n- {wait: '" + strings.Repeat("long", 20) +
				"'}", []string{
				`o.yaml:2:10: orders[0].wait: is "soon"; wanted none, a duration such as 8s, or a mapping with from and to`,
				"o.yaml:2:22: orders[0].tags: is a mapping; wanted a text or a list",
				"o.yaml:3:10: orders[1].wait.from: is missing", "o.yaml:3:27: orders[1].tags[0]: is a number; wanted a text",
				"o.yaml:4:10: orders[2].wait: is a list; wanted none, a duration such as 8s, or a mapping with from and to",
				"o.yaml:4:20: orders[2].tags: is a number; wanted a text or a list",
				"o.yaml:5:10: orders[3].wait: is too long a value; wanted none, a duration such as 8s, or a mapping with from and to",
			},
		},
		"from outside": {
			"orders:\n- {size: '${env:A}', secret: '${env:UNSET}'}\n- {secret: '${file:secret.txt}', wait: '${file:nowhere}'}\n- {secret: " +
				"'${vault:a}'}", []string{
				"o.yaml:2:10: orders[0].size: is a value from outside; allowed are small, large",
				"o.yaml:2:30: orders[0].secret: the environment variable UNSET is not set",
				"o.yaml:3:40: orders[1].wait: the file nowhere cannot be read: file does not exist",
				"o.yaml:4:12: orders[2].secret: unknown placeholder ${vault:...}; ${env:NAME} and ${file:PATH} are known",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var problems Problems
			if err := parseOrders(c.text).Err(); !errors.As(err, &problems) {
				t.Fatalf("got %v, want problems", err)
			}
			if diff := cmp.Diff(c.want, problems.Lines()); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if strings.Contains(problems.Error(), "canary") {
				t.Error("a value from outside is quoted")
			}
		})
	}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	f := parseOrders("orders:\n- &a {size: small, secret: '${env:A} and ${file:secret.txt}', count: 3, gift: true, tags: [x, y]}\n- " +
		"*a\nanything: {a: 0123, b: 1.5, c: 90s, d: 2026-11-24, e: , f: 1_000, g: 9h}\n")
	if err := f.Err(); err != nil || !f.Readable() {
		t.Fatal(err)
	}
	second := f.Root().At("orders").Item(1)
	if second.Line() != 2 || second.Path() != "orders[1]" || second.At("size").Text() != "small" || second.At("count").Int() != 3 ||
		!second.At("gift").Bool() ||
		!cmp.Equal(second.At("tags").Texts(), []string{"x", "y"}) || second.At("secret").Text() != "canary-A and canary-file" {
		t.Errorf("the alias is read as %v at line %d", second.Members(), second.Line())
	}
	anything := f.Root().At("anything")
	var names, texts []string
	for _, m := range anything.Members() {
		names, texts = append(names, m.Name()), append(texts, m.Text())
	}
	if strings.Join(names, "") != "abcdefg" || strings.Join(texts, " ") != "0123 1.5 90s 2026-11-24  1_000 9h" {
		t.Errorf("members are %q with %q", names, texts)
	}
	if anything.At("b").Float() != 1.5 || anything.At("c").Duration(time.Hour) != 90*time.Second || !anything.At("f").IsNumber() ||
		anything.At("d").IsNumber() {
		t.Error("scalars are misread")
	}
	if absent := anything.At("x").At("y").Item(3); absent.Exists() || absent.Path() != "anything.x.y[3]" || absent.Line() != 4 ||
		absent.Text() != "" || absent.Texts() != nil {
		t.Errorf("what is absent reads as %+v", absent)
	}
	if got := f.Secrets(); !cmp.Equal(got, []string{"canary-A", "canary-file"}) {
		t.Errorf("secrets are %q", got)
	}
	var model struct {
		Orders []struct{ Count int }
	}
	if f.Decode(f.Value(), &model); len(model.Orders) != 2 || model.Orders[1].Count != 3 {
		t.Errorf("decoded %+v", model)
	}
	anything.At("g").Duration(time.Hour)
	anything.At("x").Wrong("is missing")
	if err := f.Err(); err == nil || err.Error() != "2 problems in the file:\n  o.yaml:4:11: anything.x: is missing\n  o.yaml:4:70: "+
		"anything.g: is \"9h\"; the longest is 1h0m0s" {
		t.Errorf("got %v", err)
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "orders.yaml")
	for name, text := range map[string]string{
		path:                             "orders: [{secret: '${file:secret.txt}'}]",
		filepath.Join(dir, "secret.txt"): "hidden\r\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := orders.Load(path, Env{})
	if err != nil || f.Err() != nil || f.Root().At("orders").Item(0).At("secret").Text() != "hidden" {
		t.Errorf("read %v, %v", f, err)
	}
	if _, err := orders.Load(filepath.Join(dir, "nowhere"), Env{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("#", 3*MaxSize)), 0o600); err != nil {
		t.Fatal(err)
	}
	if f, err := orders.Load(path, Env{}); err != nil || f.Err() == nil {
		t.Errorf("a large file: %v", err)
	}
	// Without Expand, text from the network reads nothing of this machine.
	remote := Kind{Schema: orders.Schema}.Parse("r", []byte("orders: [{secret: '${env:HOME}'}]"), Env{})
	if remote.Err() != nil || remote.Root().At("orders").Item(0).At("secret").Text() != "${env:HOME}" {
		t.Errorf("expanded to %v", remote.Value())
	}
}

// TestManyMistakes: a file full of mistakes costs little, and tells some of them.
func TestManyMistakes(t *testing.T) {
	t.Parallel()
	var unknown, wrong strings.Builder
	for i := range 40_000 {
		fmt.Fprintf(&unknown, "key%d: 1\n", i)
	}
	for range 20_000 {
		wrong.WriteString("- {size: huge}\n")
	}
	for name, text := range map[string]string{"unknown keys": unknown.String(), "wrong values": "orders:\n" + wrong.String()} {
		start := time.Now()
		var problems Problems
		_ = errors.As(parseOrders(text).Err(), &problems)
		if len(problems) != maxWrong+1 || problems[maxWrong].String() != "o.yaml: there may be more; only 500 problems are told" {
			t.Errorf("%s: %d problems are told", name, len(problems))
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s take %s", name, took)
		}
	}
}

// FuzzParse reads any text: no panic, and no value without a schema's consent.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"orders: [{size: small, wait: {from: 1s}}]", "a: &a [*a]", "orders: [{count: 1e99999}]\n--- 5", "? [a]: b",
		"orders: ${file:x}", "<<: {orders: 0x1f}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file := parseOrders(text)
		if err := file.Err(); err != nil && err.Error() == "" {
			t.Error("refused without a word")
		}
		if !file.Readable() && (file.Err() == nil || file.Value() != nil) {
			t.Errorf("not readable, but %v and %v", file.Err(), file.Value())
		}
		for _, order := range file.Root().At("orders").Items() {
			order.At("wait").Duration(time.Hour)
		}
	})
}

// A problem quotes what is wrong, and never what came from outside.
func TestProblemsHideWhatCameFromOutside(t *testing.T) {
	t.Parallel()
	kind := Kind{Schema: NewSchema([]byte(`{"type":"object","additionalProperties":{"enum":["a"]}}`)), Expand: true}
	env := Env{Lookup: func(string) (string, bool) { return "canary\"\nvalue", true }}
	f := kind.Parse("f.yaml", []byte(`x: "before ${env:A} after"`), env)
	f.Root().At("x").WrongName("is %q, and raw %s", f.Root().At("x").Text(), f.Root().At("x").Text())
	f.Root().At("y").Wrong("is %q", "before canary\"\nvalue after")
	if err := f.Err(); err == nil || strings.Contains(err.Error(), "canary") || !strings.Contains(err.Error(), "[secret]") {
		t.Errorf("got %v", err)
	}
}
