package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/cibatest/cibatest/internal/hostile"
)

func TestNothingActsBehindTheDoor(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain — ünï\u00a0cödé\tand\nlines": "plain — ünï\u00a0cödé\tand\nlines",
		"\x1b[31m\r\b\x00\x7f":              `\u001b[31m\u000d\u0008\u0000\u007f`,
		"\u009b2J\u202e\u2066\ufeff":        `\u009b2J\u202e\u2066\ufeff`,
		"\U000e0041":                        `\udb40\udc41`,
		"\xff\x9b":                          "\ufffd\ufffd",
		"::error::x\n  ::error::y":          ":\\u003aerror::x\n  :\\u003aerror::y",
		"a::b :: c":                         "a::b :: c",
		"x ##[group] ##vso[a] ### Title":    `x ##\u005bgroup] ##\u0076so[a] ### Title`,
	} {
		for _, size := range []int{1, 2, 3, 1000} { // in one write and in several
			var out bytes.Buffer
			d := behindDoor(&out)
			for rest := []byte(text); len(rest) > 0; rest = rest[min(size, len(rest)):] {
				if n, err := d.Write(rest[:min(size, len(rest))]); err != nil || n != min(size, len(rest)) {
					t.Fatal(n, err)
				}
			}
			if out.String() != want {
				t.Errorf("%q in writes of %d: got %q, want %q", text, size, out.String(), want)
			}
		}
	}
}

// A JSON document means the same behind the door.
func TestJSONStaysBehindTheDoor(t *testing.T) {
	t.Parallel()
	var written, read any = []any{"\x1b\u009b\u202e\U000e0041", "::x", "##[y] ##vso[z]"}, nil
	var out bytes.Buffer
	if err := json.NewEncoder(behindDoor(&out)).Encode(written); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out.Bytes(), &read); err != nil || fmt.Sprint(read) != fmt.Sprint(written) {
		t.Errorf("%v: %s", err, out.String())
	}
}

// acting is what shows in an output of an OP that wants to act.
func acting(text string) string {
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "::") || strings.Contains(line, "##vso[") || strings.Contains(line, "##[") {
			return line
		}
		if i := strings.IndexFunc(line, func(r rune) bool { return !unicode.IsGraphic(r) && r != '\t' }); i >= 0 {
			return line[max(0, i-20):min(len(line), i+40)]
		}
	}
	return ""
}

// What an OP sends acts in no output of any command.
func TestNoOutputActs(t *testing.T) {
	t.Parallel()
	for _, mode := range hostile.Modes() {
		if !strings.Contains(mode.Name, "that acts") {
			continue
		}
		t.Run(mode.Name, func(t *testing.T) {
			t.Parallel()
			for _, everybody := range []bool{false, true} {
				server := hostile.Start(t, mode, everybody)
				file, out := written(t, "op.yaml", hostileTarget(server.URL)), t.TempDir()
				for _, args := range [][]string{
					{"init", server.URL},
					{"check", file},
					{"check", "--json", file},
					{"check", written(t, "bad.yaml", `"\e[31m\u202e\n::error::x": 1`)},
					{"authorize", "--target", file, "--once", "--show-tokens"},
					{"conform", "--target", file, "--out", out, "CIBA-11-PENDING"},
					{"conform", "--target", file, "--out", out, "--json", "CIBA-11-PENDING"},
				} {
					_, stdout, stderr := called(t, args...)
					if line := acting(stdout + "\n" + stderr); line != "" {
						t.Errorf("%v shows %q", args, line)
					}
				}
				if !everybody {
					if line := acting(string(read(t, filepath.Join(out, "run.json")))); line != "" {
						t.Errorf("run.json shows %q", line)
					}
				}
			}
		})
	}
}

// hostileTarget is a target file for a server that means harm.
func hostileTarget(issuer string) string {
	return "issuer: " + issuer + `
clients: [{name: a, client_id: client-a, auth_method: client_secret_basic, client_secret: CANARY-secret-aaaa-1111}]
users: [{name: alice, login_hint: alice}, {name: bob, login_hint: bob}]
approval: {kind: none}
budgets: {concurrency: 8, expiry_max: 5s}
`
}
