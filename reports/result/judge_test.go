package result

import (
	"bytes"
	"strings"
	"testing"
)

func TestOutcomesAreOrdered(t *testing.T) {
	t.Parallel()
	ranked := []Outcome{Fail, Error, Warn, Info, Pass, Skip}
	for i, a := range ranked {
		for j, b := range ranked {
			if got, want := a.WorseThan(b), i < j; got != want {
				t.Errorf("%s worse than %s: %v, want %v", a, b, got, want)
			}
			if got, want := Worst(a, b), ranked[min(i, j)]; got != want {
				t.Errorf("the worst of %s and %s: %s, want %s", a, b, got, want)
			}
		}
	}
	if got := Worst(); got != Uncovered {
		t.Errorf("the worst of nothing: %s", got)
	}
}

// A result is never larger than its reader takes: the exchanges of cases that passed go
// first, and nothing that was found goes.
func TestResultFitsItsReader(t *testing.T) {
	t.Parallel()
	large := []Exchange{{Request: Message{Body: strings.Repeat("x", 10_000)}}}
	run := Run{Version: Version, Kind: "conformance", Cases: []Case{
		{ID: "good", Outcome: Pass, Exchanges: large}, {ID: "bad", Outcome: Fail, Exchanges: large, Findings: []Finding{{Actual: "what was found"}}},
	}}
	for _, c := range []struct {
		most      int
		good, bad int
	}{{100_000, 1, 1}, {15_000, 0, 1}, {5_000, 0, 0}} {
		var b bytes.Buffer
		if err := writeAtMost(&b, run, c.most); err != nil {
			t.Fatal(err)
		}
		read, err := Read(&b)
		if err != nil {
			t.Fatal(err)
		}
		good, bad := read.Cases[0], read.Cases[1]
		if len(good.Exchanges) != c.good || len(bad.Exchanges) != c.bad || len(bad.Findings) != 1 || (len(read.Notes) == 0) != (c.good == 1) {
			t.Errorf("at most %d bytes: %d and %d exchanges, notes %q", c.most, len(good.Exchanges), len(bad.Exchanges), read.Notes)
		}
	}
	if len(run.Cases[0].Exchanges) != 1 || len(run.Notes) != 0 {
		t.Error("writing has changed the run")
	}
}
