package preflight

import (
	"testing"

	"github.com/cibatest/cibatest/internal/catalogue"
)

func TestOutside(t *testing.T) {
	t.Parallel()
	poll := []string{"poll", "ping"}
	for _, c := range []struct {
		name string
		r    catalogue.Requirement
		want string
	}{
		{"within", catalogue.Requirement{Modes: poll, Needs: []catalogue.Need{catalogue.NeedApprove}, Area: "polling"}, ""},
		{"a need", catalogue.Requirement{Modes: poll, Needs: []catalogue.Need{catalogue.NeedApprove, catalogue.NeedDPoPNonce}}, "DPoP is not judged so far"},
		{"ping and push", catalogue.Requirement{Modes: []string{"ping", "push"}}, ""},
		{"a clause", catalogue.Requirement{ID: "CIBA-12-PUSH-TRANSACTION-FAILED", Modes: []string{"push"}}, clausesOutside["CIBA-12-PUSH-TRANSACTION-FAILED"]},
		{"an area", catalogue.Requirement{Modes: poll, Area: "fapi"}, noProfiles},
		{"a need before modes", catalogue.Requirement{Modes: []string{"push"}, Needs: []catalogue.Need{catalogue.NeedFAPI2}}, "the FAPI profiles are not judged so far"},
	} {
		if got := Outside(c.r); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// Of the catalogue, what is within is CIBA Core in all modes and its neighbours.
func TestScopeOfTheCatalogue(t *testing.T) {
	t.Parallel()
	within := 0
	for _, r := range catalogue.Must().List() {
		if Outside(r) == "" {
			within++
		}
	}
	if within < 285 || within > 310 {
		t.Errorf("%d requirements are within", within)
	}
}
