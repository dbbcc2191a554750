package audit

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/cibatest/cibatest/mockdevice/wire"
)

// Log is an audit that is being written. A nil Log writes nothing. Make one with [Open].
type Log struct {
	mu      sync.Mutex
	file    io.WriteCloser
	seq     int64
	prev    string
	run     string
	start   time.Time
	decided map[wire.Key]wire.Action // by earlier runs
	err     error                    // why nothing can be written any more
	broken  chan struct{}            // closed when err is set
	key     []byte                   // nil: the chain has no key
}

// Option changes how an audit is written.
type Option func(*Log)

// WithKey seals every line with a key (HMAC-SHA-256): a chain that was computed anew
// without it does not verify. An audit that was begun with another key, or without one,
// is not continued.
func WithKey(key []byte) Option { return func(l *Log) { l.key = key } }

// Open continues the audit in a file, or begins one. A last line that was cut
// off by a crash is removed; a file whose chain is broken is refused.
func Open(path string, options ...Option) (*Log, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the user names the file
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	l, err := resume(file, options...)
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("audit %s: %w", path, err)
	}
	return l, nil
}

// resume takes up a file that no other device has open: it checks the chain, learns what was
// decided, and cuts off a torn line.
func resume(file *os.File, options ...Option) (*Log, error) {
	if err := lock(file); err != nil {
		return nil, err
	}
	l := &Log{file: file, run: rand.Text()[:8], start: time.Now(), decided: map[wire.Key]wire.Action{}, broken: make(chan struct{})}
	for _, o := range options {
		o(l)
	}
	v, err := verify(file, l.key, l.remember)
	if err != nil {
		return nil, fmt.Errorf("%w; move the file away to begin a new one", err)
	}
	if err := file.Truncate(v.Bytes); err != nil {
		return nil, err
	}
	if _, err := file.Seek(v.Bytes, io.SeekStart); err != nil {
		return nil, err
	}
	l.seq, l.prev = v.Lines, v.Head
	if v.Torn > 0 {
		l.Note(Entry{Event: Recovered, Note: fmt.Sprintf("%d bytes of a torn line were removed", v.Torn)})
	}
	return l, l.Write(Entry{Event: Started})
}

// remember collects the decisions of earlier runs.
func (l *Log) remember(e Entry) {
	switch e.Event {
	case Reset:
		clear(l.decided)
	case Decided:
		if k, ok := wire.ParseKey(e.Ref); ok {
			l.decided[k] = e.Decision
		}
	}
}

// DecidedBefore is what an earlier run decided about a request.
func (l *Log) DecidedBefore(k wire.Key) (wire.Action, bool) {
	if l == nil {
		return "", false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	action, ok := l.decided[k]
	return action, ok
}

// Forget drops what earlier runs decided, as a reset of the device does.
func (l *Log) Forget() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.decided)
}

// Head is the hash of the last line: kept elsewhere, it shows whether lines were added,
// cut off or computed anew.
func (l *Log) Head() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.prev
}

// Err is nil as long as the audit can be written, and wraps [wire.ErrNoAudit] afterwards.
func (l *Log) Err() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// Broken is closed when the audit cannot be written any more; [Log.Err] says why.
func (l *Log) Broken() <-chan struct{} { return l.broken }

// Note writes an entry that nothing depends on; a failure is told by [Log.Err].
func (l *Log) Note(e Entry) { _ = l.Write(e) }

// Write appends one entry. After a failure every entry fails, so that nothing is done
// that is not on file.
func (l *Log) Write(e Entry) error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	now := time.Now()
	e.Seq, e.Prev, e.Run = l.seq+1, l.prev, l.run
	e.Wall, e.Mono = now.UTC().Format(time.RFC3339Nano), now.Sub(l.start).Nanoseconds()
	line, hash, err := seal(e, l.key)
	if err == nil {
		_, err = l.file.Write(line)
	}
	if err != nil {
		l.err = fmt.Errorf("%w: %w", wire.ErrNoAudit, err)
		close(l.broken)
		return l.err
	}
	l.seq, l.prev = e.Seq, hash
	return nil
}

// Close ends the audit. The error tells what was not written.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.err, l.file.Close())
}
