package reports

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/reports/result"
)

// asked is an exchange of a case at a time, answered at once.
func asked(at int64, label, body string) result.Exchange {
	return result.Exchange{Label: label, StartedMS: at, DurationMS: 10, Response: &result.Message{Status: 200, Body: body}}
}

func TestSpending(t *testing.T) {
	t.Parallel()
	start := func(at int64) result.Exchange {
		return asked(at, "backchannel authentication request", `{"interval":5}`)
	}
	poll := func(at int64, code string) result.Exchange { return asked(at, "token request", `{"error":"`+code+`"}`) }
	for _, c := range []struct {
		name      string
		exchanges []result.Exchange
		took      int64
		want      string
	}{
		{"at once", []result.Exchange{start(100), poll(400, "authorization_pending")}, 500, ""},
		{"paced polls", []result.Exchange{start(0), poll(5_000, "authorization_pending"), poll(10_000, "access_denied")}, 10_010, "pace 10-5000 pace 5010-10000"},
		{"until it is over", []result.Exchange{start(0), poll(40_000, "expired_token")}, 40_010, "expiry 10-40000"},
		{"nearly until it is over", []result.Exchange{start(0), poll(17_500, "authorization_pending")}, 17_510, "expiry 10-17500"},
		{"a short life", []result.Exchange{start(0), poll(6_000, "expired_token")}, 6_010, "expiry 10-6000"},
		{"an interval of 20 s", []result.Exchange{asked(0, "backchannel authentication request", `{"interval":20}`), poll(20_000, "authorization_pending")}, 20_010, "pace 10-20000"},
		{"its turn", []result.Exchange{start(3_000)}, 3_010, "other 0-3000"},
		{"a decision at the end", []result.Exchange{start(0)}, 2_000, "other 10-2000"},
		{"no exchange", nil, 1_000, "other 0-1000"},
		{"what is shared is older", []result.Exchange{start(-50), poll(5_000, "authorization_pending")}, 5_010, "pace 0-5000"},
		{"an interval of nonsense", []result.Exchange{asked(0, "backchannel authentication request", `{"interval":1e300}`), poll(5_000, "x")}, 5_010, "pace 10-5000"},
	} {
		var got []string
		for _, s := range spending(result.Case{DurationMS: c.took, Exchanges: c.exchanges}) {
			got = append(got, fmt.Sprintf("%s %d-%d", s.kind, s.from, s.to))
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s: %s, want %s", c.name, text, c.want)
		}
	}
}

// Cases that ran at once never share a line, and what was over before leaves its line free.
func TestTimelineLanes(t *testing.T) {
	t.Parallel()
	var run result.Run
	for i, at := range [][2]int64{{0, 10_000}, {0, 4_000}, {4_000, 4_000}, {9_000, 1_000}} {
		run.Cases = append(run.Cases, result.Case{ID: fmt.Sprintf("case-%d", i), Area: "polling", StartedMS: at[0], DurationMS: at[1]})
	}
	line := newTimeline(newDigest(run))
	lanes := map[string]int{}
	for _, s := range line.Bands[0].Spans {
		id, _, _ := strings.Cut(s.Title, ":")
		lanes[id] = s.Y
	}
	if lanes["case-0"] == lanes["case-1"] || lanes["case-1"] != lanes["case-2"] || lanes["case-2"] != lanes["case-3"] {
		t.Errorf("lanes %v", lanes)
	}
	if first := line.Bands[0].Spans[0]; first.X != "0.00%" || first.Width != "100.00%" {
		t.Errorf("the whole run is drawn at %s for %s", first.X, first.Width)
	}
}

// Where there is nothing to see, or too much, there is no timeline.
func TestTimelineLeftOut(t *testing.T) {
	t.Parallel()
	if newTimeline(newDigest(result.Run{Cases: []result.Case{{ID: "skipped"}}})) != nil {
		t.Error("a run without a moment has a timeline")
	}
	many := result.Run{Cases: make([]result.Case, maxTimeline+1)}
	for i := range many.Cases {
		many.Cases[i].DurationMS = 1
	}
	if newTimeline(newDigest(many)) != nil {
		t.Error("more cases than can be seen have a timeline")
	}
}
