package catalogue

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Note is one question that the texts leave open: what they say, how products
// read it, and what this tool makes of it.
type Note struct {
	ID    string // "N-01"; never changes
	Title string
	Text  []string // the paragraphs as plain text; the first one is the answer in short
}

// noteHeading begins a note in docs/notes.md.
var noteHeading = regexp.MustCompile(`^## (N-\d+) (.+)$`)

// parseNotes reads the notes from a Markdown document. A note is a heading of
// the second level that begins with its id, and all up to the next heading.
func parseNotes(document string) (map[string]Note, error) {
	notes := map[string]Note{}
	var note Note
	keep := func() {
		if note.ID != "" {
			notes[note.ID] = note
		}
		note = Note{}
	}
	var problems []error
	for block := range strings.SplitSeq(document, "\n\n") {
		text := strings.TrimSpace(block)
		anchor, heading, isHeading := cutHeading(text)
		switch {
		case isHeading:
			keep()
			m := noteHeading.FindStringSubmatch(heading)
			if m == nil {
				continue
			}
			note = Note{ID: m[1], Title: m[2]}
			problems = append(problems, checkHeading(note, anchor, notes))
		case note.ID != "" && text != "":
			note.Text = append(note.Text, strings.Join(strings.Fields(text), " "))
		}
	}
	keep()
	for _, n := range notes {
		if len(n.Text) == 0 {
			problems = append(problems, fmt.Errorf("%s: the note has no text", n.ID))
		}
	}
	return notes, errors.Join(problems...)
}

// cutHeading takes apart a block that is a heading, with or without an anchor
// on the line before it.
func cutHeading(block string) (anchor, heading string, ok bool) {
	anchor, heading, found := strings.Cut(block, "\n")
	if !found {
		anchor, heading = "", block
	}
	return anchor, heading, strings.HasPrefix(heading, "#") && !strings.Contains(heading, "\n")
}

// checkHeading reports an id that is there twice, and a heading without its
// anchor. Links rely on the anchor, because the one that renderers make of a
// heading changes with the title.
func checkHeading(n Note, anchor string, earlier map[string]Note) error {
	var problems []error
	if _, twice := earlier[n.ID]; twice {
		problems = append(problems, fmt.Errorf("%s: the note is there twice", n.ID))
	}
	if want := fmt.Sprintf("<a id=%q></a>", strings.ToLower(n.ID)); anchor != want {
		problems = append(problems, fmt.Errorf("%s: the line before the heading is %q, want %s", n.ID, anchor, want))
	}
	return errors.Join(problems...)
}

// Note finds a note by its id.
func (c *Catalogue) Note(id string) (Note, bool) {
	n, ok := c.notes[id]
	return n, ok
}

// NotesOf are the notes that a requirement cites, in the order it cites them.
func (c *Catalogue) NotesOf(r Requirement) []Note {
	var cited []Note
	for _, id := range r.Notes {
		if n, ok := c.notes[id]; ok {
			cited = append(cited, n)
		}
	}
	return cited
}
