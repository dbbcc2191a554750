package result

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// LoadLine is one line of the journal of a load run: its header, a window, or
// its end. The journal is written as the run goes, so that a run that was killed
// still has everything up to its last window.
type LoadLine struct {
	Header *Load   `json:"header,omitempty"`
	Window *Window `json:"window,omitempty"`
	End    *Load   `json:"end,omitempty"` // without windows and latency
}

// LoadJournal writes a journal.
type LoadJournal struct{ w io.Writer }

// NewLoadJournal writes a journal to w.
func NewLoadJournal(w io.Writer) *LoadJournal { return &LoadJournal{w} }

// Header begins the journal.
func (j *LoadJournal) Header(l Load) error { return j.line(LoadLine{Header: &l}) }

// Window adds a window.
func (j *LoadJournal) Window(w Window) error { return j.line(LoadLine{Window: &w}) }

// End closes the journal.
func (j *LoadJournal) End(l Load) error { return j.line(LoadLine{End: &l}) }

func (j *LoadJournal) line(l LoadLine) error {
	data, err := json.Marshal(l)
	if err != nil {
		return err
	}
	_, err = j.w.Write(append(data, '\n'))
	return err
}

// WriteLoad writes a load run as indented JSON.
func WriteLoad(w io.Writer, l Load) error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(l); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

// ReadLoad reads a load.json or the journal of a run, and refuses what this
// version does not understand. Totals are made anew from the windows, so that
// they cannot contradict them.
func ReadLoad(r io.Reader) (Load, error) {
	in := bufio.NewReader(io.LimitReader(r, maxFile))
	decoder := json.NewDecoder(in)
	var first struct {
		LoadLine
		Load
	}
	if err := decoder.Decode(&first); err != nil {
		return Load{}, fmt.Errorf("not a load result: %w", err)
	}
	l := first.Load
	if first.Header != nil {
		var err error
		if l, err = readJournal(*first.Header, decoder); err != nil {
			return Load{}, err
		}
	}
	switch {
	case l.Kind == "conformance":
		return Load{}, errors.New("this is the result of a conformance run; \"cibatest report\" renders it")
	case l.Kind != "load":
		return Load{}, fmt.Errorf("kind %q is not a load run", l.Kind)
	case l.Version != Version:
		return Load{}, fmt.Errorf("version %q of the result file is not understood; this program reads version %s", l.Version, Version)
	}
	return l, l.Sum()
}

// readJournal puts a run together from the lines after its header. The last one
// may be half written.
func readJournal(header Load, decoder *json.Decoder) (Load, error) {
	l := header
	l.Unfinished = true
	var windows []Window
	for {
		var line LoadLine
		err := decoder.Decode(&line)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			l.Windows = windows
			return l.left(), nil
		case err != nil:
			return Load{}, fmt.Errorf("journal, after %d windows: %w", len(windows), err)
		case line.Window != nil:
			windows = append(windows, *line.Window)
		case line.End != nil:
			l = *line.End
		}
	}
}

// left is the run of a journal that may lack its end: what was under way then
// counts as abandoned.
func (l Load) left() Load {
	if !l.Unfinished || len(l.Windows) == 0 {
		return l
	}
	counters := map[string]int64{}
	for _, w := range l.Windows {
		counters = added(counters, w.Counters)
		l.DurationMS = w.StartMS + w.SpanMS
	}
	f := FunnelOf(counters)
	last := &l.Windows[len(l.Windows)-1]
	last.Counters = added(last.Counters, map[string]int64{
		CountRefused: 0, CountAbandoned: f.Acknowledged - f.Ended(),
	})
	if unanswered := f.Started - f.Refused - f.Acknowledged; unanswered > 0 {
		last.Counters[CountRefused] += unanswered
		last.FailedFor = added(last.FailedFor, map[string]int64{"backchannel request: the run ended first": unanswered})
	}
	l.Verdict = Aborted
	l.Reasons = []string{"the run was killed; this is made from its journal"}
	return l
}
