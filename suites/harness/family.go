package harness

import (
	"strings"
	"sync"

	"github.com/onsi/ginkgo/v2"
)

// Family is the cases of one family of texts, such as RFC 9396. Each family is a
// package of its own that declares one:
//
//	var Cases = harness.NewFamily("rar")
//
// and describes what the texts speak of, a file a section:
//
//	var _ = Cases.Describe("Paced poll", func() { Case(...) })
//
// Nothing is registered by that: [Compose] puts the families into the tree.
type Family struct {
	name    string
	sources []source
}

// source is one container of cases and what its titles speak of.
type source struct {
	subject string
	cases   func()
}

// NewFamily declares a family without cases.
func NewFamily(name string) *Family { return &Family{name: name} }

// Describe adds cases about one subject. The titles of the cases go on where the
// subject ends, so that both read as one sentence. It returns something so that it
// can stand at the top of a file.
func (f *Family) Describe(subject string, cases func()) bool {
	f.sources = append(f.sources, source{subject, cases})
	return true
}

// Tree is every case of the composed families, in the order of the Ginkgo tree.
type Tree struct {
	byID  map[string]*Definition
	order []*Definition
}

// tree is the one that [Case] puts its cases into. Ginkgo builds one tree for a
// process and keeps it in variables of its own; ours goes along with it.
var tree = &Tree{byID: map[string]*Definition{}}

// Compose puts the families into the Ginkgo tree, in this order. It is called once for
// a process, before Ginkgo builds its tree.
func Compose(families ...*Family) *Tree {
	for _, f := range families {
		for _, s := range f.sources {
			ginkgo.Describe(s.subject, s.cases)
		}
	}
	return tree
}

// Cases are all cases in the order of the tree. The first call makes Ginkgo build its
// tree, which registers every case and lets each learn its subject; it cannot be made
// while the tree runs.
func (t *Tree) Cases() []*Definition {
	build()
	return t.order
}

// build makes Ginkgo build its tree once for a process.
var build = sync.OnceFunc(func() { tree.learnSubjects(ginkgo.PreviewSpecs("cibatest")) })

// Case is the case of an id, nil when there is none.
func (t *Tree) Case(id string) *Definition {
	build()
	return t.byID[id]
}

// add keeps the first registration of an id: building the tree a second time brings
// the same cases again, under the same titles.
func (t *Tree) add(d *Definition) error {
	known, ok := t.byID[d.ID]
	if ok && known.Title != d.Title {
		return errRepeated(known.Title, d.Title)
	}
	if !ok {
		t.byID[d.ID] = d
		t.order = append(t.order, d)
	}
	return nil
}

// learnSubjects reads the texts of the containers that each case stands in.
func (t *Tree) learnSubjects(preview ginkgo.Report) {
	for _, s := range preview.SpecReports {
		for _, label := range s.Labels() {
			id, isCase := strings.CutPrefix(label, "case: ")
			if d := t.byID[id]; isCase && d != nil {
				d.Subject = strings.Join(s.ContainerHierarchyTexts, " ")
			}
		}
	}
}
