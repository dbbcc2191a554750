package selftest

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
)

// keeping leaves of rar.valid the objects at some places.
func keeping(places ...int) func(*targetfile.Target) {
	return func(t *targetfile.Target) {
		valid := t.RAR.Valid
		t.RAR.Valid = nil
		for _, i := range places {
			t.RAR.Valid = append(t.RAR.Valid, valid[i])
		}
	}
}

func withoutResourceServer(t *targetfile.Target) {
	t.Clients = slices.DeleteFunc(t.Clients, func(c targetfile.Client) bool { return c.Purpose == "resource-server" })
}

// Target files that say less, and OPs that are as their target file says, accuse
// nobody; what cannot be judged with them is skipped, not an error.
func TestRARTargets(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		options  lab.Options
		describe func(*targetfile.Target)
	}{
		{"one type", lab.Options{}, func(t *targetfile.Target) {
			keeping(0, 1)(t)
			t.RAR.Types = t.RAR.Types[:1]
		}},
		{"one object", lab.Options{}, func(t *targetfile.Target) {
			keeping(0)(t)
			t.RAR.Types = t.RAR.Types[:1]
		}},
		{"one object of each type", lab.Options{}, keeping(0, 2)},
		{"no amounts", lab.Options{}, func(t *targetfile.Target) {
			t.RAR.Types, t.RAR.Invalid = t.RAR.Types[1:], nil
			t.RAR.Valid = []json.RawMessage{json.RawMessage(`{"type":"account_information","actions":["list_accounts"]}`)}
		}},
		{"nothing known to be invalid", lab.Options{}, func(t *targetfile.Target) { t.RAR.Invalid = nil }},
		{"one object for each request", lab.Options{Faults: []string{"rar-single"}}, func(t *targetfile.Target) { t.RAR.MaxObjects = 1 }},
		{"enrichment that is not declared", lab.Options{Variants: []string{"rar-enriched"}}, func(t *targetfile.Target) { delete(t.Capabilities, "rar_enrich") }},
		{"lists that grow, declared", lab.Options{Faults: []string{"rar-response-action"}}, func(t *targetfile.Target) { t.Capabilities["rar_enrich"] = true }},
		{"no resource server", lab.Options{}, withoutResourceServer},
		{"opaque tokens and no resource server", lab.Options{Variants: []string{"rar-opaque-token"}}, withoutResourceServer},
		{"clients held to one type", lab.Options{}, func(t *targetfile.Target) {
			t.Clients = slices.DeleteFunc(t.Clients, func(c targetfile.Client) bool { return c.Purpose == "rp" && len(c.RARTypes) == 0 })
		}},
		{"no refresh tokens", lab.Options{}, func(t *targetfile.Target) { t.Scope = "openid profile" }},
		{"no partial approval, no device to look at", lab.Options{}, func(t *targetfile.Target) {
			t.Approval.Narrow, t.Approval.Observe.Listen = false, ""
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			run := judgeLab(t, c.options, selecting("rar"), describing(c.describe))
			accusesNobody(t, run)
			if run.Summary.Pass < 10 {
				t.Errorf("only %d cases passed: %+v", run.Summary.Pass, run.Summary)
			}
		})
	}
}

// That a member of a granted object is lost does not depend on what the target file calls
// invalid, nor on how many objects of a type it has.
func TestLostMembers(t *testing.T) {
	t.Parallel()
	for name, describe := range map[string]func(*targetfile.Target){
		"nothing known to be invalid": func(t *targetfile.Target) { t.RAR.Invalid = nil },
		"one object": func(t *targetfile.Target) {
			keeping(0)(t)
			t.RAR.Types, t.RAR.Invalid = t.RAR.Types[:1], nil
		},
	} {
		for _, fault := range []string{"rar-response-no-currency", "rar-response-no-text"} {
			t.Run(name+" "+fault, func(t *testing.T) {
				t.Parallel()
				run := judgeLab(t, lab.Options{Faults: []string{fault}}, selecting("rar-complete"), describing(describe))
				if c := run.Cases[0]; c.Outcome != result.Warn {
					t.Errorf("%s: %s %s, want a warning", c.Outcome, c.Message, c.Reason)
				}
			})
		}
	}
}
