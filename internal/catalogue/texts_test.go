package catalogue

import (
	"strings"
	"testing"
)

// Every part of every source names a text that is known with title and edition, and every
// known text is named.
func TestTexts(t *testing.T) {
	t.Parallel()
	named := map[string]bool{}
	for _, r := range Must().List() {
		for part := range strings.SplitSeq(r.Source, ";") {
			if _, ok := textOf(strings.TrimSpace(part)); !ok {
				t.Errorf("%s: %q is no text that texts.go knows", r.ID, part)
			}
		}
		for _, text := range r.Texts() {
			named[text.Name] = true
			if text.Title == "" || text.Edition == "" {
				t.Errorf("%s: %+v lacks its title or edition", r.ID, text)
			}
		}
	}
	for _, text := range texts {
		if !named[text.Name] {
			t.Errorf("no source names %s", text.Name)
		}
	}
	for number := range rfcTitles {
		if !named["RFC "+number] {
			t.Errorf("no source names RFC %s", number)
		}
	}
}
