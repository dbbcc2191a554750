package suites

import (
	"context"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/target"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"
)

// TestSuites runs the Ginkgo tree against the target that CIBATEST_TARGET names,
// or against the embedded reference OP with a short interval. Focus, label
// filters and report flags are Ginkgo's own.
func TestSuites(t *testing.T) {
	gomega.RegisterFailHandler(ginkgo.Fail)
	options, closeAll, err := ginkgoTarget(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	await = startSelected(ctx, t, options)
	ginkgo.RunSpecs(t, "CIBA conformance")
}

// startSelected starts the bodies that Ginkgo's filters select, so that their
// waits overlap; each It then awaits its own. Under several Ginkgo processes each
// one starts only what it is asked for.
func startSelected(ctx context.Context, t *testing.T, o Options) func(ginkgo.SpecContext, string) result.Case {
	preview := ginkgo.PreviewSpecs("CIBA conformance")
	suite, _ := ginkgo.GinkgoConfiguration()
	if suite.ParallelTotal > 1 {
		return func(_ ginkgo.SpecContext, id string) result.Case { return runOne(ctx, t, o, id) }
	}
	for _, spec := range preview.SpecReports {
		if spec.State.String() == "" || spec.State.String() == "passed" || spec.State.String() == "INVALID SPEC STATE" {
			for _, label := range spec.Labels() {
				if len(label) > 6 && label[:6] == "case: " {
					o.Select.Arguments = append(o.Select.Arguments, label[6:])
				}
			}
		}
	}
	return awaitAll(ctx, t, o)
}

// awaitAll runs the selected cases in the background.
func awaitAll(ctx context.Context, t *testing.T, o Options) func(ginkgo.SpecContext, string) result.Case {
	done := make(chan struct{})
	var once sync.Once
	results := map[string]result.Case{}
	start := func() {
		go func() {
			defer close(done)
			run, err := Run(ctx, o)
			if err != nil {
				t.Log(err)
			}
			for _, c := range run.Cases {
				results[c.ID] = c
			}
		}()
	}
	return func(spec ginkgo.SpecContext, id string) result.Case {
		once.Do(start)
		select {
		case <-done:
		case <-spec.Done():
			return result.Case{ID: id, Outcome: result.Error, Message: "the spec was interrupted"}
		}
		if c, ok := results[id]; ok {
			return c
		}
		return result.Case{ID: id, Outcome: result.Error, Message: "the case was not run"}
	}
}

func runOne(ctx context.Context, t *testing.T, o Options, id string) result.Case {
	o.Select.Arguments = []string{id}
	run, err := Run(ctx, o)
	if err != nil {
		t.Log(err)
		return result.Case{ID: id, Outcome: result.Error, Message: err.Error()}
	}
	return run.Cases[0]
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
	tgt, err := target.Load(file)
	if err != nil {
		return Options{}, nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	approver, err := approve.New(tgt.Approval, approve.Options{RoundTripper: transport, In: os.Stdin, Out: os.Stderr})
	if err != nil {
		return Options{}, nil, err
	}
	return Options{Target: tgt, Approver: approver, RoundTripper: transport}, func() {
		_ = approver.Close()
		transport.CloseIdleConnections()
	}, nil
}
