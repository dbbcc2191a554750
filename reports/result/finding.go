package result

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Finding is one judgement inside a case, about one clause. A passing case may have none.
// Files of older versions of the tool have neither Requirement nor Gravity nor Seen; see
// [Finding.ClauseID].
type Finding struct {
	Outcome     Outcome `json:"outcome"`
	Clause      string  `json:"clause"`                // requirement id and level: "CIBA-11-PENDING (MUST)"
	Requirement string  `json:"requirement,omitempty"` // the id alone
	Gravity     Gravity `json:"gravity,omitempty"`     // empty: not known
	Expected    string  `json:"expected"`              // in words
	Actual      string  `json:"actual"`                // in words
	Says        string  `json:"says,omitempty"`        // the OP's own words, its error_description, cut
	Change      string  `json:"change,omitempty"`      // what to change at the OP
	Why         string  `json:"why,omitempty"`         // why it is a warning and no failure
	Known       string  `json:"known,omitempty"`       // the baseline's reason, when it is expected
	Seen        *Seen   `json:"seen,omitempty"`        // nil: neither an answer nor a member decides it
	Exchange    int     `json:"exchange"`              // 1-based index into Case.Exchanges; 0 when none decides it
}

// Seen is what a finding is about, for those who look for the cause that findings have in
// common. All fields may be empty.
type Seen struct {
	Endpoint    string   `json:"endpoint,omitempty"` // what was sent, as the exchange has it: "token request"
	Status      int      `json:"status,omitempty"`   // of the answer that decides; 0 when the finding is not about an answer as a whole
	Error       string   `json:"error,omitempty"`    // its error code
	Body        string   `json:"body,omitempty"`     // why its body cannot be read
	WantStatus  []int    `json:"want_status,omitempty"`
	WantError   []string `json:"want_error,omitempty"`
	WantSuccess bool     `json:"want_success,omitempty"` // success conforms, alone or beside the error
	Member      string   `json:"member,omitempty"`       // the member, claim or header concerned
}

// Gravity is what a finding means to those who rely on the OP.
type Gravity string

// The gravities, gravest first.
const (
	LetIn       Gravity = "let in"       // somebody or something got through that has to be kept out
	WrongEffect Gravity = "wrong effect" // what is right was refused or lost, or came out otherwise
	WrongCode   Gravity = "wrong code"   // refused, as it has to be, but in other words
	WrongForm   Gravity = "form"         // how it is written, where everything has come about
)

// Gravities are all of them, gravest first.
var Gravities = []Gravity{LetIn, WrongEffect, WrongCode, WrongForm}

// GraverThan reports whether a gravity is graver than another. One that is not known has
// the last place.
func (g Gravity) GraverThan(other Gravity) bool { return g.rank() < other.rank() }

func (g Gravity) rank() int {
	if i := slices.Index(Gravities, g); i >= 0 {
		return i
	}
	return len(Gravities)
}

// ClauseID is the id of the one clause that the finding is about.
func (f Finding) ClauseID() string {
	if f.Requirement != "" {
		return f.Requirement
	}
	id, _, _ := strings.Cut(f.Clause, " ")
	return id
}

// compareFindings puts the worse outcome first and the graver finding of one outcome.
func compareFindings(a, b Finding) int {
	return cmp.Or(cmp.Compare(a.Outcome.rank(), b.Outcome.rank()), cmp.Compare(a.Gravity.rank(), b.Gravity.rank()))
}

// The bounds of what a case keeps: of one kind, which is a clause, an outcome and a
// gravity, and in all. An OP can make a case find tens of thousands of times the same.
const (
	maxOfKind   = 20
	maxFindings = 200
)

// Gravest sorts findings, the gravest first and otherwise as they were made, and keeps so
// many of each kind that no output grows without bound. More is how many are left out.
func Gravest(findings []Finding) (kept []Finding, more int) {
	type kind struct {
		clause  string
		outcome Outcome
		gravity Gravity
	}
	seen := map[kind]int{}
	sorted := slices.Clone(findings)
	slices.SortStableFunc(sorted, compareFindings)
	for _, f := range sorted {
		k := kind{f.ClauseID(), f.Outcome, f.Gravity}
		if seen[k]++; seen[k] > maxOfKind || len(kept) == maxFindings {
			more++
			continue
		}
		kept = append(kept, f)
	}
	return kept, more
}

// About is what the case says about one clause: the worst of its findings about it. Without
// any the clause holds, if the case came to its end. In a strict run a warning counts as a
// failure.
func (c Case) About(requirement string, strict bool) Outcome {
	worst := Uncovered
	for _, f := range c.Findings {
		if f.ClauseID() == requirement {
			worst = Worst(worst, f.Outcome)
		}
	}
	switch {
	case worst == Warn && strict:
		return Fail
	case worst != Uncovered:
		return worst
	case c.Ended != "":
		return c.Ended
	case len(c.Findings) == 0: // whatever the case came to it came to without one
		return c.Outcome
	}
	return Pass
}

// Clauses are the clauses that the case settles, and those that it has findings about.
func (c Case) Clauses() []string {
	ids := slices.Clone(c.Requirements)
	for _, f := range c.Findings {
		if id := f.ClauseID(); !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// Differs reports whether an answer has another status or error code than those that
// conform. One whose body cannot be read has no code.
func (s *Seen) Differs() bool {
	return s != nil && s.Status != 0 && (s.wrongStatus() || s.wrongError())
}

func (s *Seen) wrongStatus() bool {
	return len(s.WantStatus) > 0 && !slices.Contains(s.WantStatus, s.Status)
}

func (s *Seen) wrongError() bool {
	return len(s.WantError) > 0 && !slices.Contains(s.WantError, s.Error)
}

// answer is a status and an error code as people write them.
func answer(status int, code string) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", status, code))
}

// wantedStatus is the first status that conforms and is no success.
func (s *Seen) wantedStatus() int {
	for _, status := range s.WantStatus {
		if status/100 != 2 {
			return status
		}
	}
	return 0
}

// Correction says what to answer instead, for an answer that [Seen.Differs].
func (s *Seen) Correction() string {
	codes := strings.Join(s.WantError, " or ")
	switch {
	case !s.wrongError():
		return fmt.Sprintf("answer %d instead of %d", s.wantedStatus(), s.Status)
	case s.Body != "":
		return fmt.Sprintf("answer %d with a JSON object that says error %s", s.wantedStatus(), codes)
	case !s.wrongStatus():
		return fmt.Sprintf("answer error %s instead of %s", codes, cmp.Or(s.Error, "none"))
	}
	return fmt.Sprintf("answer %d with error %s instead of %s", s.wantedStatus(), codes, answer(s.Status, s.Error))
}
