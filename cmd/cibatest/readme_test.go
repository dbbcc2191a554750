package main

import (
	"fmt"
	"os"
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
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "\n"+want+"\n") {
		t.Errorf("README.md lacks the line\n%s", want)
	}
}
