// Package baseline holds what is known to be wrong with an OP, so that a run is red only
// for news: a deviation that is not listed, or an entry that does not hold any more.
//
// [Load] reads the file, [Baseline.Apply] holds a run against it, and [Update] edits the
// file so that it lists what a run found. People own the file: their reasons, dates,
// order and comments stay, and so does every entry that the run did not judge.
package baseline

import (
	_ "embed" // the schema
	"fmt"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/yamlfile"
	"github.com/cibatest/cibatest/reports/result"
)

// Baseline is the list of known deviations of one OP.
type Baseline struct {
	File         string  // its name in messages
	Known        []Entry // in the order of the file
	WarningsNews bool    // a warning that is not listed fails the run
}

// Entry is one known deviation: findings about the clause Requirement, in Case or, if that
// is empty, in any. Without a clause it is about all findings of Case that are no worse than
// its outcome. One of the two is always set. An entry also stands for a case that came to
// its outcome without a finding, such as one that could not be judged.
type Entry struct {
	Case        string         `yaml:"case,omitempty"`
	Requirement string         `yaml:"requirement,omitempty"`
	Outcome     result.Outcome `yaml:"outcome"`        // fail, warn or error
	Seen        string         `yaml:"seen,omitempty"` // what it is pinned to, a part of [shown]; empty: whatever was seen
	Clause      string         `yaml:"clause,omitempty"`
	Reason      string         `yaml:"reason"`
	Expires     string         `yaml:"expires,omitempty"` // its last day in UTC, such as 2027-12-31; after it the entry explains nothing
	Expired     bool           `yaml:"-"`                 // the last day was over when the file was read
}

//go:embed schema.json
var schemaDocument []byte

var fileKind = yamlfile.Kind{Schema: yamlfile.NewSchema(schemaDocument)}

// Load reads a baseline; now tells which entries have expired. Mistakes in the file are
// [yamlfile.Problems].
func Load(path string, now time.Time) (*Baseline, error) {
	file, err := fileKind.Load(path, yamlfile.Env{})
	if err != nil {
		return nil, fmt.Errorf("baseline: %w", err)
	}
	return read(path, file, now)
}

// Parse reads the text of a baseline; name is for messages. An empty text lists nothing.
func Parse(name string, text []byte, now time.Time) (*Baseline, error) {
	return read(name, fileKind.Parse(name, text, yamlfile.Env{}), now)
}

func read(name string, file *yamlfile.File, now time.Time) (*Baseline, error) {
	b := &Baseline{File: name, WarningsNews: file.Root().At("warnings").Text() == "news"}
	for _, at := range file.Root().At("known").Items() {
		b.Known = append(b.Known, entryAt(at, now))
	}
	if err := file.Err(); err != nil {
		return nil, err
	}
	return b, nil
}

func entryAt(at yamlfile.Place, now time.Time) Entry {
	e := Entry{
		Case: at.At("case").Text(), Requirement: at.At("requirement").Text(), Outcome: result.Outcome(at.At("outcome").Text()),
		Seen: at.At("seen").Text(), Clause: at.At("clause").Text(), Reason: at.At("reason").Text(), Expires: at.At("expires").Text(),
	}
	if e.name() == "" {
		at.Wrong("needs a case, a requirement or both")
	}
	e.Expired = e.over(at.At("expires"), now)
	return e
}

// over reports whether the last day of the entry has passed.
func (e Entry) over(at yamlfile.Place, now time.Time) bool {
	if e.Expires == "" {
		return false
	}
	day, err := time.Parse(time.DateOnly, e.Expires)
	if err != nil {
		at.Wrong("is %s; wanted a day such as 2027-12-31", at.Shown())
		return false
	}
	return !now.Before(day.AddDate(0, 0, 1))
}

// name is what the entry is about.
func (e Entry) name() string { return strings.TrimSpace(e.Case + " " + e.Requirement) }

// unexplained begins the reason of an entry that [Update] wrote and no person explained.
const unexplained = "unexplained"

func (e Entry) explained() bool { return !strings.HasPrefix(e.Reason, unexplained) }
