package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/cibatest/cibatest/suites"
)

// at is a moment of the afternoon, where the test runs.
func at(clock string) time.Time {
	moment, err := time.ParseInLocation(time.DateTime, "2026-11-30 "+clock, time.Local)
	if err != nil {
		panic(err)
	}
	return moment
}

func waits(n int, why suites.WaitReason, last string) []suites.Wait {
	list := make([]suites.Wait, n)
	for i := range list {
		list[i] = suites.Wait{By: "some-case", For: why, Until: at(last).Add(-time.Duration(i) * time.Second)}
	}
	return list
}

// TestProgressLines: a line says how far the run is, what is news, and what it waits for.
func TestProgressLines(t *testing.T) {
	t.Parallel()
	some := []suites.AreaLook{{Name: "discovery", Finished: 14, Total: 14}, {Name: "expiry", Finished: 3, Total: 12}}
	for want, s := range map[string]sight{
		"reading the metadata of the OP, 2s": {elapsed: 2 * time.Second},
		"trying clients, users and decisions before the first of 26 cases, 5s": {
			Look: suites.Look{Areas: some}, elapsed: 5 * time.Second,
		},
		"17 of 26 cases, 30s; 12 requests expire by 13:05:10; about 1m40s left": {
			Look:    suites.Look{Areas: some, Placed: true, Waits: waits(12, suites.ForExpiry, "13:05:10"), Left: 101 * time.Second},
			elapsed: 30 * time.Second,
		},
		"17 of 26 cases, 30s; 2 new failures, 1 not judged; 1 request expires at 13:05:10; 3 polls are due by 13:04:02; a few seconds left": {
			Look: suites.Look{Areas: some, Placed: true, Left: time.Second, Waits: append(
				waits(3, suites.ForTurn, "13:04:02"), waits(1, suites.ForExpiry, "13:05:10")...)},
			tally: tally{failed: 2, unjudged: 1}, elapsed: 30 * time.Second,
		},
		"17 of 26 cases, 30s; 2 requests are sent again, as the OP refuses them for the moment, by 13:05:00; " +
			"1 case pauses until 13:04:30; about 12m30s left": {
			Look: suites.Look{Areas: some, Placed: true, Left: 740 * time.Second, Waits: append(
				waits(1, suites.ForPause, "13:04:30"), waits(2, suites.ForRoom, "13:05:00")...)},
			elapsed: 30 * time.Second,
		},
	} {
		if got := s.line(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// TestProgressNews tells failures as they come, but those that the baseline knows, and
// without control characters where no terminal is.
func TestProgressNews(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	news := func(c result.Case) bool { return c.ID != "known" }
	p := newProgress(plain{behindDoor(&out)}, &suites.Watch{}, news)
	for _, c := range []result.Case{
		{ID: "good", Outcome: result.Pass, Message: "m"},
		{ID: "known", Area: "expiry", Outcome: result.Fail, Message: "m"},
		{ID: "bad", Area: "expiry", Outcome: result.Fail, Message: "want 400,\x1b[31m got 200"},
		{ID: "unjudged", Area: "polling", Outcome: result.Error, Message: "no answer"},
		{ID: "stopped", Area: "polling", Outcome: result.Error},
	} {
		p.event(suites.Event{Case: c.ID, Outcome: c.Outcome, Message: c.Message, Result: c})
	}
	got := p.look()
	p.done()
	if want := "fail bad: \"want 400,\\x1b[31m got 200\"\nerror unjudged: \"no answer\"\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	if got.bad() != "1 new failure, 2 not judged" || got.inArea["expiry"] != 1 || got.inArea["polling"] != 2 {
		t.Errorf("counted %q, %v", got.bad(), got.inArea)
	}
}

// TestProgressBoard: whatever its size, a terminal shows how far the run is and what it
// waits for, and nothing runs over its edges.
func TestProgressBoard(t *testing.T) {
	t.Parallel()
	s := sight{
		Look:    suites.Look{Placed: true, Left: time.Minute, Waits: append(waits(9, suites.ForExpiry, "13:05:10"), waits(2, suites.ForTurn, "13:04:00")...)},
		tally:   tally{failed: 1, inArea: map[string]int{"area-number-3": 1}},
		elapsed: time.Minute,
	}
	for i := range 19 {
		s.Areas = append(s.Areas, suites.AreaLook{Name: fmt.Sprintf("area-number-%d", i), Finished: min(i, 9) * 11, Total: 100})
	}
	s.Areas[4].Finished = 100
	for _, size := range [][2]int{{30, 18}, {40, 20}, {60, 16}, {80, 24}, {120, 30}, {200, 50}} {
		var model tea.Model = areas{issuer: "https://op.example/a/rather/long/path"}
		for _, m := range []tea.Msg{tea.WindowSizeMsg{Width: size[0], Height: size[1]}, s} {
			model, _ = model.Update(m)
		}
		picture := model.View().Content
		rows := strings.Split(picture, "\n")
		if len(rows) > size[1] {
			t.Errorf("%d x %d: %d rows", size[0], size[1], len(rows))
		}
		for _, row := range rows {
			if w := lipgloss.Width(row); w > size[0] {
				t.Errorf("%d x %d: %d columns in %q", size[0], size[1], w, row)
			}
		}
		flat := strings.Join(strings.Fields(inPlain(picture)), " ")
		for _, want := range []string{"of 1900 cases", "about 1m left", "1 new failure", "9 requests expire by 13:05:10", "area-number-0", "0/100"} {
			if !strings.Contains(flat, want) {
				t.Errorf("%d x %d: %q is not shown in\n%s", size[0], size[1], want, picture)
			}
		}
		all := strings.Count(flat, "area-number-") == len(s.Areas)
		if told := strings.Contains(flat, " more"); all == told {
			t.Errorf("%d x %d: that areas are left out is told: %v, all are there: %v", size[0], size[1], told, all)
		}
		if !all && strings.Contains(flat, "area-number-4 ") {
			t.Errorf("%d x %d: an area that is over takes the room of others", size[0], size[1])
		}
	}
	model, _ := areas{sight: s}.Update(runOver{})
	if left := model.View().Content; left != "" {
		t.Errorf("the last picture stays: %q", left)
	}
}

// inPlain is a picture without its colours.
func inPlain(picture string) string {
	var text strings.Builder
	for i, part := range strings.Split(picture, "\x1b[") {
		if i > 0 {
			_, part, _ = strings.Cut(part, "m")
		}
		text.WriteString(part)
	}
	return text.String()
}

// Ctrl-C is a key while the picture shows: the first one interrupts the run and says so.
func TestProgressBoardIsInterrupted(t *testing.T) {
	t.Parallel()
	model, command := areas{width: 80, height: 24}.Update(tea.KeyPressMsg(tea.Key{Code: 'c', Mod: tea.ModCtrl}))
	if command == nil || !strings.Contains(model.View().Content, "once more ends at once") {
		t.Errorf("after Ctrl-C the picture is %q", model.View().Content)
	}
}

// --quiet shows neither progress nor news.
func TestQuiet(t *testing.T) {
	t.Parallel()
	code, _, errOut := called(t, "conform", "--quiet", "--out", t.TempDir(), "request-scope-missing")
	if code != exitOK || strings.Contains(errOut, "left") || strings.Count(errOut, "\n") > 2 {
		t.Errorf("exit %d and %q", code, errOut)
	}
}
