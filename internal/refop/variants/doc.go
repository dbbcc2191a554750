// Package variants holds the legal departures of the reference OP: what the texts
// allow, and what a judge must therefore stay green on.
package variants
