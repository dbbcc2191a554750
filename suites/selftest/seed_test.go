package selftest

import (
	"regexp"
	"slices"
	"testing"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/suites"
)

// Two runs with one seed send the same, however their cases overlap; another seed
// sends something else.
func TestSeed(t *testing.T) {
	t.Parallel()
	first, again, other := bodies(t, 7), bodies(t, 7), bodies(t, 8)
	if !slices.Equal(first, again) {
		t.Errorf("two runs with one seed differ:\n%q\n%q", first, again)
	}
	if slices.Equal(first, other) {
		t.Error("another seed changes nothing that is sent")
	}
	if len(first) < 10 {
		t.Errorf("only %d requests were compared", len(first))
	}
}

// masked are secrets and values of the OP, which are new in every run.
var masked = regexp.MustCompile(`\[masked:[0-9a-f]+\]`)

// bodies are what some cases with made-up values send, in the order of the cases.
func bodies(t *testing.T, seed int64) []string {
	t.Helper()
	run := judgeLab(t, lab.Options{}, func(o *suites.Options) {
		o.Seed = seed
		o.Select.Arguments = []string{"auth-unknown-client", "auth-wrong-secret-post", "request-scope-unknown", "binding-utf8", "id-unknown", "hint-unknown-user"}
	})
	var sent []string
	for _, c := range run.Cases {
		for _, e := range c.Exchanges {
			sent = append(sent, c.ID+": "+masked.ReplaceAllString(e.Request.Body, "[masked]"))
		}
	}
	return sent
}
