package catalogue

import (
	"slices"
	"strings"
	"testing"
)

// TestEveryRequirementHasAProfile: what is in no profile would be in no verdict.
func TestEveryRequirementHasAProfile(t *testing.T) {
	t.Parallel()
	c := Must()
	for _, r := range c.List() {
		if len(c.ProfilesOf(r)) == 0 {
			t.Errorf("%s belongs to no profile", r.ID)
		}
	}
}

func TestProfilesOf(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"CIBA-11-PENDING":             "poll ping",
		"CIBA-7.1-HINT-NONE":          "poll ping push",
		"CIBA-12-PUSH-DENIED":         "push",
		"RFC9396-3-ACCEPT":            "rar",
		"RFC9396-UNSUPPORTED":         "poll ping push", // what an OP without the feature owes is of the core
		"CIBA-7.1.2-UC-UNSUPPORTED":   "poll ping push",
		"RFC9396-IN-REQUEST-JWT":      "rar signed-requests",
		"FAPI-CIBA-ASSERTION-ALG":     "fapi-ciba",
		"CIBA-4-DCR-USERCODE-DEFAULT": "registration",
	} {
		r, _ := Must().Get(id)
		var got []string
		for _, p := range Must().ProfilesOf(r) {
			got = append(got, p.ID)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s belongs to %v, want %s", id, got, want)
		}
	}
}

// A requirement of two features is owed by OPs that claim both.
func TestDemands(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		profile, claimed, id string
		want                 bool
	}{
		{"rar", "poll rar", "RFC9396-3-ACCEPT", true},
		{"rar", "poll rar", "RFC9396-IN-REQUEST-JWT", false},
		{"rar", "poll rar signed-requests", "RFC9396-IN-REQUEST-JWT", true},
		{"rar", "poll rar", "RFC9396-PUSH", false},
		{"rar", "poll push rar", "RFC9396-PUSH", true},
		{"rar", "rar", "RFC9396-3-ACCEPT", true},
		{"poll", "poll rar", "RFC9396-3-ACCEPT", false},
		{"poll", "poll", "CIBA-11-PENDING", true},
		{"push", "poll push", "CIBA-11-PENDING", false},
		{"fapi-ciba", "poll fapi-ciba", "FAPI-CIBA-RO-ALG", true},
	} {
		p, _ := Must().Profile(c.profile)
		demanded := slices.ContainsFunc(Must().Demands(p, strings.Fields(c.claimed)), func(r Requirement) bool { return r.ID == c.id })
		if demanded != c.want {
			t.Errorf("%s of %s, claimed %s: %v", c.id, c.profile, c.claimed, demanded)
		}
	}
}

func TestProblemsOfProfilesAreAllNamed(t *testing.T) {
	t.Parallel()
	c := &Catalogue{list: Must().list, byID: Must().byID}
	err := c.parseProfiles([]byte(`
- {id: a, title: t, about: b, mode: poll, minimum: [NO-SUCH, CIBA-12-PUSH-DENIED, CIBA-11-FAST-POLL]}
- {id: a, title: t, about: b, mode: poll, needs: [wings], minimum: [CIBA-11-PENDING]}
- {id: c, title: t, about: b, mode: poll}
`))
	for _, want := range []string{"NO-SUCH", "CIBA-12-PUSH-DENIED is no MUST of", "CIBA-11-FAST-POLL is no MUST of", "used twice", "wings", "one of both", "profile c: id, title"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to name %s", err, want)
		}
	}
	if err := new(Catalogue).parseProfiles([]byte("- {id: A, colour: red}")); err == nil {
		t.Error("an unknown key was accepted")
	}
}
