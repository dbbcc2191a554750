package suites

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
)

// Selection is what to run. The zero value is everything.
type Selection struct {
	Arguments   []string // case ids, requirement ids or areas
	LabelFilter string   // a Ginkgo label query, such as "area: containsAny rar"
	Smoke       bool     // the spread over all areas without expiry waits
}

func (s Selection) everything() bool {
	return len(s.Arguments) == 0 && s.LabelFilter == "" && !s.Smoke
}

// build makes Ginkgo build its tree once, which registers every case, and lets
// each learn its subject: the texts of the containers it stands in.
var build = sync.OnceFunc(func() {
	for _, s := range ginkgo.PreviewSpecs("cibatest").SpecReports {
		for _, label := range s.Labels() {
			id, isCase := strings.CutPrefix(label, "case: ")
			if d := registry.byID[id]; isCase && d != nil {
				d.subject = strings.Join(s.ContainerHierarchyTexts, " ")
			}
		}
	}
})

// all are the registered cases in the order of the tree.
func all() []*definition {
	build()
	return registry.order
}

// cases are the selected definitions, or an error that names what matches nothing.
func (s Selection) cases() ([]*definition, error) {
	matches := func([]string) bool { return true }
	if s.LabelFilter != "" {
		filter, err := types.ParseLabelFilter(s.LabelFilter)
		if err != nil {
			return nil, fmt.Errorf("%w: label filter: %w", ErrSelection, err)
		}
		matches = filter
	}
	for _, argument := range s.Arguments {
		if !slices.ContainsFunc(all(), func(d *definition) bool { return d.answersTo(argument) }) {
			return nil, fmt.Errorf("%w: %q is no case, requirement or area; see \"cibatest list\"", ErrNothingSelected, argument)
		}
	}
	var selected []*definition
	for _, d := range all() {
		named := len(s.Arguments) == 0 || slices.ContainsFunc(s.Arguments, d.answersTo)
		if named && matches(d.labels()) && (d.smoke || !s.Smoke) {
			selected = append(selected, d)
		}
	}
	if len(selected) == 0 {
		return nil, ErrNothingSelected
	}
	return selected, nil
}

func (d *definition) answersTo(name string) bool {
	return d.id == name || d.area == name || slices.Contains(d.requirements, name)
}

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
	Requirements []string         `json:"requirements"`
	Needs        []catalogue.Need `json:"needs"`
	Faults       []string         `json:"faults"`
	Smoke        bool             `json:"smoke"`
}

// Cases lists what the selection would run.
func (s Selection) Cases() ([]ListedCase, error) {
	selected, err := s.cases()
	if err != nil {
		return nil, err
	}
	var list []ListedCase
	for _, d := range selected {
		list = append(list, d.listed(nil))
	}
	return list, nil
}

func (d *definition) listed(faults map[string][]string) ListedCase {
	entry := ListedCase{ID: d.id, Title: d.sentence(), Area: d.area, Requirements: d.requirements, Needs: append([]catalogue.Need{}, d.needs...), Faults: []string{}, Smoke: d.smoke}
	for _, id := range d.requirements {
		entry.Faults = append(entry.Faults, faults[id]...)
	}
	return entry
}

// List computes the coverage. Faults maps requirement ids to the names of the
// faults that break them.
func List(faults map[string][]string) Listing {
	var l Listing
	byRequirement := map[string][]string{}
	for _, d := range all() {
		for _, id := range d.requirements {
			byRequirement[id] = append(byRequirement[id], d.id)
		}
		l.Cases = append(l.Cases, d.listed(faults))
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
	for _, d := range all() {
		names = append(names, d.id, d.area)
		names = append(names, d.requirements...)
	}
	sort.Strings(names)
	return slices.Compact(names)
}

// Uncovered tells why no case judges a requirement, or nothing when one does.
func Uncovered(r catalogue.Requirement) string {
	if slices.ContainsFunc(all(), func(d *definition) bool { return slices.Contains(d.requirements, r.ID) }) {
		return ""
	}
	return preflight.Outside(r)
}
