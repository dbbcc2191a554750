package main

import (
	"io"
	"os"
	"strconv"
	"sync"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/term"
)

// door is the one way of text to standard output and standard error. Much of what is
// printed was chosen by an OP or stands in a file of somebody else, so whatever could
// act on a terminal or on a CI system that reads the log is shown as an escape instead:
// control characters but line ends and tabs, what changes the direction of writing or
// cannot be seen, and the beginnings of the commands of GitHub, Azure and TeamCity.
// The escapes are those of JSON, so that a JSON document means the same after it. It is
// safe for concurrent use.
type door struct {
	out io.Writer

	mu      sync.Mutex
	begun   []byte // the first bytes of a character whose rest is still to come
	line    int    // characters of this line other than blanks, as far as they matter
	last    rune   // the last one of these
	hashes  int    // of them that directly precede
	escaped []byte // the buffer that is written from
}

// behindDoor puts a writer behind a door, unless it is behind one.
func behindDoor(out io.Writer) io.Writer {
	if _, already := out.(*door); already {
		return out
	}
	return &door{out: out}
}

// raw is the writer behind the door, for what draws on a terminal by itself and
// prints nothing foreign that could act.
func raw(w io.Writer) io.Writer {
	if d, ok := w.(*door); ok {
		return d.out
	}
	return w
}

// Write implements [io.Writer]. A character that a write breaks off is written with
// the next one.
func (d *door) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	text := append(d.begun, p...)
	d.begun, d.escaped = nil, d.escaped[:0]
	for len(text) > 0 {
		if !utf8.FullRune(text) {
			d.begun = append(d.begun, text...)
			break
		}
		r, size := utf8.DecodeRune(text)
		d.put(r)
		text = text[size:]
	}
	if _, err := d.out.Write(d.escaped); err != nil {
		return 0, err
	}
	return len(p), nil
}

// put writes one character, or its escape.
func (d *door) put(r rune) {
	if acts(r) || d.commands(r) {
		d.escaped = appendEscape(d.escaped, r)
	} else {
		d.escaped = utf8.AppendRune(d.escaped, r)
	}
	d.follow(r)
}

// acts reports whether a character does something instead of being seen.
func acts(r rune) bool { return !unicode.IsGraphic(r) && r != '\n' && r != '\t' }

// commands reports whether a character completes the beginning of a command: "::" at
// the head of a line, or "##" and a letter or a bracket anywhere.
func (d *door) commands(r rune) bool {
	return r == ':' && d.line == 1 && d.last == ':' || d.hashes >= 2 && (r == '[' || 'a' <= r && r <= 'z')
}

// follow remembers what [door.commands] has to know.
func (d *door) follow(r rune) {
	switch {
	case r == '\n':
		d.line = 0
	case r != ' ' && r != '\t' || d.line > 0:
		d.line++
	}
	d.last = r
	if r == '#' {
		d.hashes++
	} else {
		d.hashes = 0
	}
}

// appendEscape writes a character the way JSON does.
func appendEscape(to []byte, r rune) []byte {
	if r > 0xFFFF {
		high, low := utf16.EncodeRune(r)
		return appendEscape(appendEscape(to, high), low)
	}
	digits := strconv.FormatUint(uint64(r)|0x10000, 16) //nolint:gosec // a rune is never negative here
	return append(append(to, `\u`...), digits[1:]...)
}

// terminal is the width of a terminal, or false when w is none.
func terminal(w io.Writer) (int, bool) {
	file, ok := raw(w).(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return 100, false
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil || width <= 0 {
		width = 100
	}
	return width, true
}

// colored follows the conventions: a terminal, NO_COLOR unset, TERM not dumb.
func colored(w io.Writer) bool {
	_, isTerminal := terminal(w)
	return isTerminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
