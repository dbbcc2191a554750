package phone

import (
	"strings"

	"github.com/cibatest/cibatest/mockdevice/wire"
)

// letter is a message as the page shows it: text, whatever it was before.
type letter struct {
	Head  []row // from whom, to whom, about what
	Lines [][]piece
}

// letterOf prepares a message; nil where there was none. Plain blanks are shown as a
// browser shows them, one for each run of them and none at the ends, since mails are full
// of them. A line that was there before is left out: most mails say all of it twice, as
// text and as HTML.
func letterOf(m *wire.Message) *letter {
	if m == nil {
		return nil
	}
	var l letter
	for _, part := range []struct{ label, text string }{{"From", m.From}, {"To", m.To}, {"Subject", m.Subject}} {
		if text := spaced(part.text); text != "" {
			l.Head = append(l.Head, row{Label: visible(part.label), Value: visible(text)})
		}
	}
	shown := map[string]bool{"": true}
	for line := range strings.Lines(strings.ReplaceAll(m.Text, "\r\n", "\n")) {
		if text := spaced(line); !shown[text] {
			shown[text] = true
			l.Lines = append(l.Lines, visible(text))
		}
	}
	return &l
}

// spaced leaves one blank of each run.
func spaced(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\t' || r == '\n' }), " ")
}
