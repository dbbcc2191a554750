package main

import (
	"bytes"
	"strings"
	"testing"
)

// The revision that make build hands in names the build, also where Go was told to leave
// it out; a release is named by its version.
func TestVersionNamesTheRevision(t *testing.T) {
	defer func(r, v string) { release, revision = r, v }(release, revision)
	for given, want := range map[[2]string]string{
		{"", "0123456789abcdef0123"}:                "devel-0123456789ab",
		{"", "0123456789abcdef0123-modified"}:       "devel-0123456789ab-modified",
		{"v1.2.3", "0123456789abcdef0123-modified"}: "v1.2.3",
	} {
		if release, revision = given[0], given[1]; version() != want || tool().Commit != given[1] {
			t.Errorf("%v is version %s of commit %s", given, version(), tool().Commit)
		}
	}
}

// A build from a tarball knows neither commit nor date, and says so rather than nothing.
func TestVersionOfATarball(t *testing.T) {
	var out bytes.Buffer
	if err := (build{Version: "devel", Go: "go1.26", Catalogue: "0123456789ab"}).writeText(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"cibatest version devel\n", "commit     unknown\n", "date       unknown\n", "edition 0123456789ab"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, out.String())
		}
	}
}
