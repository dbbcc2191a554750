package main

import (
	"fmt"
	"io"
	"os"
)

// What a person hands over is bounded: a path may lead to a device without an end.
const (
	maxInput = 1 << 20  // of a file that a person writes, in bytes
	maxUsers = 64 << 20 // of a list of users
)

// readFile reads a file whole, if it has no more than so many bytes.
func readFile(path string, most int64) ([]byte, error) {
	file, err := os.Open(path) //nolint:gosec // the user names the file
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	data, err := readAtMost(file, most)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, nil
}

// readAtMost reads to the end, if that is not beyond so many bytes.
func readAtMost(in io.Reader, most int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(in, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("is larger than %d KiB", most>>10)
	}
	return data, err
}
