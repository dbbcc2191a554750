package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/internal/lab"
)

// TestCheckTellsWhatToAdd: what check counts for a piece is what is no longer missing once
// the piece is there.
func TestCheckTellsWhatToAdd(t *testing.T) {
	t.Parallel()
	l, err := lab.Start(t.Context(), lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	key, err := filepath.Abs("../../fixtures/keys/client-jwt-a.json")
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("issuer: %s\nusers: [{login_hint: alice}]\napproval: {kind: manual}\nclients:\n"+
		"  - {name: a, client_id: basic-b, auth_method: client_secret_basic, client_secret: basic-b-secret-51c09e}\n", l.Issuer)
	before := missing(t, text)
	piece := named(t, before, "a client with private_key_jwt")
	if !slices.Contains(piece.Cases, "assertion-expired") || !strings.Contains(piece.YAML, "clients:\n  - name: private-key-jwt\n") {
		t.Errorf("got %+v", piece)
	}
	after := missing(t, text+fmt.Sprintf("  - {name: b, client_id: jwt-a, auth_method: private_key_jwt, jwks_file: %q}\n", key))
	for _, u := range after {
		if u.Name == piece.Name || u.Name == "a second client" {
			t.Errorf("%s is still missing", u.Name)
		}
		for _, id := range piece.Cases {
			if slices.Contains(u.Cases, id) {
				t.Errorf("%s waits for %s, although the client is there", id, u.Name)
			}
		}
	}
}

// missing is what check has to say about a target file.
func missing(t *testing.T, text string) []unlock {
	t.Helper()
	file := written(t, "t.yaml", text)
	_, out, errOut := called(t, "check", "--json", file)
	var report struct{ Unlocks []unlock }
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatalf("%v: %s%s", err, out, errOut)
	}
	_, plain, _ := called(t, "check", file)
	for _, u := range report.Unlocks {
		if !strings.Contains(plain, fmt.Sprintf("# %s: %s\n", u.Name, cases(len(u.Cases)))) {
			t.Errorf("the text does not tell that %d cases wait for %s", len(u.Cases), u.Name)
		}
	}
	return report.Unlocks
}

func named(t *testing.T, list []unlock, name string) unlock {
	t.Helper()
	i := slices.IndexFunc(list, func(u unlock) bool { return u.Name == name })
	if i < 0 {
		t.Fatalf("nothing is called %q in %+v", name, list)
	}
	return list[i]
}
