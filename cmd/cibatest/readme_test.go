package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/internal/refop/faults"
	"github.com/cibatest/cibatest/internal/refop/variants"
	"github.com/cibatest/cibatest/suites"
)

// TestReadmeCounts holds the README to what the program has.
func TestReadmeCounts(t *testing.T) {
	t.Parallel()
	listing := suites.List(faultsByRequirement())
	judged := 0
	for _, r := range listing.Requirements {
		if len(r.Cases) > 0 {
			judged++
		}
	}
	want := fmt.Sprintf("%d requirements, %d of them judged by %d cases; %d planted defects and %d legal variants of the reference OP.",
		len(listing.Requirements), judged, len(listing.Cases), len(faults.All()), len(variants.All()))
	if !strings.Contains(readme(t), "\n"+want+"\n") {
		t.Errorf("README.md lacks the line\n%s", want)
	}
}

// TestReadmeFocus: whoever copies a command with a focus runs some cases.
func TestReadmeFocus(t *testing.T) {
	t.Parallel()
	found := regexp.MustCompile(`--focus '([^']+)'`).FindAllStringSubmatch(readme(t), -1)
	if len(found) == 0 {
		t.Fatal("README.md shows no focus any more; this test can go")
	}
	for _, command := range found {
		focus := regexp.MustCompile(command[1])
		if !slices.ContainsFunc(suites.List(nil).Cases, func(c suites.ListedCase) bool { return focus.MatchString(c.Title) }) {
			t.Errorf("%s selects no case", command[0])
		}
	}
}

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
