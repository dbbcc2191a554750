package audit

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A line ends in its own hash, which covers every byte before it.
const (
	hashStart = `,"hash":"`
	hashEnd   = `"}`
)

// seal writes an entry with its hash.
func seal(e Entry) (line []byte, hash string, err error) {
	body, err := json.Marshal(e)
	if err != nil {
		return nil, "", err
	}
	body = body[:len(body)-1]
	hash = hashOf(body)
	return []byte(string(body) + hashStart + hash + hashEnd + "\n"), hash, nil
}

// hashOf is a SHA-256 in hexadecimal digits.
func hashOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// unseal reads a line back and checks its hash and place.
func unseal(line []byte, seq int64, prev string) (e Entry, hash string, err error) {
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

// Verify checks the chain of an audit file. The error names the line in which it breaks.
func Verify(r io.Reader) (Verification, error) { return verify(r, func(Entry) {}) }

// verify reads to the end of the last whole line and hands over each entry. Memory does not
// grow with the file.
func verify(r io.Reader, each func(Entry)) (Verification, error) {
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

// Digest names authorization_details without repeating them.
func Digest(details json.RawMessage) string {
	if len(details) == 0 {
		return ""
	}
	var compacted bytes.Buffer
	if json.Compact(&compacted, details) != nil {
		return ""
	}
	return "sha256:" + hashOf(compacted.Bytes())
}
