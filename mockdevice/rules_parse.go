package mockdevice

import (
	"bytes"
	_ "embed" // the example
	"fmt"
	"math"
	"math/big"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

//go:embed examples/policy.yaml
var examplePolicy []byte

// ExamplePolicy is a policy file with everything there is, explained line by line.
func ExamplePolicy() []byte { return bytes.Clone(examplePolicy) }

// LoadRules reads a policy file.
func LoadRules(path string) (*Rules, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the user names the file
	if err != nil {
		return nil, err
	}
	return ParseRules(path, text)
}

// ParseRules reads the text of a policy file, as [ExamplePolicy] shows it; name is for
// messages. An error is of type [Problems] and holds every mistake with its place.
//
// A comparison of where holds if a value at the JSON pointer passes all its tests;
// with every, if there are values and all pass. Numbers compare by value, also in
// texts: "50.00" equals 50, but "1e3" and "1,000" are no numbers. What cannot be
// compared does not match, so approve what is known to be good and deny the rest.
func ParseRules(name string, text []byte) (*Rules, error) {
	rs := &Rules{seed: 1, otherwise: act{hold: true}, source: text}
	err := readYAML(name, text, func(root value) {
		root.fields(map[string]func(value){
			"seed":      func(v value) { rs.seed = v.integer(math.MinInt64, math.MaxInt64) },
			"otherwise": func(v value) { rs.otherwise = v.act() },
			"rules": func(v value) {
				for i, item := range v.items() {
					r := &rule{name: fmt.Sprintf("#%d", i+1)}
					rs.readRule(item, r)
					rs.rules = append(rs.rules, r)
				}
			},
		})
	})
	if err != nil {
		return nil, err
	}
	return rs, nil
}

func (rs *Rules) readRule(v value, r *rule) {
	var decides []string
	v.fields(map[string]func(value){
		"name": func(v value) {
			r.name = v.text()
			if slices.ContainsFunc(rs.rules, func(other *rule) bool { return other.name == r.name }) {
				v.wrong("%q names another rule already", r.name)
			}
		},
		"when":  func(v value) { rs.readWhen(v, r) },
		"then":  func(v value) { r.then, decides = v.act(), append(decides, "then") },
		"mix":   func(v value) { r.mix, decides = v.mix(), append(decides, "mix") },
		"delay": func(v value) { r.delay = v.delay() },
	})
	if len(decides) != 1 {
		v.wrong("a rule has either then or mix")
	}
}

func (rs *Rules) readWhen(v value, r *rule) {
	add := func(v value, holds func(asked) bool) {
		r.when = append(r.when, condition{fmt.Sprintf("%s (line %d)", strings.TrimPrefix(v.path, "rules"), v.Line), holds})
	}
	oneOfTexts := func(of func(asked) []string) func(value) {
		return func(v value) {
			texts := v.texts()
			add(v, func(a asked) bool {
				return slices.ContainsFunc(of(a), func(s string) bool { return slices.Contains(texts, s) })
			})
		}
	}
	v.fields(map[string]func(value){
		"user":    oneOfTexts(func(a asked) []string { return []string{a.LoginHint, a.Sub} }),
		"client":  oneOfTexts(func(a asked) []string { return []string{a.ClientID} }),
		"acr":     oneOfTexts(func(a asked) []string { return strings.Fields(a.ACRValues) }),
		"adapter": oneOfTexts(func(a asked) []string { return []string{a.Adapter} }),
		"scope": func(v value) {
			texts := v.texts()
			add(v, func(a asked) bool { return containsAll(strings.Fields(a.Scope), texts) })
		},
		"binding_message": func(v value) {
			test := v.messageTest()
			add(v, func(a asked) bool { return test(a.BindingMessage) })
		},
		"nth": func(v value) {
			rs.countsUsers = true
			test := v.nthTest()
			add(v, func(a asked) bool { return test(a.nth) })
		},
		"label": func(v value) {
			want := v.json()
			if want.kind != isObject {
				v.wrong("want a mapping of label to text")
			}
			add(v, func(a asked) bool {
				return !slices.ContainsFunc(want.members, func(m member) bool { return a.Labels[m.name] != m.value.text })
			})
		},
		"details": func(v value) { readDetailsTests(v, add) },
	})
}

func containsAll(has, wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(w string) bool { return !slices.Contains(has, w) })
}

func (v value) messageTest() func(string) bool {
	if v.isText() {
		want := v.text()
		return func(s string) bool { return s == want }
	}
	var tests []func(string) bool
	v.fields(map[string]func(value){
		"equals": func(v value) {
			want := v.text()
			tests = append(tests, func(s string) bool { return s == want })
		},
		"prefix": func(v value) {
			want := v.text()
			tests = append(tests, func(s string) bool { return strings.HasPrefix(s, want) })
		},
		"regex": func(v value) { tests = append(tests, v.regex().MatchString) },
		"missing": func(v value) {
			missing := v.boolean()
			tests = append(tests, func(s string) bool { return (s == "") == missing })
		},
	})
	return all(tests)
}

func all[T any](tests []func(T) bool) func(T) bool {
	return func(t T) bool { return !slices.ContainsFunc(tests, func(test func(T) bool) bool { return !test(t) }) }
}

func (v value) nthTest() func(int) bool {
	if v.isText() {
		n := v.integer(1, math.MaxInt32)
		return func(nth int) bool { return int64(nth) == n }
	}
	var tests []func(int) bool
	number := func(test func(nth, n int64) bool) func(value) {
		return func(v value) {
			n := v.integer(1, math.MaxInt32)
			tests = append(tests, func(nth int) bool { return n > 0 && test(int64(nth), n) })
		}
	}
	v.fields(map[string]func(value){
		"every": number(func(nth, n int64) bool { return nth%n == 0 }),
		"from":  number(func(nth, n int64) bool { return nth >= n }),
		"to":    number(func(nth, n int64) bool { return nth <= n }),
	})
	return all(tests)
}

func readDetailsTests(v value, add func(value, func(asked) bool)) {
	v.fields(map[string]func(value){
		"any": func(v value) {
			m := v.matcher()
			add(v, func(a asked) bool { return slices.ContainsFunc(a.details, m.matches) })
		},
		"all": func(v value) {
			m := v.matcher()
			add(v, func(a asked) bool { return len(a.details) > 0 && m.count(a.details) == len(a.details) })
		},
		"none": func(v value) {
			m := v.matcher()
			add(v, func(a asked) bool { return m.count(a.details) == 0 })
		},
		"missing": func(v value) {
			missing := v.boolean()
			add(v, func(a asked) bool { return (len(a.details) == 0) == missing })
		},
		"count": func(v value) {
			m, tests := &matcher{}, &[]func(tree) bool{}
			v.fields(with(m.fields(), numberTests(tests)))
			test := all(*tests)
			add(v, func(a asked) bool {
				return test(tree{kind: isNumber, text: fmt.Sprint(m.count(a.details))})
			})
		},
		"total": func(v value) {
			t := v.total()
			add(v, func(a asked) bool { return t.holds(a.details) })
		},
	})
}

func (m *matcher) count(objects []tree) (n int) {
	for _, o := range objects {
		if m.matches(o) {
			n++
		}
	}
	return n
}

func (v value) matcher() *matcher {
	m := &matcher{}
	v.fields(m.fields())
	return m
}

func (m *matcher) fields() map[string]func(value) {
	return map[string]func(value){
		"type": func(v value) { m.types = v.texts() },
		"where": func(v value) {
			for _, item := range v.items() {
				m.where = append(m.where, item.comparison())
			}
		},
	}
}

func with(a, b map[string]func(value)) map[string]func(value) {
	for name, read := range b {
		a[name] = read
	}
	return a
}

func (v value) comparison() comparison {
	var c comparison
	fields := map[string]func(value){
		"at":       func(v value) { c.at = v.pointer() },
		"currency": func(v value) { c.currency = v.text() },
		"every":    func(v value) { c.every = v.boolean() },
		"missing": func(v value) {
			missing := v.boolean()
			c.missing = &missing
		},
	}
	v.fields(with(with(fields, numberTests(&c.tests)), valueTests(&c.tests)), "at")
	if len(c.tests) == 0 && c.currency == "" && c.missing == nil {
		v.wrong("tests nothing; add equals, at_most, in, missing or another test")
	}
	return c
}

// numberTests read the comparisons of size into tests.
func numberTests(tests *[]func(tree) bool) map[string]func(value) {
	size := func(test func(order int) bool) func(value) {
		return func(v value) {
			want := v.number()
			*tests = append(*tests, func(t tree) bool {
				n, ok := t.number()
				return ok && test(n.Cmp(want))
			})
		}
	}
	return map[string]func(value){
		"less":     size(func(order int) bool { return order < 0 }),
		"at_most":  size(func(order int) bool { return order <= 0 }),
		"more":     size(func(order int) bool { return order > 0 }),
		"at_least": size(func(order int) bool { return order >= 0 }),
	}
}

// valueTests read the other comparisons into tests.
func valueTests(tests *[]func(tree) bool) map[string]func(value) {
	add := func(test func(tree) bool) { *tests = append(*tests, test) }
	among := func(want bool) func(value) {
		return func(v value) {
			list := v.list()
			add(func(t tree) bool { return list.holds(t) == want })
		}
	}
	return map[string]func(value){
		"equals": func(v value) {
			want := v.json()
			add(func(t tree) bool { return equal(t, want) })
		},
		"not": func(v value) {
			want := v.json()
			add(func(t tree) bool { return !equal(t, want) })
		},
		"in":     among(true),
		"not_in": among(false),
		"contains": func(v value) {
			want := v.json()
			add(func(t tree) bool { return t.kind == isArray && t.holds(want) })
		},
		"only": func(v value) {
			list := v.list()
			add(func(t tree) bool {
				return t.kind == isArray && !slices.ContainsFunc(t.items, func(item tree) bool { return !list.holds(item) })
			})
		},
		"prefix": func(v value) {
			want := v.text()
			add(func(t tree) bool { return t.kind == isString && strings.HasPrefix(t.text, want) })
		},
		"regex": func(v value) {
			re := v.regex()
			add(func(t tree) bool { return matchesText(re, t) })
		},
		"numeric": func(v value) {
			want := v.boolean()
			add(func(t tree) bool {
				_, ok := t.number()
				return ok == want
			})
		},
	}
}

func matchesText(re *regexp.Regexp, t tree) bool { return t.kind == isString && re.MatchString(t.text) }

func (v value) list() tree {
	list := v.json()
	if list.kind != isArray {
		v.wrong("want a list")
	}
	return list
}

// holds says whether an array has an element.
func (t tree) holds(element tree) bool {
	return slices.ContainsFunc(t.items, func(item tree) bool { return equal(item, element) })
}

// total adds up numbers over all objects. A value that is not a number, or of another
// currency, makes the sum unknown, and then no test holds.
type total struct {
	matcher
	at       pointer
	times    string // a member beside each value to multiply it with
	currency string
	tests    []func(tree) bool
}

func (v value) total() *total {
	t := &total{}
	fields := map[string]func(value){
		"at":       func(v value) { t.at = v.pointer() },
		"times":    func(v value) { t.times = v.text() },
		"currency": func(v value) { t.currency = v.text() },
		"equals": func(v value) {
			want := v.number()
			t.tests = append(t.tests, func(sum tree) bool {
				n, ok := sum.number()
				return ok && n.Cmp(want) == 0
			})
		},
	}
	v.fields(with(with(fields, t.fields()), numberTests(&t.tests)), "at")
	return t
}

func (t *total) holds(objects []tree) bool {
	sum := new(big.Rat)
	for _, object := range objects {
		if !t.matches(object) {
			continue
		}
		for _, f := range t.at.find(object) {
			n, ok := t.term(f)
			if !ok {
				return false
			}
			sum.Add(sum, n)
		}
	}
	return all(t.tests)(tree{kind: isNumber, text: sum.FloatString(20)})
}

func (t *total) term(f found) (*big.Rat, bool) {
	n, ok := f.value.number()
	if !ok || t.currency != "" && f.parent.word("currency") != t.currency {
		return nil, false
	}
	if t.times == "" {
		return n, true
	}
	factor, _ := f.parent.get(t.times)
	by, ok := factor.number()
	if !ok {
		return nil, false
	}
	return new(big.Rat).Mul(n, by), true
}

// act reads what a rule does: a word, or a mapping with more.
func (v value) act() act {
	words := []string{"hold"}
	for _, a := range actions {
		words = append(words, string(a))
	}
	var a act
	set := func(v value) {
		word := v.choice(words...)
		a.hold = word == "hold"
		if !a.hold {
			a.decision.Action = Action(word)
		}
	}
	if v.isText() {
		set(v)
		if a.decision.Action == Narrow {
			v.wrong("narrow needs {act: narrow, scope: [...]} or {act: narrow, keep: {...}}")
		}
		return a
	}
	var n narrowing
	v.fields(map[string]func(value){
		"act":    set,
		"reason": func(v value) { a.decision.Reason = v.text() },
		"error":  func(v value) { a.decision.Error = v.text() },
		"acr":    func(v value) { a.decision.ACR = v.text() },
		"scope":  func(v value) { n.scope = v.texts() },
		"keep":   func(v value) { n.keep = v.matcher() },
		"faults": func(v value) { v.faults(&a) },
	}, "act")
	narrows := n.scope != nil || n.keep != nil
	switch {
	case narrows && a.decision.Action != Narrow && a.decision.Action != Approve:
		v.wrong("scope and keep are for narrow")
	case !narrows && a.decision.Action == Narrow:
		v.wrong("narrow needs scope or keep")
	case narrows:
		a.decision.Action, a.narrow = Approve, &n
	}
	return a
}

func (v value) faults(a *act) {
	for _, item := range v.items() {
		name := Fault(item.text())
		switch {
		case slices.Contains(deliveryFaults, name):
			a.decision.Faults = append(a.decision.Faults, name)
		case slices.Contains(inboundFaults, name):
			a.inbound = append(a.inbound, name)
		default:
			item.wrong("%.40q is not %s", string(name), oneOf(slices.Concat(deliveryFaults, inboundFaults)))
		}
	}
}

// mix reads shares. They need not add up to 100; their sum is the whole.
func (v value) mix() []share {
	var mix []share
	var sum float64
	for _, item := range v.items() {
		var s share
		item.fields(map[string]func(value){
			"share": func(v value) { sum += v.float(0, 1e9) },
			"then":  func(v value) { s.act = v.act() },
			"delay": func(v value) {
				d := v.delay()
				s.delay = &d
			},
		}, "share", "then")
		s.upTo = sum
		mix = append(mix, s)
	}
	if sum <= 0 {
		v.wrong("the shares add up to nothing")
	}
	for i := range mix {
		mix[i].upTo /= sum
	}
	return mix
}

// human is how people answer when nothing else is known.
var human = lognormal(8*time.Second, 0.8)

func (v value) delay() delay {
	if v.isText() {
		switch v.Value {
		case "none":
			return delay{}
		case "human":
			return human
		}
		return fixed(v.duration())
	}
	var delays []delay
	v.fields(map[string]func(value){
		"fixed":         func(v value) { delays = append(delays, fixed(v.duration())) },
		"uniform":       func(v value) { delays = append(delays, v.uniform()) },
		"normal":        func(v value) { delays = append(delays, v.normal()) },
		"lognormal":     func(v value) { delays = append(delays, v.lognormal()) },
		"exponential":   func(v value) { delays = append(delays, exponential(v.duration())) },
		"empirical":     func(v value) { delays = append(delays, empirical(v.durations())) },
		"before_expiry": func(v value) { delays = append(delays, beforeExpiry(v.duration())) },
		"after_expiry":  func(v value) { delays = append(delays, afterExpiry(v.duration())) },
	})
	if len(delays) != 1 {
		v.wrong("want one distribution")
		return delay{}
	}
	return delays[0]
}

func (v value) durations() []time.Duration {
	var list []time.Duration
	for _, item := range v.items() {
		list = append(list, item.duration())
	}
	if len(list) == 0 {
		v.wrong("want at least one duration")
	}
	return list
}

func (v value) uniform() delay {
	bounds := v.durations()
	if len(bounds) != 2 || bounds[0] > bounds[1] {
		v.wrong("want [shortest, longest]")
		return delay{}
	}
	return uniform(bounds[0], bounds[1])
}

func (v value) normal() delay {
	var mean, deviation time.Duration
	v.fields(map[string]func(value){
		"mean":      func(v value) { mean = v.duration() },
		"deviation": func(v value) { deviation = v.duration() },
	}, "mean", "deviation")
	return normal(mean, deviation)
}

func (v value) lognormal() delay {
	var median time.Duration
	var sigma float64
	v.fields(map[string]func(value){
		"median": func(v value) { median = v.duration() },
		"sigma":  func(v value) { sigma = v.float(0, 10) },
	}, "median", "sigma")
	return lognormal(median, sigma)
}
