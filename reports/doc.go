// Package reports renders a [result.Run] for people and for machines: text for a
// terminal, one self-contained HTML page, a statement to print, JUnit XML, Markdown
// and a badge. It compares two runs, and lays several side by side.
//
// A renderer knows nothing but the result. Everything in a result may come from
// an OP or its users and is hostile: each renderer works on a copy in which all
// text is inert (see inert.go) and quotes it by the rules of its own format. The
// same result always gives the same bytes.
package reports
