package result

import "testing"

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
