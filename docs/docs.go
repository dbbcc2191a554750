// Package docs is the folder of the project's documents. It is a package only
// because the program shows one of them itself, and a file can be embedded from
// no other folder than its own.
package docs

import _ "embed" // the notes are part of the program

// Notes is the text of notes.md, which internal/catalogue takes apart.
//
//go:embed notes.md
var Notes string
