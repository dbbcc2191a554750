package loadgen

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/reports/result"
)

// deciding is a decider made of a function.
type deciding func(ctx context.Context, d approve.Decision) error

func (f deciding) Decide(ctx context.Context, d approve.Decision) error { return f(ctx, d) }

// What users get decides the verdict, with and without an objective of their own, and
// whatever this side lacked.
func TestVerdictIsAboutUsers(t *testing.T) {
	t.Parallel()
	lose := func(of Decider) Decider { // every second decision is taken, and lost
		var n atomic.Int64
		return deciding(func(ctx context.Context, d approve.Decision) error {
			if n.Add(1)%2 == 0 {
				return nil
			}
			return of.Decide(ctx, d)
		})
	}
	fail := func(Decider) Decider {
		return deciding(func(context.Context, approve.Decision) error {
			return errors.New("the approval hook answers 404")
		})
	}
	for _, c := range []struct {
		name    string
		faults  []string
		decider func(Decider) Decider
		edit    func(*Plan)
		want    result.LoadVerdict
		says    string
	}{
		{"healthy", nil, nil, nil, result.Held, ""},
		{"healthy, and an objective that nothing was measured for", nil, nil, func(p *Plan) {
			p.Mix = Mix{Ignore: 1}
			o, _ := ParseObjective("decision.delivered>90%")
			p.Objectives = []Objective{o}
		}, result.Missed, "decision.delivered>90% missed: nothing measured"},
		{"approvals show after 40 s", []string{"approval-late"}, nil, nil, result.Missed, "showed only after"},
		{"approvals show after 40 s, and the run does not last that long", []string{"approval-late"}, nil, func(p *Plan) { p.Drain = 25 * time.Second }, result.Missed, "never showed"},
		{"approvals are ignored", []string{"approval-ignored"}, nil, nil, result.Missed, "never showed"},
		{"denials are ignored", []string{"denial-never-shows"}, nil, func(p *Plan) { p.Mix = Mix{Deny: 1} }, result.Missed, "40 never showed"},
		{"half of the decisions are lost", nil, lose, nil, result.Missed, "never showed"},
		{"the hook does not work", nil, fail, nil, result.Unjudged, "decisions could not be made: the approval hook answers 404"},
		{"this side was late", nil, nil, func(p *Plan) { p.MaxLag = 1 }, result.Saturated, "left more than"},
		{"this side was late, and decisions were lost", nil, lose, func(p *Plan) { p.MaxLag = 1 }, result.Missed, "never showed"},
	} {
		for _, objective := range []string{"", "flow.success>99%"} {
			t.Run(strings.TrimSpace(c.name+" "+objective), func(t *testing.T) {
				t.Parallel()
				inBubble(t, lab.Options{Faults: c.faults}, func(t *testing.T, b *bench) {
					p := b.plan(t, "4/s", 10*time.Second)
					p.Mix, p.Drain, p.Think = Mix{Approve: 0.9, Deny: 0.05, Ignore: 0.05}, 0, Think{Median: time.Second}
					if c.edit != nil {
						c.edit(&p)
					}
					if objective != "" {
						o, _ := ParseObjective(objective)
						p.Objectives = append(p.Objectives, o)
					}
					var decider Decider = b.Approver
					if c.decider != nil {
						decider = c.decider(decider)
					}
					l, err := Run(t.Context(), Options{Target: b.Target, Plan: p, Transport: b.RoundTripper, Decider: decider})
					if err != nil {
						t.Fatal(err)
					}
					if l.Verdict != c.want || c.says != "" && !strings.Contains(strings.Join(l.Reasons, "\n"), c.says) {
						t.Errorf("%s, %q, funnel %+v; want %s with %q", l.Verdict, l.Reasons, l.Funnel, c.want, c.says)
					}
					if c.want != result.Missed && strings.Contains(strings.Join(l.Reasons, "\n"), "the doing of the OP") {
						t.Errorf("%s, and the OP is accused: %q", l.Verdict, l.Reasons)
					}
				})
			})
		}
	}
}

// Where every start is refused the OP says why, and the abort rule for errors fires.
func TestRefusedStarts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, abort string
		every       int // so many starts are refused of one
		want        result.LoadVerdict
		says        string
	}{
		{"all", "", 1, result.Unjudged, `200 of 200 starts were refused, the first for: invalid_scope, "no such scope"`},
		{"all, with an abort rule", "error_rate>20% for 3s", 1, result.Aborted, "no such scope"},
		{"one in ten", "", 10, result.Held, `20 of 200 starts were refused`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{ack: `"interval":2,"expires_in":120`, token: after(0, grant)}
			s.start = func(n int, w http.ResponseWriter) bool {
				if n%c.every != 0 {
					return false
				}
				reply(w, 400, `{"error":"invalid_scope","error_description":"no such scope"}`)
				return true
			}
			againstWith(t, s, func(p *Plan) {
				p.Arrivals, _ = ParseRate("20/s", 10*time.Second, nil)
				p.Duration = 10 * time.Second
				if c.abort != "" {
					rule, err := ParseAbort(c.abort)
					if err != nil {
						t.Fatal(err)
					}
					p.Aborts = []Abort{rule}
				}
			}, decidedAtOnce, func(t *testing.T, l result.Load) {
				if l.Verdict != c.want || !strings.Contains(strings.Join(l.Reasons, "\n"), c.says) {
					t.Errorf("%s, %q; want %s with %q", l.Verdict, l.Reasons, c.want, c.says)
				}
			})
		})
	}
}

// One late request among a few is a coin, and not the limit of this side.
func TestLateness(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		requests, late int
		saturated      bool
	}{{30, 0, false}, {30, 1, false}, {30, 2, true}, {99, 1, false}, {1000, 9, false}, {1000, 11, true}} {
		for class, says := range map[class]string{classLagPoll: "left more than", classLagNotify: "for the receiver"} {
			w := &watch{e: &engine{plan: &Plan{MaxLag: DefaultMaxLag}}, total: newTally()}
			for i := range c.requests {
				lag := time.Millisecond
				if i < c.late {
					lag = time.Second
				}
				w.total.record(class, int64(lag))
			}
			if got := w.late(); (got != "") != c.saturated || c.saturated && !strings.Contains(got, says) {
				t.Errorf("%d late of %d: %q", c.late, c.requests, got)
			}
		}
	}
}
