package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// Every word that explain completes, it explains.
func TestExplainKnowsEveryKey(t *testing.T) {
	t.Parallel()
	words, _ := completeExplained(nil, nil, "")
	for _, file := range writtenFiles {
		for _, path := range file.keys() {
			key, _, err := file.key(path)
			if err != nil {
				t.Fatal(err)
			}
			code, out, errOut := called(t, "explain", file.word+"."+path)
			if code != exitOK || !strings.Contains(out, strings.Join(strings.Fields(key.Description), " ")) {
				t.Errorf("%s: exit %d: %s%s", path, code, out, errOut)
			}
		}
	}
	for _, word := range []string{"target", "op", "op.apis", "target.clients.auth_method", "rar", "user-code", "N-03", "poll-pending", "CIBA-11-PENDING"} {
		if code, out, errOut := called(t, "explain", word); code != exitOK || out == "" {
			t.Errorf("%s: exit %d: %s", word, code, errOut)
		}
		if !strings.Contains(" "+strings.Join(words, " ")+" ", " "+word+" ") {
			t.Errorf("%s is not completed", word)
		}
	}
}

func TestExplainSaysWhatWasMeant(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"target.clinets": `did you mean "clients"?`, "op.clinets": `did you mean "clients"?`, "target.clients.auth_metod": `did you mean "auth_method"?`,
		"poll-pendin": `did you mean "poll-pending"?`, "user-cod": `did you mean "user-code"?`, "nothing-of-the-kind": "cibatest list",
	} {
		if code, _, errOut := called(t, "explain", word); code != exitUsage || !strings.Contains(errOut, want) {
			t.Errorf("%s: exit %d: %s", word, code, errOut)
		}
	}
}

// An editor finds the schema beside the file that names it.
func TestInitWritesTheSchema(t *testing.T) {
	t.Parallel()
	l, err := lab.Start(t.Context(), lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	dir := t.TempDir()
	if code, _, errOut := called(t, "init", l.Issuer, "--schema", "--out", filepath.Join(dir, "op.yaml")); code != exitOK {
		t.Fatalf("exit %d: %s", code, errOut)
	}
	text := string(read(t, filepath.Join(dir, "op.yaml")))
	name, _, _ := strings.Cut(strings.TrimPrefix(text, "# yaml-language-server: $schema="), "\n")
	if schema, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(schema) != string(targetfile.Schema()) {
		t.Errorf("the first line names %q: %v", name, err)
	}
	if code, _, errOut := called(t, "init", l.Issuer, "--schema"); code != exitUsage || !strings.Contains(errOut, "--out") {
		t.Errorf("exit %d: %s", code, errOut)
	}
}
