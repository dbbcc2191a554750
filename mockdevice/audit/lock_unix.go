//go:build unix

package audit

import (
	"errors"
	"os"
	"syscall"
)

// lock keeps a second device from writing into the same audit. The system lets go
// of it when the process ends, however it ends.
func lock(file *os.File) error {
	if syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return errors.New("another device writes to it")
	}
	return nil
}
