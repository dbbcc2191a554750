package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/lab"
)

// The set-ups in which decisions do not reach the OP are told by one sentence, in the
// words of the hook, and never by an accusation.
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
	}{
		"works":        {"", "", exitOK, "approval: delivered, and a poll is answered 200", ""},
		"wrong path":   {"/decision?", "/decisions?", exitNotJudged, "", "the approval hook answers 404"},
		"wrong action": {"action={action}", "action=maybe", exitNotJudged, "", "the approval hook answers 400"},
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
			code, out, errOut := called(t, "try", "approval", "--target", file)
			if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(errOut, c.words) {
				t.Errorf("exit %d\n%s%s", code, out, errOut)
			}
			code, out, errOut = called(t, "check", "--flow", file)
			if wantsProblem := c.code != exitOK; (code == exitUsage) != wantsProblem || !strings.Contains(out, c.words) {
				t.Errorf("check --flow: exit %d\n%s%s", code, out, errOut)
			}
		})
	}
}
