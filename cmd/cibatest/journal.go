package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/cibatest/cibatest/reports/result"
	"github.com/cibatest/cibatest/suites"
)

// journalName is the file with what a run has found so far. It is there from the
// beginning of a run until its result is, so that nothing is lost when the process is
// killed: "cibatest report" reads it.
const journalName = "run.ndjson"

// journal writes the head of a result and then every case as it ends, a JSON document
// a line. That it cannot be written is no reason to end a run.
type journal struct {
	mu   sync.Mutex
	file *os.File
	path string
	err  error // the first one; nothing is written after it
}

// openJournal begins the journal of a run.
func openJournal(path string, head result.Run) (*journal, error) {
	file, err := createInPlace(path)
	if err != nil {
		return nil, err
	}
	j := &journal{file: file, path: path}
	if j.add(head); j.err != nil {
		return nil, errors.Join(j.err, file.Close())
	}
	return j, nil
}

// addCase writes a case, without its evidence where that is more than a reader takes.
func (j *journal) addCase(c result.Case) {
	size := 0
	for _, e := range c.Exchanges {
		size += len(e.Request.Body)
		if e.Response != nil {
			size += len(e.Response.Body)
		}
	}
	if size > longestLine/8 { // escaped, a byte takes up to six
		c.Exchanges = nil
	}
	j.add(c)
}

// add writes one line.
func (j *journal) add(value any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err == nil {
		j.err = writeLine(j.file, value)
	}
}

// writeLine writes a whole line at once, so that a reader finds at most the last one
// torn.
func writeLine(w io.Writer, value any) error {
	line, err := json.Marshal(value)
	if err == nil {
		_, err = behindDoor(w).Write(append(line, '\n'))
	}
	return err
}

// close ends the journal; done removes it, since the result says it all.
func (j *journal) close(done bool) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	err := j.file.Close()
	if done {
		return os.Remove(j.path)
	}
	return errors.Join(j.err, err)
}

// longestLine bounds a line of a journal, which is a case with its evidence.
const longestLine = 64 << 20

// readJournal makes a result of the journal of a run that was cut off. A torn last line
// is left out.
func readJournal(r io.Reader) (result.Run, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, longestLine)
	var run result.Run
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &run) != nil || run.Version != result.Version {
		return result.Run{}, errors.New("not the journal of a conformance run of this version")
	}
	for n := 2; lines.Scan(); n++ {
		var c result.Case
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			if lines.Scan() {
				return result.Run{}, fmt.Errorf("line %d is no case: %w", n, err)
			}
			break
		}
		run.Cases = append(run.Cases, c)
		run.DurationMS = max(run.DurationMS, c.StartedMS+c.DurationMS)
	}
	run.Notes = append(run.Notes, "the run was cut off; this is what its journal says")
	run.Interrupted = true
	return suites.Conclude(run), lines.Err()
}
