package targetfile

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a target file, and what is allowed.
type Problem struct {
	File         string
	Line, Column int // 1-based; 0 when the whole file is meant
	Path         string
	Message      string
}

func (p Problem) String() string {
	where := p.File
	if p.Line > 0 {
		where = fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
	}
	if p.Path == "" {
		return where + ": " + p.Message
	}
	return where + ": " + p.Path + ": " + p.Message
}

// Problems is everything that is wrong with a target file, in its order.
type Problems []Problem

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	if len(lines) == 1 {
		return lines[0]
	}
	return fmt.Sprintf("%d problems in the target file:\n  %s", len(lines), strings.Join(lines, "\n  "))
}

func (ps *Problems) sort() {
	slices.SortStableFunc(*ps, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	*ps = slices.CompactFunc(*ps, func(a, b Problem) bool { return a == b })
}
