// Package yamlfile reads the YAML files that people write for this program, and
// tells them everything that is wrong at once, with the place and what is allowed.
//
// A [Kind] is one kind of file: a JSON Schema for its shape, and whether values
// may come from outside. Reading one goes in three steps. The text becomes nodes,
// within bounds of size, depth and repetition, so that a hostile file costs
// little. The values are held against the schema. Then the package that knows
// what the file means walks through it by [Place], or decodes it with
// [File.Decode], and adds what a schema cannot know.
//
// No step stops the next: what does not fit reads as a zero value, whose mistake
// has been noted already, and a place that has a [Problem] gets no second one.
//
// The words of a complaint about a value come from the schema. Where it has a
// title, such as "a duration such as 8s or 2m", the complaint says that this was
// wanted; editors show the same title beside the cursor.
package yamlfile
