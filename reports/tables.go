package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/reports/result"
)

type count struct {
	Outcome result.Outcome
	N       int
}

type levelView struct {
	Name  string
	Tally []count
	All   int
}

type barView struct {
	Label string
	Parts []barPart
}

type barPart struct {
	Outcome  result.Outcome
	X, Width string
}

type matrixView struct {
	Clients []string
	Rows    []matrixRow
}

type matrixRow struct {
	ID, Anchor string
	Cells      []result.Outcome
}

func levels(requirements []result.Requirement) []levelView {
	names := []string{"MUST", "SHOULD", "MAY"}
	byLevel := map[string][]result.Outcome{}
	for _, r := range requirements {
		byLevel[r.Level] = append(byLevel[r.Level], r.Outcome)
		if !slices.Contains(names, r.Level) {
			names = append(names, r.Level)
		}
	}
	var list []levelView
	for _, name := range names {
		if of := byLevel[name]; len(of) > 0 {
			list = append(list, levelView{name, tally(of), len(of)})
		}
	}
	return list
}

func tallyCases(cases []result.Case) []count {
	var of []result.Outcome
	for _, c := range cases {
		of = append(of, c.Outcome)
	}
	return tally(of)
}

func tally(of []result.Outcome) []count {
	counts := make([]count, len(outcomes))
	for i, o := range outcomes {
		counts[i].Outcome = o
		for _, have := range of {
			if have == o {
				counts[i].N++
			}
		}
	}
	return counts
}

// bar is a stacked bar over a tally, in percent.
func bar(counts []count) barView {
	total := 0
	for _, c := range counts {
		total += c.N
	}
	var b barView
	var words []string
	before := 0
	for _, c := range counts {
		if c.N == 0 {
			continue
		}
		b.Parts = append(b.Parts, barPart{c.Outcome, percent(before, total), percent(c.N, total)})
		words = append(words, fmt.Sprintf("%d %s", c.N, word(c.Outcome)))
		before += c.N
	}
	b.Label = strings.Join(words, ", ")
	return b
}

func percent(n, of int) string { return fmt.Sprintf("%.2f", 100*float64(n)/float64(of)) }

// nobody is the column of cases that no client of the target judged.
const nobody = "no client"

// matrix has a row for each requirement that has cases and a column for each
// client, those of no client last.
func matrix(d digest) matrixView {
	var m matrixView
	cells := map[[2]string][]result.Outcome{} // by requirement and client
	for _, c := range d.Cases {
		client := firstOf(c.Client, nobody)
		if !slices.Contains(m.Clients, client) {
			m.Clients = append(m.Clients, client)
		}
		for _, id := range c.Clauses() {
			cells[[2]string{id, client}] = append(cells[[2]string{id, client}], c.About(id, d.Selection.Strict))
		}
	}
	slices.SortFunc(m.Clients, func(a, b string) int {
		return cmp.Or(last(a)-last(b), strings.Compare(a, b))
	})
	for _, r := range d.Requirements {
		if len(r.Cases) == 0 {
			continue
		}
		row := matrixRow{ID: r.ID, Anchor: anchor(r.ID)}
		for _, client := range m.Clients {
			var cell result.Outcome
			if of := cells[[2]string{r.ID, client}]; len(of) > 0 {
				cell = result.Worst(of...)
			}
			row.Cells = append(row.Cells, cell)
		}
		m.Rows = append(m.Rows, row)
	}
	return m
}

func last(client string) int {
	if client == nobody {
		return 1
	}
	return 0
}
