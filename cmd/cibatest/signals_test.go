package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cibatest/cibatest/suites"
)

// asStuck makes this test binary a run that has built the tree of cases and then
// never comes to its end.
const asStuck = "CIBATEST_TEST_AS_STUCK"

func stuck() {
	ctx, release := interruptible()
	defer release()
	if _, err := (suites.Selection{}).Cases(); err != nil {
		panic(err)
	}
	fmt.Println("under way")
	<-ctx.Done()
	fmt.Println("interrupted")
	time.Sleep(time.Minute)
}

func TestSecondSignalEndsAStuckRun(t *testing.T) {
	t.Parallel()
	for _, ending := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(ending.String(), func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), asStuck+"=1")
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(out)
			for _, want := range []string{"under way", "interrupted"} {
				if !lines.Scan() || lines.Text() != want {
					t.Fatalf("got %q, want %q", lines.Text(), want)
				}
				time.Sleep(50 * time.Millisecond) // for the handlers behind the context
				if err := cmd.Process.Signal(ending); err != nil {
					t.Fatal(err)
				}
			}
			rest, _ := io.ReadAll(out)
			err = cmd.Wait()
			if status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != ending {
				t.Errorf("the second %v left %v, %v %s", ending, cmd.ProcessState, err, strings.TrimSpace(string(rest)))
			}
		})
	}
}
