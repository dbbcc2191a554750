package main

import (
	"io"
	"os"
	"sync"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"golang.org/x/term"
)

// dashboard is a picture on the terminal that renews itself in place. The terminal is raw
// while it shows, or a typed Ctrl-C would be echoed into the picture; so its model turns
// that key back into the signal that ends the run, by [typed].
type dashboard struct {
	program *tea.Program
	ended   sync.WaitGroup
}

// newDashboard shows a model until [dashboard.done].
func newDashboard(out io.Writer, shown tea.Model) *dashboard {
	d := &dashboard{program: tea.NewProgram(shown, tea.WithOutput(raw(out)), tea.WithInput(keys()), tea.WithoutSignalHandler())}
	d.ended.Go(func() { _, _ = d.program.Run() }) // a terminal that cannot be drawn on is no reason to end the run
	return d
}

// drawable reports whether out is a terminal that a dashboard can be drawn on.
func drawable(out io.Writer) bool {
	_, live := terminal(out)
	return live && os.Getenv("TERM") != "dumb"
}

// keys is the terminal that keys come from, or none.
func keys() io.Reader {
	if term.IsTerminal(int(os.Stdin.Fd())) {
		return os.Stdin
	}
	return nil
}

// show hands news to the model.
func (d *dashboard) show(news tea.Msg) { d.program.Send(news) }

func (d *dashboard) done() {
	d.program.Quit()
	d.ended.Wait()
}

// typed is what a key does: Ctrl-C interrupts the run, which ending says of one before.
// The second one ends the process, so the terminal has to be put right first.
func typed(key tea.KeyPressMsg, ending bool) (bool, tea.Cmd) {
	switch {
	case key.String() != "ctrl+c":
		return ending, nil
	case ending:
		return true, tea.Sequence(tea.Quit, interrupt)
	}
	return true, interrupt
}

// interrupt sends this process the signal that Ctrl-C stands for.
func interrupt() tea.Msg {
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Signal(os.Interrupt) // there is nobody else to tell
	}
	return nil
}

var (
	boardTitle = lipgloss.NewStyle().Bold(true)
	boardFaint = lipgloss.NewStyle().Faint(true)
	boardBad   = lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Color("9"))
	boardGood  = lipgloss.NewStyle().Foreground(lipgloss.Color("10"))
)
