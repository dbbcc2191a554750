package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/lab"
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

// commands are the lines of this program in the README's shell blocks: as written, and in
// words. A line that goes on below is one.
func commands(t *testing.T) (lines []string, words [][]string) {
	t.Helper()
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(readme(t), -1) {
		for line := range strings.SplitSeq(strings.ReplaceAll(block[1], "\\\n", " "), "\n") {
			command, ours := strings.CutPrefix(line, "bin/cibatest ")
			if !ours {
				continue
			}
			command, _, _ = strings.Cut(command, " #")
			command, _, _ = strings.Cut(command, " > ")
			var list []string
			for _, word := range regexp.MustCompile(`'[^']*'|[^ ]+`).FindAllString(strings.TrimSuffix(strings.TrimSpace(command), "&"), -1) {
				list = append(list, strings.Trim(word, "'"))
			}
			lines, words = append(lines, line), append(words, list)
		}
	}
	if len(lines) < 10 {
		t.Fatalf("only %d commands were found in README.md", len(lines))
	}
	return lines, words
}

// TestReadmeCommands: whoever copies a command has one that this program knows, with its
// flags and as many arguments as it takes; a file of this repository that it names is there.
func TestReadmeCommands(t *testing.T) {
	t.Parallel()
	lines, words := commands(t)
	for i, line := range lines {
		cmd, rest, err := newRoot().Find(words[i])
		if err == nil {
			err = cmd.ParseFlags(rest)
		}
		if err == nil {
			err = cmd.ValidateArgs(cmd.Flags().Args())
		}
		if err == nil && !cmd.Runnable() {
			err = errors.New("it does nothing by itself")
		}
		for _, word := range words[i] {
			if _, missing := os.Stat(filepath.Join("../..", word)); strings.HasPrefix(word, "mockdevice/") && missing != nil {
				err = errors.Join(err, missing)
			}
		}
		if err != nil {
			t.Errorf("%s\n%v", line, err)
		}
	}
}

// TestReadmeFirstRun goes through what the README shows first, against an OP of this
// process: all of it but the run of everything.
func TestReadmeFirstRun(t *testing.T) {
	t.Parallel()
	target := startLab(t, lab.Options{Interval: time.Second, ExpiresIn: 20 * time.Second})
	issuer := regexp.MustCompile(`(?m)^issuer: (\S+)`).FindStringSubmatch(string(read(t, target)))[1]
	out := t.TempDir()
	lines, words := commands(t)
	ran := 0
	for i, line := range lines {
		if !slices.Contains(words[i], "op.yaml") && words[i][0] != "init" || slices.Contains(words[i], "load") || slices.Contains(words[i], "out") {
			continue
		}
		ran++
		args := strings.NewReplacer("https://op.example.com", issuer, "op.yaml", target) // as edited
		list := slices.Clone(words[i])
		for k := range list {
			list[k] = args.Replace(list[k])
		}
		if list[0] == "conform" {
			list = append(list, "--out", out)
		}
		code, text, errOut := called(t, list...)
		if code != exitOK {
			t.Errorf("%s\nexit %d\n%s%s", line, code, text, errOut)
		}
		if list[0] == "init" && !strings.Contains(text, fmt.Sprintf("issuer: %q", issuer)) {
			t.Errorf("%s\nprints no target file: %s", line, text)
		}
	}
	if ran != 4 {
		t.Errorf("%d commands of the first run were found, want init, check, check --flow, and the smoke run", ran)
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

// TestOfficialSuite holds the table of the official suite's modules to the cases that there are:
// each that it names exists.
func TestOfficialSuite(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "official-suite.md"))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, c := range suites.List(nil).Cases {
		known[c.ID] = true
	}
	for _, m := range regexp.MustCompile("`(signed-[a-z0-9-]+)`").FindAllStringSubmatch(string(text), -1) {
		if !known[m[1]] {
			t.Errorf("docs/official-suite.md names the case %s, which is not there", m[1])
		}
	}
}
