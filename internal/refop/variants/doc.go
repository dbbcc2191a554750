// Package variants holds the legal departures of the reference OP: what the texts
// allow, or leave open, and what a judge must therefore stay green on. Each row of a
// table has a name, the text that allows it, and a change of a [refop.Plan]; the
// change wraps a check or a rule of the healthy OP, or sets its policy. [Choose] makes
// an option of some of them.
//
// The self-test of the suites runs all cases against each variant and demands that
// none fails. A variant is added when an OP in the field, or a reader of the texts,
// shows that a case demands more than is written.
package variants
