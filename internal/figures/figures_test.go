package main

import (
	"bytes"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

const sample = `// Package sample has two
// lines of comment above its name.
package sample

/* A comment of
two lines. */
type T[K any] struct{} // a remark counts as code

// One is short.
func (t *T[K]) One() {}

func (t T[K]) Two() string {
	return ` + "`a text // of\ntwo lines`" + `
}

func three() {}
`

func TestMeasure(t *testing.T) {
	t.Parallel()
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	asWideAs := func(columns int) string { return "\n//" + strings.Repeat("é", columns-2) + "\n" }
	got, err := measure(fstest.MapFS{
		"a/sample.go":        file(sample),
		"a/sample_test.go":   file("package sample\n\n// Left out.\nvar _ = 1\n"),
		"a/wide.go":          file("package sample\n" + asWideAs(maxWidth) + asWideAs(maxWidth+1)),
		"a/testdata/left.go": file("package left\n"),
		".hidden/left.go":    file("package left\n"),
		"a/b/b.go":           file("package b\n"),
		"a/b/readme.md":      file("no code"),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []figures{
		{
			name: "a", files: 2, code: 9, comments: 7, testCode: 2, functions: []int{1, 4, 1}, longest: "sample.go", longestLines: 17,
			wide: []string{"a/wide.go:5"}, methods: map[string]int{"T": 2},
		},
		{name: "a/b", files: 1, code: 1, longest: "b.go", longestLines: 1, methods: map[string]int{}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(figures{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	sum := total(got)
	if sum.files != 3 || sum.code != 10 || sum.longest != "a/sample.go" || sum.quantile(0.5) != 1 || sum.quantile(1) != 4 {
		t.Errorf("got %+v", sum)
	}
}

func TestCovers(t *testing.T) {
	t.Parallel()
	for pattern, folders := range map[string]map[string]bool{
		"suites":     {"suites": true, "suites/core": false, "suitesx": false},
		"suites/...": {"suites": true, "suites/core": true, "suitesx": false},
		"...":        {"suites": true, ".": true},
	} {
		for folder, want := range folders {
			if got := covers(pattern, folder); got != want {
				t.Errorf("%s covers %s: got %v", pattern, folder, got)
			}
		}
	}
}

func TestBroken(t *testing.T) {
	t.Parallel()
	all := []figures{
		{name: "suites", code: 90, comments: 10, methods: map[string]int{"T": 61}},
		{name: "internal/refop", code: 80, comments: 20, wide: []string{"internal/refop/op.go:7"}},
	}
	var text bytes.Buffer
	for _, problem := range broken(all) {
		text.WriteString(problem.Error() + "\n")
	}
	for _, want := range []string{
		"the engine of the suites: 10.0 % comments, at least 15 % are wanted", "T has 61 methods, at most 60 are wanted",
		"internal/refop/op.go:7: more than 140 columns", "limits.go names the package internal/refop/faults, which is not there",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, text.String())
		}
	}
	if strings.Contains(text.String(), "the healthy reference OP") {
		t.Errorf("a limit that holds is told:\n%s", text.String())
	}
}

// TestTable prints this module.
func TestTable(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run([]string{"-root", "../.."}, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"  internal/figures  measure.go ", "  the healthy reference OP  ", "T has "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, out.String())
		}
	}
}
