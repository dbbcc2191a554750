package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	bubbles "charm.land/bubbles/v2/progress"
	tea "charm.land/bubbletea/v2"
	"github.com/cibatest/cibatest/loadgen"
	"github.com/cibatest/cibatest/reports/result"
)

// loadProgress shows how a load goes: a dashboard on a terminal, a heartbeat line
// elsewhere.
type loadProgress interface {
	window(loadgen.Status)
	done()
}

func newLoadProgress(out io.Writer, issuer string) loadProgress {
	if drawable(out) {
		bar := bubbles.New(bubbles.WithWidth(30), bubbles.WithoutPercentage())
		return loadDashboard{newDashboard(out, board{issuer: issuer, bar: bar})}
	}
	return &heartbeats{out: out}
}

// heartbeats says every few seconds that the run lives.
type heartbeats struct {
	out  io.Writer
	last time.Duration
}

func (h *heartbeats) window(s loadgen.Status) {
	if s.Elapsed-h.last < heartbeat {
		return
	}
	h.last = s.Elapsed
	fmt.Fprintln(h.out, heartbeatLine(s))
}

func (h *heartbeats) done() {}

func heartbeatLine(s loadgen.Status) string {
	f := result.FunnelOf(s.Total)
	return fmt.Sprintf("%s: %d started, %d pending, %d approved, %d denied, %d expired, %d failed, %d undelivered; "+
		"%s/s, redeem p99 %s, lag p99 %s; %d errors, %d violations",
		phase(s), f.Started, s.Pending, f.Approved, f.Denied, f.Expired, f.Failed, f.Undelivered,
		counted(int(s.Second[result.CountRequests]), "request"),
		shortly(s.Latency["redeem.corrected"].P99), shortly(s.Latency["lag.poll"].P99),
		s.Total[result.CountErrors], s.Total[result.CountViolations])
}

func phase(s loadgen.Status) string {
	elapsed := s.Elapsed.Round(time.Second)
	if s.Drain.Most > 0 {
		lasts := s.Drain.Lasts.Round(time.Second)
		return fmt.Sprintf("%s, draining for %s: until nothing is pending, or %s at most", elapsed, lasts, s.Drain.Most)
	}
	return elapsed.String() + " of " + s.Length.String()
}

// shortly is a duration in microseconds for people; zero is nothing measured.
func shortly(micros int64) string {
	switch d := time.Duration(micros) * time.Microsecond; {
	case d == 0:
		return "–"
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.2fms", d.Seconds()*1e3)
	case d < time.Second:
		return fmt.Sprintf("%.0fms", d.Seconds()*1e3)
	default:
		return fmt.Sprintf("%.2fs", d.Seconds())
	}
}

// loadDashboard is a [dashboard] of a [board].
type loadDashboard struct{ *dashboard }

func (d loadDashboard) window(s loadgen.Status) { d.show(s) }

// board is what the dashboard shows.
type board struct {
	issuer string
	bar    bubbles.Model
	status loadgen.Status
	ending bool // Ctrl-C was typed
}

func (b board) Init() tea.Cmd { return nil }

func (b board) Update(m tea.Msg) (tea.Model, tea.Cmd) {
	switch m := m.(type) {
	case loadgen.Status:
		b.status = m
	case tea.KeyPressMsg:
		var command tea.Cmd
		b.ending, command = typed(m, b.ending)
		return b, command
	}
	return b, nil
}

func (b board) View() tea.View {
	s := b.status
	share := 1.0
	if s.Length > 0 && s.Drain.Most == 0 {
		share = min(1, s.Elapsed.Seconds()/s.Length.Seconds())
	}
	advice := "Ctrl-C ends the starts and lets what is pending end"
	if b.ending {
		advice = "no more starts; Ctrl-C once more ends at once"
	}
	lines := []string{
		"",
		boardTitle.Render("cibatest load") + "  " + fmt.Sprintf("%.60q", b.issuer),
		b.bar.ViewAs(share) + "  " + phase(s),
		"",
		b.rates(),
		b.flows(),
		"",
		b.latencies(),
		b.trouble(),
		boardFaint.Render(advice),
		"",
	}
	return tea.NewView(strings.Join(lines, "\n"))
}

func (b board) rates() string {
	s := b.status
	return fmt.Sprintf("  offered %7.1f/s   started %6d/s   requests %6d/s   pending %7d   under way %5d",
		s.Offered, s.Second[result.CountStarted], s.Second[result.CountRequests], s.Pending, s.UnderWay)
}

func (b board) flows() string {
	f := result.FunnelOf(b.status.Total)
	approved := boardGood.Render(fmt.Sprintf("approved %d", f.Approved))
	text := fmt.Sprintf("  flows %d   %s   denied %d   expired %d", f.Started, approved, f.Denied, f.Expired)
	for _, bad := range []struct {
		name string
		n    int64
	}{{"failed", f.Failed}, {"undelivered", f.Undelivered}, {"refused", f.Refused}, {"dropped", f.Dropped}} {
		if bad.n > 0 {
			text += "   " + boardBad.Render(fmt.Sprintf("%s %d", bad.name, bad.n))
		}
	}
	return text
}

func (b board) latencies() string {
	rows := boardFaint.Render(fmt.Sprintf("  %-20s %9s %9s %9s %9s", "the last second", "count", "p50", "p95", "p99")) + "\n"
	for _, class := range []struct{ name, class string }{
		{"initiate", "initiate.corrected"},
		{"pending", "pending.corrected"},
		{"redeem", "redeem.corrected"},
		{"decision to token", result.DecisionToToken},
		{"decision to call", result.Notify},
		{"call to token", result.NotifyToToken},
		{"lag of polls", "lag.poll"},
	} {
		l := b.status.Latency[class.class]
		if called := class.class == result.Notify || class.class == result.NotifyToToken; called && l.Count == 0 {
			continue
		}
		rows += fmt.Sprintf("  %-20s %9d %9s %9s %9s\n", class.name, l.Count, shortly(l.P50), shortly(l.P95), shortly(l.P99))
	}
	return rows
}

func (b board) trouble() string {
	t := b.status.Total
	text := ""
	for _, name := range []string{result.CountErrors, result.CountSlowDown, result.CountUndecided, result.CountViolations} {
		word := fmt.Sprintf("%s %d", strings.ReplaceAll(name, "_", " "), t[name])
		if t[name] > 0 {
			word = boardBad.Render(word)
		}
		text += "  " + word + " "
	}
	return text
}
