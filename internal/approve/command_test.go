package approve

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/targetfile"
)

// alice is a user of a target.
var alice = targetfile.User{Name: "alice", LoginHint: "alice@example.com"}

func TestCommand(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "out")
	a, err := New(targetfile.Approval{Kind: "exec", Command: []string{"sh", "-c", `echo "$1 $2" > "$3"`, "hook", "{auth_req_id}", "{action}", out}, Actions: targetfile.Actions{Deny: "deny"}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Decide(t.Context(), Decision{AuthReqID: "; rm x", User: alice}); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(out); string(text) != "; rm x deny\n" {
		t.Errorf("got %q", text)
	}
}

// What an OP sends would run on this machine if a shell read it as part of a line.
func TestLinesOfAShellTakeNoValues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		command []string
		refused string // the reader that the error names; empty: accepted
	}{
		{[]string{"sh", "-c", "curl -s 'http://op.test/decide?auth_req_id={auth_req_id}&action={action}'"}, "sh"},
		{[]string{"/bin/bash", "-c", "{auth_req_id}"}, "bash"},
		{[]string{"bash", "-euo", "pipefail", "-lc", "decide {user}"}, "bash"},
		{[]string{"env", "A=b", "dash", "-ec", "decide {login_hint}"}, "dash"},
		{[]string{"docker", "exec", "op", "sh", "-c", "decide {auth_req_id}"}, "sh"},
		{[]string{`C:\Windows\System32\cmd.exe`, "/c", "decide.bat", "{auth_req_id}"}, "cmd.exe"},
		{[]string{"powershell", "-Command", "decide", "{auth_req_id}"}, "powershell"},
		{[]string{"ssh", "op.test", "decide", "{auth_req_id}"}, "ssh"},
		{[]string{"python3", "-c", "decide('{auth_req_id}')"}, "python3"},
		{[]string{"perl", "-e", "decide('{auth_req_id}')"}, "perl"},
		{[]string{"mysh", "-c", "decide '{auth_req_id}'"}, "mysh"},
		{[]string{"{auth_req_id}"}, "the program"},
		{[]string{"sh", "-c", `decide "$1" "$2"`, "hook", "{auth_req_id}", "{action}"}, ""},
		{[]string{"sh", "-c", `decide "$CIBATEST_AUTH_REQ_ID" "$CIBATEST_ACTION"`}, ""},
		{[]string{"decide", "-c", "{auth_req_id}"}, ""},
		{[]string{"decide.sh", "{user}", "--id={auth_req_id}", "{action}"}, ""},
		{[]string{"sh", "decide.sh", "{auth_req_id}"}, ""},
	} {
		a, err := New(targetfile.Approval{Kind: "exec", Command: c.command}, Options{})
		switch {
		case c.refused == "" && err != nil:
			t.Errorf("%q: %v", c.command, err)
		case c.refused == "" && !a.NamesRequest():
			t.Errorf("%q names no request", c.command)
		case c.refused != "" && (err == nil || !strings.HasPrefix(err.Error(), "approval.command: ") || !strings.Contains(err.Error(), c.refused)):
			t.Errorf("%q: %v, want an error about %s", c.command, err, c.refused)
		}
	}
}

// A value that a command would take for something else ends this decision only.
func TestValuesThatAreNoWords(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "out")
	script := `printf '%s|' "$@" > "$0"`
	for _, c := range []struct {
		name, id string
		words    []string
		want     string // empty: refused
	}{
		{"an option", "--config=/etc/passwd", []string{"{auth_req_id}"}, ""},
		{"a short option", "-oX", []string{"{auth_req_id}"}, ""},
		{"a dash inside a word", "-oX", []string{"id={auth_req_id}"}, "id=-oX|"},
		{"a dash behind an option", "-oX", []string{"--id={auth_req_id}"}, "--id=-oX|"},
		{"a dash after the options", "-oX", []string{"--", "{auth_req_id}"}, "--|-oX|"},
		{"NUL", "a\x00b", []string{"{auth_req_id}"}, ""},
		{"a line break", "a\nb", []string{"id={auth_req_id}"}, ""},
		{"an escape", "a\x1b[2J", []string{"{auth_req_id}"}, ""},
		{"C1", "a\u009b2J", []string{"{auth_req_id}"}, ""},
		{"quotes and variables", `'"$HOME;` + "`x`", []string{"{auth_req_id}"}, `'"$HOME;` + "`x`|"},
		{"another placeholder", "{user}", []string{"{auth_req_id}"}, "{user}|"},
	} {
		_ = os.Remove(out)
		a, err := New(targetfile.Approval{Kind: "exec", Command: append([]string{"sh", "-c", script, out}, c.words...)}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		err = a.Decide(t.Context(), Decision{AuthReqID: c.id, User: alice})
		got, _ := os.ReadFile(out)
		if (err != nil) != (c.want == "") || string(got) != c.want {
			t.Errorf("%s: the command got %q, %v; want %q", c.name, got, err, c.want)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\x00\n\x1b\u009b") {
			t.Errorf("%s: %q is not safe to print", c.name, err)
		}
		if err := a.Decide(t.Context(), Decision{AuthReqID: "next", User: alice}); err != nil {
			t.Errorf("%s: the next decision fails: %v", c.name, err)
		}
	}
}

func TestCommandsReadValuesFromTheEnvironment(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "out")
	line := `printf '%s|' "$CIBATEST_AUTH_REQ_ID" "$CIBATEST_ACTION" "$CIBATEST_LOGIN_HINT" "$CIBATEST_USER" "$CIBATEST_AUTHORIZATION_DETAILS" > "$0"`
	a, err := New(targetfile.Approval{Kind: "exec", Command: []string{"sh", "-c", line, out}, Actions: targetfile.Actions{Allow: "yes"}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	d := Decision{AuthReqID: "--x';touch PWNED;'\n", User: alice, Allow: true, AuthorizationDetails: []byte("[\n{}]")}
	if err := a.Decide(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(out); string(got) != "--x';touch PWNED;'\n|yes|alice@example.com|alice|[{}]|" {
		t.Errorf("got %q", got)
	}
}

func TestNULIsNoVariable(t *testing.T) {
	t.Parallel()
	a, err := New(targetfile.Approval{Kind: "exec", Command: []string{"true"}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Decide(t.Context(), Decision{AuthReqID: "a\x00b"}); err == nil || !strings.Contains(err.Error(), "auth_req_id has a NUL") {
		t.Errorf("got %v", err)
	}
}

// A child that is left behind and holds the output keeps nobody waiting.
func TestCommandsThatLeaveAChild(t *testing.T) {
	t.Parallel()
	a, err := New(targetfile.Approval{Kind: "exec", Command: []string{"sh", "-c", "sleep 20 & exit 0"}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if err := a.Decide(t.Context(), Decision{}); err != nil {
		t.Error(err)
	}
	if took := time.Since(begun); took > 15*time.Second {
		t.Errorf("it took %s", took)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	a, _ = New(targetfile.Approval{Kind: "exec", Command: []string{"sleep", "20"}}, Options{})
	if err := a.Decide(ctx, Decision{}); err == nil {
		t.Error("a command that was ended has decided")
	}
}
