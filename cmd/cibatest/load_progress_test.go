package main

import (
	"testing"
	"time"

	"github.com/cibatest/cibatest/loadgen"
)

// Whoever waits for the end of a load is told how long it may still take.
func TestPhase(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]loadgen.Status{
		"3s of 5s": {Elapsed: 3 * time.Second, Length: 5 * time.Second},
		"9s, draining for 4s: until nothing is pending, or 30s at most": {
			Elapsed: 9 * time.Second, Length: 5 * time.Second, Drain: loadgen.Drain{Lasts: 4100 * time.Millisecond, Most: 30 * time.Second},
		},
	} {
		if got := phase(s); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
