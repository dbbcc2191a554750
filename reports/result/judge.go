package result

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// worstFirst ranks the outcomes that a case can have.
var worstFirst = []Outcome{Fail, Error, Warn, Info, Pass, Skip}

// Worst is the worst of some outcomes of cases, Uncovered when there are none.
func Worst(outcomes ...Outcome) Outcome {
	for _, o := range worstFirst {
		if slices.Contains(outcomes, o) {
			return o
		}
	}
	return Uncovered
}

// WorseThan reports whether one outcome of a case is worse than another. Uncovered
// and unknown words are no outcomes of a case and have no place in the order.
func (o Outcome) WorseThan(other Outcome) bool {
	return slices.Index(worstFirst, o) < slices.Index(worstFirst, other)
}

// rank is the place of an outcome among [worstFirst], the last one for what is not there.
func (o Outcome) rank() int {
	if i := slices.Index(worstFirst, o); i >= 0 {
		return i
	}
	return len(worstFirst)
}

// Summarise counts cases by outcome.
func Summarise(cases []Case) Summary {
	var s Summary
	counters := map[Outcome]*int{Pass: &s.Pass, Fail: &s.Fail, Warn: &s.Warn, Info: &s.Info, Skip: &s.Skip, Error: &s.Error}
	for _, c := range cases {
		if n := counters[c.Outcome]; n != nil {
			*n++
		}
	}
	return s
}

// KindOf is the kind of a result file or of a journal: "conformance" or "load". It is empty
// for what is neither.
func KindOf(r io.Reader) string {
	var first struct {
		Kind   string `json:"kind"`
		Header struct {
			Kind string `json:"kind"`
		} `json:"header"`
	}
	if err := json.NewDecoder(io.LimitReader(r, maxFile)).Decode(&first); err != nil {
		return ""
	}
	return cmp.Or(first.Kind, first.Header.Kind)
}

// maxFile bounds a result file.
const maxFile = 256 << 20

// Read reads a result file and refuses what this version does not understand.
func Read(r io.Reader) (Run, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return Run{}, err
	}
	if len(data) > maxFile {
		return Run{}, fmt.Errorf("the file is larger than %d MiB", maxFile>>20)
	}
	var run Run
	if err := json.Unmarshal(data, &run); err != nil {
		return Run{}, fmt.Errorf("not a result file: %w", err)
	}
	switch {
	case run.Version == "":
		return Run{}, errors.New("not a result file: it has no version")
	case run.Version != Version:
		return Run{}, fmt.Errorf("version %q of the result file is not understood; this program reads version %s", run.Version, Version)
	case run.Kind == "load":
		return Run{}, errors.New("this is the result of a load run; \"cibatest report load\" renders it")
	case run.Kind != "conformance":
		return Run{}, fmt.Errorf("kind %q is not understood; this program reads results of conformance runs", run.Kind)
	}
	return run, nil
}

// Write writes a run as indented JSON, and never more of it than [Read] takes: evidence
// that would not fit is left out, which a note of the run says.
func Write(w io.Writer, run Run) error { return writeAtMost(w, run, maxFile) }

func writeAtMost(w io.Writer, run Run, most int) error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	for _, keep := range []func(Case) bool{
		nil, // everything
		func(c Case) bool { return c.Outcome != Pass },
		func(Case) bool { return false },
	} {
		b.Reset()
		if err := encoder.Encode(run.withEvidenceOf(keep, most)); err != nil {
			return err
		}
		if b.Len() <= most {
			break
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// withEvidenceOf is the run with the exchanges of some cases only; nil is all of them.
func (r Run) withEvidenceOf(keep func(Case) bool, most int) Run {
	if keep == nil {
		return r
	}
	r.Cases = slices.Clone(r.Cases)
	left := 0
	for i := range r.Cases {
		if c := &r.Cases[i]; len(c.Exchanges) > 0 && !keep(*c) {
			c.Exchanges = nil
			left++
		}
	}
	note := fmt.Sprintf("the exchanges of %d cases are left out: with them the file would be larger than %d MiB", left, most>>20)
	r.Notes = append(slices.Clone(r.Notes), note)
	return r
}
