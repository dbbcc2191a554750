package catalogue

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/docs"
)

func TestCatalogueIsValid(t *testing.T) {
	t.Parallel()
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	if got := len(c.List()); got != 356 {
		t.Errorf("got %d requirements, want 356", got)
	}
}

func TestProblemsAreAllNamed(t *testing.T) {
	t.Parallel()
	_, err := parse([]byte(`
- {id: A, source: s, level: OUGHT, verdict: fail, area: polling, requirement: r, applies: {modes: [poll], needs: [wings]}}
- {id: A, source: s, level: MUST, verdict: boom, area: polling, requirement: r, notes: [N-99]}
`), "")
	for _, want := range []string{"OUGHT", "wings", "boom", "used twice", "no note N-99"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to name %s", err, want)
		}
	}
	if _, err := parse([]byte("- {id: A, colour: red}"), ""); err == nil {
		t.Error("an unknown key was accepted")
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	for words, want := range map[string]bool{"slow_down": true, "POLLING slow_down": true, "unicorn": false} {
		if found := Must().Search(words); (len(found) > 0) != want {
			t.Errorf("%q found %d", words, len(found))
		}
	}
}

// TestNeedsAreExplained holds the document about the catalogue to its vocabulary.
func TestNeedsAreExplained(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "docs", "catalogue.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, need := range needs {
		if !strings.Contains(string(text), fmt.Sprintf("`%s`", need)) {
			t.Errorf("docs/catalogue.md leaves out the need %s", need)
		}
	}
}

func TestEditionChangesWithTheText(t *testing.T) {
	t.Parallel()
	changed, err := parse(bytes.Replace(document, []byte("Published"), []byte("published"), 1), docs.Notes)
	if err != nil {
		t.Fatal(err)
	}
	if e := Must().Edition(); len(e) != 12 || e == changed.Edition() {
		t.Errorf("edition %s, of another text %s", e, changed.Edition())
	}
}
