package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// folder is where the results of a run go. It is held for one run at a time, so that
// two of them do not mix their files. The caller closes it.
type folder struct {
	path string
	held *os.File
}

// openFolder creates the folder where it is missing. The error says why the results
// could not be written in the end, which is to be known before a run and not after it.
func openFolder(path string, names ...string) (*folder, error) {
	if err := os.MkdirAll(path, 0o755); err != nil { //nolint:gosec // reports are made to be read by others
		return nil, err
	}
	for _, name := range names {
		if info, err := os.Lstat(filepath.Join(path, name)); err == nil && info.IsDir() {
			return nil, fmt.Errorf("%s is a folder, but is to become a file", filepath.Join(path, name))
		}
	}
	held, err := os.Open(path) //nolint:gosec // the user names the folder
	if err != nil {
		return nil, err
	}
	if !lock(held) {
		return nil, errors.Join(fmt.Errorf("%s is in use by another run", path), held.Close())
	}
	return &folder{path, held}, nil
}

// Close lets others use the folder.
func (f *folder) Close() { _ = f.held.Close() }

// file is the path of a file in the folder.
func (f *folder) file(name string) string { return filepath.Join(f.path, name) }

// createInPlace creates an empty file in the place of whatever has its name, a link
// included, and leaves what a link leads to alone.
func createInPlace(path string) (*os.File, error) {
	file, err := createBeside(path)
	if err != nil {
		return nil, err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return nil, errors.Join(err, file.Close(), os.Remove(file.Name()))
	}
	return file, nil
}

// createBeside creates a new file in the folder of another one, which it is to replace.
// No link that somebody put there is followed, and the file is open to whom the
// process's umask says.
func createBeside(path string) (*os.File, error) {
	name := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+rand.Text())
	return os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666) //nolint:gosec // the umask decides
}
