package approve

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/targetfile"
)

func TestPersonIsAskedOneQuestionAtATime(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	a, err := New(targetfile.Approval{Kind: "manual"}, Options{In: strings.NewReader("\n"), Out: &out})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Decide(t.Context(), Decision{AuthReqID: "r1", User: alice, Allow: true}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "APPROVE the request of user alice with no binding message") {
		t.Errorf("asked %q", out.String())
	}
	silent, _ := io.Pipe()
	a, _ = New(targetfile.Approval{Kind: "manual"}, Options{In: silent, Out: io.Discard})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := a.Decide(ctx, Decision{User: alice}); err == nil {
		t.Error("a person who does not answer decided")
	}
}

// A terminal acts on some characters, so what the OP sent is quoted.
func TestPersonIsNotFooledByTheOP(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	a, err := New(targetfile.Approval{Kind: "manual"}, Options{In: strings.NewReader("\n"), Out: &out})
	if err != nil {
		t.Fatal(err)
	}
	const hostile = "\x1b[2Jr1\r\n\u202e\u009b31m"
	a.Introduce(hostile, "AB\x07")
	if err := a.Decide(t.Context(), Decision{AuthReqID: hostile, User: alice}); err != nil {
		t.Fatal(err)
	}
	asked := strings.TrimPrefix(out.String(), "\n")
	if strings.ContainsFunc(asked, func(r rune) bool { return r < ' ' || r > '~' }) {
		t.Errorf("asked %q", asked)
	}
	if want := `DENY the request of user alice with the binding message "AB\a"`; !strings.Contains(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
}
