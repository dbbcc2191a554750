package reports

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/reports/result"
)

// habitual is a run in which one status habit fails many cases, one hole is found last and
// in a case with a smaller finding before it, and the harness has one trouble of its own.
func habitual(cases int) result.Run {
	run := sample()
	run.Cases, run.Requirements = nil, nil
	for i := range cases {
		id := fmt.Sprintf("R-%d", i)
		run.Cases = append(run.Cases, result.Case{ID: fmt.Sprintf("case-%d", i), Outcome: result.Fail, Requirements: []string{id}, Findings: []result.Finding{{
			Outcome: result.Fail, Clause: id + " (MUST)", Requirement: id, Gravity: result.WrongCode, Expected: "400 with error e", Actual: "401 e",
			Change: "answer 400 instead of 401", Seen: &result.Seen{Status: 401, Error: "e", WantStatus: []int{400}, WantError: []string{"e"}},
		}}})
		run.Cases = append(run.Cases, result.Case{ID: fmt.Sprintf("stuck-%d", i), Outcome: result.Error, Reason: fmt.Sprintf("no answer after %d s", i)})
	}
	findings, _ := result.Gravest([]result.Finding{
		{Outcome: result.Fail, Clause: "H (MUST)", Requirement: "H", Gravity: result.WrongForm, Expected: "a challenge", Actual: "none"},
		{Outcome: result.Fail, Clause: "H (MUST)", Requirement: "H", Gravity: result.LetIn, Expected: "401", Actual: "the refresh token opens UserInfo"},
	})
	run.Cases = append(run.Cases, result.Case{ID: "hole", Outcome: result.Fail, Requirements: []string{"H"}, Findings: findings})
	run.Summary = result.Summarise(run.Cases)
	return run
}

// Every report tells the hole first, the habit in one place with all that it explains, and
// one trouble of ours once.
func TestReportsGroupByCause(t *testing.T) {
	t.Parallel()
	for name, render := range map[string]func(io.Writer, result.Run) error{
		"text":     func(w io.Writer, r result.Run) error { return Text(w, r, TextOptions{Width: 120}) },
		"html":     HTML,
		"markdown": Markdown,
	} {
		var b bytes.Buffer
		if err := render(&b, habitual(30)); err != nil {
			t.Fatal(err)
		}
		text := b.String()
		if i := strings.Index(text, `id="areas"`); i > 0 {
			text = text[:i] // what needs attention; all cases stand below
		}
		hole, habit := strings.Index(text, "the refresh token opens UserInfo"), strings.Index(text, "401 where 400 is due")
		if hole < 0 || habit < hole {
			t.Errorf("%s: the hole is at %d and the habit at %d", name, hole, habit)
		}
		for phrase, most := range map[string]int{"401 where 400 is due": 1, "no answer after": 1, "answer 400 instead of 401": 2} {
			if n := strings.Count(text, phrase); n < 1 || n > most {
				t.Errorf("%s: %q %d times, want 1 to %d", name, phrase, n, most)
			}
		}
	}
}

func TestJUnitTellsCauses(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := JUnit(&b, habitual(30)); err != nil {
		t.Fatal(err)
	}
	first, second := strings.Index(b.String(), `name="cause 1, fail" value="let in: H`), strings.Index(b.String(), `name="cause 2, fail" value="wrong code: 401 where`)
	if first < 0 || second < first {
		t.Errorf("the causes are at %d and %d", first, second)
	}
}

// What an OP can make as long as it likes has a bound in every list.
func TestCausesAreBounded(t *testing.T) {
	t.Parallel()
	run := habitual(3000)
	for i := range run.Cases {
		for j := range run.Cases[i].Findings {
			run.Cases[i].Findings[j].Seen = nil // nothing in common
		}
		run.Cases[i].Reason = strings.Repeat("x", i%3000)
	}
	for name, c := range map[string]struct {
		render func(io.Writer, result.Run) error
		lines  int
	}{
		"text":     {func(w io.Writer, r result.Run) error { return Text(w, r, TextOptions{Width: 120}) }, 1200},
		"markdown": {Markdown, 1000},
	} {
		var b bytes.Buffer
		if err := c.render(&b, run); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(b.String(), "\n"); n > c.lines || !strings.Contains(b.String(), "more") {
			t.Errorf("%s: %d lines, want %d at most, and to be told how many are left out", name, n, c.lines)
		}
	}
}
