package ciba

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// Every request asks for identity, and an OP, or what stands before it, may compress its
// answers all the same: RFC 9110 12.5.3 only says that it should not.

// maxCodings bounds the content codings of one answer; real ones have one.
const maxCodings = 4

var (
	// ErrUnknownCoding is why an answer cannot be read whose content coding nobody asked for.
	ErrUnknownCoding = errors.New("a content coding that is not spoken here, although identity was asked for")

	// ErrTooLongDecoded is why an answer is not read that is short on the wire only.
	ErrTooLongDecoded = errors.New("longer than what is read of an answer, once decoded")
)

// Codings are the content codings of an answer in the order in which they were applied, in
// lower case. It is empty for identity. RFC 9110 8.4.
func Codings(h http.Header) []string {
	lines := h["Content-Encoding"]
	if len(lines) == 0 {
		return nil
	}
	list := strings.Split(strings.ToLower(strings.Join(lines, ",")), ",")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return slices.DeleteFunc(list, func(coding string) bool { return coding == "" || coding == "identity" })
}

// Decode undoes the content codings gzip and deflate of a body, up to a number of bytes.
// Without a coding the body is returned as it is. The error wraps [ErrUnknownCoding] or
// [ErrTooLongDecoded], or tells what is wrong with the body; what could be decoded comes
// along.
func Decode(h http.Header, body []byte, limit int64) ([]byte, error) {
	codings := Codings(h)
	if len(body) == 0 {
		return body, nil
	}
	if len(codings) > maxCodings {
		return body, fmt.Errorf("%d content codings, no more than %d are undone", len(codings), maxCodings)
	}
	for _, coding := range slices.Backward(codings) {
		decoded, err := undo(coding, body, limit)
		if err != nil {
			return decoded, fmt.Errorf("Content-Encoding %q: %w", Printable(coding), err)
		}
		body = decoded
	}
	return body, nil
}

// undo undoes one coding.
func undo(coding string, body []byte, limit int64) ([]byte, error) {
	var r io.Reader
	var err error
	switch coding {
	case "gzip", "x-gzip":
		r, err = gzip.NewReader(bytes.NewReader(body))
	case "deflate":
		r, err = inflater(body)
	default:
		return body, ErrUnknownCoding
	}
	if err != nil {
		return body, err
	}
	decoded, err := io.ReadAll(io.LimitReader(r, limit+1))
	if int64(len(decoded)) > limit {
		return decoded[:limit], ErrTooLongDecoded
	}
	return decoded, err
}

// inflater reads deflate, which is zlib (RFC 9110 8.4.1.2) and which some servers send
// without the frame of zlib.
func inflater(body []byte) (io.Reader, error) {
	framed, err := zlib.NewReader(bytes.NewReader(body))
	if errors.Is(err, zlib.ErrHeader) {
		return flate.NewReader(bufio.NewReader(bytes.NewReader(body))), nil
	}
	return framed, err
}
