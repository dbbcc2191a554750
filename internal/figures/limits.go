package main

import (
	"fmt"
	"slices"
	"strings"
)

// part is a set of packages that are one thing to a reader. Packages are folders
// of the module; one that ends in "/..." includes the folders below it.
type part struct {
	name     string
	packages []string
	comments float64 // the least share of comments, in 0..1; 0: no limit
}

// parts are measured together, beside each package for itself. The limits are on
// what a newcomer reads first and what has to explain itself: the engine, and the
// OP that shows how it is done right. Cases and faults are read one at a time.
var parts = []part{
	{"the engine of the suites", engine, 0.15},
	{"the families of cases", []string{
		"suites/core", "suites/rar", "suites/tokens", "suites/security", "suites/ping", "suites/push", "suites/request",
	}, 0},
	{"the healthy reference OP", []string{"internal/refop"}, 0.15},
	{"its faults and variants", []string{"internal/refop/faults", "internal/refop/variants"}, 0},
	{"all", []string{"..."}, 0},
}

// engine is all that a case stands on, without the protocol client.
var engine = []string{"suites", "suites/harness", "suites/internal/...", "internal/driver", "internal/preflight"}

// vocabulary is a type whose methods a reader has to know.
type vocabulary struct {
	name     string
	packages []string
	methods  int // at most
}

// vocabularies: T is what every case is written with.
var vocabularies = []vocabulary{
	{"T", []string{"suites/..."}, 60},
}

// maxWidth is the most columns a line of code may have. A tab counts as one, as
// it does for the linter lll.
const maxWidth = 140

// broken are the limits that do not hold. A package that is named above and is
// not there is one too, so that a rename does not switch a limit off.
func broken(all []figures) []error {
	var problems []error
	for _, p := range parts {
		for _, name := range p.packages {
			if len(chosen(all, []string{name})) == 0 {
				problems = append(problems, fmt.Errorf("limits.go names the package %s, which is not there", name))
			}
		}
		if sum := total(chosen(all, p.packages)); sum.share() < p.comments {
			problems = append(problems, fmt.Errorf("%s: %.1f %% comments, at least %.0f %% are wanted", p.name, 100*sum.share(), 100*p.comments))
		}
	}
	for _, v := range vocabularies {
		if n := total(chosen(all, v.packages)).methods[v.name]; n > v.methods {
			problems = append(problems, fmt.Errorf("%s has %d methods, at most %d are wanted", v.name, n, v.methods))
		}
	}
	for _, f := range all {
		for _, place := range f.wide {
			problems = append(problems, fmt.Errorf("%s: more than %d columns", place, maxWidth))
		}
	}
	return problems
}

// chosen are the packages that one of the patterns names.
func chosen(all []figures, patterns []string) []figures {
	var list []figures
	for _, f := range all {
		if slices.ContainsFunc(patterns, func(pattern string) bool { return covers(pattern, f.name) }) {
			list = append(list, f)
		}
	}
	return list
}

// covers reports whether a pattern of [part] names a folder.
func covers(pattern, folder string) bool {
	above, open := strings.CutSuffix(pattern, "...")
	if !open {
		return pattern == folder
	}
	return strings.HasPrefix(folder+"/", above)
}
