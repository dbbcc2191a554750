package baseline

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/reports/result"
)

// ErrInterrupted refuses to learn from a run that did not end by itself.
var ErrInterrupted = errors.New("the run was interrupted, so the baseline stays as it is")

// Updated is a baseline that lists what a run found.
type Updated struct {
	Text  []byte   // of the file
	Lines []string // what was done to it and why, a line each; the first one sums up
}

// Options are how [Update] edits.
type Options struct {
	Now time.Time // tells which entries have expired
	Pin bool      // entries that are added are pinned to what was seen
}

// Update edits the text of a baseline so that it lists the failures and warnings of a run.
// An entry that the run refutes goes, or gets the outcome that its cases have now. Every
// other entry stays to the letter, and so does all else in the file. What was not judged
// is neither added nor removed. The text that comes back differs from the one given only
// where something was done.
//
// An error is [ErrInterrupted], or tells that the text cannot be read or edited.
func Update(name string, text []byte, run result.Run, o Options) (Updated, error) {
	if run.Interrupted {
		return Updated{}, ErrInterrupted
	}
	b, err := Parse(name, text, o.Now)
	if err != nil {
		return Updated{}, err
	}
	p := b.plan(run, o.Pin)
	if text, err = p.apply(text); err != nil {
		return Updated{}, fmt.Errorf("%s: %w", name, err)
	}
	if err := p.arrived(name, text, o.Now); err != nil {
		return Updated{}, err
	}
	return Updated{Text: text, Lines: p.lines(name)}, nil
}

// plan is what to do to a baseline.
type plan struct {
	known    []Entry
	changes  map[int]result.Outcome // new outcomes, by the place of the entry
	removals map[int]string         // what the cases are now, by the place of the entry
	untold   map[int]bool           // entries that the run says nothing about
	added    []Entry
	unjudged []string // cases that could not be judged, and are not listed
}

func (b *Baseline) plan(run result.Run, pin bool) plan {
	p := plan{known: b.Known, changes: map[int]result.Outcome{}, removals: map[int]string{}, untold: map[int]bool{}}
	for i, e := range b.Known {
		switch e.finding(run) {
		case refuted:
			p.refute(i, run)
		case untold, unmatched:
			p.untold[i] = true
		case confirmed:
		}
	}
	for _, c := range run.Cases {
		p.add(run, c, pin)
	}
	return p
}

// add plans an entry for everything in a case that deviates and is not listed.
func (p *plan) add(run result.Run, c result.Case, pin bool) {
	for _, f := range c.Findings {
		if deviates(f.Outcome) && !p.lists(run, c, f) {
			p.added = append(p.added, newEntry(c, f, pin))
		}
	}
	bare := !slices.ContainsFunc(c.Findings, func(f result.Finding) bool { return deviates(f.Outcome) })
	switch {
	case p.listsBare(run, c):
	case bare && deviates(c.Outcome):
		p.added = append(p.added, Entry{
			Case: c.ID, Outcome: c.Outcome, Clause: strings.Join(c.Requirements, " "), Reason: unexplained + ": " + quoted(c.Message),
		})
	case c.Outcome == result.Error:
		p.unjudged = append(p.unjudged, c.ID)
	}
}

func deviates(o result.Outcome) bool { return o == result.Fail || o == result.Warn }

// refute gives an entry the worst outcome that what it is about has and no entry lists so
// far. When there is none, the entry goes.
func (p *plan) refute(i int, run result.Run) {
	var open []result.Outcome
	for _, c := range p.known[i].cases(run) {
		for _, f := range c.Findings {
			if deviates(f.Outcome) && p.known[i].about(c, f) && !p.lists(run, c, f) {
				open = append(open, f.Outcome)
			}
		}
		if len(c.Findings) == 0 && deviates(c.Outcome) && !p.listsBare(run, c) {
			open = append(open, c.Outcome)
		}
	}
	if len(open) == 0 {
		p.removals[i] = p.known[i].outcomesNow(run)
		return
	}
	p.changes[i] = result.Worst(open...)
}

// lists reports whether the baseline, as it will be, has an entry for a finding as it came
// out. An expired one counts: it is for a person to renew.
func (p *plan) lists(run result.Run, c result.Case, f result.Finding) bool {
	return slices.ContainsFunc(p.wanted(), func(e Entry) bool { return e.expects(run, c, f) })
}

// listsBare is [plan.lists] for what a case came to without a finding.
func (p *plan) listsBare(run result.Run, c result.Case) bool {
	return slices.ContainsFunc(p.wanted(), func(e Entry) bool { return e.expectsBare(run, c) })
}

// after are the known entries with their new outcomes, removed ones still among them.
func (p *plan) after() []Entry {
	entries := slices.Clone(p.known)
	for i, outcome := range p.changes {
		entries[i].Outcome = outcome
	}
	return entries
}

// maxMessage bounds what an entry quotes, in characters: a person replaces it anyway.
const maxMessage = 300

// newEntry lists a finding; the reason that a person has to give is what was seen, so far.
func newEntry(c result.Case, f result.Finding, pin bool) Entry {
	e := Entry{Case: c.ID, Requirement: f.ClauseID(), Outcome: f.Outcome, Reason: unexplained + ": want " + quoted(shown(f))}
	if pin {
		text := []rune(shown(f))
		e.Seen = string(text[:min(len(text), maxMessage)])
	}
	return e
}

// quoted is a message on one line, cut.
func quoted(message string) string {
	text := []rune(strings.Join(strings.Fields(message), " "))
	return string(text[:min(len(text), maxMessage)])
}

// wanted are the entries that the edited file has to list.
func (p *plan) wanted() []Entry {
	var entries []Entry
	for i, e := range p.after() {
		if _, gone := p.removals[i]; !gone {
			entries = append(entries, e)
		}
	}
	return append(entries, p.added...)
}

// arrived reads the edited text back: nothing but what was planned may have happened.
func (p *plan) arrived(name string, text []byte, now time.Time) error {
	b, err := Parse(name, text, now)
	if err != nil {
		return fmt.Errorf("the edited baseline would not be readable, so it stays as it is: %w", err)
	}
	if !slices.Equal(b.Known, p.wanted()) {
		return fmt.Errorf("%s is written in a way that cannot be edited safely, so it stays as it is; write one entry a line", name)
	}
	return nil
}

// lines tell what is done, and why.
func (p *plan) lines(name string) []string {
	kept := len(p.known) - len(p.removals) - len(p.changes)
	lines := []string{fmt.Sprintf("%s: %d added, %d removed, %d changed, %d kept, %d of them not judged in this run",
		name, len(p.added), len(p.removals), len(p.changes), kept, len(p.untold))}
	for i, e := range p.known {
		if now, gone := p.removals[i]; gone {
			lines = append(lines, fmt.Sprintf("removed %s: listed as %s, is %s now (%q)", e.name(), e.Outcome, now, e.Reason))
		}
		if now, changed := p.changes[i]; changed {
			lines = append(lines, fmt.Sprintf("changed %s: listed as %s, is %s now; look at its reason (%q)", e.name(), e.Outcome, now, e.Reason))
		}
	}
	for _, e := range p.added {
		lines = append(lines, fmt.Sprintf("added %s: %s; write the reason", e.name(), e.Outcome))
	}
	for _, id := range p.unjudged {
		lines = append(lines, fmt.Sprintf("not listed %s: it could not be judged", id))
	}
	return lines
}
