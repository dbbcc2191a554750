package suites

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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

// TestSuites runs the Ginkgo tree against the target that CIBATEST_TARGET names, or
// against the embedded reference OP with a short interval. Focus, label filters and report
// flags are Ginkgo's own. A selection of nothing fails: green would say that something was
// looked at.
func TestSuites(t *testing.T) {
	gomega.RegisterFailHandler(ginkgo.Fail)
	tree.Cases() // Ginkgo cannot preview a tree that runs
	suite, reporter := ginkgo.GinkgoConfiguration()
	suite.FailOnEmpty = true
	selected := Selection{Arguments: selectedByGinkgo()}
	if suite.ParallelTotal > 1 {
		judgeOnFirstProcess(selected, suite.ParallelProcess)
	} else {
		judgeMeanwhile(t, selected)
	}
	ginkgo.RunSpecs(t, "CIBA conformance", suite, reporter)
}

// selectedByGinkgo are the cases that Ginkgo's filters leave.
func selectedByGinkgo() []string {
	var ids []string
	for _, spec := range ginkgo.PreviewSpecs("CIBA conformance").SpecReports {
		if spec.State.Is(types.SpecStateSkipped | types.SpecStatePending) {
			continue
		}
		for _, label := range spec.Labels() {
			if id, ok := strings.CutPrefix(label, "case: "); ok {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// judgeMeanwhile starts the bodies of all selected cases before the first It, so that their
// waits overlap; each It awaits its own. What keeps the run from starting fails once,
// before all Its, with the reason.
func judgeMeanwhile(t *testing.T, selected Selection) {
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	ginkgo.BeforeSuite(func() {
		o, err := openForGinkgo(selected)
		if err != nil {
			ginkgo.Fail(err.Error())
		}
		harness.AwaitWith(startAll(ctx, o).await)
	})
}

// judgeOnFirstProcess lets one of several Ginkgo processes judge all cases, and hands the
// results to the others. Processes that judged side by side would share users, clients and
// listeners without knowing of each other.
func judgeOnFirstProcess(selected Selection, process int) {
	ginkgo.SynchronizedBeforeSuite(func(ctx ginkgo.SpecContext) []byte {
		text, err := json.Marshal(judgeForAll(ctx, selected))
		gomega.Expect(err).NotTo(gomega.HaveOccurred())
		return text
	}, func(_ ginkgo.SpecContext, text []byte) {
		var judged judgedForAll
		gomega.Expect(json.Unmarshal(text, &judged)).To(gomega.Succeed())
		switch {
		case judged.Refusal == "":
			harness.AwaitWith(judged.results().await)
		case process == 1:
			ginkgo.Fail(judged.Refusal)
		default:
			ginkgo.Skip(judged.Refusal) // one failure is enough
		}
	})
}

// judgedForAll is what the first process tells the others.
type judgedForAll struct {
	Refusal string // why the run did not start; empty: it did
	Cases   []result.Case
}

func judgeForAll(ctx context.Context, selected Selection) judgedForAll {
	o, err := openForGinkgo(selected)
	if err != nil {
		return judgedForAll{Refusal: err.Error()}
	}
	judged, err := Run(ctx, o)
	if err != nil {
		return judgedForAll{Refusal: err.Error()}
	}
	return judgedForAll{Cases: judged.Cases}
}

// results are those of a run that is over.
func (j judgedForAll) results() *results {
	r := &results{cases: map[string]result.Case{}, ended: make(chan struct{})}
	close(r.ended)
	for _, c := range j.Cases {
		r.cases[c.ID] = c
	}
	return r
}

// openForGinkgo opens the target, closes it with the suite, and makes sure that a run can
// start.
func openForGinkgo(selected Selection) (Options, error) {
	o, closeAll, err := ginkgoTarget(context.Background())
	if err != nil {
		return Options{}, err
	}
	ginkgo.DeferCleanup(closeAll)
	if _, err := begin(context.Background(), o); err != nil {
		return Options{}, err
	}
	o.Select = selected
	return o, nil
}

// results hands each case out as soon as it is over.
type results struct {
	mu      sync.Mutex
	cases   map[string]result.Case
	changed chan struct{} // closed and replaced with every case
	ended   chan struct{}
	err     error // why the run did not start
}

func startAll(ctx context.Context, o Options) *results {
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
			r.mu.Lock()
			defer r.mu.Unlock()
			r.err = err
		}
	}()
	return r
}

func (r *results) await(ctx ginkgo.SpecContext, id string) result.Case {
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
			return result.Case{ID: id, Outcome: result.Error, Message: fmt.Sprintf("the case was not run: %v", r.err)}
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
		return Options{Target: l.Target, Approver: l.Approver, RoundTripper: l.RoundTripper, Receiver: l.Receiver}, l.Close, nil
	}
	opened, err := preflight.Open(file, preflight.Terminal{In: os.Stdin, Out: os.Stderr})
	if err != nil {
		return Options{}, nil, err
	}
	return Options{Target: opened.Target, Approver: opened.Approver, RoundTripper: opened.RoundTripper}, opened.Close, nil
}

// The ginkgo command is as honest as the binary: a selection of nothing is no success, an
// OP that is down is one failure with the reason, and several processes are as good as one.
func TestGinkgoCommand(t *testing.T) {
	notForGinkgo(t)
	t.Parallel()
	tests, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	down := filepath.Join(t.TempDir(), "down.yaml")
	text := "issuer: http://127.0.0.1:9\nusers: [{login_hint: alice}]\n" +
		"clients: [{name: a, client_id: a, auth_method: client_secret_basic, client_secret: not-a-real-secret}]\n"
	if err := os.WriteFile(down, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, target, focus string
		succeeds            bool
		says                []string
	}{
		{"one case", "", "repeats the issuer to the letter", true, []string{"1 Passed"}},
		{"nothing selected", "", "no such case", false, []string{"Ran 0 of"}},
		{"the OP is down", down, "", false, []string{"Summarizing 1 Failure", "127.0.0.1:9 cannot be reached"}},
	} {
		for _, processes := range []string{"-procs=1", "-procs=3"} {
			t.Run(c.name+processes, func(t *testing.T) {
				t.Parallel()
				cmd := exec.CommandContext(t.Context(), "go", "tool", "ginkgo", "--no-color", processes, "--focus", c.focus, tests)
				cmd.Env = append(os.Environ(), "CIBATEST_TARGET="+c.target)
				out, err := cmd.CombinedOutput()
				if (err == nil) != c.succeeds {
					t.Errorf("%v\n%s", err, out)
				}
				for _, want := range c.says {
					if !strings.Contains(string(out), want) {
						t.Errorf("%q is missing in\n%s", want, out)
					}
				}
			})
		}
	}
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
