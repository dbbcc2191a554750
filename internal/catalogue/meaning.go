package catalogue

import (
	_ "embed"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"sync"
)

// The comments of the needs say what they are; they are told to users as well, so that
// nothing is said twice.
//
//go:embed needs.go
var needsSource string

// meanings are the comments of the needs, by word.
var meanings = sync.OnceValue(func() map[Need]string {
	file, err := parser.ParseFile(token.NewFileSet(), "needs.go", needsSource, parser.ParseComments)
	if err != nil {
		panic("catalogue: the embedded needs.go cannot be read: " + err.Error()) // it was compiled
	}
	said, names := map[Need]string{}, []string{}
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || spec.Doc == nil || len(spec.Values) != 1 {
			return true
		}
		if value, ok := spec.Values[0].(*ast.BasicLit); ok {
			word := strings.Trim(value.Value, `"`)
			said[Need(word)] = strings.Join(strings.Fields(spec.Doc.Text()), " ")
			names = append(names, spec.Names[0].Name+" ", word+" ", spec.Names[0].Name+".", word+".")
		}
		return true
	})
	words := strings.NewReplacer(names...)
	for n, text := range said {
		said[n] = strings.TrimPrefix(words.Replace(text), string(n)+" is met ")
	}
	return said
})

// Meaning says when a need is met and what of the target file or of the OP has it met, as
// "when signed requests are taken; ..."; empty for a word that is no need.
func (n Need) Meaning() string { return meanings()[n] }
