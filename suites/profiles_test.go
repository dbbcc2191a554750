package suites

import (
	"slices"
	"testing"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/reports/result"
)

// TestProfileVerdicts: a profile is conformant only if its minimum was judged, and nothing
// judged is no verdict.
func TestProfileVerdicts(t *testing.T) {
	notForGinkgo(t)
	t.Parallel()
	rar, _ := catalogue.Must().Profile("rar")
	by := func(o result.Outcome, mode string, ids ...string) []result.Case {
		var cases []result.Case
		for _, id := range ids {
			cases = append(cases, result.Case{ID: id, Requirements: []string{id}, Outcome: o, Mode: mode, Reason: "because"})
		}
		return cases
	}
	whole := by(result.Pass, "poll", rar.Minimum...)
	ping, _ := catalogue.Must().Profile("ping")
	for _, c := range []struct {
		name    string
		profile string
		claim   result.ClaimSource
		cases   []result.Case
		cut     bool
		want    result.Verdict
		counts  bool
	}{
		{"the minimum holds", "rar", result.ClaimTarget, whole, false, result.Conformant, true},
		{"a failure beyond the minimum", "rar", result.ClaimTarget, append(by(result.Fail, "poll", "RFC9396-2-NOT-JSON"), whole...), false, result.NonConformant, true},
		{"another's failure", "rar", result.ClaimTarget, append(by(result.Fail, "poll", "CIBA-11-PENDING"), whole...), false, result.Conformant, true},
		{"below the minimum", "rar", result.ClaimTarget, append(by(result.Skip, "poll", rar.Minimum[0]), whole[1:]...), false, result.Partial, true},
		{"nothing judged", "rar", result.ClaimTarget, by(result.Error, "poll", rar.Minimum...), false, result.NoVerdict, true},
		{"nothing of the minimum judged", "rar", result.ClaimTarget, by(result.Pass, "poll", "RFC9396-2-NOT-JSON"), false, result.NoVerdict, true},
		{"only offered and not judged", "rar", result.ClaimMetadata, nil, false, result.NoVerdict, false},
		{"of cases still to come", "dpop", result.ClaimTarget, nil, false, result.NoVerdict, false},
		{"told and not judged", "rar", result.ClaimTold, nil, false, result.NoVerdict, true},
		{"cut off", "rar", result.ClaimTarget, whole, true, result.Partial, true},
		{"by clients of another mode", "ping", result.ClaimTold, by(result.Pass, "poll", ping.Minimum...), false, result.NoVerdict, true},
		{"by clients of its mode", "ping", result.ClaimTold, by(result.Pass, "ping", ping.Minimum...), false, result.Conformant, true},
		{
			"the rest by clients of another mode", "ping", result.ClaimTold,
			append(by(result.Pass, "poll", "CIBA-7.1-HINT-NONE"), by(result.Pass, "ping", ping.Minimum...)...), false, result.Conformant, true,
		},
		{
			"a failure with clients of another mode", "ping", result.ClaimTold,
			append(by(result.Fail, "poll", "CIBA-7.1-HINT-NONE"), by(result.Pass, "ping", ping.Minimum...)...), false, result.Partial, true,
		},
	} {
		p, _ := catalogue.Must().Profile(c.profile)
		run := result.Run{Cases: c.cases, Interrupted: c.cut, Profiles: []result.Profile{{ID: p.ID, Claim: c.claim, Minimum: len(p.Minimum)}}}
		got := judgeProfiles(run)[0]
		if got.Verdict != c.want || got.Counts != c.counts {
			t.Errorf("%s: %s, counts %v; want %s, %v", c.name, got.Verdict, got.Counts, c.want, c.counts)
		}
		untold := got.MUSTs - got.Judged
		for _, o := range got.OtherModes {
			untold -= len(o.Requirements)
		}
		for _, n := range got.NotTestable {
			untold -= len(n.Requirements)
			if n.Reason == "" {
				t.Errorf("%s: no reason is given for %v", c.name, n.Requirements)
			}
		}
		if untold != 0 {
			t.Errorf("%s: %d of %d MUSTs are neither judged nor explained", c.name, untold, got.MUSTs)
		}
	}
}

// TestProfileFallsShort: what counts and falls short keeps the run from being whole.
func TestProfileFallsShort(t *testing.T) {
	notForGinkgo(t)
	t.Parallel()
	rar, _ := catalogue.Must().Profile("rar")
	one := result.Case{ID: "a", Area: "rar", Requirements: rar.Minimum[:1], Outcome: result.Pass}
	for claim, want := range map[result.ClaimSource]result.Verdict{result.ClaimTold: result.Partial, result.ClaimTarget: result.Partial, result.ClaimMetadata: result.Partial} {
		run := Conclude(result.Run{Cases: []result.Case{one}, Profiles: []result.Profile{{ID: "rar", Claim: claim, Minimum: len(rar.Minimum)}}})
		if run.Verdict != want {
			t.Errorf("%s: %s, want %s", claim, run.Verdict, want)
		}
	}
	one.Area, one.Requirements = "polling", []string{"CIBA-11-PENDING"}
	run := Conclude(result.Run{Cases: []result.Case{one}, Profiles: []result.Profile{{ID: "rar", Claim: result.ClaimMetadata, Minimum: len(rar.Minimum)}}})
	if run.Verdict != result.Conformant {
		t.Errorf("what is only offered makes the run %s", run.Verdict)
	}
}

// TestSelectionOfProfiles: the cases of a profile are those about its requirements.
func TestSelectionOfProfiles(t *testing.T) {
	notForGinkgo(t)
	t.Parallel()
	cases, err := Selection{Profiles: []string{"rar"}}.Cases()
	if err != nil {
		t.Fatal(err)
	}
	has := func(id string) bool { return slices.ContainsFunc(cases, func(c ListedCase) bool { return c.ID == id }) }
	if !has("rar-accepted") || has("poll-pending") {
		t.Errorf("%d cases, rar-accepted is %v, poll-pending %v", len(cases), has("rar-accepted"), has("poll-pending"))
	}
	cases, err = Selection{Profiles: []string{"ping"}}.Cases()
	if err != nil || !has("metadata-modes") || has("poll-pending") || has("rar-accepted") || len(cases) < 10 {
		t.Errorf("of ping there are %d cases, poll-pending is %v, %v", len(cases), has("poll-pending"), err)
	}
	for _, word := range []string{"colour", "dpop"} {
		if _, err := (Selection{Profiles: []string{word}}).Cases(); err == nil {
			t.Errorf("%s was taken", word)
		}
	}
}
