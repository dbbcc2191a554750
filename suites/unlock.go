package suites

import (
	"cmp"
	"slices"

	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/suites/harness"
)

// Unlock is a piece of a target file with how much it would have judged.
type Unlock struct {
	Piece preflight.Piece
	Cases []string // ids of the cases that have all they need only with the piece
}

// Unlocks are what a target file lacks, that of most cases first. What no case waits for
// is left out.
func Unlocks(f *preflight.Facts) []Unlock {
	var list []Unlock
	for _, piece := range f.Pieces() {
		with := f.With(piece)
		var cases []string
		for _, d := range tree.Cases() {
			if canRun(with, d) && !canRun(f, d) {
				cases = append(cases, d.ID)
			}
		}
		if len(cases) > 0 {
			list = append(list, Unlock{piece, cases})
		}
	}
	slices.SortStableFunc(list, func(a, b Unlock) int { return cmp.Compare(len(b.Cases), len(a.Cases)) })
	return list
}

// canRun reports whether a case has all that it needs: the capabilities, and a client of
// its kind.
func canRun(f *preflight.Facts, d *harness.Definition) bool {
	return f.Capabilities.Unmet(d.Needs()) == "" && len(f.ClientsFor(d.Mode(), d.Needs(), d.Methods()...)) > 0
}
