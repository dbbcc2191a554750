package rar

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/details"
	. "github.com/cibatest/cibatest/suites/harness"
)

// detail is one object of authorization_details. The text is what travels: the
// target file's own spelling, unless a case has altered the object.
type detail struct {
	text   string
	object map[string]any
}

func (d detail) kind() string {
	kind, _ := d.object["type"].(string)
	return kind
}

// with is the object after an edit of a copy.
func (d detail) with(edit func(map[string]any)) detail {
	object := cloneJSON(d.object).(map[string]any)
	edit(object)
	return detail{details.Text(object), object}
}

// having is the object with one member replaced.
func (d detail) having(member string, value any) detail {
	return d.with(func(object map[string]any) { object[member] = value })
}

func isText(value any) bool { _, ok := value.(string); return ok }

func cloneJSON(value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := maps.Clone(v)
		for name, inner := range v {
			out[name] = cloneJSON(inner)
		}
		return out
	case []any:
		out := slices.Clone(v)
		for i, inner := range v {
			out[i] = cloneJSON(inner)
		}
		return out
	}
	return value
}

// arrayOf is the value of the parameter.
func arrayOf(list ...detail) string {
	texts := make([]string, len(list))
	for i, d := range list {
		texts[i] = d.text
	}
	return "[" + strings.Join(texts, ",") + "]"
}

func objectsOf(list []detail) []map[string]any {
	objects := make([]map[string]any, len(list))
	for i, d := range list {
		objects[i] = d.object
	}
	return objects
}

// kinds are the types of details, sorted.
func kinds(list []detail) []string {
	var names []string
	for _, d := range list {
		names = append(names, d.kind())
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// withDetails is a good request that carries authorization_details.
func withDetails(t *T, list ...detail) ciba.Params {
	return t.Request().With("authorization_details", arrayOf(list...))
}

// validDetails are the objects this OP accepts, by the target file, as far as
// this case's client may use their types.
func validDetails(t *T) []detail {
	var list []detail
	for i, text := range t.Target().RAR.Valid {
		object, err := ciba.DecodeObject(text)
		if err != nil {
			t.Abort("rar.valid[%d] in the target file: %v", i, err)
		}
		d := detail{string(text), object}
		if allowed := t.Client().RARTypes; len(allowed) == 0 || slices.Contains(allowed, d.kind()) {
			list = append(list, d)
		}
	}
	if len(list) == 0 {
		t.Skip("rar.valid in the target file has no object that client %s may use", t.Client().Name)
	}
	return list
}

// eachType is the first valid object of every type, as many as one request may
// have.
func eachType(t *T) []detail {
	var list []detail
	most := t.Target().RAR.MaxObjects
	for _, d := range validDetails(t) {
		if most > 0 && len(list) == most {
			break
		}
		if !slices.ContainsFunc(list, func(other detail) bool { return other.kind() == d.kind() }) {
			list = append(list, d)
		}
	}
	return list
}

// startSeveral starts a flow with as many valid objects as one request may have,
// some of them of one type: what is spoilt in the second or third only is spoilt
// all the same. An OP that does not want them together gets one of every type, or
// a single one.
func startSeveral(t *T) ([]detail, *Flow) {
	all, kinds := validDetails(t), eachType(t)
	if most := t.Target().RAR.MaxObjects; most > 0 {
		all = all[:min(len(all), most)]
	}
	var resp *ciba.Response
	for _, asked := range [][]detail{all[:min(len(all), severalDetails)], kinds, kinds[:1]} {
		resp = t.Start(withDetails(t, asked...))
		if resp.Status/100 == 2 {
			return asked, t.FlowOf(t.Client(), t.User(), resp)
		}
	}
	t.MustAccept("a request with valid authorization_details", resp) // which ends the case
	return nil, nil
}

// severalDetails is how many objects a flow has where only the OP sets a limit.
const severalDetails = 4

// alike are two objects of one request, of two types where there are two.
func alike(t *T) (a, b detail) {
	if list := eachType(t); len(list) > 1 {
		return list[0], list[1]
	}
	return twins(t)
}

// twins are two different valid objects of one type for one request.
func twins(t *T) (a, b detail) {
	if t.Target().RAR.MaxObjects == 1 {
		t.Skip("rar.max_objects in the target file says that a request has one object")
	}
	return siblings(t)
}

// siblings are two different valid objects of one type: two of the target file,
// else one of them and the same with another amount, if the OP accepts that.
func siblings(t *T) (a, b detail) {
	list := validDetails(t)
	for i, a := range list {
		for _, b := range list[i+1:] {
			if a.kind() == b.kind() {
				return a, b
			}
		}
	}
	for _, a := range list {
		if b, ok := a.larger(); ok && t.Start(withDetails(t, b)).Status == 200 {
			return a, b
		}
	}
	t.Skip("needs two objects of one type in rar.valid of the target file")
	return
}

// larger is the object with a larger amount: the first number, or text that is a
// number, preferably one that is called an amount.
func (d detail) larger() (detail, bool) {
	at := amountIn(d.object, "")
	if at == "" {
		return d, false
	}
	return d.with(func(object map[string]any) {
		names := strings.Split(at, "\x00")
		for _, name := range names[:len(names)-1] {
			object = object[name].(map[string]any)
		}
		last := names[len(names)-1]
		object[last] = increased(object[last])
	}), true
}

// fewer is the object with one element less in a list of texts.
func (d detail) fewer() (detail, bool) {
	for _, name := range slices.Sorted(maps.Keys(d.object)) {
		if values, ok := TextsOf(d.object[name]); ok && len(values) > 1 {
			return d.having(name, d.object[name].([]any)[:len(values)-1]), true
		}
	}
	return d, false
}

// increased keeps the shape of a number: 50.00 becomes 90.00, 97 becomes 997.
func increased(value any) any {
	grow := func(digits string) string {
		if digits[0] == '9' {
			return "9" + digits
		}
		return "9" + digits[1:]
	}
	if n, ok := value.(json.Number); ok {
		return json.Number(grow(n.String()))
	}
	return grow(value.(string))
}

// decimal is a number as people write amounts.
var decimal = regexp.MustCompile(`^\d+(\.\d+)?$`)

// amountIn is the path of a positive number, its names joined by NUL.
func amountIn(object map[string]any, prefix string) string {
	found := ""
	for _, name := range slices.Sorted(maps.Keys(object)) {
		switch v := object[name].(type) {
		case map[string]any:
			if inner := amountIn(v, prefix+name+"\x00"); inner != "" && (found == "" || isAmount(inner)) {
				found = inner
			}
		case string, json.Number:
			if decimal.MatchString(fmt.Sprint(v)) && (found == "" || isAmount(name)) {
				found = prefix + name
			}
		}
		if isAmount(found) {
			break
		}
	}
	return found
}

func isAmount(path string) bool { return strings.Contains(strings.ToLower(path), "amount") }

// membersRequired are the paths that the type definition requires for certain: a
// missing_field object of the target file shows one when it lacks a single member
// of a valid object.
func membersRequired(t *T, kind string) []string {
	var required []string
	for _, invalid := range invalidDetails(t, "missing_field") {
		if invalid.kind() != kind {
			continue
		}
		for _, valid := range validDetails(t) {
			if valid.kind() != kind {
				continue
			}
			if lacks := lacking(valid.object, invalid.object, ""); len(lacks) == 1 {
				required = append(required, lacks[0])
			}
		}
	}
	return required
}

// lacking are the topmost members of a that b does not have.
func lacking(a, b map[string]any, prefix string) []string {
	var paths []string
	for _, name := range slices.Sorted(maps.Keys(a)) {
		value, there := b[name]
		if !there {
			paths = append(paths, prefix+name)
			continue
		}
		inner, isObject := a[name].(map[string]any)
		other, both := value.(map[string]any)
		if isObject && both {
			paths = append(paths, lacking(inner, other, prefix+name+".")...)
		}
	}
	return paths
}

// invalidDetail is an object the target file says is refused.
type invalidDetail struct {
	detail
	why string
}

func invalidDetails(t *T, kind string) []invalidDetail {
	var list []invalidDetail
	for i, entry := range t.Target().RAR.Invalid {
		if entry.Kind != kind {
			continue
		}
		object, err := ciba.DecodeObject(entry.Object)
		if err != nil {
			t.Abort("rar.invalid[%d] in the target file: %v", i, err)
		}
		list = append(list, invalidDetail{detail{string(entry.Object), object}, entry.Why})
	}
	return list
}

// introspectionOf asks about a token as the resource server of the target file.
// Nil means that this resource server is told nothing about the token.
func introspectionOf(t *T, accessToken string) map[string]any {
	resp := t.MustSucceed("introspection", Introspect(t, accessToken))
	t.At(resp)
	answer, err := resp.Object()
	if err != nil {
		t.Abort("the introspection answer cannot be read: %v", err)
	}
	if answer["active"] != true {
		return nil
	}
	return answer
}

// place is somewhere the details of a grant come back.
type place struct {
	name     string
	details  []map[string]any
	evidence *ciba.Response // the answer that shows them
}

// placesOf are all places a grant can be read from: the token response, a JWT
// access token and introspection. Places without readable details are left out;
// they have cases of their own.
func placesOf(t *T, tokens ciba.TokenResponse) []place {
	var list []place
	eachPlace(t, tokens, func(name string, object map[string]any) {
		if granted, err := details.Read(object["authorization_details"]); err == nil {
			list = append(list, place{name, granted, Evidence(t)})
		}
	})
	return list
}

func eachPlace(t *T, tokens ciba.TokenResponse, look func(name string, object map[string]any)) {
	look("the token response", tokens.Raw)
	if claims, ok := JWTClaims(tokens.AccessToken); ok {
		look("the JWT access token", claims)
	}
	if t.Has("introspection") {
		look("introspection", introspectionOf(t, tokens.AccessToken))
	}
}

// judgeDetailsForm says of every place that has details that they are an array, which a
// single object is easily taken out of.
func judgeDetailsForm(t *T, tokens ciba.TokenResponse) {
	eachPlace(t, tokens, func(name string, object map[string]any) {
		if value, there := object["authorization_details"]; there {
			_, err := details.Read(value)
			t.Check(err == nil, name+" has an array of objects with type", "%v", err)
		}
	})
}
