package main

import "testing"

// The revision that make build hands in names the build, also where Go was told to leave
// it out.
func TestVersionNamesTheRevision(t *testing.T) {
	was := revision
	defer func() { revision = was }()
	for given, want := range map[string]string{
		"0123456789abcdef0123": "devel-0123456789ab", "0123456789abcdef0123-modified": "devel-0123456789ab-modified",
	} {
		if revision = given; version() != want || tool().Commit != given {
			t.Errorf("%s is version %s of commit %s", given, version(), tool().Commit)
		}
	}
}
