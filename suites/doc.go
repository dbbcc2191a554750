// Package suites judges a CIBA endpoint clause by clause.
//
// It is the front door: [Run] takes a target and a selection and returns a result, and
// [List] tells what there is. The cases are in families, each a package for one family
// of texts (core, rar, tokens, security), composed in families.go. What a case is
// written with is package harness; start there to write one.
//
// # The life of a run
//
// What is known of the target is gathered, the OP is asked what has to be known before
// cases are placed (learn.go), every case gets its client, its user and its place
// (plan.go), all of them run at once as their places allow (internal/schedule), and their
// results become one (assemble.go). A run so takes about as long as its longest chain of
// waits. A [Watch] lets others look on meanwhile: how far the areas are, what is waited
// for, and how long what is left of the plan takes (internal/schedule plays it through).
//
// The same tree runs under Ginkgo: go tool ginkgo ./suites, with the target file that
// the variable CIBATEST_TARGET names.
//
// # Every case can fail
//
// Each case is failed by a named fault of the reference OP (internal/refop/faults), and
// the healthy OP and every legal variant of it pass. Package selftest proves both.
package suites
