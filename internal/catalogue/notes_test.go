package catalogue

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/docs"
)

// root is the folder of the module, seen from this package.
const root = "../.."

// TestEveryCitedNoteExists looks for citations in everything that is compiled or
// embedded, since variants and comments cite notes too. Tests may cite made-up ones.
func TestEveryCitedNoteExists(t *testing.T) {
	t.Parallel()
	citation := regexp.MustCompile(`\bN-\d+\b`)
	cited := map[string]bool{}
	for _, folder := range []string{"internal", "suites"} {
		for _, path := range sources(t, filepath.Join(root, folder)) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, id := range citation.FindAllString(string(text), -1) {
				cited[id] = true
				if _, ok := Must().Note(id); !ok {
					t.Errorf("%s cites %s, which docs/notes.md does not have", path, id)
				}
			}
		}
	}
	for id := range Must().notes {
		if !cited[id] {
			t.Errorf("nothing cites %s", id)
		}
	}
}

func sources(t *testing.T, folder string) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		isSource := strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, ".yaml")
		if isSource {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// TestNotesFitALine holds paragraphs to the length that reports show of a text
// in a line (reports/inert.go); longer ones would be cut there.
func TestNotesFitALine(t *testing.T) {
	t.Parallel()
	const limit = 1 << 10
	for id, note := range Must().notes {
		for _, text := range note.Text {
			if len(text) > limit {
				t.Errorf("%s: a paragraph of %d bytes, at most %d are shown: %.60s...", id, len(text), limit, text)
			}
		}
		last := note.Text[len(note.Text)-1]
		if !strings.HasPrefix(last, "Sources: ") {
			t.Errorf("%s ends without its sources", id)
		}
		if !strings.Contains(strings.Join(note.Text, "\n"), "\nWhat cibatest does: ") {
			t.Errorf("%s leaves out what this tool does", id)
		}
	}
}

func TestParseNotes(t *testing.T) {
	t.Parallel()
	notes, err := parseNotes("# Notes\n\nBefore.\n\n<a id=\"n-01\"></a>\n## N-01 A title\n\nFirst\nparagraph.\n\nSecond.\n\n## Sources\n\nAfter.\n")
	if err != nil {
		t.Fatal(err)
	}
	n := notes["N-01"]
	if len(notes) != 1 || n.Title != "A title" || strings.Join(n.Text, "|") != "First paragraph.|Second." {
		t.Errorf("got %+v", notes)
	}
}

func TestProblemsOfNotes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ document, want string }{
		"no anchor":    {"## N-01 A title\n\nText.\n", "the line before the heading"},
		"other anchor": {"<a id=\"n-02\"></a>\n## N-01 A title\n\nText.\n", `<a id="n-01"></a>`},
		"twice":        {docs.Notes + "\n\n<a id=\"n-01\"></a>\n## N-01 Again\n\nText.\n", "N-01: the note is there twice"},
		"empty":        {"<a id=\"n-01\"></a>\n## N-01 A title\n", "N-01: the note has no text"},
	} {
		if _, err := parseNotes(c.document); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
}

// TestHeadPointsAtFiles: whoever opens the catalogue finds what its head names.
func TestHeadPointsAtFiles(t *testing.T) {
	t.Parallel()
	head, _, _ := strings.Cut(string(document), "\n- id:")
	named := regexp.MustCompile(`[\w/-]+\.md`).FindAllString(head, -1)
	if len(named) != 2 {
		t.Errorf("the head names %q, want the explanation of the fields and the notes", named)
	}
	for _, path := range named {
		if _, err := os.Stat(filepath.Join(root, path)); err != nil {
			t.Errorf("the head of requirements.yaml: %v", err)
		}
	}
}
