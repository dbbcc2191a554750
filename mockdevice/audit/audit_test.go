package audit

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/cibatest/cibatest/mockdevice/wire"
)

func openAudit(t *testing.T, path string) *Log {
	t.Helper()
	l, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func verified(t *testing.T, path string) Verification {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	v, err := Verify(bytes.NewReader(data), nil)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestAuditSurvivesACutAtAnyByte cuts a file everywhere: what is left verifies up to
// its last whole line, and the audit goes on from there.
func TestAuditSurvivesACutAtAnyByte(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	whole := filepath.Join(dir, "whole")
	l := openAudit(t, whole)
	for _, id := range []string{"a", "b", "c"} {
		l.Note(Entry{Event: Decided, Ref: wire.KeyOf(id).String(), Decision: wire.Approve})
	}
	_ = l.Close()
	data, _ := os.ReadFile(whole)
	for cut := range len(data) + 1 {
		path := filepath.Join(dir, "cut")
		if err := os.WriteFile(path, data[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		lines := int64(bytes.Count(data[:cut], []byte("\n")))
		if v := verified(t, path); v.Lines != lines || v.Bytes+v.Torn != int64(cut) {
			t.Fatalf("cut at %d: %+v", cut, v)
		}
		again := openAudit(t, path)
		_, knows := again.DecidedBefore(wire.KeyOf("a"))
		_ = again.Close()
		if v := verified(t, path); v.Torn != 0 || v.Lines < lines+1 || knows != (lines >= 2) {
			t.Fatalf("cut at %d and continued: %+v, knows %t", cut, v, knows)
		}
	}
}

// TestAuditNoticesChanges: no byte can be changed, no line moved or left out.
func TestAuditNoticesChanges(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit")
	l := openAudit(t, path)
	if _, err := Open(path); err == nil {
		t.Error("two devices write to one audit")
	}
	for range 4 {
		l.Note(Entry{Event: Received, Ref: "r", Note: "n"})
	}
	_ = l.Close()
	data, _ := os.ReadFile(path)
	check := func(what string, changed []byte) {
		if _, err := Verify(bytes.NewReader(changed), nil); err == nil {
			t.Errorf("%s is not noticed", what)
		}
	}
	for i := range data[:len(data)-1] {
		changed := bytes.Clone(data)
		changed[i] ^= 1
		check(fmt.Sprintf("a change of byte %d", i), changed)
	}
	lines := bytes.SplitAfter(data, []byte("\n"))
	check("a missing line", bytes.Join([][]byte{lines[0], lines[2]}, nil))
	check("swapped lines", bytes.Join([][]byte{lines[0], lines[2], lines[1]}, nil))
	check("a missing first line", bytes.Join(lines[1:], nil))
	check("a repeated line", bytes.Join([][]byte{lines[0], lines[0]}, nil))
	if err := os.WriteFile(path, bytes.Join(lines[1:], nil), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil {
		t.Error("a changed file is continued")
	}
}

// TestAKeyTellsWhoHasWritten: without one, a chain that was computed anew is consistent,
// and only its head gives it away; with one it is not.
func TestAKeyTellsWhoHasWritten(t *testing.T) {
	t.Parallel()
	key := []byte("a key that stays elsewhere")
	written := func(decision wire.Action, options ...Option) ([]byte, string) {
		path := filepath.Join(t.TempDir(), "audit")
		l, err := Open(path, options...)
		if err != nil {
			t.Fatal(err)
		}
		l.Note(Entry{Event: Decided, Ref: "r", Decision: decision})
		head := l.Head()
		_ = l.Close()
		if _, err := Open(path, WithKey([]byte("another key"))); err == nil {
			t.Error("a chain is continued with another key")
		}
		data, _ := os.ReadFile(path)
		return data, head
	}
	plain, head := written(wire.Approve)
	forged, forgedHead := written(wire.Deny)
	sealed, _ := written(wire.Approve, WithKey(key))
	for _, c := range []struct {
		name string
		data []byte
		key  []byte
		good bool
	}{
		{"plain", plain, nil, true},
		{"plain, computed anew", forged, nil, true},
		{"sealed", sealed, key, true},
		{"sealed, with another key", sealed, []byte("guess"), false},
		{"sealed, without the key", sealed, nil, false},
		{"computed anew without the key", forged, key, false},
	} {
		v, err := Verify(bytes.NewReader(c.data), c.key)
		if (err == nil) != c.good || c.good && v.Keyed != (c.key != nil) {
			t.Errorf("%s: %+v, %v", c.name, v, err)
		}
	}
	if v, _ := Verify(bytes.NewReader(plain), nil); v.Head != head || head == forgedHead {
		t.Errorf("the head is %s, told was %s", v.Head, head)
	}
}
