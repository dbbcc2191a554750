package result

// Baseline is how a run stands to the list of known deviations that it was given. What the
// list explains stands in [Case.Known]; here stands what is wrong with the list itself.
type Baseline struct {
	File     string            `json:"file"`               // as the user named it
	Entries  int               `json:"entries"`            // how many deviations are listed
	Problems []BaselineProblem `json:"problems,omitempty"` // each needs a person and makes the run deviate
}

// BaselineProblem is one entry of a baseline that does not hold.
type BaselineProblem struct {
	Entry string              `json:"entry"` // id of the case or requirement that it lists
	Kind  BaselineProblemKind `json:"kind"`
	Text  string              `json:"text"` // in words, with what to do
}

// BaselineProblemKind is why an entry does not hold.
type BaselineProblemKind string

// The kinds of problems.
const (
	Stale       BaselineProblemKind = "stale"       // all of its cases were judged, and none is as listed
	Expired     BaselineProblemKind = "expired"     // its last day is over
	Unmatched   BaselineProblemKind = "unmatched"   // a whole run has no such case
	Unexplained BaselineProblemKind = "unexplained" // nobody gave a reason, and the user asked for reasons
	Unlisted    BaselineProblemKind = "unlisted"    // no entry, but a warning that none lists where the baseline calls them news
)

// Standing is what a run comes to for whoever started it, the baseline included. The exit
// code says it, and every report agrees with it.
type Standing string

// The standings.
const (
	AsExpected  Standing = "as expected" // the OP conforms, or deviates as the baseline lists
	Deviates    Standing = "deviates"    // a deviation that is not listed, or a baseline that does not hold
	NotJudged   Standing = "not judged"  // something that had to be judged was not
	Interrupted Standing = "interrupted"
)

// Standing weighs the verdict against the baseline.
func (r Run) Standing() Standing {
	listed, unlisted := r.counted(Fail)
	_, unjudged := r.counted(Error)
	failed := r.Verdict == NonConformant
	switch {
	case r.Interrupted:
		return Interrupted
	case len(r.BaselineProblems()) > 0, failed && (unlisted > 0 || listed == 0):
		return Deviates
	case r.Verdict == Partial, r.Verdict == NoVerdict, failed && unjudged > 0:
		return NotJudged
	}
	return AsExpected
}

// BaselineProblems are the entries that do not hold; none without a baseline.
func (r Run) BaselineProblems() []BaselineProblem {
	if r.Baseline == nil {
		return nil
	}
	return r.Baseline.Problems
}

// counted tells how many cases of an outcome the baseline lists, and how many it does not.
func (r Run) counted(o Outcome) (listed, unlisted int) {
	for _, c := range r.Cases {
		switch {
		case c.Outcome != o:
		case c.Known != "":
			listed++
		default:
			unlisted++
		}
	}
	return listed, unlisted
}

// Judged reports whether the outcome says something about the OP. A skip, an error and what
// no case covers say nothing.
func (o Outcome) Judged() bool {
	switch o {
	case Fail, Warn, Info, Pass:
		return true
	case Error, Skip, Uncovered:
	}
	return false
}

// Coverage counts the clauses that a run asked about by what became of them. Clauses that
// no case judges were not asked about.
type Coverage struct {
	Level   string // "MUST", or empty where the run asked about no MUST and all its clauses count
	Judged  int
	Skipped int
	Errors  int // could not be judged
}

// All is how many clauses were asked about.
func (c Coverage) All() int { return c.Judged + c.Skipped + c.Errors }

// Coverage tells how many of the MUSTs that the run asked about were judged.
func (r Run) Coverage() Coverage {
	if c := r.coverage("MUST"); c.All() > 0 {
		return c
	}
	return r.coverage("")
}

func (r Run) coverage(level string) Coverage {
	c := Coverage{Level: level}
	for _, clause := range r.Requirements {
		switch {
		case level != "" && clause.Level != level:
		case clause.Outcome.Judged():
			c.Judged++
		case clause.Outcome == Skip:
			c.Skipped++
		case clause.Outcome == Error:
			c.Errors++
		}
	}
	return c
}
