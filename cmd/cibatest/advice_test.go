package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/internal/lab"
)

// A mistake at the command line is told with the way on.
func TestAdvice(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	folder := t.TempDir()
	conformance := filepath.Join(folder, "run.json")
	if err := os.WriteFile(conformance, []byte(`{"version":"1","kind":"conformance"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	target := startLab(t, lab.Options{})
	for name, c := range map[string]struct{ args, want []string }{
		"a taken port":     {[]string{"listen", "--listen", taken.Addr().String()}, []string{"is another cibatest running, such as", "with --listen"}},
		"an unknown mode":  {[]string{"authorize", "--target", target, "--mode", "pong"}, []string{`--mode "pong" is none of poll, ping, push`}},
		"the other result": {[]string{"report", "load", conformance}, []string{`"cibatest report" renders it`}},
		"no baseline": {
			[]string{"conform", "--target", target, "--baseline", filepath.Join(folder, "known.yaml"), "metadata-issuer"},
			[]string{"--update-baseline writes it"},
		},
	} {
		code, _, errOut := called(t, c.args...)
		for _, want := range c.want {
			if code != exitUsage || !strings.Contains(errOut, want) || strings.Contains(errOut, "notifications.listen") {
				t.Errorf("%s: exit %d, %q is missing in %q", name, code, want, errOut)
			}
		}
	}
}
