package reports

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cibatest/cibatest/reports/result"
)

// versions are two runs of one product: in the later one a clause holds that did not, and
// another was not asked about.
func versions() []result.Run {
	before, after := sample(), sample()
	after.Verdict = result.Conformant
	after.Profiles = after.Profiles[:1]
	for i := range after.Requirements {
		if after.Requirements[i].ID == "CIBA-11-PENDING" {
			after.Requirements[i].Outcome = result.Pass
		}
	}
	after.Requirements = after.Requirements[:4]
	return []result.Run{before, after}
}

func TestSideBySide(t *testing.T) {
	t.Parallel()
	s := LaySideBySide(versions(), []string{"a/run.json", "b/run.json"})
	if a, b := s.Runs[0].Name, s.Runs[1].Name; a != "Example OP 4.2, a/run.json" || b != "Example OP 4.2, b/run.json" {
		t.Errorf("runs of one product are called %q and %q", a, b)
	}
	var rows []string
	for _, r := range s.Requirements {
		row := r.ID
		for _, c := range r.Cells {
			row += " " + c.words()
		}
		rows = append(rows, row)
	}
	want := []string{
		"CIBA-4-DISC-MODES `pass` `pass`", "CIBA-7.3-INTERVAL `info` `info`", "CIBA-11-PENDING `fail` `pass`", "CIBA-11-SLOW-DOWN `warn` `warn`",
		"RFC9396-5-UNKNOWN-TYPE `fail` (known) -",
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("requirements, -want +got:\n%s", diff)
	}
	if len(s.different) != 1 || s.different[0].ID != "CIBA-11-PENDING" {
		t.Errorf("they differ on %v", s.different)
	}
	ping := s.Profiles[1]
	if ping.Cells[0] == nil || ping.Cells[1] != nil || s.Runs[1].Asked != "not claimed" {
		t.Errorf("the profile that one does not claim: %+v, %s", ping.Cells, s.Runs[1].Asked)
	}
	if words := ping.Cells[0].Words(); words != "0 of 4 MUSTs, 2 with clients of another mode alone" {
		t.Errorf("the profile of the other: %s", words)
	}
	for _, a := range s.Areas {
		if a.Name == "polling" && (a.Cells[0].Words() != "1 of 2, 1 warning" || a.Cells[1].Words() != "2 of 2, 1 warning") {
			t.Errorf("polling: %s; %s", a.Cells[0].Words(), a.Cells[1].Words())
		}
		if a.Name == "rar" && a.Cells[1].Words() != "not judged" {
			t.Errorf("what was not asked is %s", a.Cells[1].Words())
		}
	}
}

// A run that says less takes nothing from the others, and products that differ need no more.
func TestSideBySideNames(t *testing.T) {
	t.Parallel()
	a, b := sample(), result.Run{Target: result.Target{Issuer: "https://other.example.com"}}
	s := LaySideBySide([]result.Run{a, b}, []string{"a", "b"})
	if s.Runs[0].Name != "Example OP 4.2" || s.Runs[1].Name != "https://other.example.com" {
		t.Errorf("they are called %q and %q", s.Runs[0].Name, s.Runs[1].Name)
	}
}

// A run of selected cases says nothing about what the OP claims.
func TestSideBySideOfASelection(t *testing.T) {
	t.Parallel()
	whole, selected, named := sample(), sample(), sample()
	selected.Profiles, selected.Selection.Arguments = nil, []string{"token-pending"}
	named.Profiles, named.Selection.Profiles = named.Profiles[:1], []string{"poll"}
	for i, asked := range []string{"not claimed", "not asked", "not asked"} {
		s := LaySideBySide([]result.Run{whole, selected, named}, []string{"a", "b", "c"})
		page, markdown := written(t, s.WriteHTML), written(t, s.WriteMarkdown)
		if s.Runs[i].Asked != asked || strings.Contains(page, "not claimed") || strings.Contains(markdown, "not claimed") {
			t.Errorf("run %d says %q of a profile that it does not have", i, s.Runs[i].Asked)
		}
	}
}

func written(t *testing.T, write func(io.Writer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Foreign text stays inert on the page, in Markdown and in JSON.
func TestSideBySideKeepsHostileTextInert(t *testing.T) {
	t.Parallel()
	hostileSides := LaySideBySide([]result.Run{hostile(), versions()[1]}, []string{poison, "b"})
	page := written(t, hostileSides.WriteHTML)
	ofItself(t, page, elements(t, written(t, LaySideBySide(versions(), []string{"a", "b"}).WriteHTML)), 0)
	markdown := written(t, hostileSides.WriteMarkdown)
	if !strings.Contains(page, "window.acted") || !strings.Contains(markdown, "window.acted") {
		t.Error("the hostile text is not shown at all, so this proves nothing")
	}
	rest := withoutCode(markdown)
	for _, acting := range []string{"<", "@", "](", "http", "evil", "acted"} {
		if strings.Contains(rest, acting) {
			t.Errorf("%q stands outside of a code span: %.300q", acting, rest)
		}
	}
	for line := range strings.SplitSeq(rest, "\n") {
		if n := strings.Count(line, "|"); n != 0 && n != 4 {
			t.Errorf("a line breaks the table: %q", line)
		}
	}
	var data struct{ Runs []SideRun }
	if err := json.Unmarshal([]byte(written(t, hostileSides.WriteJSON)), &data); err != nil || len(data.Runs) != 2 {
		t.Errorf("the JSON cannot be read back: %v", err)
	}
}
