package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/yamlfile"
	"github.com/cibatest/cibatest/mockdevice/tree"
)

// readWhen reads the conditions of a rule, in the order of the file, in which they are
// asked and explained.
func (rs *Rules) readWhen(at yamlfile.Place) []condition {
	var conditions []condition
	for _, m := range at.Members() {
		switch m.Name() {
		case "nth":
			rs.countsUsers = true
			conditions = append(conditions, conditionAt(m, readNth(m)))
		case "details":
			conditions = append(conditions, readDetails(m)...)
		default:
			if read := aboutRequest[m.Name()]; read != nil {
				conditions = append(conditions, conditionAt(m, read(m)))
			}
		}
	}
	return conditions
}

// conditionAt names a condition as explanations do: "[0].when.user (line 7)".
func conditionAt(at yamlfile.Place, holds func(question) bool) condition {
	return condition{fmt.Sprintf("%s (line %d)", strings.TrimPrefix(at.Path(), "rules"), at.Line()), holds}
}

// aboutRequest are the conditions that look at one member of a request, by name.
var aboutRequest = map[string]func(yamlfile.Place) func(question) bool{
	"user":            anyIn(func(q question) []string { return []string{q.LoginHint, q.Sub} }),
	"client":          anyIn(func(q question) []string { return []string{q.ClientID} }),
	"acr":             anyIn(func(q question) []string { return strings.Fields(q.ACRValues) }),
	"adapter":         anyIn(func(q question) []string { return []string{q.Adapter} }),
	"scope":           readScope,
	"binding_message": readMessage,
	"label":           readLabels,
}

// anyIn holds if one of a request's texts is among those of the file.
func anyIn(of func(question) []string) func(yamlfile.Place) func(question) bool {
	return func(at yamlfile.Place) func(question) bool {
		wanted := at.Texts()
		return func(q question) bool {
			return slices.ContainsFunc(of(q), func(s string) bool { return slices.Contains(wanted, s) })
		}
	}
}

// readScope holds if all words are asked for; more may be.
func readScope(at yamlfile.Place) func(question) bool {
	wanted := at.Texts()
	return func(q question) bool {
		asked := strings.Fields(q.Scope)
		return !slices.ContainsFunc(wanted, func(s string) bool { return !slices.Contains(asked, s) })
	}
}

// readLabels holds if every label has its text. One that is absent counts as empty.
func readLabels(at yamlfile.Place) func(question) bool {
	wanted := treeAt(at).Members
	return func(q question) bool {
		return !slices.ContainsFunc(wanted, func(m tree.Member) bool { return q.Labels[m.Name] != m.Value.Text })
	}
}

// readMessage reads a text that the binding message has to be, or tests that all have to hold.
func readMessage(at yamlfile.Place) func(question) bool {
	if !at.IsMapping() {
		wanted := at.Text()
		return func(q question) bool { return q.BindingMessage == wanted }
	}
	var tests []func(message string) bool
	for _, m := range at.Members() {
		wanted := m.Text()
		switch m.Name() {
		case "equals":
			tests = append(tests, func(message string) bool { return message == wanted })
		case "prefix":
			tests = append(tests, func(message string) bool { return strings.HasPrefix(message, wanted) })
		case "regex":
			tests = append(tests, regexAt(m).MatchString)
		case "missing":
			missing := m.Bool()
			tests = append(tests, func(message string) bool { return (message == "") == missing })
		}
	}
	return func(q question) bool {
		return !slices.ContainsFunc(tests, func(holds func(string) bool) bool { return !holds(q.BindingMessage) })
	}
}

// readNth reads which requests of a user are meant: the third, every fifth, or a range.
func readNth(at yamlfile.Place) func(question) bool {
	if !at.IsMapping() {
		wanted := at.Int()
		return func(q question) bool { return int64(q.nth) == wanted }
	}
	every, from, to := at.At("every"), at.At("from"), at.At("to")
	step, first, last := max(every.Int(), 1), from.Int(), to.Int()
	return func(q question) bool {
		nth := int64(q.nth)
		return nth%step == 0 && nth >= first && (!to.Exists() || nth <= last)
	}
}

// readDetails reads the conditions about authorization_details.
func readDetails(at yamlfile.Place) []condition {
	var conditions []condition
	for _, m := range at.Members() {
		if read := aboutDetails[m.Name()]; read != nil {
			holds := read(m)
			conditions = append(conditions, conditionAt(m, func(q question) bool { return holds(q.details) }))
		}
	}
	return conditions
}

// aboutDetails are the conditions about the objects of authorization_details, by name.
var aboutDetails = map[string]func(yamlfile.Place) func([]tree.Value) bool{
	"any":  matching(func(matched, _ int) bool { return matched > 0 }),
	"all":  matching(func(matched, all int) bool { return all > 0 && matched == all }),
	"none": matching(func(matched, _ int) bool { return matched == 0 }),
	"missing": func(at yamlfile.Place) func([]tree.Value) bool {
		missing := at.Bool()
		return func(objects []tree.Value) bool { return (len(objects) == 0) == missing }
	},
	"count": func(at yamlfile.Place) func([]tree.Value) bool {
		m, tests := readMatcher(at), readTests(at, sizes)
		return func(objects []tree.Value) bool {
			return passes(tree.Value{Kind: tree.Number, Text: fmt.Sprint(m.count(objects))}, tests)
		}
	},
	"total": func(at yamlfile.Place) func([]tree.Value) bool { return readTotal(at).holds },
}

// matching compares how many objects match with how many there are.
func matching(holds func(matched, all int) bool) func(yamlfile.Place) func([]tree.Value) bool {
	return func(at yamlfile.Place) func([]tree.Value) bool {
		m := readMatcher(at)
		return func(objects []tree.Value) bool { return holds(m.count(objects), len(objects)) }
	}
}

// regexAt compiles a regular expression. Those of Go take linear time, so one that comes over
// the network cannot stop the device.
func regexAt(at yamlfile.Place) *regexp.Regexp {
	re, err := regexp.Compile(at.Text())
	if err != nil {
		at.Wrong("%v", err)
		return regexp.MustCompile("")
	}
	return re
}
