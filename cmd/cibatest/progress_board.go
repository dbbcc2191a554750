package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	bubbles "charm.land/bubbles/v2/progress"
	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/cibatest/cibatest/suites"
)

// areasFace is a [dashboard] on which the areas of the catalogue fill up.
type areasFace struct{ *dashboard }

func newAreasFace(out io.Writer, issuer string) areasFace {
	width, _ := terminal(out)
	return areasFace{newDashboard(out, areas{issuer: issuer, width: width, height: 24})}
}

func (areasFace) every() time.Duration { return refresh }
func (f areasFace) show(s sight)       { f.dashboard.show(s) }
func (f areasFace) tell(line string)   { f.program.Println(boardBad.Render(line)) }

// done leaves the news on the terminal, and not the last picture: the summary follows.
func (f areasFace) done() {
	f.dashboard.show(runOver{})
	f.dashboard.done()
}

// runOver says that there is nothing more to show.
type runOver struct{}

// areas is the picture.
type areas struct {
	issuer        string
	width, height int // of the terminal
	sight         sight
	ending        bool // Ctrl-C was typed
	over          bool
}

func (areas) Init() tea.Cmd { return nil }

func (a areas) Update(m tea.Msg) (tea.Model, tea.Cmd) {
	switch m := m.(type) {
	case sight:
		a.sight = m
	case runOver:
		a.over = true
	case tea.WindowSizeMsg:
		a.width, a.height = m.Width, m.Height
	case tea.KeyPressMsg:
		var command tea.Cmd
		a.ending, command = typed(m, a.ending)
		return a, command
	}
	return a, nil
}

func (a areas) View() tea.View {
	if a.over {
		return tea.NewView("")
	}
	above, below := a.wrapped(a.heading()...), a.wrapped(a.footing()...)
	grid := a.grid(a.height - lines(above) - lines(below) - 2)
	var parts []string
	for _, part := range []string{above, grid, below} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return tea.NewView(strings.Join(parts, "\n"))
}

func lines(text string) int { return strings.Count(text, "\n") + 1 }

// wrapped breaks lines as the terminal is wide.
func (a areas) wrapped(text ...string) string {
	return lipgloss.NewStyle().Width(max(20, a.width)).Render(strings.Join(text, "\n"))
}

func (a areas) heading() []string {
	s := a.sight
	status := s.standing()
	if s.Placed {
		status += ", " + s.left()
	}
	if bad := s.bad(); bad != "" {
		status += ", " + boardBad.Render(bad)
	}
	return []string{boardTitle.Render("cibatest conform") + "  " + fmt.Sprintf("%.100q", a.issuer), status}
}

func (a areas) footing() []string {
	advice := "Ctrl-C ends the run; what was judged is still written"
	if a.ending {
		advice = "the run ends; Ctrl-C once more ends at once"
	}
	return append(a.sight.waiting(), boardFaint.Render(advice))
}

// The columns of an area in the grid: its name, its bar, how much of it is over.
const (
	areaName  = 16
	areaCount = 8
	areaGap   = 2
	areaBar   = 12 // at best
	leastBar  = 4
)

// grid are the areas side by side, as many as there is room for: where it is scarce,
// those that are over make way.
func (a areas) grid(height int) string {
	cell := areaName + areaBar + areaCount
	columns := max(1, (a.width+areaGap)/(cell+areaGap))
	bar := max(leastBar, min(areaBar, a.width-areaName-areaCount))
	shown, hidden := a.sight.Areas, 0
	room := max(1, height) * columns
	if len(shown) > room {
		shown = unfinished(shown)
		shown = shown[:min(len(shown), max(1, (max(1, height)-1)*columns))]
		hidden = len(a.sight.Areas) - len(shown)
	}
	rows := (len(shown) + columns - 1) / columns
	text := make([]string, rows)
	for i, area := range shown { // down the columns
		if i >= rows {
			text[i%rows] += strings.Repeat(" ", areaGap)
		}
		text[i%rows] += a.area(area, bar)
	}
	if hidden > 0 {
		text = append(text, boardFaint.Render("and "+counted(hidden, "area")+" more"))
	}
	return strings.Join(text, "\n")
}

// unfinished are the areas with what is not over first.
func unfinished(all []suites.AreaLook) []suites.AreaLook {
	var first, rest []suites.AreaLook
	for _, area := range all {
		if area.Finished < area.Total {
			first = append(first, area)
		} else {
			rest = append(rest, area)
		}
	}
	return append(first, rest...)
}

func (a areas) area(area suites.AreaLook, width int) string {
	bar := bubbles.New(bubbles.WithWidth(width), bubbles.WithoutPercentage())
	count := fmt.Sprintf(" %*s", -(areaCount - 1), fmt.Sprintf("%d/%d", area.Finished, area.Total))
	name := fmt.Sprintf("%-*.*s", areaName, areaName, area.Name)
	switch {
	case a.sight.inArea[area.Name] > 0:
		name = boardBad.Render(name)
	case area.Finished == area.Total:
		name = boardGood.Render(name)
	}
	return name + bar.ViewAs(float64(area.Finished)/float64(area.Total)) + count
}
