package suites

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/cibatest/cibatest/suites/internal/schedule"
)

// assemble makes one result of all cases.
func (r *run) assemble(ctx context.Context) result.Run {
	o, target := r.options, r.facts.Target
	limited := errors.As(context.Cause(ctx), new(driver.RunLimit))
	if limited {
		r.driver.Note("%s, so it is partial; --timeout sets it", driver.WhyEnded(ctx))
	}
	run := result.Run{
		Version: result.Version, Kind: "conformance",
		Tool: o.Tool, Command: o.Command,
		Target: result.Target{
			Issuer:        target.Issuer,
			Product:       target.Product,
			Persona:       target.Persona,
			Capabilities:  r.facts.Capabilities.ByName(),
			Configuration: target.Masked(),
		},
		Started:     r.session.Started().UTC(),
		Seed:        o.Seed,
		Interrupted: ctx.Err() != nil && !limited,
		Notes:       r.notes(),
		Selection: result.Selection{
			Arguments: o.Select.Arguments, Profiles: o.Select.Profiles, LabelFilter: o.Select.LabelFilter, Smoke: o.Select.Smoke,
			Budget: o.Select.Budget,
			Strict: o.Strict, Concurrency: o.Concurrency,
		},
	}
	if o.Select.wholeProfiles() || len(o.Select.Profiles) > 0 {
		run.Profiles = r.facts.Claims(o.Select.Profiles)
	}
	for _, j := range r.jobs {
		c := r.results[j]
		run.Timing.SumMS += c.DurationMS
		run.Cases = append(run.Cases, c)
	}
	run.DurationMS = time.Since(r.session.Started()).Milliseconds()
	run.Timing.WallMS = run.DurationMS
	run.Timing.CriticalPathMS = schedule.CriticalPath(places(r.jobs)).Milliseconds()
	return conclude(run, o.Select.everything())
}

// notes are those of the run, what it did to the OP first.
func (r *run) notes() []string {
	if r.options.Select.Budget > 0 {
		r.driver.Note("users were asked %d times%s", r.prompts(), r.beyondBudget())
	}
	if told := r.driver.Strain(); told != "" {
		return append([]string{told}, r.driver.Notes()...)
	}
	return r.driver.Notes()
}

// Conclude adds what follows from the cases of a result, of which there may be fewer
// than its selection has: the clauses that they judge, the counts and the verdict.
func Conclude(run result.Run) result.Run { return conclude(run, false) }

func conclude(run result.Run, everything bool) result.Run {
	run.Requirements = requirements(run, everything)
	run.Texts = texts(run.Requirements)
	run.Summary = result.Summarise(run.Cases)
	run.Profiles = judgeProfiles(run)
	run.Verdict = verdict(run)
	return run
}

// requirements lists every clause that was judged; a run of everything also lists what
// no case covers, with the reason.
func requirements(run result.Run, all bool) []result.Requirement {
	judged := map[string][]result.Case{}
	for _, c := range run.Cases {
		for _, id := range c.Clauses() {
			judged[id] = append(judged[id], c)
		}
	}
	var list []result.Requirement
	for _, r := range catalogue.Must().List() {
		if by := judged[r.ID]; len(by) > 0 || all {
			list = append(list, requirement(r, by, run.Selection.Strict))
		}
	}
	return list
}

// texts are the documents that the requirements come from, those of most requirements first.
func texts(list []result.Requirement) []result.Text {
	count := map[result.Text]int{}
	for _, r := range list {
		clause, _ := catalogue.Must().Get(r.ID)
		for _, t := range clause.Texts() {
			count[result.Text(t)]++
		}
	}
	return slices.SortedFunc(maps.Keys(count), func(a, b result.Text) int {
		return cmp.Or(count[b]-count[a], strings.Compare(a.Name, b.Name))
	})
}

// requirement is one clause with what the cases that judged it found about that very
// clause: what they found about others is not held against it.
func requirement(r catalogue.Requirement, by []result.Case, strict bool) result.Requirement {
	entry := result.Requirement{
		ID:     r.ID,
		Level:  r.Level,
		Area:   r.Area,
		Source: r.Source,
		Text:   strings.TrimSpace(r.Requirement),
		Cases:  []string{},
	}
	for _, l := range catalogue.Links(r.Source) {
		entry.Links = append(entry.Links, result.Link(l))
	}
	for _, n := range catalogue.Must().NotesOf(r) {
		entry.Notes = append(entry.Notes, result.Note(n))
	}
	if len(by) == 0 {
		entry.Outcome, entry.Reason = result.Uncovered, Uncovered(r)
		return entry
	}
	var outcomes []result.Outcome
	for _, c := range by {
		entry.Cases = append(entry.Cases, c.ID)
		outcomes = append(outcomes, c.About(r.ID, strict))
	}
	entry.Outcome = result.Worst(outcomes...)
	return entry
}

// verdict is over the whole run. A MUST that could not be judged makes it partial: an
// error always, a skip when something essential was missing. So do a question that was not
// answered at all, and a profile of which less was judged than its minimum. Where nothing was
// judged there is no verdict.
func verdict(run result.Run) result.Verdict {
	if run.Summary.Fail > 0 {
		return result.NonConformant
	}
	if run.Coverage().Judged == 0 {
		return result.NoVerdict
	}
	if run.Interrupted || unanswered(run) || slices.ContainsFunc(run.Profiles, fallsShort) {
		return result.Partial
	}
	for _, c := range run.Cases {
		need, _, _ := strings.Cut(c.Reason, ":")
		missed := c.Outcome == result.Skip && preflight.Essential(catalogue.Need(need)) && isMust(c)
		if c.Outcome == result.Error || missed {
			return result.Partial
		}
	}
	return result.Conformant
}

// fallsShort reports whether less was judged of a profile than its minimum, although it was
// to be judged.
func fallsShort(p result.Profile) bool {
	return p.Counts && (p.Verdict == result.Partial || p.Verdict == result.NoVerdict)
}

// unanswered reports whether a case, requirement or area that the user named was not judged
// at all.
func unanswered(run result.Run) bool {
	return slices.ContainsFunc(run.Selection.Arguments, func(name string) bool {
		return unjudged(slices.DeleteFunc(slices.Clone(run.Cases), func(c result.Case) bool { return !answersTo(c, name) }))
	})
}

// unjudged reports whether none of some cases was judged. Where there are MUSTs among
// them, only those count: an OP is not asked for an area to hear about its options.
func unjudged(cases []result.Case) bool {
	judged := func(c result.Case) bool { return c.Outcome.Judged() }
	if slices.ContainsFunc(cases, isMust) {
		return !slices.ContainsFunc(cases, func(c result.Case) bool { return judged(c) && isMust(c) })
	}
	return !slices.ContainsFunc(cases, judged)
}

// answersTo reports whether a word of a selection meant this case.
func answersTo(c result.Case, name string) bool {
	return c.ID == name || c.Area == name || slices.Contains(c.Requirements, name)
}

func isMust(c result.Case) bool {
	r, _ := catalogue.Must().Get(c.Requirements[0])
	return r.Level == "MUST"
}
