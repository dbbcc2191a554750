package result

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func caseWith(id string, findings ...Finding) Case {
	c := Case{ID: id, Outcome: Pass, Findings: findings}
	for _, f := range findings {
		c.Outcome = Worst(c.Outcome, f.Outcome)
	}
	return c
}

// answered is a finding about a refusal with another answer than the one wanted.
func answered(o Outcome, clause string, status int, code string, wantStatus int, wantCodes ...string) Finding {
	return Finding{Outcome: o, Requirement: clause, Gravity: WrongCode, Seen: &Seen{
		Endpoint: "token request", Status: status, Error: code, WantStatus: []int{wantStatus}, WantError: wantCodes,
	}}
}

// One habit of an OP is one cause, however many clauses and cases it breaks. Holes are told
// one by one and first, whichever case found them.
func TestCauses(t *testing.T) {
	t.Parallel()
	sub := func(clause, actual string) Finding {
		return Finding{Outcome: Fail, Requirement: clause, Gravity: WrongEffect, Expected: "a sub", Actual: actual, Seen: &Seen{Member: "sub"}}
	}
	hole := Finding{Outcome: Fail, Requirement: "R-RACE", Gravity: LetIn, Expected: "one success", Actual: "10 of 10"}
	known := answered(Fail, "R-9", 401, "e9", 400, "e9")
	known.Known = "the vendor knows"
	run := Run{Cases: []Case{
		caseWith("a", answered(Fail, "R-1", 401, "e1", 400, "e1"), answered(Warn, "R-2", 401, "e2", 400, "e2", "e3")),
		caseWith("b", answered(Fail, "R-3", 401, "e3", 400, "e3")),
		caseWith("c", answered(Fail, "R-4", 400, "invalid_request", 400, "e4")),
		caseWith("d", answered(Fail, "R-5", 403, "nope", 400, "e4"), sub("R-6", `sub is ""`)),
		caseWith("e", sub("R-7", "another sub"), Finding{Outcome: Info, Requirement: "R-8"}),
		caseWith("f", answered(Fail, "R-2", 500, "", 400, "e2")),
		caseWith("g", hole), caseWith("h", known),
		caseWith("i", Finding{Outcome: Warn, Requirement: "R-8", Gravity: WrongForm, Expected: "x", Actual: "y"}),
	}}
	var got []string
	for _, c := range run.Causes() {
		got = append(got, fmt.Sprintf("%s %s: %s (%s; %s)%s", c.Outcome, c.Gravity, c.Title,
			strings.Join(c.Cases(), " "), strings.Join(c.Clauses(), " "), strings.TrimRight(" "+c.Known, " ")))
	}
	want := []string{
		"fail let in: R-RACE: 10 of 10 (g; R-RACE)",
		"fail wrong effect: sub is not as it has to be (d e; R-6 R-7)",
		"fail wrong code: 401 where 400 is due, with the right error code (a b; R-1 R-3 R-2)",
		"fail wrong code: error invalid_request where e4 is due (c; R-4)",
		"fail wrong code: 403 nope where 400 e4 is due (d; R-5)",
		"fail wrong code: 500 to a token request (f; R-2)",
		"fail wrong code: 401 where 400 is due, with the right error code (h; R-9) the vendor knows",
		"warn form: R-8: y (i; R-8)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// The ids of cases and their order are no matter of the grouping.
func TestCausesDoNotKnowCases(t *testing.T) {
	t.Parallel()
	one := answered(Fail, "R-1", 401, "e", 400, "e")
	two := answered(Fail, "R-2", 401, "f", 400, "f")
	for _, run := range []Run{{Cases: []Case{caseWith("a", one), caseWith("b", two)}}, {Cases: []Case{caseWith("z", two, one)}}} {
		if causes := run.Causes(); len(causes) != 1 || len(causes[0].Findings) != 2 {
			t.Errorf("%+v", causes)
		}
	}
}

func TestReasons(t *testing.T) {
	t.Parallel()
	not := func(id, reason string) Case { return Case{ID: id, Reason: reason} }
	got := Reasons([]Case{
		not("a", "no second client"), not("b", `the request was refused: 400 "x", 3 times`), not("c", `the request was refused: 400 "y", 12 times`),
	})
	want := []Reason{{`the request was refused: 400 "x", 3 times`, []string{"b", "c"}}, {"no second client", []string{"a"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// The gravest comes first, and what an OP makes repeat has a bound that hides no other kind.
func TestGravest(t *testing.T) {
	t.Parallel()
	var many []Finding
	for range 70_000 {
		many = append(many, Finding{Outcome: Fail, Requirement: "R-1", Gravity: WrongForm})
	}
	many = append(many, Finding{Outcome: Warn, Requirement: "R-2"}, Finding{Outcome: Fail, Requirement: "R-3", Gravity: LetIn})
	kept, more := Gravest(many)
	if len(kept) != maxOfKind+2 || more != 70_000-maxOfKind || kept[0].Requirement != "R-3" || kept[len(kept)-1].Requirement != "R-2" {
		t.Errorf("%d kept, %d more, %+v first", len(kept), more, kept[0])
	}
}
