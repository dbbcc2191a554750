package preflight

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// TestPiecesAreTrue pastes each piece into a target file: it has to be read, and to bring
// what the piece promises.
func TestPiecesAreTrue(t *testing.T) {
	t.Parallel()
	generous := map[string]any{
		"subject_types_supported": []string{"public", "pairwise"}, "backchannel_user_code_parameter_supported": true,
		"introspection_endpoint": issuer + "/introspect", "backchannel_token_delivery_modes_supported": []string{"poll", "ping", "push"},
		requestAlgorithms: []string{"PS256", "ES256"},
	}
	one := "clients:\n  - {name: second, client_id: a, auth_method: client_secret_basic, client_secret: s}\nusers:\n  - {name: alice, login_hint: alice}\n"
	types := "rar:\n  types: [a, b]\n  valid: [{type: a}]\n"
	hook := "approval:\n  kind: url\n  url: https://op.example/?id={auth_req_id}\n"
	seen := map[string]bool{}
	calls := "notifications:\n  listen: 127.0.0.1:9004\n"
	for _, text := range []string{one, one + types, one + hook, one + calls} {
		text = "issuer: " + issuer + "\n" + text
		f, err := Gather(t.Context(), op{metadata: publishing(t, generous)}, pasted(t, text, Piece{}))
		if err != nil {
			t.Fatal(err)
		}
		for _, piece := range f.Pieces() {
			seen[piece.Name] = true
			with, err := Gather(t.Context(), op{metadata: publishing(t, generous)}, pasted(t, text, piece))
			if err != nil {
				t.Fatal(err)
			}
			for _, need := range catalogue.Needs() {
				if promised := f.With(piece).Capabilities.Has(need); promised != with.Capabilities.Has(need) {
					t.Errorf("%s: %s is promised as %v, with the text pasted it is %v", piece.Name, need, promised, with.Capabilities.Has(need))
				}
			}
		}
	}
	if len(seen) < 21 {
		t.Errorf("%d pieces were seen: %v", len(seen), seen)
	}
}

// pasted is a target file with a piece below the keys that it belongs to.
func pasted(t *testing.T, text string, piece Piece) *targetfile.Target {
	t.Helper()
	key, err := os.ReadFile("../../fixtures/keys/client-jwt-a.json")
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	for _, part := range piece.Parts {
		lines := "  " + strings.Join(part.Lines, "\n  ") + "\n"
		if before, after, there := strings.Cut(text, part.Key+":\n"); there {
			text = before + part.Key + ":\n" + lines + after
		} else {
			text += part.Key + ":\n" + lines
		}
		for _, line := range part.Lines {
			if _, file, isFile := strings.Cut(line, "jwks_file: "); isFile {
				name, _, _ := strings.Cut(file, " ")
				files["targets/"+name] = &fstest.MapFile{Data: key}
			}
			if _, file, isFile := strings.Cut(line, "${file:"); isFile {
				name, _, _ := strings.Cut(file, "}")
				files["targets/"+name] = &fstest.MapFile{Data: []byte("a.b.c")}
			}
		}
	}
	got, err := targetfile.Parse("t.yaml", []byte(text), targetfile.Env{FS: files, Lookup: func(string) (string, bool) { return "v", true }})
	if err != nil {
		t.Fatalf("%s: %v\n%s", piece.Name, err, text)
	}
	return got
}

// A piece changes what it adds, and leaves the rest of what is known.
func TestWithKeepsWhatWasLearnt(t *testing.T) {
	t.Parallel()
	f, err := Gather(t.Context(), op{metadata: publishing(t, nil)}, small())
	if err != nil {
		t.Fatal(err)
	}
	f.Target.Approval.Kind = "url"
	f.Target.Budgets.ExpiryMax = 2 * time.Minute
	f.CannotDecide(catalogue.NeedDeny, errors.New("nobody listens"))
	f.TooLong(300 * time.Second)
	before := fmt.Sprint(f.Target, f.Capabilities)
	for _, piece := range f.Pieces() {
		with := f.With(piece)
		longEnough := slices.ContainsFunc(piece.Parts, func(p Part) bool { return p.Key == "budgets" && p.Lines[0] == "expiry_max: 310s" })
		if with.Capabilities.Has(catalogue.NeedDeny) || with.Capabilities.Has(catalogue.NeedShortExpiry) != longEnough {
			t.Errorf("%s: deny %v, short_expiry %v", piece.Name, with.Capabilities[catalogue.NeedDeny], with.Capabilities[catalogue.NeedShortExpiry])
		}
	}
	if !slices.ContainsFunc(f.Pieces(), func(p Piece) bool { return strings.HasPrefix(p.Name, "time to wait") }) {
		t.Error("no piece gives requests the time to expire")
	}
	if after := fmt.Sprint(f.Target, f.Capabilities); after != before {
		t.Errorf("the facts are %s, they were %s", after, before)
	}
}

// What the OP does not offer is no piece, and what the file has is none either.
func TestPiecesFitTheOP(t *testing.T) {
	t.Parallel()
	f, err := Gather(t.Context(), op{metadata: publishing(t, map[string]any{
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "private_key_jwt"},
	})}, small())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range f.Pieces() {
		names = append(names, p.Name)
	}
	told := strings.Join(names, "; ")
	for word, want := range map[string]bool{
		"private_key_jwt": true, "client_secret_post": false, "client_secret_basic": false, "pairwise": false, "user code": false,
		"introspect": false, "second client": true, "somebody who decides": true,
	} {
		if strings.Contains(told, word) != want {
			t.Errorf("%s: told is %v in %s", word, !want, told)
		}
	}
}
