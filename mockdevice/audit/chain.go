package audit

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A line ends in its own hash, which covers every byte before it. Without a key anybody
// can compute a chain anew: then only a head that was kept elsewhere tells.
const (
	hashStart = `,"hash":"`
	hashEnd   = `"}`
)

// seal writes an entry with its hash.
func seal(e Entry, key []byte) (line []byte, hash string, err error) {
	body, err := json.Marshal(e)
	if err != nil {
		return nil, "", err
	}
	body = body[:len(body)-1]
	hash = sealOf(body, key)
	return []byte(string(body) + hashStart + hash + hashEnd + "\n"), hash, nil
}

// sealOf is an HMAC-SHA-256 in hexadecimal digits, or without a key a plain SHA-256.
func sealOf(body, key []byte) string {
	if len(key) == 0 {
		return hashOf(body)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// hashOf is a SHA-256 in hexadecimal digits.
func hashOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// unseal reads a line back and checks its hash and place.
func unseal(line, key []byte, seq int64, prev string) (e Entry, hash string, err error) {
	at := bytes.LastIndex(line, []byte(hashStart))
	if at < 0 {
		return e, "", errors.New("the hash is missing")
	}
	hash, ok := strings.CutSuffix(string(line[at+len(hashStart):]), hashEnd)
	switch {
	case ok && hash == sealOf(line[:at], key):
	case ok && len(key) > 0 && hash == hashOf(line[:at]):
		return e, "", errors.New("the line was not sealed with the key, but without one: anybody may have written it")
	case len(key) > 0:
		return e, "", errors.New("the line was changed, or sealed with another key: its hash does not fit")
	default:
		return e, "", errors.New("the line was changed, or sealed with a key that was not given: its hash does not fit")
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
	Keyed  bool           `json:"keyed"` // the chain was sealed with the key given
	Head   string         `json:"head"`  // the hash of the last line; keep it elsewhere to notice a cut tail
	Events map[string]int `json:"events"`
}

// Verify checks the chain of an audit file, with the key it was sealed with, or nil. The
// error names the line in which it breaks. That a chain without a key is consistent says
// nothing about who has written it.
func Verify(r io.Reader, key []byte) (Verification, error) { return verify(r, key, func(Entry) {}) }

// longestLine bounds a line in bytes, far beyond what an entry has.
const longestLine = 1 << 20

// verify reads to the end of the last whole line and hands over each entry. Memory does not
// grow with the file.
func verify(r io.Reader, key []byte, each func(Entry)) (Verification, error) {
	v := Verification{Events: map[string]int{}, Keyed: len(key) > 0}
	lines := bufio.NewReaderSize(r, longestLine)
	for {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			v.Torn = int64(len(line))
			return v, nil
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			return v, fmt.Errorf("line %d is longer than %d bytes: this is no audit", v.Lines+1, longestLine)
		}
		if err != nil {
			return v, err
		}
		e, hash, err := unseal(line[:len(line)-1], key, v.Lines+1, v.Head)
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
