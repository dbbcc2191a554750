package policy

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/yamlfile"
	"github.com/cibatest/cibatest/mockdevice/wire"
	"github.com/google/go-cmp/cmp"
)

func rulesOf(t *testing.T, text string) *Rules {
	t.Helper()
	rules, err := Parse("rules.yaml", []byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return rules
}

// TestPredicates: every predicate, once true and at least once false.
func TestPredicates(t *testing.T) {
	t.Parallel()
	pay := `[{"type":"payment","amount":"50.00","currency":"USD","tags":["a","b"],"creditor":{"name":"Acme"}}]`
	lines := `[{"type":"order","lines":[{"qty":2,"price":"89.00","currency":"GBP"},{"qty":1,"price":24.5,"currency":"GBP"}]},{"type":"note"}]`
	for _, c := range []struct {
		when    string
		yes, no []wire.Request
	}{
		{
			"{user: alice}",
			[]wire.Request{{LoginHint: "alice"}, {Sub: "alice"}, {LoginHint: "x", Sub: "alice"}},
			[]wire.Request{{LoginHint: "bob"}, {}},
		},
		{"{user: [alice, bob]}", []wire.Request{{LoginHint: "bob"}}, []wire.Request{{LoginHint: "carol"}}},
		{"{client: c1}", []wire.Request{{ClientID: "c1"}}, []wire.Request{{ClientID: "c2"}, {}}},
		{"{scope: a}", []wire.Request{{Scope: "b a"}}, []wire.Request{{Scope: "ab"}, {}}},
		{"{scope: [a, b]}", []wire.Request{{Scope: "b a c"}}, []wire.Request{{Scope: "a"}}},
		{"{acr: high}", []wire.Request{{ACRValues: "low high"}}, []wire.Request{{ACRValues: "higher"}}},
		{"{adapter: keycloak}", []wire.Request{{Adapter: "keycloak"}}, []wire.Request{{Adapter: "native"}}},
		{
			"{label: {workspace: w}}",
			[]wire.Request{{Labels: map[string]string{"workspace": "w"}}},
			[]wire.Request{{}, {Labels: map[string]string{"workspace": "v"}}},
		},
		{"{binding_message: AB}", []wire.Request{{BindingMessage: "AB"}}, []wire.Request{{BindingMessage: "ABC"}}},
		{"{binding_message: {equals: AB}}", []wire.Request{{BindingMessage: "AB"}}, []wire.Request{{BindingMessage: "A"}}},
		{"{binding_message: {prefix: AB}}", []wire.Request{{BindingMessage: "ABC"}}, []wire.Request{{BindingMessage: "CAB"}}},
		{"{binding_message: {regex: '^A.C$'}}", []wire.Request{{BindingMessage: "ABC"}}, []wire.Request{{BindingMessage: "ABCD"}}},
		{
			"{binding_message: {prefix: A, regex: 'C$'}}",
			[]wire.Request{{BindingMessage: "AC"}},
			[]wire.Request{{BindingMessage: "A"}, {BindingMessage: "C"}},
		},
		{"{binding_message: {missing: true}}", []wire.Request{{}}, []wire.Request{{BindingMessage: "A"}}},
		{"{user: a, client: c}", []wire.Request{{LoginHint: "a", ClientID: "c"}}, []wire.Request{{LoginHint: "a"}, {ClientID: "c"}}},
		{"{details: {missing: true}}", with1(""), with1(pay)},
		{"{details: {missing: false}}", with1(pay), with1("")},
		{"{details: {any: {type: payment}}}", with1(pay, `[{"type":"x"},{"type":"payment"}]`), with1("", `[]`, `[{"type":"x"}]`, `[{"type":5}]`)},
		{"{details: {any: {type: [x, payment]}}}", with1(pay), with1(`[{"type":"y"}]`)},
		{"{details: {all: {type: payment}}}", with1(pay), with1("", `[{"type":"x"},{"type":"payment"}]`)},
		{"{details: {none: {type: payment}}}", with1("", `[{"type":"x"}]`), with1(pay)},
		{"{details: {any: {where: [{at: /type, not_in: [payment, order]}]}}}", with1(`[{"type":"x"}]`), with1(pay)},
		{"{details: {count: {at_least: 2}}}", with1(lines), with1(pay, "")},
		{"{details: {count: {type: note, at_most: 0}}}", with1(pay), with1(lines)},
		where(`equals: 50`, "/amount", pay, `[{"amount":50}]`, `[{"amount":50.0}]`, `[{"amount":5e1}]`)(`[{"amount":"5e1"}]`,
			`[{"amount":"50,00"}]`, `[{"amount":51}]`, `[{}]`, ""),
		where(`equals: "50.00"`, "/amount", pay, `[{"amount":50}]`)(`[{"amount":"fifty"}]`),
		where(`not: 50`, "/amount", `[{"amount":51}]`, `[{"amount":"x"}]`)(pay, `[{}]`),
		where(`less: 50`, "/amount", `[{"amount":"49.99"}]`, `[{"amount":-1}]`)(pay, `[{"amount":"a"}]`, `[{"amount":true}]`),
		where(`at_most: 50`, "/amount", pay)(`[{"amount":"50.000000000000000000001"}]`),
		where(`more: 50`, "/amount", `[{"amount":"50.01"}]`)(pay),
		where(`at_least: 50`, "/amount", pay)(`[{"amount":49.999}]`),
		where(`at_least: 10, at_most: 60`, "/amount", pay)(`[{"amount":9}]`, `[{"amount":61}]`),
		where(`at_most: 50, currency: USD`, "/amount", pay)(`[{"amount":"50.00","currency":"EUR"}]`, `[{"amount":"50.00"}]`),
		where(`currency: USD`, "/amount", pay)(`[{"amount":1,"currency":"usd"}]`),
		where(`in: [EUR, USD]`, "/currency", pay)(`[{"currency":"GBP"}]`, `[{}]`),
		where(`not_in: [EUR, GBP]`, "/currency", pay)(`[{"currency":"GBP"}]`, `[{}]`),
		where(`contains: a`, "/tags", pay)(`[{"tags":["b"]}]`, `[{"tags":"a"}]`),
		where(`only: [a, b, c]`, "/tags", pay, `[{"tags":[]}]`)(`[{"tags":["a","d"]}]`, `[{"tags":"a"}]`),
		where(`equals: [a, b]`, "/tags", pay)(`[{"tags":["b","a"]}]`),
		where(`equals: {name: Acme}`, "/creditor", pay)(`[{"creditor":{"name":"Acme","more":1}}]`),
		where(`equals: true`, "/x", `[{"x":true}]`)(`[{"x":"true"}]`, `[{"x":1}]`),
		where(`equals: null`, "/x", `[{"x":null}]`)(`[{"x":"null"}]`, `[{}]`),
		where(`prefix: prod`, "/env", `[{"env":"prod-eu"}]`)(`[{"env":"preprod"}]`, `[{"env":5}]`),
		where(`regex: '^prod-[a-z]+$'`, "/env", `[{"env":"prod-eu"}]`)(`[{"env":"prod-1"}]`),
		where(`missing: true`, "/x", `[{}]`)(`[{"x":null}]`),
		where(`missing: false`, "/x", `[{"x":null}]`)(`[{}]`),
		where(`numeric: true`, "/amount", pay, `[{"amount":1e3}]`)(`[{"amount":"1e3"}]`, `[{"amount":"1,000"}]`, `[{"amount":null}]`),
		where(`numeric: false`, "/amount", `[{"amount":"1e3"}]`)(pay),
		where(`more: 1`, "/lines/*/qty", lines)(`[{"lines":[{"qty":1}]}]`, `[{"lines":{"a":{"qty":9}}}]`),
		where(`at_least: 1, every: true`, "/lines/*/qty", lines)(`[{"lines":[{"qty":1},{"qty":0}]}]`, `[{"lines":[]}]`),
		where(`equals: 1`, "/lines/1/qty", lines)(`[{"lines":[{"qty":1}]}]`),
		where(`equals: 1`, "/a~1b/c~0d", `[{"a/b":{"c~d":1}}]`)(`[{"a":{"b":1}}]`),
		{"{details: {total: {at: /lines/*/qty, equals: 3}}}", with1(lines), with1(`[{"lines":[{"qty":2}]}]`)},
		{
			"{details: {total: {type: order, at: /lines/*/price, times: qty, currency: GBP, at_most: 202.50}}}", with1(lines, `[{"type":"other"}]`),
			with1(`[{"type":"order","lines":[{"qty":3,"price":100,"currency":"GBP"}]}]`,
				`[{"type":"order","lines":[{"qty":1,"price":1,"currency":"EUR"}]}]`, `[{"type":"order","lines":[{"price":1,"currency":"GBP"}]}]`),
		},
		{
			"{details: {total: {at: /amount, more: 100}}}", with1(`[{"amount":"60"},{"amount":41}]`),
			with1(`[{"amount":60},{"amount":40}]`, `[{"amount":600},{"amount":"much"}]`),
		},
	} {
		rules := rulesOf(t, "rules: [{when: "+c.when+", then: approve}]")
		for _, r := range c.yes {
			if v := rules.Judge(r); v.Hold {
				t.Errorf("%s does not match %s %+v: %+v", c.when, r.AuthorizationDetails, r, rules.Explain(r))
			}
		}
		for _, r := range c.no {
			if v := rules.Judge(r); !v.Hold {
				t.Errorf("%s matches %s %+v", c.when, r.AuthorizationDetails, r)
			}
		}
	}
}

// with1 are requests that differ in their authorization_details.
func with1(details ...string) []wire.Request {
	requests := make([]wire.Request, len(details))
	for i, d := range details {
		requests[i] = wire.Request{AuthReqID: "r", AuthorizationDetails: json.RawMessage(d)}
	}
	return requests
}

type predicate = struct {
	when    string
	yes, no []wire.Request
}

func where(test, at string, yes ...string) func(no ...string) predicate {
	return func(no ...string) predicate {
		return predicate{fmt.Sprintf("{details: {any: {where: [{at: %q, %s}]}}}", at, test), with1(yes...), with1(no...)}
	}
}

func TestNthRequestOfAUser(t *testing.T) {
	t.Parallel()
	for nth, want := range map[string]string{"2": "-x---", "{every: 2}": "-x-x-", "{from: 2, to: 3}": "-xx--", "{from: 4}": "---xx"} {
		rules := rulesOf(t, "rules: [{when: {nth: "+nth+"}, then: approve}]")
		var got strings.Builder
		for range 5 {
			rules.Explain(wire.Request{LoginHint: "alice"}) // does not count
			got.WriteString(map[bool]string{true: "-", false: "x"}[rules.Judge(wire.Request{LoginHint: "alice"}).Hold])
			rules.Judge(wire.Request{LoginHint: "bob"})
		}
		if got.String() != want {
			t.Errorf("nth: %s fires as %s, want %s", nth, got.String(), want)
		}
	}
}

func TestActs(t *testing.T) {
	t.Parallel()
	request := wire.Request{AuthReqID: "r", Scope: "openid a b", AuthorizationDetails: json.RawMessage(`[{"type":"x","n":1.50},{"type":"y"}]`)}
	for then, want := range map[string]string{
		"approve": `{"decision":"approve"}`, "deny": `{"decision":"deny"}`, "cancel": `{"decision":"cancel"}`, "error": `{"decision":"error"}`,
		"ignore":                            `{"decision":"ignore"}`,
		"{act: deny, reason: no}":           `{"decision":"deny","reason":"no"}`,
		"{act: error, error: server_error}": `{"decision":"error","error":"server_error"}`,
		"{act: approve, acr: high, faults: [duplicate, late]}":     `{"decision":"approve","acr":"high","faults":["duplicate","late"]}`,
		"{act: narrow, scope: [b, openid, c]}":                     `{"decision":"approve","scope":"openid b"}`,
		"{act: narrow, keep: {type: x}}":                           `{"decision":"approve","authorization_details":[{"type":"x","n":1.50}]}`,
		"{act: approve, keep: {where: [{at: /n, missing: true}]}}": `{"decision":"approve","authorization_details":[{"type":"y"}]}`,
		"{act: narrow, scope: openid, keep: {type: z}}":            `{"decision":"approve","scope":"openid","authorization_details":[]}`,
	} {
		v := rulesOf(t, "rules: [{then: "+then+"}]").Judge(request)
		if got, _ := json.Marshal(v.Decision); string(got) != want || v.Hold {
			t.Errorf("%s does %s, want %s", then, got, want)
		}
	}
	if v := rulesOf(t, "rules: [{then: hold}]\notherwise: approve").Judge(request); !v.Hold {
		t.Error("hold does not hold")
	}
	if v := rulesOf(t, "rules: [{when: {user: nobody}, then: hold}]\notherwise: {act: deny, reason: "+
		"none}").Judge(request); v.Decision.Reason != "none" {
		t.Errorf("otherwise is %+v", v)
	}
}

// TestDelays draws each distribution often enough to see its shape.
func TestDelays(t *testing.T) {
	t.Parallel()
	const n = 20_000
	received := time.Now()
	near := func(got time.Duration, want time.Duration) bool {
		return math.Abs(float64(got-want)) < 0.03*float64(want)+float64(2*time.Millisecond)
	}
	for _, c := range []struct {
		delay                         string
		least, most, median, atNinety time.Duration
	}{
		{"none", 0, 0, 0, 0},
		{"3s", 3 * time.Second, 3 * time.Second, 3 * time.Second, 3 * time.Second},
		{"{fixed: 20ms}", 20 * time.Millisecond, 20 * time.Millisecond, 20 * time.Millisecond, 20 * time.Millisecond},
		{"{uniform: [1s, 5s]}", time.Second, 5 * time.Second, 3 * time.Second, 4600 * time.Millisecond},
		{"{normal: {mean: 10s, deviation: 1s}}", 0, 20 * time.Second, 10 * time.Second, 11282 * time.Millisecond},
		{"{normal: {mean: 0s, deviation: 1s}}", 0, 10 * time.Second, 0, 1282 * time.Millisecond},
		{"{lognormal: {median: 8s, sigma: 0.5}}", 0, 200 * time.Second, 8 * time.Second, 15184 * time.Millisecond},
		{"human", 0, 1000 * time.Second, 8 * time.Second, 22303 * time.Millisecond},
		{"{exponential: 10s}", 0, 200 * time.Second, 6931 * time.Millisecond, 23026 * time.Millisecond},
		{"{empirical: [1s, 2s, 9s]}", time.Second, 9 * time.Second, 2 * time.Second, 9 * time.Second},
		{"{before_expiry: 5s}", 55 * time.Second, 55 * time.Second, 55 * time.Second, 55 * time.Second},
		{"{before_expiry: 90s}", 0, 0, 0, 0},
		{"{after_expiry: 2s}", 62 * time.Second, 62 * time.Second, 62 * time.Second, 62 * time.Second},
	} {
		rules := rulesOf(t, "rules: [{then: approve, delay: "+c.delay+"}]")
		drawn := make([]time.Duration, n)
		for i := range drawn {
			v := rules.Judge(wire.Request{AuthReqID: fmt.Sprint(i), ReceivedAt: received, ExpiresAt: received.Add(time.Minute)})
			drawn[i] = v.After
			if late := slices.Contains(v.Decision.Faults, wire.AfterExpiry); late != strings.Contains(c.delay, "after_expiry") {
				t.Fatalf("%s asks for a delivery after expiry: %t", c.delay, late)
			}
		}
		slices.Sort(drawn)
		if drawn[0] < c.least || drawn[n-1] > c.most || !near(drawn[n/2], c.median) || !near(drawn[n*9/10], c.atNinety) {
			t.Errorf("%s draws %s to %s, median %s, p90 %s", c.delay, drawn[0], drawn[n-1], drawn[n/2], drawn[n*9/10])
		}
	}
	lasting := rulesOf(t, "rules: [{then: approve, delay: {before_expiry: 20s}}]").Judge(wire.Request{ReceivedAt: received})
	if v := lasting; v.After != assumedLife-20*time.Second {
		t.Errorf("without expires_at the delay is %s", v.After)
	}
}

const mixedRules = `
seed: 7
rules:
  - name: mixed
    mix:
      - {share: 85, then: approve, delay: human}
      - {share: 10, then: deny}
      - {share: 5, then: ignore}
`

// sequence is what a policy makes of ten thousand requests, in one text.
func sequence(rules *Rules, order func(int) int) ([]string, map[wire.Action]int) {
	made, counts := make([]string, 10_000), map[wire.Action]int{}
	for i := range made {
		at := order(i)
		v := rules.Judge(wire.Request{AuthReqID: fmt.Sprintf("request-%d", at), LoginHint: "alice"})
		made[at] = fmt.Sprintf("%s after %s", v.Decision.Action, v.After)
		counts[v.Decision.Action]++
	}
	return made, counts
}

// TestMixIsTheSameEverywhere: two runs, two nodes that see the requests in another
// order, and the sequence that was written down when this test was.
func TestMixIsTheSameEverywhere(t *testing.T) {
	t.Parallel()
	forward := func(i int) int { return i }
	first, counts := sequence(rulesOf(t, mixedRules), forward)
	again, _ := sequence(rulesOf(t, mixedRules), forward)
	other, _ := sequence(rulesOf(t, mixedRules), func(i int) int { return (i*7919 + 13) % 10_000 })
	if !slices.Equal(first, again) || !slices.Equal(first, other) {
		t.Error("the sequence differs between runs or nodes")
	}
	const written = "9a03c1e8fd1e6c97c16b703f892159f86de1f8e10a92a0095fd3098656d97e96"
	if sum := fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(first, "\n")))); sum != written {
		t.Errorf("the sequence is %s, want %s: a change of the dice breaks every seeded run", sum, written)
	}
	for action, want := range map[wire.Action]int{wire.Approve: 8500, wire.Deny: 1000, wire.Ignore: 500} {
		if got := counts[action]; math.Abs(float64(got-want)) > 4*math.Sqrt(float64(want)) {
			t.Errorf("%d requests are answered %s, want about %d", got, action, want)
		}
	}
	if reseeded, _ := sequence(rulesOf(t, strings.Replace(mixedRules, "seed: 7", "seed: 8", 1)), forward); slices.Equal(first, reseeded) {
		t.Error("the seed changes nothing")
	}
}

// TestExamplePolicies: the policies that go with the example payloads.
func TestExamplePolicies(t *testing.T) {
	t.Parallel()
	rules, err := Load("../testdata/agents.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ edit, to, file, rule, does string }{
		{"", "", "payment", "small payments", "approve"},
		{`"amount": 50`, `"amount": "100.01"`, "payment", "other payments", "deny"},
		{`"amount": 50`, `"amount": "1e1"`, "payment", "other payments", "deny"},
		{`"USD"`, `"EUR"`, "payment", "other payments", "deny"},
		{"", "", "production_deployment", "risky deployments", "hold"},
		{"", "", "health_record_access", "reading health records", "approve"},
		{`"read"`, `"read", "write"`, "health_record_access", "", "hold"},
		{"", "", "data_export", "personal data", "deny"},
		{"", "", "stock_purchase", "small stock orders", "approve"},
		{`412.5`, `512.5`, "stock_purchase", "", "hold"},
		{"", "", "privileged_access", "", "hold"},
	} {
		text, err := os.ReadFile("../../fixtures/requests/authorization_details-" + c.file + ".json")
		if err != nil {
			t.Fatal(err)
		}
		edited := strings.Replace(string(text), c.edit, c.to, 1)
		if c.edit != "" && edited == string(text) {
			t.Fatalf("%s has no %s", c.file, c.edit)
		}
		if e := rules.Explain(wire.Request{AuthReqID: "r", AuthorizationDetails: json.RawMessage(edited)}); e.Rule != c.rule || e.Does != c.does {
			t.Errorf("%s with %s: rule %q does %s, want %q %s; passed %v", c.file, c.to, e.Rule, e.Does, c.rule, c.does, e.Passed)
		}
	}
}

// TestExamplesAreUnderstood: what is shown to users is what is read, and a request that
// fits the first rule of the policy finds it.
func TestExamplesAreUnderstood(t *testing.T) {
	t.Parallel()
	rules := rulesOf(t, string(Example()))
	fits := wire.Request{
		LoginHint: "alice", ClientID: "agent-1", Scope: "payments:write openid", BindingMessage: "PAY5000",
		AuthorizationDetails: json.RawMessage(`[{"type":"payment","amount":"60.00","currency":"USD","creditor":{"name":"ExampleCorp"},"recurring":false},
			{"type":"payment","amount":90,"currency":"USD","creditor":{"name":"ExampleCorp"},"recurring":false}]`),
	}
	if e := rules.Explain(fits); e.Rule != "small payments" || e.Does != "approve" {
		t.Errorf("got %+v", e)
	}
	fits.AuthorizationDetails = json.RawMessage(strings.Replace(string(fits.AuthorizationDetails), "60.00", "60.01", 1))
	if e := rules.Explain(fits); e.Rule != "everybody else" || e.Passed[0].Unmet != "[0].when.details.total (line 22)" {
		t.Errorf("got %+v", e)
	}
}

func TestExplainSaysWhy(t *testing.T) {
	t.Parallel()
	rules := rulesOf(t, "rules:\n- name: a\n  when: {user: bob}\n  then: deny\n- name: b\n  when:\n    user: alice\n    details: "+
		"{any: {type: x}}\n  then: deny\n- name: c\n  then: approve\n  delay: 3s\n")
	e := rules.Explain(wire.Request{LoginHint: "alice"})
	if e.Rule != "c" || e.Does != "approve" || e.AfterMS != 3000 || len(e.Passed) != 2 ||
		e.Passed[0] != (Passed{"a", "[0].when.user (line 3)"}) || e.Passed[1] != (Passed{"b", "[1].when.details.any (line 8)"}) {
		t.Errorf("got %+v", e)
	}
}

// TestMistakesArePlaced: every mistake at once, each where it is.
func TestMistakesArePlaced(t *testing.T) {
	t.Parallel()
	_, err := Parse("p.yaml", []byte(`seed: many
rules:
  - name: one
    when: {user: "", colour: red, binding_message: {regex: "("}}
    then: perhaps
  - name: one
    then: approve
    mix: [{share: 1, then: deny}]
    delay: {uniform: [5s, 1s]}
  - then: narrow
  - then: {act: deny, scope: [a]}
  - when:
      details: {any: {where: [{at: amount, equals: 1}, {at: /x}, {equals: 2}, {at: /y, less: ten}]}}
    then: {act: approve, faults: [gremlins]}
  - mix: [{share: 0, then: approve}]
  - then: approve
    delay: {lognormal: {median: 8}}
  - then: deny
    then: approve
otherwise: [hold]
`))
	var problems yamlfile.Problems
	if !errors.As(err, &problems) {
		t.Fatalf("got %v", err)
	}
	want := []string{
		`p.yaml:1:7: seed: is "many"; wanted a whole number of 64 bits`,
		"p.yaml:4:18: rules[0].when.user: is empty",
		`p.yaml:4:22: rules[0].when.colour: unknown key; allowed are acr, adapter, binding_message, client, details, label, nth, scope, user`,
		"p.yaml:4:60: rules[0].when.binding_message.regex: error parsing regexp: missing closing ): `(`",
		`p.yaml:5:11: rules[0].then: is "perhaps"; allowed are approve, deny, cancel, error, ignore, narrow, hold`,
		"p.yaml:6:5: rules[1]: wanted either then or mix",
		`p.yaml:6:11: rules[1].name: "one" names another rule already`,
		"p.yaml:9:22: rules[1].delay.uniform: is a list; wanted [shortest, longest]",
		"p.yaml:10:11: rules[2].then: narrow needs {act: narrow, scope: [...]} or {act: narrow, keep: {...}}",
		"p.yaml:11:11: rules[3].then: scope and keep are for narrow",
		`p.yaml:13:36: rules[4].when.details.any.where[0].at: JSON pointer "amount" does not start with /`,
		"p.yaml:13:56: rules[4].when.details.any.where[1]: tests nothing; add equals, at_most, in, missing or another test",
		"p.yaml:13:66: rules[4].when.details.any.where[2].at: is missing",
		`p.yaml:13:94: rules[4].when.details.any.where[3].less: is "ten"; wanted a decimal number`,
		`p.yaml:14:35: rules[4].then.faults[0]: is "gremlins"; allowed are duplicate, contrary, late, after-expiry, wrong-token, lost, ` +
			`slow-answer, unavailable, reset`,
		"p.yaml:15:10: rules[5].mix: the shares add up to nothing",
		"p.yaml:17:24: rules[6].delay.lognormal.sigma: is missing",
		`p.yaml:17:33: rules[6].delay.lognormal.median: is "8"; wanted a duration such as 800ms, 8s or 2m`,
		"p.yaml:19:5: rules[7].then: the key is given twice",
		"p.yaml:20:12: otherwise: is a list; wanted an action, or a mapping with act",
	}
	if diff := cmp.Diff(want, problems.Lines()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestOneMistake: what is wrong with a value is said in the words of what it may be.
func TestOneMistake(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{
			"",
			`p: the file is empty; "cibatest device example policy" prints one to start from`,
		},
		{
			"a: [",
			"p:1:1: not readable as YAML: did not find expected node content",
		},
		{
			"rules: []\n---\nrules: []",
			"p:2:1: a second document begins here; a file has one",
		},
		{
			"[]",
			"p:1:1: is a list; wanted a device policy: a mapping with rules",
		},
		{
			"rule: []",
			`p:1:1: rule: unknown key; did you mean "rules"?`,
		},
		{
			"seed: 1e3",
			`p:1:7: seed: is "1e3"; wanted a whole number in digits`,
		},
		{
			"seed: 9223372036854775808",
			`p:1:7: seed: is "9223372036854775808"; wanted a whole number of 64 bits`,
		},
		{
			"rules: [{then: deny, delay: soon}]",
			`p:1:29: rules[0].delay: is "soon"; wanted none, human, a duration such as 800ms, 8s or 2m, or a mapping with one ` +
				`distribution`,
		},
		{
			"rules: [{then: deny, delay: [1s]}]",
			"p:1:29: rules[0].delay: is a list; wanted none, human, a duration such as 800ms, 8s or 2m, or a mapping with one " +
				"distribution",
		},
		{
			"rules: [{then: deny, delay: 9999h}]",
			`p:1:29: rules[0].delay: is "9999h"; the longest is 8784h0m0s`,
		},
		{
			"rules: [{then: deny, delay: {}}]",
			"p:1:29: rules[0].delay: wanted one distribution, such as {uniform: [1s, 5s]}",
		},
		{
			"rules: [{delay: none}]",
			"p:1:9: rules[0]: wanted either then or mix",
		},
		{
			"rules: [{then: {act: narrow}}]",
			"p:1:16: rules[0].then: narrow needs scope or keep",
		},
		{
			"rules: [{then: {reason: x}}]",
			"p:1:16: rules[0].then.act: is missing",
		},
		{
			"rules: [{when: {nth: 0}, then: deny}]",
			`p:1:22: rules[0].when.nth: is "0"; wanted a whole number from 1 to 2147483647`,
		},
		{
			"rules: [{when: {user: []}, then: deny}]",
			"p:1:23: rules[0].when.user: needs at least 1 entry",
		},
		{
			"rules: [{when: {label: [a]}, then: deny}]",
			"p:1:24: rules[0].when.label: is a list; wanted a mapping of label to text",
		},
		{
			"rules: [{when: {details: {any: {where: [{at: /x, equals: 1_000}]}}}, then: deny}]",
			`p:1:58: rules[0].when.details.any.where[0].equals: is "1_000"; wanted a decimal number, or a text in quotes`,
		},
		{
			"rules: [{mix: [{share: -1, then: deny}, {share: 2, then: deny}]}]",
			`p:1:24: rules[0].mix[0].share: is "-1"; wanted a number from 0 to 1e+09`,
		},
	} {
		_, err := Parse("p", []byte(c.text))
		var problems yamlfile.Problems
		if !errors.As(err, &problems) || problems[0].String() != c.want {
			t.Errorf("%s\ngot  %v\nwant %s", c.text, err, c.want)
		}
	}
}

// TestWrittenInOtherWays: a number may be in quotes, a text may look like a number, and
// what is used twice may be written once.
func TestWrittenInOtherWays(t *testing.T) {
	t.Parallel()
	rules := rulesOf(t, `
seed: "+42"
rules:
  - when: &agent {client: 1001, nth: "1", details: {any: {where: [{at: /amount, at_most: "100"}]}}}
    mix: [{share: "3", then: approve}]
    delay: 0
  - {when: *agent, then: deny}
`)
	e := rules.Explain(wire.Request{ClientID: "1001", AuthorizationDetails: json.RawMessage(`[{"amount":99}]`)})
	if e.Rule != "#1" || e.Does != "approve" || e.AfterMS != 0 {
		t.Errorf("got %+v", e)
	}
	e = rules.Explain(wire.Request{ClientID: "1001"})
	if len(e.Passed) != 2 || e.Passed[1].Unmet != "[1].when.details.any (line 4)" {
		t.Errorf("got %+v", e)
	}
}

// FuzzParse reads any text as a policy; what is accepted judges any request without
// panic, twice the same.
func FuzzParse(f *testing.F) {
	agents, err := os.ReadFile("../testdata/agents.yaml")
	if err != nil {
		f.Fatal(err)
	}
	details := `[{"type":"payment","amount":"50","currency":"USD","lines":[{"qty":1}]}]`
	f.Add(string(agents), details)
	f.Add(string(Example()), details)
	f.Add(mixedRules, details)
	f.Add("rules: [{when: {details: {total: {at: /lines/*/qty, more: 0}, count: {less: 9e9}}}, then: {act: narrow, keep: {where: "+
		"[{at: /, not: {a: [1, null]}}]}}}]", details)
	f.Fuzz(func(t *testing.T, text, details string) {
		rules, err := Parse("p", []byte(text))
		if err != nil {
			if err.Error() == "" {
				t.Fatal("refused without a word")
			}
			return
		}
		r := wire.Request{AuthReqID: "r", LoginHint: "u", ReceivedAt: time.Now(), AuthorizationDetails: json.RawMessage(details)}
		if r.Check() != nil {
			return
		}
		e, v := rules.Explain(r), rules.Judge(r)
		if e.Rule != v.Rule || e.AfterMS != v.After.Milliseconds() || v.After < 0 {
			t.Fatalf("explained %+v, judged %+v", e, v)
		}
		if _, err := wire.ParseDetails(v.Decision.AuthorizationDetails); err != nil {
			t.Fatal(err)
		}
	})
}

// TestSchemaKnowsEveryWord: what the device can do and what a policy may say agree.
func TestSchemaKnowsEveryWord(t *testing.T) {
	t.Parallel()
	for _, action := range append(wire.Actions(), holding) {
		then := string(action)
		if action == wire.Narrow {
			then = "{act: narrow, scope: openid}"
		}
		rulesOf(t, "rules: [{then: "+then+"}]")
	}
	for _, fault := range wire.Faults() {
		rules := rulesOf(t, "rules: [{then: {act: hold, faults: ["+string(fault)+"]}}]")
		if e := rules.Explain(wire.Request{}); !slices.Contains(e.Faults, fault) {
			t.Errorf("%s is lost: %v", fault, e.Faults)
		}
	}
	for name := range sizes {
		rulesOf(t, "rules: [{then: deny, when: {details: {count: {"+name+": 1}, total: {at: /x, "+name+": 1}, any: {where: [{at: /x, "+name+": 1}]}}}}]")
	}
	for name := range valueTests {
		value := map[string]string{"in": "[1]", "not_in": "[1]", "only": "[1]", "numeric": "true"}[name]
		if value == "" {
			value = "x"
		}
		rulesOf(t, "rules: [{then: deny, when: {details: {any: {where: [{at: /x, "+name+": "+value+"}]}}}}]")
	}
}
