package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// figures are those of one package, or of several added up.
type figures struct {
	name           string // folder in the module
	files          int
	code, comments int    // lines
	testCode       int    // lines of code in test files
	functions      []int  // the length of each, in lines
	longest        string // the file with the most lines, blank ones included
	longestLines   int
	wide           []string       // "file:line" of lines that are too wide
	methods        map[string]int // by the type of the receiver
}

// share is the share of comments in 0..1, 0 without any line.
func (f figures) share() float64 { return ratio(f.comments, f.code+f.comments) }

// tests is how many lines of test code there are for a line of code.
func (f figures) tests() float64 { return ratio(f.testCode, f.code) }

func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// quantile is the length of function that a share q of all functions does not
// exceed; 0 without functions.
func (f figures) quantile(q float64) int {
	if len(f.functions) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(f.functions))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// measure reads the Go files of a module, but not what version control or the
// go command ignore. The packages come in the order of their folders.
func measure(module fs.FS) ([]figures, error) {
	byFolder := map[string]*figures{}
	err := fs.WalkDir(module, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && ignored(entry.Name()):
			return fs.SkipDir
		case entry.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		source, err := fs.ReadFile(module, name)
		if err != nil {
			return err
		}
		folder := path.Dir(name)
		if byFolder[folder] == nil {
			byFolder[folder] = &figures{name: folder, methods: map[string]int{}}
		}
		return byFolder[folder].add(name, source)
	})
	var list []figures
	for _, folder := range slices.Sorted(maps.Keys(byFolder)) {
		list = append(list, *byFolder[folder])
	}
	return list, err
}

func ignored(folder string) bool {
	return strings.HasPrefix(folder, ".") || slices.Contains([]string{"testdata", "node_modules", "out", "bin"}, folder)
}

// add counts a file in.
func (f *figures) add(name string, source []byte) error {
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, name, source, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	code, comments := countLines(source)
	if strings.HasSuffix(name, "_test.go") {
		f.testCode += code
		return nil
	}
	f.files++
	f.code += code
	f.comments += comments
	f.addFunctions(set, tree)
	f.addLines(name, strings.Split(strings.TrimSuffix(string(source), "\n"), "\n"))
	return nil
}

func (f *figures) addFunctions(set *token.FileSet, tree *ast.File) {
	for _, declaration := range tree.Decls {
		function, ok := declaration.(*ast.FuncDecl)
		if !ok {
			continue
		}
		first, last := set.Position(function.Pos()), set.Position(function.End())
		f.functions = append(f.functions, last.Line-first.Line+1)
		if function.Recv != nil {
			f.methods[receiver(function)]++
		}
	}
}

// addLines looks at a file as a reader sees it: how long, and how wide.
func (f *figures) addLines(name string, lines []string) {
	if len(lines) > f.longestLines {
		f.longest, f.longestLines = path.Base(name), len(lines)
	}
	for i, line := range lines {
		if utf8.RuneCountInString(line) > maxWidth {
			f.wide = append(f.wide, fmt.Sprintf("%s:%d", name, i+1))
		}
	}
}

// receiver is the name of the type a method belongs to, also when its receiver
// is a pointer or generic.
func receiver(method *ast.FuncDecl) string {
	for expression := method.Recv.List[0].Type; ; {
		switch e := expression.(type) {
		case *ast.StarExpr:
			expression = e.X
		case *ast.IndexExpr:
			expression = e.X
		case *ast.IndexListExpr:
			expression = e.X
		case *ast.Ident:
			return e.Name
		default:
			return ""
		}
	}
}

// countLines counts lines that hold a token, and lines that hold a comment only.
// The scanner tells them apart where a search for slashes would be fooled by
// texts; a text over several lines is code on each.
func countLines(source []byte) (code, comments int) {
	set := token.NewFileSet()
	file := set.AddFile("", -1, len(source))
	var s scanner.Scanner
	s.Init(file, source, nil, scanner.ScanComments)
	hasCode, hasComment := map[int]bool{}, map[int]bool{}
	for {
		pos, kind, text := s.Scan()
		if kind == token.EOF {
			break
		}
		lines := hasCode
		switch {
		case kind == token.COMMENT:
			lines = hasComment
		case kind == token.SEMICOLON && text != ";":
			continue // the scanner's own, at the end of a line
		}
		first := file.Line(pos)
		for line := first; line <= first+strings.Count(text, "\n"); line++ {
			lines[line] = true
		}
	}
	for line := range hasComment {
		if !hasCode[line] {
			comments++
		}
	}
	return len(hasCode), comments
}

// total adds packages up.
func total(list []figures) figures {
	sum := figures{methods: map[string]int{}}
	for _, f := range list {
		sum.files += f.files
		sum.code += f.code
		sum.comments += f.comments
		sum.testCode += f.testCode
		sum.functions = append(sum.functions, f.functions...)
		sum.wide = append(sum.wide, f.wide...)
		if f.longestLines > sum.longestLines {
			sum.longest, sum.longestLines = f.name+"/"+f.longest, f.longestLines
		}
		for name, n := range f.methods {
			sum.methods[name] += n
		}
	}
	return sum
}
