package rar

import (
	"maps"
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

// kind is the type of the object, empty without one.
func (d detail) kind() string {
	kind, _ := d.object["type"].(string)
	return kind
}

// edited is the object after an edit of a copy.
func (d detail) edited(edit func(map[string]any)) detail {
	object := cloneJSON(d.object).(map[string]any)
	edit(object)
	return detail{details.Text(object), object}
}

// having is the object with one member replaced.
func (d detail) having(member string, value any) detail {
	return d.edited(func(object map[string]any) { object[member] = value })
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

// kindsOf are the types of details, sorted.
func kindsOf(list []detail) []string {
	var kinds []string
	for _, d := range list {
		kinds = append(kinds, d.kind())
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
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

// firstOfEachType is the first valid object of every type, as many as one request may
// have.
func firstOfEachType(t *T) []detail {
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

// severalDetails is how many objects a flow has where only the OP sets a limit.
const severalDetails = 4

// startSeveral starts a flow with as many valid objects as one request may have, some of
// them of one type: an OP may go wrong in the second or third only. An OP that does not
// want them together gets one of every type, or a single one.
func startSeveral(t *T) ([]detail, *Flow) {
	valid, ofEachType := validDetails(t), firstOfEachType(t)
	if most := t.Target().RAR.MaxObjects; most > 0 {
		valid = valid[:min(len(valid), most)]
	}
	var resp *ciba.Response
	for _, asked := range [][]detail{valid[:min(len(valid), severalDetails)], ofEachType, ofEachType[:1]} {
		resp = t.Start(withDetails(t, asked...))
		if resp.Status/100 == 2 {
			return asked, t.FlowOf(t.Client(), t.User(), resp)
		}
	}
	t.MustAccept("a request with valid authorization_details", resp) // which ends the case
	return nil, nil
}

// pairInOneRequest is two objects for one request, of two types where there are two.
func pairInOneRequest(t *T) (a, b detail) {
	if list := firstOfEachType(t); len(list) > 1 {
		return list[0], list[1]
	}
	return sameTypePairInOneRequest(t)
}

// sameTypePairInOneRequest is [sameTypePair] where a request may have two objects.
func sameTypePairInOneRequest(t *T) (a, b detail) {
	if t.Target().RAR.MaxObjects == 1 {
		t.Skip("rar.max_objects in the target file says that a request has one object")
	}
	return sameTypePair(t)
}

// sameTypePair is two different valid objects of one type: two of the target file, else
// one of them and the same with another amount, if the OP accepts that.
func sameTypePair(t *T) (a, b detail) {
	list := validDetails(t)
	for i, a := range list {
		for _, b := range list[i+1:] {
			if a.kind() == b.kind() {
				return a, b
			}
		}
	}
	for _, a := range list {
		if b, ok := a.withLargerAmount(); ok && t.Start(withDetails(t, b)).Status == 200 {
			return a, b
		}
	}
	t.Skip("needs two objects of one type in rar.valid of the target file")
	return
}

// invalidDetail is an object that the target file says is refused, with the reason.
type invalidDetail struct {
	detail
	why string
}

// invalidDetails are the objects of rar.invalid in the target file that are wrong in one
// way, such as missing_field.
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
			if missing := missingMembers(valid.object, invalid.object, ""); len(missing) == 1 {
				required = append(required, missing[0])
			}
		}
	}
	return required
}

// missingMembers are the paths of the topmost members of an object that another one does
// not have.
func missingMembers(object, other map[string]any, prefix string) []string {
	var paths []string
	for _, name := range slices.Sorted(maps.Keys(object)) {
		value, there := other[name]
		if !there {
			paths = append(paths, prefix+name)
			continue
		}
		inner, isObject := object[name].(map[string]any)
		otherInner, bothAre := value.(map[string]any)
		if isObject && bothAre {
			paths = append(paths, missingMembers(inner, otherInner, prefix+name+".")...)
		}
	}
	return paths
}
