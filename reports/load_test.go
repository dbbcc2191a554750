package reports

import (
	"bytes"
	"encoding/xml"
	"io"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cibatest/cibatest/reports/result"
	"golang.org/x/net/html"
)

// sampleLoad is a load run with everything a report can show.
func sampleLoad() result.Load {
	r := rand.New(rand.NewPCG(1, 2))
	l := result.Load{
		Version: result.Version, Kind: "load", Tool: result.Tool{Name: "cibatest", Version: "v0.0.0"},
		Target:  result.Target{Issuer: "https://op.example.com", Persona: "core", Configuration: map[string]any{"issuer": "https://op.example.com"}},
		Started: time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC), DurationMS: 60_000, Seed: 7,
		Plan: result.LoadPlan{
			Rate: "5/s..40/s", Arrivals: "poisson", DurationMS: 45_000, DrainMS: 15_000, Pollers: "steady", Decisions: "approve=90,deny=5,ignore=5",
			ThinkTime: "lognormal:4s,0.6", Probes: "2% of the flows are redeemed twice", Users: 12, Client: "agent", AuthMethod: "private_key_jwt", Transport: "http", MaxPending: 1000, MaxWorkers: 64,
		},
		Verdict: result.Missed, Reasons: []string{"objective redeem.p99<300ms missed: 812ms", "2 violations of the protocol"},
		Objectives: []result.Objective{{Text: "redeem.p99<300ms", Actual: "812ms"}, {Text: "flow.success>99%", Actual: "99.40%", Held: true}},
		Violations: []result.Violation{{
			Kind: "double_redemption", Requirement: "CIBA-10.1.1-REUSE-RACE", Text: "one auth_req_id was redeemed twice at the same moment", Count: 2,
			Evidence: []result.Evidence{{Flow: 17, AtMS: 21_345, Text: "both of two simultaneous polls got tokens", Exchange: result.Exchange{
				Label: "token request", StartedMS: 21_340, DurationMS: 4.2,
				Request:  result.Message{Method: "POST", URL: "https://op.example.com/token", Headers: []result.Header{{Name: "Content-Type", Value: "application/x-www-form-urlencoded"}}, Body: "grant_type=ciba&auth_req_id=[masked:1]", BodyBytes: 90},
				Response: &result.Message{Status: 200, Headers: []result.Header{{Name: "Content-Type", Value: "application/json"}}, Body: `{"access_token":"[masked:2]"}`, BodyBytes: 300},
			}}},
		}},
		Generator: result.Generator{Cores: 2, PeakRSSBytes: 41 << 20, PeakUnderWay: 37},
		Notes:     []string{"a note"}, Parts: []string{"part 1, seed 7"},
	}
	for second := range int64(60) {
		w := result.Window{
			StartMS: second * 1000, SpanMS: 1000, Pending: 40 + second, UnderWay: 3, OfferedPS: 5 + float64(second)/2, CPUMS: 90,
			Counters: map[string]int64{
				result.CountOffered: 21, result.CountDropped: 1, result.CountStarted: 20, result.CountRefused: 1, result.CountAcknowledged: 19, result.CountApproved: 14,
				result.CountDenied: 2, result.CountExpired: 1, result.CountFailed: 1, result.CountAbandoned: 1, result.CountRequests: 80, result.CountErrors: 1, result.CountSlowDown: 1, result.CountConnections: 1, result.CountSignings: 80, result.CountSigningNS: 2_000_000,
			},
			Answers:    map[string]int64{"backchannel 200": 19, "token 400 authorization_pending": 41, "token 200": 14},
			FailedFor:  map[string]int64{"invalid_grant": 1},
			Histograms: map[string]result.Histogram{},
		}
		for _, class := range result.ClassOrder {
			h := result.NewHistogram()
			for range 20 {
				result.RecordIn(h, int64(2000*r.ExpFloat64())+second*100)
			}
			w.Histograms[class] = result.EncodeSparse(h)
		}
		l.Windows = append(l.Windows, w)
	}
	if err := l.Sum(); err != nil {
		panic(err)
	}
	return l
}

// hostileLoad is the sample with every text poisoned.
func hostileLoad() result.Load {
	l := sampleLoad()
	poisonAll(reflect.ValueOf(&l).Elem())
	l.Version, l.Kind = result.Version, "load"
	l.Answers["token 400 "+poison] = 3
	l.FailedFor[poison] = 2
	return l
}

var loadRenders = []struct {
	name   string
	render func(io.Writer, result.Load) error
}{
	{"html", LoadHTML},
	{"junit", LoadJUnit},
	{"markdown", LoadMarkdown},
	{"text", func(w io.Writer, l result.Load) error { return LoadText(w, l, TextOptions{}) }},
}

func renderedLoad(t *testing.T, render func(io.Writer, result.Load) error, l result.Load) string {
	t.Helper()
	var b bytes.Buffer
	if err := render(&b, l); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestLoadReportsTellTheRun(t *testing.T) {
	t.Parallel()
	l := sampleLoad()
	for _, r := range loadRenders {
		text := renderedLoad(t, r.render, l)
		if text != renderedLoad(t, r.render, l) {
			t.Errorf("%s: the same run gives two texts", r.name)
		}
		for _, want := range []string{"redeem.p99", "812ms", "redeemed twice", "CIBA-10.1.1-REUSE-RACE"} {
			if !strings.Contains(html.UnescapeString(text), want) {
				t.Errorf("%s does not tell %q", r.name, want)
			}
		}
		for _, want := range []string{"1260", "authorization_pending"} { // flows offered
			if !strings.Contains(text, want) && (r.name == "html" || r.name == "text") {
				t.Errorf("%s does not tell %q", r.name, want)
			}
		}
		if strings.Contains(text, "do not add up") {
			t.Errorf("%s: a sound funnel is called unsound", r.name)
		}
	}
	l.Funnel.Approved++
	for _, r := range loadRenders {
		if text := renderedLoad(t, r.render, l); (r.name == "html" || r.name == "text") && !strings.Contains(text, "do not add up") {
			t.Errorf("%s hides that the funnel does not add up", r.name)
		}
	}
}

func TestLoadReportsKeepHostileTextInert(t *testing.T) {
	t.Parallel()
	l := hostileLoad()
	for _, r := range loadRenders {
		text := renderedLoad(t, r.render, l)
		if i := strings.IndexFunc(text, func(c rune) bool { return !unicode.IsPrint(c) && c != '\n' && c != '\t' }); i >= 0 || !utf8.ValidString(text) {
			t.Errorf("%s: %q is not inert", r.name, text[max(0, i-40):min(len(text), max(0, i)+20)])
		}
		if !strings.Contains(text, "window.acted") {
			t.Errorf("%s: the hostile text is not shown at all, so this proves nothing", r.name)
		}
	}
	page := renderedLoad(t, LoadHTML, l)
	allowed := elements(t, renderedLoad(t, LoadHTML, sampleLoad()))
	document, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range document.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if !slices.Contains(allowed, n.Data) {
			t.Errorf("element %s came out of hostile text", n.Data)
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "src" {
				t.Errorf("attribute %s of %s: %.60q", a.Key, n.Data, a.Val)
			}
		}
	}
	policy := regexp.MustCompile(`Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(page)
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(page)
	script := regexp.MustCompile(`(?s)<script>(.*?)</script>`).FindAllStringSubmatch(page, -1)
	if policy == nil || style == nil || len(script) != 1 || !strings.Contains(html.UnescapeString(policy[1]), "style-src '"+hash(style[1])+"'") ||
		!strings.Contains(html.UnescapeString(policy[1]), "script-src '"+hash(script[0][1])+"'") {
		t.Errorf("the policy %q does not fit the page", policy)
	}
}

func TestLoadJUnitCounts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		verdict                 result.LoadVerdict
		tests, failures, errors int
	}{{result.Missed, 4, 2, 0}, {result.Saturated, 4, 2, 1}, {result.Aborted, 4, 2, 1}} {
		l := sampleLoad()
		l.Verdict = c.verdict
		var suites junitSuites
		if err := xml.Unmarshal([]byte(renderedLoad(t, LoadJUnit, l)), &suites); err != nil {
			t.Fatal(err)
		}
		if suites.Tests != c.tests || suites.Failures != c.failures || suites.Errors != c.errors || len(suites.Suites[0].Cases) != c.tests {
			t.Errorf("%s: %+v", c.verdict, suites.junitCounts)
		}
	}
}

// A run without anything in it, and one of many hours, can be shown too.
func TestLoadReportsOfOddRuns(t *testing.T) {
	t.Parallel()
	long := sampleLoad()
	for i := range int64(840) {
		w := long.Windows[i%60]
		w.StartMS = (60 + i) * 1000
		long.Windows = append(long.Windows, w)
	}
	for name, l := range map[string]result.Load{"empty": {Version: result.Version, Kind: "load"}, "long": long} {
		for _, r := range loadRenders {
			if size := len(renderedLoad(t, r.render, l)); size > 2<<20 {
				t.Errorf("%s %s has %d bytes", name, r.name, size)
			}
		}
	}
}

// What a signal ended is no run that held its objectives, whatever was measured until then.
func TestLoadInterrupted(t *testing.T) {
	t.Parallel()
	whole, cut := sampleLoad(), sampleLoad()
	whole.Verdict, cut.Verdict, cut.Interrupted = result.Held, result.Held, true
	cut.DurationMS, cut.Plan.DurationMS = 12_000, 60_000
	headlines := map[string]string{"html": "<h1>Interrupted</h1>", "junit": `type="interrupted"`, "markdown": "## Interrupted: ", "text": "INTERRUPTED "}
	for _, r := range loadRenders {
		text := strings.Join(strings.Fields(renderedLoad(t, r.render, cut)), " ")
		for _, want := range []string{headlines[r.name], "it lasted " + span(12_000), "where " + span(60_000)} {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q:\n%.800s", r.name, want, text)
			}
		}
		if text := renderedLoad(t, r.render, whole); strings.Contains(text, headlines[r.name]) || strings.Contains(text, "held .") {
			t.Errorf("%s of a whole run:\n%.800s", r.name, text)
		}
	}
}
