package result

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Cause is what some findings have in common: most likely one thing to change at the OP.
// It is worked out from what was seen, never from which case saw it.
type Cause struct {
	Title    string  // what the OP does, in words
	Change   string  // what to change
	Outcome  Outcome // the worst of its findings
	Gravity  Gravity // the gravest of its findings
	Known    string  // the baseline's reason, when it expects them
	Findings []CauseFinding
}

// CauseFinding is a finding of a cause and the id of its case.
type CauseFinding struct {
	Case string
	Finding
}

// Cases are the ids of the cases with findings of the cause, each once.
func (c Cause) Cases() []string {
	return eachOnce(c.Findings, func(f CauseFinding) string { return f.Case })
}

// Clauses are the ids of the clauses that the findings are about, each once.
func (c Cause) Clauses() []string {
	return eachOnce(c.Findings, func(f CauseFinding) string { return f.ClauseID() })
}

func eachOnce[V any](list []V, of func(V) string) []string {
	var ids []string
	for _, v := range list {
		if id := of(v); !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// Causes groups what was found, without mere observations: worst outcome first, gravest
// first among equals, and then those that explain more cases. What the baseline expects
// has causes of its own.
func (r Run) Causes() []Cause {
	var causes []Cause
	index := map[string]int{}
	for _, c := range r.Cases {
		for _, f := range c.Findings {
			if f.Outcome == Info {
				continue
			}
			f.Known = cmp.Or(f.Known, c.Known)
			key := f.causeKey() + "\x00" + f.Known
			i, ok := index[key]
			if !ok {
				i = len(causes)
				index[key] = i
				causes = append(causes, Cause{Outcome: f.Outcome, Gravity: f.Gravity, Known: f.Known})
			}
			causes[i].add(c, f)
		}
	}
	for i := range causes {
		causes[i].name()
	}
	slices.SortStableFunc(causes, func(a, b Cause) int {
		return cmp.Or(cmp.Compare(a.Outcome.rank(), b.Outcome.rank()), cmp.Compare(a.Gravity.rank(), b.Gravity.rank()),
			cmp.Compare(len(b.Cases()), len(a.Cases())))
	})
	return causes
}

func (c *Cause) add(in Case, f Finding) {
	c.Outcome = Worst(c.Outcome, f.Outcome)
	if in.Outcome == Fail && c.Outcome == Warn && in.onlyWarns() { // of a strict run
		c.Outcome = Fail
	}
	if f.Gravity.GraverThan(c.Gravity) {
		c.Gravity = f.Gravity
	}
	c.Findings = append(c.Findings, CauseFinding{in.ID, f})
}

// onlyWarns reports whether nothing of the case is worse than a warning by itself.
func (c Case) onlyWarns() bool {
	return !slices.ContainsFunc(c.Findings, func(f Finding) bool { return f.Outcome.WorseThan(Warn) })
}

// name tells the cause by its gravest finding.
func (c *Cause) name() {
	slices.SortStableFunc(c.Findings, func(a, b CauseFinding) int { return compareFindings(a.Finding, b.Finding) })
	first := c.Findings[0]
	c.Title, c.Change = first.habit(), first.Change
	if c.Title == "" {
		c.Title = first.ClauseID() + ": " + first.Actual
	}
}

// kind is what sort of cause a finding points to.
type kind int

const (
	ofClause    kind = iota // nothing but the clause connects it with others
	serverError             // the server broke
	unreadable              // the body cannot be read
	wrongStatus             // the right code comes with another status
	wrongCode               // another error code, whatever the status
	refused                 // what has to be accepted is refused
	ofMember                // a member, claim or header is wrong wherever it shows
)

func (f Finding) kind() kind {
	s := f.Seen
	switch {
	case f.Gravity == LetIn, s == nil:
		return ofClause // each is a hole of its own
	case s.Status >= 500 && !slices.Contains(s.WantStatus, s.Status):
		return serverError
	case s.Status/100 == 2 || !s.Differs():
		if s.Member != "" {
			return ofMember
		}
		return ofClause
	case s.WantSuccess && len(s.WantError) == 0:
		return refused
	case s.Body != "":
		return unreadable
	case !s.wrongError():
		return wrongStatus
	}
	return wrongCode
}

// causeKey is equal for findings of one cause.
func (f Finding) causeKey() string {
	if f.kind() == ofClause {
		return "clause " + f.ClauseID()
	}
	return f.habit()
}

// habit tells what the OP does, in words that are the same for all findings of one cause;
// empty where only the clause connects them.
func (f Finding) habit() string {
	s := f.Seen
	switch f.kind() {
	case serverError:
		return fmt.Sprintf("%d to a %s", s.Status, cmp.Or(s.Endpoint, "request"))
	case unreadable:
		return fmt.Sprintf("%d without an OAuth error: %s", s.Status, s.Body)
	case wrongStatus:
		return fmt.Sprintf("%d where %d is due, with the right error code", s.Status, s.wantedStatus())
	case wrongCode:
		if s.wrongStatus() {
			came, due := answer(s.Status, cmp.Or(s.Error, "without an error code")), answer(s.wantedStatus(), s.WantError[0])
			return fmt.Sprintf("%s where %s is due", came, due)
		}
		return fmt.Sprintf("error %s where %s is due", cmp.Or(s.Error, "none"), s.WantError[0])
	case refused:
		return fmt.Sprintf("a %s that has to be accepted is refused with %s", cmp.Or(s.Endpoint, "request"), answer(s.Status, s.Error))
	case ofMember:
		return s.Member + " is not as it has to be"
	case ofClause:
	}
	return ""
}

// Essence is what a finding says, without what differs from run to run. Findings of two
// runs of a case with the same essence are one.
func (f Finding) Essence() string {
	text := volatile.ReplaceAllString(f.Expected+"\x00"+f.Actual, "#")
	if f.Seen != nil {
		text += "\x00" + answer(f.Seen.Status, f.Seen.Error)
	}
	return string(f.Outcome) + "\x00" + f.ClauseID() + "\x00" + text
}

// Reason is why some cases were not judged, or skipped.
type Reason struct {
	Text  string // of the first of them
	Cases []string
}

// volatile are the parts of a reason that differ from case to case.
var volatile = regexp.MustCompile(`"[^"]*"|\[masked:[0-9a-f]*\]|[0-9]+(\.[0-9]+)?`)

// Reasons groups cases by why they have no judgement, the most frequent reason first.
// Numbers and quoted texts in it do not count, so that one trouble is one group.
func Reasons(cases []Case) []Reason {
	var list []Reason
	index := map[string]int{}
	for _, c := range cases {
		text := cmp.Or(c.Reason, c.Message)
		key := volatile.ReplaceAllString(text, "#")
		i, ok := index[key]
		if !ok {
			i = len(list)
			index[key] = i
			list = append(list, Reason{Text: text})
		}
		list[i].Cases = append(list[i].Cases, c.ID)
	}
	slices.SortStableFunc(list, func(a, b Reason) int {
		return cmp.Or(cmp.Compare(len(b.Cases), len(a.Cases)), strings.Compare(a.Text, b.Text))
	})
	return list
}
