package suites

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/cibatest/cibatest/suites/harness"
)

// Profiles are the ids of all profiles, those of the delivery modes first.
func Profiles() []string {
	var ids []string
	for _, p := range catalogue.Must().Profiles() {
		ids = append(ids, p.ID)
	}
	return ids
}

// checkProfiles refuses words that are no profile, and a profile that no case is about.
func checkProfiles(ids []string) error {
	for _, id := range ids {
		p, ok := catalogue.Must().Profile(id)
		if !ok {
			return fmt.Errorf("%w: %q is no profile; known are %s", ErrSelection, id, strings.Join(Profiles(), ", "))
		}
		if !judgeable(p) {
			return fmt.Errorf("%w: profile %s is not judged so far; no case is about its minimum, which is %s",
				ErrNothingSelected, id, strings.Join(p.Minimum, ", "))
		}
	}
	return nil
}

// judgeable reports whether a case is about anything of a profile's minimum.
func judgeable(p catalogue.Profile) bool {
	return slices.ContainsFunc(tree.Cases(), func(d *harness.Definition) bool {
		return slices.ContainsFunc(d.Requirements(), func(id string) bool { return slices.Contains(p.Minimum, id) })
	})
}

// wholeMinimum reports whether there are cases about all of a profile's minimum. Where there
// are not yet, no OP could have a whole verdict, and none is held up for it.
func wholeMinimum(p catalogue.Profile) bool {
	return !slices.ContainsFunc(p.Minimum, func(id string) bool {
		r, _ := catalogue.Must().Get(id)
		return Uncovered(r) != ""
	})
}

// ofProfiles reports whether a case judges a requirement that an OP owes which claims some
// profiles: for the core of a delivery mode, with a client of that mode.
func ofProfiles(d *harness.Definition, claimed []string) bool {
	return slices.ContainsFunc(claimed, func(id string) bool {
		p, _ := catalogue.Must().Profile(id)
		return slices.ContainsFunc(catalogue.Must().Demands(p, claimed), func(r catalogue.Requirement) bool {
			inMode := p.Mode == "" || r.OfAnyMode() || d.Mode() == p.Mode
			return inMode && slices.Contains(d.Requirements(), r.ID)
		})
	})
}

// judgeProfiles completes the claims of a run by what its cases came to.
func judgeProfiles(run result.Run) []result.Profile {
	claimed := make([]string, len(run.Profiles))
	for i, p := range run.Profiles {
		claimed[i] = p.ID
	}
	judged := make([]result.Profile, len(run.Profiles))
	for i, claim := range run.Profiles {
		judged[i] = judgeProfile(run, claim, claimed)
	}
	return judged
}

// judgeProfile counts what the cases of a run say about the requirements of one profile.
func judgeProfile(run result.Run, p result.Profile, claimed []string) result.Profile {
	profile, _ := catalogue.Must().Profile(p.ID)
	outcomes := outcomesIn(run, profile.Mode)
	unjudged := map[string][]string{}
	others := otherModes{}
	minimum := 0
	for _, r := range catalogue.Must().Demands(profile, claimed) {
		is := outcomes[r.ID]
		switch is.outcome {
		case result.Fail:
			p.Failed++
		case result.Warn:
			p.Warned++
		case result.Error, result.Info, result.Pass, result.Skip, result.Uncovered:
		}
		other, there := inOtherMode(run, r, profile.Mode)
		if !is.outcome.Judged() && there == result.Fail {
			others.failed(other, r.ID)
		}
		if r.Level != "MUST" {
			continue
		}
		p.MUSTs++
		if is.outcome.Judged() {
			p.Judged++
			if slices.Contains(profile.Minimum, r.ID) {
				minimum++
			}
			continue
		}
		if is.reason == "" && other != "" {
			others.judged(other, r.ID)
		} else {
			reason := cmp.Or(is.reason, whyUnjudged(r, profile.Mode))
			unjudged[reason] = append(unjudged[reason], r.ID)
		}
		if slices.Contains(profile.Minimum, r.ID) {
			p.Missing = append(p.Missing, r.ID)
		}
	}
	p.OtherModes, p.NotTestable = others.list(), byWeight(unjudged)
	p.Counts = p.Claim == result.ClaimTold || wholeMinimum(profile) && (minimum > 0 || p.Claim == result.ClaimTarget)
	p.Verdict = verdictOf(p, run.Interrupted)
	return p
}

// verdictOf is what the counts of a profile come to.
func verdictOf(p result.Profile, interrupted bool) result.Verdict {
	switch {
	case p.Failed > 0:
		return result.NonConformant
	case p.Judged == 0 || len(p.Missing) == p.Minimum:
		return result.NoVerdict
	case len(p.Missing) > 0 || interrupted || slices.ContainsFunc(p.OtherModes, func(o result.OtherMode) bool { return len(o.Failed) > 0 }):
		return result.Partial
	}
	return result.Conformant
}

// otherModes are what was judged with clients of other delivery modes alone, by the mode.
type otherModes map[string]*result.OtherMode

func (o otherModes) of(mode string) *result.OtherMode {
	if o[mode] == nil {
		o[mode] = &result.OtherMode{Mode: mode, Requirements: []string{}}
	}
	return o[mode]
}

func (o otherModes) judged(mode, id string) {
	o.of(mode).Requirements = append(o.of(mode).Requirements, id)
}

func (o otherModes) failed(mode, id string) { o.of(mode).Failed = append(o.of(mode).Failed, id) }

func (o otherModes) list() []result.OtherMode {
	var list []result.OtherMode
	for _, other := range o {
		list = append(list, *other)
	}
	slices.SortFunc(list, func(a, b result.OtherMode) int {
		return cmp.Or(len(b.Requirements)-len(a.Requirements), strings.Compare(a.Mode, b.Mode))
	})
	return list
}

// inOtherMode finds a delivery mode other than the given one whose clients showed how an OP
// stands to a requirement: one where it fails, if there is any. It is empty where there is
// none, and for a profile of no mode.
func inOtherMode(run result.Run, r catalogue.Requirement, mode string) (other string, outcome result.Outcome) {
	for _, c := range run.Cases {
		if mode == "" || c.Mode == "" || c.Mode == mode || !slices.Contains(c.Requirements, r.ID) {
			continue
		}
		switch is := c.About(r.ID, run.Selection.Strict); {
		case is == result.Fail:
			return c.Mode, is
		case is.Judged() && other == "":
			other, outcome = c.Mode, is
		}
	}
	return other, outcome
}

// clauseOutcome is what became of a requirement, and why it was not judged.
type clauseOutcome struct {
	outcome result.Outcome
	reason  string
}

// outcomesIn are the outcomes of requirements by the clients of one delivery mode; by
// those of any where mode is empty.
func outcomesIn(run result.Run, mode string) map[string]clauseOutcome {
	otherMode := func(c result.Case) bool { return mode != "" && c.Mode != "" && c.Mode != mode }
	outcomes := map[string]clauseOutcome{}
	keep := func(of result.Run, wanted func(catalogue.Requirement) bool) {
		for _, entry := range requirements(of, false) {
			if r, _ := catalogue.Must().Get(entry.ID); wanted(r) {
				outcomes[entry.ID] = clauseOutcome{entry.Outcome, reasonOf(of, entry)}
			}
		}
	}
	inMode := run
	inMode.Cases = slices.DeleteFunc(slices.Clone(run.Cases), otherMode)
	keep(inMode, func(r catalogue.Requirement) bool { return !r.OfAnyMode() })
	keep(run, catalogue.Requirement.OfAnyMode)
	return outcomes
}

// reasonOf is why a requirement was not judged, in the words of the first of its cases.
func reasonOf(run result.Run, entry result.Requirement) string {
	for _, c := range run.Cases {
		if slices.Contains(entry.Cases, c.ID) && c.About(entry.ID, run.Selection.Strict) == entry.Outcome {
			return c.Reason
		}
	}
	return ""
}

// whyUnjudged tells why no case of a run has anything about a requirement, with clients of a
// delivery mode or, where mode is empty, of any.
func whyUnjudged(r catalogue.Requirement, mode string) string {
	if reason := Uncovered(r); reason != "" {
		return reason
	}
	inMode := func(d *harness.Definition) bool {
		return d.Mode() == mode && slices.Contains(d.Requirements(), r.ID)
	}
	if mode != "" && !slices.ContainsFunc(tree.Cases(), inMode) {
		return "no case judges it with " + mode + " clients"
	}
	return "not selected"
}

// byWeight sorts reasons by how many requirements they have.
func byWeight(reasons map[string][]string) []result.NotTestable {
	var list []result.NotTestable
	for reason, ids := range reasons {
		list = append(list, result.NotTestable{Reason: reason, Requirements: ids})
	}
	slices.SortFunc(list, func(a, b result.NotTestable) int {
		return cmp.Or(len(b.Requirements)-len(a.Requirements), strings.Compare(a.Reason, b.Reason))
	})
	return list
}
