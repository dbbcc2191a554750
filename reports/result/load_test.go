package result

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/google/go-cmp/cmp"
)

func random(seed uint64, n int) *hdrhistogram.Histogram {
	r := rand.New(rand.NewPCG(seed, 1))
	h := NewHistogram()
	for range n {
		RecordIn(h, int64(1000*r.ExpFloat64()*r.ExpFloat64()))
	}
	return h
}

func TestHistogramFormsKeepEveryBucket(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 100_000} {
		want := random(7, n)
		for name, text := range map[string]Histogram{"compressed": EncodeHistogram(want), "sparse": EncodeSparse(want)} {
			got, err := text.Decode()
			if err != nil || !got.Equals(want) || got.TotalCount() != int64(n) {
				t.Errorf("%s of %d values: %v, %d values", name, n, err, got.TotalCount())
			}
		}
	}
}

func TestHistogramRefusesOthers(t *testing.T) {
	t.Parallel()
	other := hdrhistogram.New(1, 1000, 2)
	_ = other.RecordValue(5)
	for _, text := range []Histogram{"x", "s1:!", "s1:_____w8", "s1:AQ", EncodeHistogram(other)} {
		if _, err := text.Decode(); err == nil {
			t.Errorf("%.20q was read", text)
		}
	}
}

func FuzzHistogram(f *testing.F) {
	f.Add(string(EncodeSparse(random(1, 50))))
	f.Add(string(EncodeHistogram(random(1, 50))))
	f.Fuzz(func(t *testing.T, text string) {
		h, err := Histogram(text).Decode()
		if err == nil && h.TotalCount() < 0 {
			t.Errorf("%q has %d values", text, h.TotalCount())
		}
	})
}

// part is one of several generators that split the same samples.
func part(n, of int, started time.Time) Load {
	l := Load{Version: Version, Kind: "load", Target: Target{Issuer: "https://op.example"}, Started: started, DurationMS: 3000, Seed: int64(n), Verdict: Held}
	for second := range 3 {
		h := NewHistogram()
		for i, v := range samples(second) {
			if i%of == n {
				RecordIn(h, v)
			}
		}
		l.Windows = append(l.Windows, Window{
			StartMS: int64(second) * 1000, SpanMS: 1000, Pending: 5, OfferedPS: 10,
			Counters:   map[string]int64{CountOffered: 10, CountStarted: 10, CountAcknowledged: 10, CountApproved: 10, CountRequests: 40},
			Histograms: map[string]Histogram{"redeem": EncodeSparse(h)},
		})
	}
	if err := l.Sum(); err != nil {
		panic(err)
	}
	return l
}

func samples(second int) []int64 {
	r := rand.New(rand.NewPCG(uint64(second), 9))
	list := make([]int64, 5000)
	for i := range list {
		list[i] = 1 + int64(5000*r.ExpFloat64())
	}
	return list
}

// The sum of N parts is, bucket by bucket, what one process would have measured.
func TestMergeIsExact(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	const shards = 5
	var parts []Load
	for n := range shards {
		parts = append(parts, part(n, shards, began.Add(time.Duration(n*7)*time.Millisecond)))
	}
	merged, err := MergeLoads(parts)
	if err != nil {
		t.Fatal(err)
	}
	whole := part(0, 1, began)
	want, _ := whole.Latency[0].Histogram.Decode()
	got, _ := merged.Latency[0].Histogram.Decode()
	if !got.Equals(want) || got.TotalCount() != 15_000 {
		t.Errorf("%d values, and the buckets are equal: %v", got.TotalCount(), got.Equals(want))
	}
	for i, w := range merged.Windows {
		one, _ := w.Histograms["redeem"].Decode()
		other, _ := whole.Windows[i].Histograms["redeem"].Decode()
		if !one.Equals(other) {
			t.Errorf("window %d differs", i)
		}
	}
	if f := merged.Funnel; f.Offered != 10*3*shards || !f.AddsUp() || len(merged.Windows) != 3 || merged.Windows[0].OfferedPS != 10*shards {
		t.Errorf("funnel %+v, %d windows", f, len(merged.Windows))
	}
}

// Users who got nothing count as waiting at least as long as was seen, and never make
// the quantiles of those who got tokens look better.
func TestWaitsInVainOnlyRaiseQuantiles(t *testing.T) {
	t.Parallel()
	waits := func(seconds ...int64) Histogram {
		h := NewHistogram()
		for _, s := range seconds {
			RecordIn(h, s*1_000_000)
		}
		return EncodeSparse(h)
	}
	for _, c := range []struct {
		name             string
		complete, inVain []int64
		p50, max         int64
	}{
		{"longer than any that was not in vain", []int64{4, 4, 4}, []int64{30, 30, 30, 30}, 30, 30},
		{"cut off sooner", []int64{40, 40, 40}, []int64{12, 12, 12, 12}, 40, 40},
		{"nobody got tokens", nil, []int64{12}, 12, 12},
		{"everybody did", []int64{3, 4, 5}, nil, 4, 5},
	} {
		l := Load{Windows: []Window{
			{StartMS: 0, SpanMS: 1000, Histograms: map[string]Histogram{WaitedInVain: waits(c.inVain...)}},
			{StartMS: 1000, SpanMS: 1000, Histograms: map[string]Histogram{DecisionToToken: waits(c.complete...)}},
		}}
		if err := l.Sum(); err != nil {
			t.Fatal(err)
		}
		for _, one := range l.Latency {
			p50, most := (one.P50+500_000)/1_000_000, (one.Max+500_000)/1_000_000
			if one.Class == DecisionToToken && (p50 != c.p50 || most != c.max || one.Count != int64(len(c.complete)+len(c.inVain))) {
				t.Errorf("%s: p50 %d s, max %d s of %d", c.name, p50, most, one.Count)
			}
		}
	}
}

func TestMergeRefusesTwoTargets(t *testing.T) {
	t.Parallel()
	a, b := part(0, 1, time.Unix(0, 0)), part(0, 1, time.Unix(0, 0))
	b.Target.Issuer = "https://other.example"
	if _, err := MergeLoads([]Load{a, b}); err == nil {
		t.Error("two targets were merged")
	}
}

// Only runs that were there at once have a sum that is true.
func TestMergeRefusesWhatIsNotSideBySide(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	at := func(seed int, begins time.Duration) Load { return part(seed, 3, began.Add(begins)) } // each lasts 3 s
	pair, err := MergeLoads([]Load{at(0, 0), at(1, time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		parts []Load
		says  string // empty: merged
	}{
		{"side by side", []Load{at(0, 0), at(1, 0), at(2, time.Second)}, ""},
		{"one after the other, without a gap", []Load{at(0, 0), at(1, 2*time.Second), at(2, 4*time.Second)}, ""},
		{"merged before", []Load{pair, at(2, 0)}, ""},
		{"the same", []Load{at(0, 0), at(0, 0)}, "same run"},
		{"the same, merged before", []Load{pair, at(1, time.Second)}, "same run"},
		{"an hour later", []Load{at(1, time.Hour), at(0, 0)}, "59m57s after the others had ended"},
	} {
		merged, err := MergeLoads(c.parts)
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.says == "" && (len(merged.Parts) != 3 || merged.Counters[CountStarted] != 90) {
			t.Errorf("%s: %q, %v", c.name, merged.Parts, merged.Counters)
		}
	}
}

// What one part proved, another one that could not keep up does not undo.
func TestMergeTakesTheWorstVerdict(t *testing.T) {
	t.Parallel()
	inOrder := []LoadVerdict{Missed, Aborted, Unjudged, Saturated, Measured, Held}
	for i, bad := range inOrder {
		for _, good := range inOrder[i:] {
			a, b := part(0, 2, time.Unix(0, 0)), part(1, 2, time.Unix(0, 0))
			a.Verdict, b.Verdict = good, bad
			merged, err := MergeLoads([]Load{a, b})
			if err != nil || merged.Verdict != bad {
				t.Errorf("%v: %s and %s are %s", err, good, bad, merged.Verdict)
			}
		}
	}
}

// A journal that breaks off, even within a line, still is a result whose funnel
// adds up.
func TestJournalOfAKilledRun(t *testing.T) {
	t.Parallel()
	whole := part(0, 1, time.Unix(1000, 0).UTC())
	whole.Windows[1].Counters[CountApproved] = 5 // two got nothing, three were still pending
	whole.Windows[1].Counters[CountUndelivered] = 2
	var b bytes.Buffer
	j := NewLoadJournal(&b)
	header := whole
	header.Windows, header.Latency = nil, nil
	if err := j.Header(header); err != nil {
		t.Fatal(err)
	}
	for _, w := range whole.Windows {
		if err := j.Window(w); err != nil {
			t.Fatal(err)
		}
	}
	text := b.String()
	for _, cut := range []int{len(text), len(text) - 20} {
		l, err := ReadLoad(strings.NewReader(text[:cut]))
		if err != nil {
			t.Fatal(err)
		}
		if !l.Unfinished || l.Verdict != Aborted || !l.Funnel.AddsUp() || l.Funnel.Abandoned != 3 {
			t.Errorf("cut at %d: %+v, %s", cut, l.Funnel, l.Verdict)
		}
	}
	if err := j.End(header); err != nil {
		t.Fatal(err)
	}
	l, err := ReadLoad(&b)
	if err != nil || l.Unfinished || l.Verdict != Held {
		t.Errorf("a whole journal: %v, unfinished %v, %s", err, l.Unfinished, l.Verdict)
	}
}

func TestLoadFileRoundTrip(t *testing.T) {
	t.Parallel()
	want := part(0, 1, time.Unix(1000, 0).UTC())
	var b bytes.Buffer
	if err := WriteLoad(&b, want); err != nil {
		t.Fatal(err)
	}
	got, err := ReadLoad(&b)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v -want +got:\n%s", err, diff)
	}
	for _, text := range []string{"", "{}", `{"kind":"load","version":"9"}`, `{"kind":"conformance","version":"1"}`, "[1]"} {
		if _, err := ReadLoad(strings.NewReader(text)); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}

func FuzzLoadFile(f *testing.F) {
	var b bytes.Buffer
	_ = WriteLoad(&b, part(0, 1, time.Unix(1000, 0).UTC()))
	f.Add(b.String())
	f.Add(fmt.Sprintf(`{"header":{"kind":"load","version":%q}}`, Version) + "\n" + `{"window":{"histograms":{"redeem":"s1:AQE"}}}`)
	f.Fuzz(func(_ *testing.T, text string) { _, _ = ReadLoad(strings.NewReader(text)) })
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"version":"1","kind":"conformance"}`:              "conformance",
		`{"kind":"load"}`:                                   "load",
		"{\"header\":{\"kind\":\"load\"}}\n{\"window\":{}}": "load",
		`{}`:  "",
		`[1`:  "",
		`"x"`: "",
	} {
		if got := KindOf(strings.NewReader(text)); got != want {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
	}
}

// An OP that makes up a code for every flow fills no file: the frequent ones are told, the
// others counted together, and no count is lost.
func TestTalliesAreBounded(t *testing.T) {
	t.Parallel()
	codes := map[string]int64{"frequent": 500}
	for i := range 3000 {
		codes[fmt.Sprintf("code-%d", i)] = 1
	}
	sum := added(map[string]int64{"frequent": 1, OtherNames: 10}, codes)
	var all int64
	for _, n := range sum {
		all += n
	}
	if len(sum) > mostNames || sum["frequent"] != 501 || all != 3511 {
		t.Errorf("%d names, %d times frequent, %d in all", len(sum), sum["frequent"], all)
	}
}
