package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// interruptible is a context that the first signal to end cancels, so that a run
// drains and what was measured is written. A closed terminal counts as such a signal,
// unless nohup keeps it away. The second signal ends the process at once, by the
// system's own hand, whatever this program is busy with. Its release ends the handling.
func interruptible() (ctx context.Context, release func()) {
	ending := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		ending = append(ending, syscall.SIGHUP)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), ending...)
	// Reset, and not only the end of our own handler: the tree of cases is built by
	// Ginkgo, whose handler stays for good and would swallow every further signal.
	keep := context.AfterFunc(ctx, func() { signal.Reset(ending...) })
	return ctx, func() {
		keep()
		cancel()
	}
}

// outliveReaders keeps the process alive when whoever read its standard error or
// output has gone: the write fails, and the results are still written. Unlike ignoring
// the signal, this is not handed on to the commands that decide for users.
func outliveReaders() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }
