package yamlfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a file, and what is allowed instead.
type Problem struct {
	File         string
	Line, Column int    // 1-based; 0 when the whole file is meant
	Path         string // such as clients[1].name; empty for the whole file
	Message      string
}

// String is the problem as compilers write theirs: file:line:column: path: message.
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

// Problems are all that is wrong with a file, in its order.
type Problems []Problem

// Lines are the problems as text, one line each.
func (ps Problems) Lines() []string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return lines
}

// Error is one line for one problem, and a list for several.
func (ps Problems) Error() string {
	lines := ps.Lines()
	if len(lines) == 1 {
		return lines[0]
	}
	return fmt.Sprintf("%d problems in the file:\n  %s", len(lines), strings.Join(lines, "\n  "))
}

// inOrder sorts by place and leaves out repetitions.
func (ps Problems) inOrder() Problems {
	sorted := slices.Clone(ps)
	slices.SortStableFunc(sorted, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(sorted)
}
