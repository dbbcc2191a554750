package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/yamlfile"
	"github.com/cibatest/cibatest/suites"
	"github.com/spf13/cobra"
)

// knownProfiles refuses words of --profile that name no profile.
func knownProfiles(ids []string) error {
	for _, id := range ids {
		if !slices.Contains(suites.Profiles(), id) {
			return fmt.Errorf("--profile: %q is no profile; %s", id, yamlfile.Instead(id, suites.Profiles()))
		}
	}
	return nil
}

// completeProfiles completes the ids of profiles in a shell, with their titles.
func completeProfiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var words []string
	for _, p := range catalogue.Must().Profiles() {
		words = append(words, p.ID+"\t"+p.Title)
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

// ownCases are the ids of the requirements that cases judge with clients of the delivery mode
// of a profile, or with none.
func ownCases(p catalogue.Profile) map[string]bool {
	own := map[string]bool{}
	for _, c := range suites.List(nil).Cases {
		if c.Mode == p.Mode || c.Mode == "" {
			for _, id := range c.Requirements {
				own[id] = true
			}
		}
	}
	return own
}

// explainProfile tells what a profile is, what it demands, and how much of that has a case.
func explainProfile(out io.Writer, p catalogue.Profile) {
	fmt.Fprintf(out, "%s (profile, conform --profile %s)\n", p.Title, p.ID)
	explainField(out, "about", p.About)
	counted := map[string]int{}
	own := ownCases(p)
	for _, r := range catalogue.Must().List() {
		if !slices.ContainsFunc(catalogue.Must().ProfilesOf(r), func(of catalogue.Profile) bool { return of.ID == p.ID }) {
			continue
		}
		counted[r.Level]++
		if r.Level == "MUST" && suites.Uncovered(r) == "" {
			counted["covered"]++
			if own[r.ID] || r.OfAnyMode() {
				counted["own"]++
			}
		}
	}
	words := fmt.Sprintf("%d MUST, %d SHOULD, %d MAY; %d of the MUSTs have a case",
		counted["MUST"], counted["SHOULD"], counted["MAY"], counted["covered"])
	if p.Mode != "" && counted["own"] < counted["covered"] {
		words += fmt.Sprintf(", %d of them with %s clients", counted["own"], p.Mode)
	}
	explainField(out, "demands", words)
	explainField(out, "minimum", strings.Join(p.Minimum, ", "))
	fmt.Fprintln(out)
}
