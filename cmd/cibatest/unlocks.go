package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/suites"
)

// unlock is what one piece of a target file would have judged, for machines.
type unlock struct {
	Name  string   `json:"name"`
	Cases []string `json:"cases"`
	YAML  string   `json:"yaml"`
}

// unlocks are what a target file lacks, that of most cases first. Nothing is known to be
// missing where the OP was not reached.
func unlocks(f *preflight.Facts) []unlock {
	list := []unlock{}
	if f == nil {
		return list
	}
	for _, u := range suites.Unlocks(f) {
		var b strings.Builder
		for _, part := range u.Piece.Parts {
			fmt.Fprintf(&b, "%s:\n", part.Key)
			for _, line := range part.Lines {
				fmt.Fprintf(&b, "  %s\n", line)
			}
		}
		list = append(list, unlock{u.Piece.Name, u.Cases, b.String()})
	}
	return list
}

// printUnlocks writes the pieces as YAML to paste, gathered below the keys that they belong
// to, that of most cases first.
func printUnlocks(out io.Writer, f *preflight.Facts) {
	if f == nil {
		return
	}
	var keys []string
	below := map[string][]string{}
	written := map[string]bool{} // two pieces may share a part
	for _, u := range suites.Unlocks(f) {
		for _, part := range u.Piece.Parts {
			if !slices.Contains(keys, part.Key) {
				keys = append(keys, part.Key)
			}
			below[part.Key] = append(below[part.Key], fmt.Sprintf("# %s: %s", u.Piece.Name, cases(len(u.Cases))))
			if text := part.Key + strings.Join(part.Lines, "\n"); !written[text] {
				written[text] = true
				below[part.Key] = append(below[part.Key], part.Lines...)
			}
		}
	}
	if len(keys) == 0 {
		return
	}
	fmt.Fprint(out, "\nto have more judged, add to the target file what this OP has:\n\n")
	for _, key := range keys {
		fmt.Fprintf(out, "%s:\n", key)
		for _, line := range below[key] {
			fmt.Fprintf(out, "  %s\n", line)
		}
	}
}

func cases(n int) string {
	if n == 1 {
		return "1 case"
	}
	return fmt.Sprintf("%d cases", n)
}

// worthwhile are the pieces that cases wait for.
func worthwhile(f *preflight.Facts) []preflight.Piece {
	var pieces []preflight.Piece
	for _, u := range suites.Unlocks(f) {
		pieces = append(pieces, u.Piece)
	}
	return pieces
}
