package suites

import (
	"fmt"
	"slices"

	"github.com/cibatest/cibatest/suites/harness"
	"github.com/onsi/ginkgo/v2/types"
)

// Selection is what to run. The zero value is everything.
type Selection struct {
	Arguments   []string // case ids, requirement ids or areas
	Profiles    []string // ids of profiles: only the cases about these, and only these are stated
	LabelFilter string   // a Ginkgo label query, such as "area: containsAny rar"
	Smoke       bool     // the spread over all areas without expiry waits
	Budget      int      // prompts that users may be asked, the cases most worth them are run; 0: any number
}

func (s Selection) everything() bool {
	return len(s.Profiles) == 0 && s.wholeProfiles()
}

// wholeProfiles reports whether nothing keeps the profiles of a run from being judged whole.
func (s Selection) wholeProfiles() bool {
	return len(s.Arguments) == 0 && s.LabelFilter == "" && !s.Smoke && s.Budget == 0
}

// cases are the selected definitions, or an error that names what matches nothing.
func (s Selection) cases() ([]*harness.Definition, error) {
	matches := func([]string) bool { return true }
	if s.LabelFilter != "" {
		filter, err := types.ParseLabelFilter(s.LabelFilter)
		if err != nil {
			return nil, fmt.Errorf("%w: label filter: %w", ErrSelection, err)
		}
		matches = filter
	}
	if err := checkProfiles(s.Profiles); err != nil {
		return nil, err
	}
	for _, argument := range s.Arguments {
		if !slices.ContainsFunc(tree.Cases(), func(d *harness.Definition) bool { return d.AnswersTo(argument) }) {
			return nil, fmt.Errorf("%w: %q is no case, requirement or area; see \"cibatest list\"", ErrNothingSelected, argument)
		}
	}
	var selected []*harness.Definition
	for _, d := range tree.Cases() {
		named := len(s.Arguments) == 0 || slices.ContainsFunc(s.Arguments, d.AnswersTo)
		claimed := len(s.Profiles) == 0 || ofProfiles(d, s.Profiles)
		if named && claimed && matches(d.Labels()) && (d.Smoke() || !s.Smoke) {
			selected = append(selected, d)
		}
	}
	if len(selected) == 0 {
		return nil, ErrNothingSelected
	}
	return selected, nil
}

// Cases lists what the selection would run.
func (s Selection) Cases() ([]ListedCase, error) {
	selected, err := s.cases()
	if err != nil {
		return nil, err
	}
	var list []ListedCase
	for _, d := range selected {
		list = append(list, listed(d, nil))
	}
	return list, nil
}
