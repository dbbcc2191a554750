package suites

import (
	"slices"
	"sort"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/suites/harness"
)

// Listing is the coverage of the catalogue, computed from the registered cases.
type Listing struct {
	Requirements []ListedRequirement `json:"requirements"`
	Cases        []ListedCase        `json:"cases"`
}

// ListedRequirement is a clause and the cases that judge it, or the reason why
// none does.
type ListedRequirement struct {
	ID     string   `json:"id"`
	Level  string   `json:"level"`
	Area   string   `json:"area"`
	Cases  []string `json:"cases"`
	Reason string   `json:"reason"`
}

// ListedCase is a case and the faults of the reference OP that break its
// requirements.
type ListedCase struct {
	ID           string           `json:"id"`
	Title        string           `json:"title"`
	Area         string           `json:"area"`
	Mode         string           `json:"mode"` // delivery mode of its clients: poll, ping or push
	Requirements []string         `json:"requirements"`
	Needs        []catalogue.Need `json:"needs"`
	Faults       []string         `json:"faults"`
	Smoke        bool             `json:"smoke"`
}

func listed(d *harness.Definition, faults map[string][]string) ListedCase {
	entry := ListedCase{
		ID:           d.ID,
		Title:        d.Sentence(),
		Area:         d.Area,
		Mode:         d.Mode(),
		Requirements: d.Requirements(),
		Needs:        append([]catalogue.Need{}, d.Needs()...),
		Faults:       []string{},
		Smoke:        d.Smoke(),
	}
	for _, id := range d.Requirements() {
		entry.Faults = append(entry.Faults, faults[id]...)
	}
	return entry
}

// List computes the coverage. Faults maps requirement ids to the names of the
// faults that break them.
func List(faults map[string][]string) Listing {
	var l Listing
	byRequirement := map[string][]string{}
	for _, d := range tree.Cases() {
		for _, id := range d.Requirements() {
			byRequirement[id] = append(byRequirement[id], d.ID)
		}
		l.Cases = append(l.Cases, listed(d, faults))
	}
	for _, r := range catalogue.Must().List() {
		entry := ListedRequirement{ID: r.ID, Level: r.Level, Area: r.Area, Cases: append([]string{}, byRequirement[r.ID]...)}
		if len(entry.Cases) == 0 {
			entry.Reason = Uncovered(r)
		}
		l.Requirements = append(l.Requirements, entry)
	}
	return l
}

// Names are all words a selection may use, for completion.
func Names() []string {
	var names []string
	for _, d := range tree.Cases() {
		names = append(names, d.ID, d.Area)
		names = append(names, d.Requirements()...)
	}
	sort.Strings(names)
	return slices.Compact(names)
}

// Uncovered tells why no case judges a requirement, or nothing when one does.
func Uncovered(r catalogue.Requirement) string {
	if slices.ContainsFunc(tree.Cases(), func(d *harness.Definition) bool { return slices.Contains(d.Requirements(), r.ID) }) {
		return ""
	}
	return preflight.Outside(r)
}
