package mockdevice

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// event is one line of the audit. It holds no secret: a request is named by the
// digest of its auth_req_id, and what the OP asked by a digest too.
type event struct {
	Seq      int64  `json:"seq"`
	Wall     string `json:"wall"`    // RFC 3339, UTC
	Mono     int64  `json:"mono_ns"` // nanoseconds since the run started, unmoved by clock changes
	Run      string `json:"run"`     // a name for each run of the device
	Event    string `json:"event"`
	Ref      string `json:"ref,omitempty"`
	Adapter  string `json:"adapter,omitempty"`
	Rule     string `json:"rule,omitempty"` // of a decision: who made it
	Decision Action `json:"decision,omitempty"`
	Details  string `json:"authorization_details,omitempty"` // a digest
	Status   int    `json:"status,omitempty"`                // the OP's HTTP status
	Note     string `json:"note,omitempty"`
	Prev     string `json:"prev"` // the hash of the line before
}

// The events.
const (
	started      = "started"
	recovered    = "recovered" // a torn last line was removed
	received     = "received"
	shown        = "shown" // everything was visible on the phone page
	decided      = "decided"
	delivered    = "delivered" // the OP answered, whatever it said
	acknowledged = "acknowledged"
	failed       = "failed"
	reset        = "reset"
)

// Audit is an append-only file of JSON lines, each with a hash over itself and the
// line before. A nil Audit writes nothing. Every line is written by one write call
// before what it tells of happens next, so killing the process at any byte loses no
// decision that was delivered.
type Audit struct {
	mu      sync.Mutex
	file    io.WriteCloser
	seq     int64
	prev    string
	run     string
	start   time.Time
	decided map[key]Action // by earlier runs
	err     error
}

// OpenAudit continues the audit in a file, or begins one. A last line that was cut
// off by a crash is removed; a file whose chain is broken is refused.
func OpenAudit(path string) (*Audit, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the user names the file
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	a, err := continueAudit(file)
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("audit %s: %w", path, err)
	}
	return a, nil
}

func continueAudit(file *os.File) (*Audit, error) {
	if err := lock(file); err != nil {
		return nil, err
	}
	a := &Audit{file: file, run: rand.Text()[:8], start: time.Now(), decided: map[key]Action{}}
	v, err := verify(file, a.remember)
	if err != nil {
		return nil, fmt.Errorf("%w; move the file away to begin a new one", err)
	}
	if err := file.Truncate(v.Bytes); err != nil {
		return nil, err
	}
	if _, err := file.Seek(v.Bytes, io.SeekStart); err != nil {
		return nil, err
	}
	a.seq, a.prev = v.Lines, v.Head
	if v.Torn > 0 {
		a.note(event{Event: recovered, Note: fmt.Sprintf("%d bytes of a torn line were removed", v.Torn)})
	}
	return a, a.write(event{Event: started})
}

// remember collects the decisions of earlier runs.
func (a *Audit) remember(e event) {
	switch e.Event {
	case reset:
		clear(a.decided)
	case decided:
		if k, ok := parseKey(e.Ref); ok {
			a.decided[k] = e.Decision
		}
	}
}

// decidedBefore says what an earlier run decided.
func (a *Audit) decidedBefore(k key) (Action, bool) {
	if a == nil {
		return "", false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	action, ok := a.decided[k]
	return action, ok
}

func (a *Audit) forget() {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.decided)
}

// note writes an event nothing depends on; a failure is told by [Audit.Close].
func (a *Audit) note(e event) { _ = a.write(e) }

// write appends one event.
func (a *Audit) write(e event) error {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err != nil {
		return a.err
	}
	now := time.Now()
	e.Seq, e.Prev, e.Run = a.seq+1, a.prev, a.run
	e.Wall, e.Mono = now.UTC().Format(time.RFC3339Nano), now.Sub(a.start).Nanoseconds()
	line, hash, err := seal(e)
	if err == nil {
		_, err = a.file.Write(line)
	}
	if err != nil {
		a.err = fmt.Errorf("the audit cannot be written, so nothing is decided any more: %w", err)
		return a.err
	}
	a.seq, a.prev = e.Seq, hash
	return nil
}

// Close ends the audit and says whether all of it was written.
func (a *Audit) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return errors.Join(a.err, a.file.Close())
}

// A line ends in its own hash, which covers every byte before it.
const (
	hashStart = `,"hash":"`
	hashEnd   = `"}`
)

func seal(e event) (line []byte, hash string, err error) {
	body, err := json.Marshal(e)
	if err != nil {
		return nil, "", err
	}
	body = body[:len(body)-1]
	hash = hashOf(body)
	return []byte(string(body) + hashStart + hash + hashEnd + "\n"), hash, nil
}

func hashOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// unseal reads a line back and checks its hash and place.
func unseal(line []byte, seq int64, prev string) (e event, hash string, err error) {
	at := bytes.LastIndex(line, []byte(hashStart))
	if at < 0 {
		return e, "", errors.New("the hash is missing")
	}
	hash, ok := strings.CutSuffix(string(line[at+len(hashStart):]), hashEnd)
	if !ok || hash != hashOf(line[:at]) {
		return e, "", errors.New("the line was changed: its hash does not fit")
	}
	if err := json.Unmarshal(line, &e); err != nil {
		return e, "", fmt.Errorf("the line is not an event: %w", err)
	}
	switch {
	case e.Seq != seq:
		return e, "", fmt.Errorf("event %d stands where %d belongs: lines were removed, added or moved", e.Seq, seq)
	case e.Prev != prev:
		return e, "", errors.New("the line does not follow the one before it")
	}
	return e, hash, nil
}

// Verification is what an audit file amounts to.
type Verification struct {
	Lines  int64          `json:"lines"`
	Bytes  int64          `json:"bytes"` // of whole lines
	Torn   int64          `json:"torn"`  // bytes after the last whole line, as a crash leaves them
	Head   string         `json:"head"`  // the hash of the last line; keep it elsewhere to notice a cut tail
	Events map[string]int `json:"events"`
}

// VerifyAudit checks the chain of an audit file, and says in which line it breaks.
func VerifyAudit(r io.Reader) (Verification, error) { return verify(r, func(event) {}) }

func verify(r io.Reader, each func(event)) (Verification, error) {
	v := Verification{Events: map[string]int{}}
	lines := bufio.NewReaderSize(r, 1<<16)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			v.Torn = int64(len(line))
			return v, nil
		}
		if err != nil {
			return v, err
		}
		e, hash, err := unseal(line[:len(line)-1], v.Lines+1, v.Head)
		if err != nil {
			return v, fmt.Errorf("line %d: %w", v.Lines+1, err)
		}
		v.Lines, v.Bytes, v.Head = v.Lines+1, v.Bytes+int64(len(line)), hash
		v.Events[e.Event]++
		each(e)
	}
}

// digest names authorization_details without repeating them.
func digest(details json.RawMessage) string {
	if len(details) == 0 {
		return ""
	}
	var compacted bytes.Buffer
	if json.Compact(&compacted, details) != nil {
		return ""
	}
	return "sha256:" + hashOf(compacted.Bytes())
}
