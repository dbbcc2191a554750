package suites

import (
	"context"
	"flag"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/cibatest/cibatest/suites/harness"
	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
	"github.com/onsi/gomega"
)

// TestSuites runs the Ginkgo tree against the target that CIBATEST_TARGET names,
// or against the embedded reference OP with a short interval. Focus, label
// filters and report flags are Ginkgo's own.
func TestSuites(t *testing.T) {
	gomega.RegisterFailHandler(ginkgo.Fail)
	tree.Cases() // Ginkgo cannot preview a tree that runs
	options, closeAll, err := ginkgoTarget(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	harness.AwaitWith(startSelected(ctx, t, options))
	ginkgo.RunSpecs(t, "CIBA conformance")
}

// startSelected starts the bodies that Ginkgo's filters select, so that their
// waits overlap; each It then awaits its own. Under several Ginkgo processes each
// one starts only what it is asked for.
func startSelected(ctx context.Context, t *testing.T, o Options) func(ginkgo.SpecContext, string) result.Case {
	preview := ginkgo.PreviewSpecs("CIBA conformance")
	suite, _ := ginkgo.GinkgoConfiguration()
	if suite.ParallelTotal > 1 {
		return func(_ ginkgo.SpecContext, id string) result.Case {
			o.Select.Arguments = []string{id}
			return startAll(ctx, t, o).await(ctx, id)
		}
	}
	for _, spec := range preview.SpecReports {
		if spec.State.Is(types.SpecStateSkipped | types.SpecStatePending) {
			continue
		}
		for _, label := range spec.Labels() {
			if id, ok := strings.CutPrefix(label, "case: "); ok {
				o.Select.Arguments = append(o.Select.Arguments, id)
			}
		}
	}
	begin := sync.OnceValue(func() *results { return startAll(ctx, t, o) })
	return func(spec ginkgo.SpecContext, id string) result.Case { return begin().await(spec, id) }
}

// results hands each case out as soon as it is over.
type results struct {
	mu      sync.Mutex
	cases   map[string]result.Case
	changed chan struct{} // closed and replaced with every case
	ended   chan struct{}
}

func startAll(ctx context.Context, t *testing.T, o Options) *results {
	r := &results{cases: map[string]result.Case{}, changed: make(chan struct{}), ended: make(chan struct{})}
	o.OnEvent = func(e Event) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.cases[e.Case] = e.Result
		close(r.changed)
		r.changed = make(chan struct{})
	}
	go func() {
		defer close(r.ended)
		if _, err := Run(ctx, o); err != nil {
			t.Log(err)
		}
	}()
	return r
}

func (r *results) await(ctx context.Context, id string) result.Case {
	for {
		r.mu.Lock()
		c, over := r.cases[id]
		changed := r.changed
		r.mu.Unlock()
		if over {
			return c
		}
		select {
		case <-changed:
		case <-r.ended:
			r.mu.Lock()
			defer r.mu.Unlock()
			if c, over = r.cases[id]; over {
				return c
			}
			return result.Case{ID: id, Outcome: result.Error, Message: "the case was not run"}
		case <-ctx.Done():
			return result.Case{ID: id, Outcome: result.Error, Message: "the spec was interrupted"}
		}
	}
}

func ginkgoTarget(ctx context.Context) (Options, func(), error) {
	file := os.Getenv("CIBATEST_TARGET")
	if file == "" {
		l, err := lab.Start(ctx, lab.Options{Interval: time.Second, ExpiresIn: 20 * time.Second})
		if err != nil {
			return Options{}, nil, err
		}
		return Options{Target: l.Target, Approver: l.Approver, RoundTripper: l.RoundTripper}, l.Close, nil
	}
	opened, err := preflight.Open(file, preflight.Terminal{In: os.Stdin, Out: os.Stderr})
	if err != nil {
		return Options{}, nil, err
	}
	return Options{Target: opened.Target, Approver: opened.Approver, RoundTripper: opened.RoundTripper}, opened.Close, nil
}

// notForGinkgo leaves the self-test out when the ginkgo command runs this
// package: its user judges a target with the tree, not the tree itself.
func notForGinkgo(t *testing.T) {
	t.Helper()
	flag.Visit(func(f *flag.Flag) {
		if strings.HasPrefix(f.Name, "ginkgo.") {
			t.Skip("the ginkgo command runs the tree only; go test runs the self-test")
		}
	})
}
