package harness

import (
	"slices"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// clauseWithVerdict is a clause of the catalogue with this verdict.
func clauseWithVerdict(t *testing.T, verdict string) string {
	t.Helper()
	for _, r := range catalogue.Must().List() {
		if r.Verdict == verdict {
			return r.ID
		}
	}
	t.Fatalf("no clause has the verdict %s", verdict)
	return ""
}

func emptyTarget() *targetfile.Target { return &targetfile.Target{Issuer: "https://op.example"} }

func emptyFacts() *preflight.Facts { return &preflight.Facts{Target: emptyTarget()} }

// Traits are values: changing one never changes another that was made of it.
func TestTraitsAreValues(t *testing.T) {
	t.Parallel()
	base := Judges("CIBA-11-PENDING").Needs(catalogue.NeedApprove)
	one, other := base.Needs(catalogue.NeedDeny).AloneForClient(), base.Needs(catalogue.NeedParallel).About(time.Minute)
	if !slices.Equal(one.needs, []catalogue.Need{catalogue.NeedApprove, catalogue.NeedDeny}) ||
		!slices.Equal(other.needs, []catalogue.Need{catalogue.NeedApprove, catalogue.NeedParallel}) {
		t.Errorf("needs %v and %v", one.needs, other.needs)
	}
	if base.place.AloneForClient || other.place.AloneForClient || base.place.About == time.Minute {
		t.Error("a change of one is seen in another")
	}
}

// A case that is ill-formed is a mistake in the program and does not get into the tree.
func TestDefinitionsAreChecked(t *testing.T) {
	t.Parallel()
	body := func(*T) {}
	for name, d := range map[string]*Definition{
		"no slug":          {ID: "Poll pending", traits: Judges("CIBA-11-PENDING"), body: body},
		"no requirement":   {ID: "poll-pending", body: body},
		"no body":          {ID: "poll-pending", traits: Judges("CIBA-11-PENDING")},
		"unknown clause":   {ID: "poll-pending", traits: Judges("CIBA-11-PENDIGN"), body: body},
		"unknown need":     {ID: "poll-pending", traits: Judges("CIBA-11-PENDING").Needs("telepathy"), body: body},
		"unknown, as last": {ID: "poll-pending", traits: Judges("CIBA-11-PENDING", "CIBA-99"), body: body},
	} {
		if err := d.complete(catalogue.Must()); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	good := &Definition{ID: "poll-pending", traits: Judges("CIBA-11-PENDING"), body: body}
	if err := good.complete(catalogue.Must()); err != nil || good.Area != "polling" {
		t.Errorf("got %v, area %q", err, good.Area)
	}
}

// Building the tree twice brings the same cases; two cases with one id are a mistake.
func TestRepeatedCases(t *testing.T) {
	t.Parallel()
	tree := &Tree{byID: map[string]*Definition{}}
	for _, title := range []string{"is pending", "is pending"} {
		if err := tree.add(&Definition{ID: "a", Title: title}); err != nil {
			t.Error(err)
		}
	}
	if err := tree.add(&Definition{ID: "a", Title: "is not"}); err == nil || len(tree.order) != 1 {
		t.Errorf("got %v, %d cases", err, len(tree.order))
	}
}

// An interval stretches the limit of a case, but never beyond what the target file allows.
func TestAnIntervalStretchesALimit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ interval, most, want time.Duration }{
		{5 * time.Second, 130 * time.Second, 2 * time.Minute},
		{10 * time.Second, 130 * time.Second, 4 * time.Minute},
		{time.Minute, 130 * time.Second, 250 * time.Second},
		{1_000_000_000 * time.Second, 130 * time.Second, 250 * time.Second},
		{1_000_000_000 * time.Second, 5 * time.Second, 125 * time.Second},
	} {
		if got := stretch(2*time.Minute, c.interval, c.most); got != c.want {
			t.Errorf("at an interval of %s: %s, want %s", c.interval, got, c.want)
		}
	}
}
