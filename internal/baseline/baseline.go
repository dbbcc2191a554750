// Package baseline holds what is known to be wrong with an OP, so that a run is
// red only for news: a deviation that is not listed, or a listed one that is gone.
package baseline

import (
	_ "embed" // the schema
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/yamlfile"
	"github.com/cibatest/cibatest/reports/result"
	"go.yaml.in/yaml/v3"
)

// Baseline is the list of known deviations of one OP.
type Baseline struct {
	Known []Entry `yaml:"known"`
}

// Entry is one known deviation. Exactly one of Case and Requirement is set.
type Entry struct {
	Case        string         `yaml:"case,omitempty"`
	Requirement string         `yaml:"requirement,omitempty"`
	Outcome     result.Outcome `yaml:"outcome"` // fail, warn or error
	Clause      string         `yaml:"clause,omitempty"`
	Reason      string         `yaml:"reason"`
	Expires     string         `yaml:"expires,omitempty"` // a day, 2027-12-31; after it the entry counts no more
}

//go:embed schema.json
var schemaDocument []byte

var fileKind = yamlfile.Kind{Schema: yamlfile.NewSchema(schemaDocument)}

// Load reads a baseline. Entries that have expired at now are dropped. Mistakes in
// the file are [yamlfile.Problems].
func Load(path string, now time.Time) (*Baseline, error) {
	file, err := fileKind.Load(path, yamlfile.Env{})
	if err != nil {
		return nil, fmt.Errorf("baseline: %w", err)
	}
	return read(file, now)
}

// Parse reads the text of a baseline; name is for messages. An empty text lists nothing.
func Parse(name string, text []byte, now time.Time) (*Baseline, error) {
	return read(fileKind.Parse(name, text, yamlfile.Env{}), now)
}

func read(file *yamlfile.File, now time.Time) (*Baseline, error) {
	var b Baseline
	for _, at := range file.Root().At("known").Items() {
		if e := entryAt(at); !e.expired(at.At("expires"), now) {
			b.Known = append(b.Known, e)
		}
	}
	if err := file.Err(); err != nil {
		return nil, err
	}
	return &b, nil
}

func entryAt(at yamlfile.Place) Entry {
	e := Entry{
		Case: at.At("case").Text(), Requirement: at.At("requirement").Text(), Outcome: result.Outcome(at.At("outcome").Text()),
		Clause: at.At("clause").Text(), Reason: at.At("reason").Text(), Expires: at.At("expires").Text(),
	}
	if (e.Case == "") == (e.Requirement == "") {
		at.Wrong("needs either case or requirement")
	}
	return e
}

// expired reports whether the entry counts no more. It counts through its last day, in UTC.
func (e Entry) expired(at yamlfile.Place, now time.Time) bool {
	if e.Expires == "" {
		return false
	}
	day, err := time.Parse(time.DateOnly, e.Expires)
	if err != nil {
		at.Wrong("is %s; wanted a day such as 2027-12-31", at.Shown())
		return false
	}
	return now.After(day.AddDate(0, 0, 1))
}

// Empty reports whether nothing is listed.
func (b *Baseline) Empty() bool { return len(b.Known) == 0 }

// covers reports whether the entry is about the case.
func (e Entry) covers(c result.Case) bool {
	return e.Case == c.ID || e.Requirement != "" && slices.Contains(c.Requirements, e.Requirement)
}

// News is what a run shows beyond its baseline.
type News struct {
	New       []result.Case // failed and not listed
	Errors    []result.Case // not judged and not listed
	Gone      []Entry       // listed, judged, and now better
	Unmatched []Entry       // listed, but no case of that name exists in a full run
}

// Apply marks the known deviations in the run and returns the news. A warn is
// listed to be explained; a new one is not news.
func (b *Baseline) Apply(run *result.Run) News {
	var news News
	seen := make([]bool, len(b.Known))
	met := make([]bool, len(b.Known))
	for i := range run.Cases {
		c := &run.Cases[i]
		for k, e := range b.Known {
			if !e.covers(*c) {
				continue
			}
			seen[k] = true
			if e.Outcome == c.Outcome {
				met[k] = true
				c.Known = e.Reason
			}
		}
		switch {
		case c.Known != "":
		case c.Outcome == result.Fail:
			news.New = append(news.New, *c)
		case c.Outcome == result.Error:
			news.Errors = append(news.Errors, *c)
		}
	}
	whole := len(run.Selection.Arguments) == 0 && run.Selection.LabelFilter == "" && !run.Selection.Smoke && !run.Interrupted
	for k, e := range b.Known {
		switch {
		case seen[k] && !met[k] && !run.Interrupted:
			news.Gone = append(news.Gone, e)
		case !seen[k] && whole:
			news.Unmatched = append(news.Unmatched, e)
		}
	}
	return news
}

// Bad reports whether the run differs from its baseline in a way that needs a
// person: a new failure, or an entry that is no longer true.
func (n News) Bad() bool { return len(n.New)+len(n.Gone)+len(n.Unmatched) > 0 }

// NotJudged reports whether a case that is not listed could not be judged.
func (n News) NotJudged() bool { return len(n.Errors) > 0 }

// Lines tells the news, one line each.
func (n News) Lines() []string {
	var lines []string
	for _, e := range n.Gone {
		lines = append(lines, fmt.Sprintf("baseline: %s is listed as %s but is not any more; remove the entry (%s)",
			e.Case+e.Requirement, e.Outcome, e.Reason))
	}
	for _, e := range n.Unmatched {
		lines = append(lines, fmt.Sprintf("baseline: no case answers to %s; remove or correct the entry", e.Case+e.Requirement))
	}
	return lines
}

// Write makes a baseline of all failures of a run, for a person to explain. It
// replaces the file as a whole and keeps the reasons already known.
func Write(path string, run result.Run) error {
	var b Baseline
	for _, c := range run.Cases {
		if c.Outcome != result.Fail && c.Outcome != result.Error {
			continue
		}
		reason := c.Known
		if reason == "" {
			reason = "unexplained: " + strings.ToValidUTF8(c.Message, "�")
		}
		b.Known = append(b.Known, Entry{Case: c.ID, Outcome: c.Outcome, Clause: strings.Join(c.Requirements, " "), Reason: reason})
	}
	data, err := yaml.Marshal(b)
	if err != nil {
		return err
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, data, 0o644); err != nil { //nolint:gosec // a baseline is shared
		return err
	}
	return os.Rename(temporary, path)
}
