package catalogue

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// TestNeedsAreUsed holds the vocabulary to the catalogue. That the catalogue uses
// no other word is checked whenever it is loaded.
func TestNeedsAreUsed(t *testing.T) {
	t.Parallel()
	ofNoClause := []Need{NeedSecondUser, NeedPrivateKeyJWT} // their comments say who names them
	used := map[Need]bool{}
	for _, r := range Must().List() {
		for _, n := range r.Needs {
			used[n] = true
		}
	}
	for _, n := range Needs() {
		if used[n] == slices.Contains(ofNoClause, n) {
			t.Errorf("%s: used by a clause is %v", n, used[n])
		}
	}
	if got := len(Needs()); got != 59 {
		t.Errorf("got %d needs, want 59", got)
	}
}

// TestNeedsAreDeclared reads the source: every constant is listed, in order, and
// has a comment that begins with its name.
func TestNeedsAreDeclared(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "needs.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var declared []Need
	ast.Inspect(file, func(n ast.Node) bool {
		spec, isValue := n.(*ast.ValueSpec)
		if !isValue || len(spec.Values) != 1 {
			return true
		}
		literal, isConstant := spec.Values[0].(*ast.BasicLit)
		if !isConstant {
			return true
		}
		declared = append(declared, Need(strings.Trim(literal.Value, `"`)))
		if name := spec.Names[0].Name; !strings.HasPrefix(spec.Doc.Text(), name+" is met when ") {
			t.Errorf("the comment of %s does not say when it is met", name)
		}
		return true
	})
	if !slices.Equal(declared, Needs()) {
		t.Errorf("declared are %v, listed %v", declared, Needs())
	}
}

func TestNeedKnown(t *testing.T) {
	t.Parallel()
	if !NeedParallel.Known() || Need("telepathy").Known() {
		t.Error("parallel is a need and telepathy is none")
	}
}

// Every need can be explained, in words for users: without the names of constants.
func TestNeedsHaveMeanings(t *testing.T) {
	t.Parallel()
	for _, n := range Needs() {
		if m := n.Meaning(); !strings.HasPrefix(m, "when ") || strings.Contains(m, "Need") {
			t.Errorf("%s: %q", n, m)
		}
	}
	if m := Need("nonsense").Meaning(); m != "" {
		t.Errorf("a word that is no need means %q", m)
	}
}
