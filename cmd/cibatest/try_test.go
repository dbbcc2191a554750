package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/lab"
)

// The set-ups in which decisions do not reach the OP are told by one sentence, in the
// words of the hook or of the OP, with the line of the target file, and never by an accusation.
func TestTryApproval(t *testing.T) {
	t.Parallel()
	target := startLab(t, lab.Options{Interval: time.Second})
	data, err := os.ReadFile(target)
	if err != nil {
		t.Fatal(err)
	}
	good := string(data)
	for name, c := range map[string]struct {
		from, to   string
		code       int
		out, words string
		line       string // begins the line of the file to look at
	}{
		"works":        {"", "", exitOK, "approval: delivered, and a poll is answered 200", "", ""},
		"wrong path":   {"/decision?", "/decisions?", exitNotJudged, "", "the approval hook answers 404", "approval:"},
		"wrong action": {"action={action}", "action=maybe", exitNotJudged, "", "the approval hook answers 400", "approval:"},
		"wrong hint":   {"login_hint: alice\n", "login_hint: alicx\n", exitNotJudged, "", `400 unknown_user_id, "the hint names no user"`, "  - name: alice"},
		"wrong secret": {"7f+3&x", "7f+3&y", exitNotJudged, "", `401 invalid_client, "wrong secret"`, "  - {name: basic-a"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := strings.ReplaceAll(good, c.from, c.to)
			if c.from == "" {
				text = good
			} else if text == good {
				t.Fatalf("%q is not in the target file", c.from)
			}
			file := target + "." + strings.ReplaceAll(name, " ", "-") + ".yaml"
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			place := ""
			if c.line != "" {
				before, _, _ := strings.Cut("\n"+text, "\n"+c.line)
				place = fmt.Sprintf("%s:%d", filepath.Base(file), strings.Count(before, "\n")+1)
			}
			code, out, errOut := called(t, "try", "approval", "--target", file)
			if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(errOut, c.words) || !strings.Contains(errOut, place) {
				t.Errorf("exit %d, want %s\n%s%s", code, place, out, errOut)
			}
			code, out, errOut = called(t, "check", "--flow", file)
			findings, _, _ := strings.Cut(out, "\ncapability")
			aboutDecisions := c.line == "approval:" // one user or client less holds nobody up
			if (code == exitUsage) != aboutDecisions || c.words != "" && strings.Count(findings, c.words) != 1 || !strings.Contains(out, place) {
				t.Errorf("check --flow: exit %d, want %q once with %s\n%s%s", code, c.words, place, out, errOut)
			}
		})
	}
}
