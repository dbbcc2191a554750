//go:build unix

package main

import (
	"os"
	"syscall"
)

// lock reports whether this process alone holds a file now, until it closes it.
func lock(file *os.File) bool {
	return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}
