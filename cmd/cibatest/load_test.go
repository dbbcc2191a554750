package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
)

func TestGCPercentFallsWithTheHeap(t *testing.T) {
	t.Parallel()
	for live, want := range map[uint64]int{0: 200, 8 << 20: 200, 16 << 20: 100, 32 << 20: 50, 400 << 20: 10, 1 << 40: 10} {
		if got := gcPercent(live); got != want {
			t.Errorf("a heap of %d MiB may grow by %d%%, want %d%%", live>>20, got, want)
		}
	}
}

// Verdicts and what else ends a load have the exit codes of every command.
func TestLoadExitCodes(t *testing.T) {
	t.Parallel()
	acknowledged := map[string]int64{result.CountAcknowledged: 1}
	for _, c := range []struct {
		name string
		load result.Load
		want int
	}{
		{"measured", result.Load{Verdict: result.Measured, Counters: acknowledged}, exitOK},
		{"held", result.Load{Verdict: result.Held, Counters: acknowledged}, exitOK},
		{"missed", result.Load{Verdict: result.Missed, Counters: acknowledged}, exitNonConformant},
		{"saturated", result.Load{Verdict: result.Saturated, Counters: acknowledged}, exitNotJudged},
		{"not judged", result.Load{Verdict: result.Unjudged, Counters: acknowledged}, exitNotJudged},
		{"aborted", result.Load{Verdict: result.Aborted, Counters: acknowledged}, exitNotJudged},
		{"nothing answered", result.Load{Verdict: result.Measured}, exitNotJudged},
		{"interrupted", result.Load{Verdict: result.Missed, Interrupted: true}, exitInterrupted},
	} {
		if got := exitCode(concludeLoad(c.load), &bytes.Buffer{}); got != c.want {
			t.Errorf("%s: exit code %d, want %d", c.name, got, c.want)
		}
	}
}

func TestLoadUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"--rate", "fast"},
		{"--arrivals", "sometimes"},
		{"--mix", "maybe=1"},
		{"--think", "2"},
		{"--pollers", "sync"},
		{"--probes", "200%"},
		{"--slo", "p99"},
		{"--abort-on", "never"},
		{"--param", "x"},
		{"--client", "nobody"},
		{"--client", "signed-a"},
		{"--mode", "pigeon"},
		{"--mode", "ping", "--client", "push-a"},
		{"--patience", "0s"},
		{"--transport", "pigeon"},
		{"--duration", "0s"},
		{"--rar", "/nonexistent"},
		{"--users", "/nonexistent"},
		{"--replay", "/nonexistent"},
		{"extra"},
	} {
		var out, errOut bytes.Buffer
		if code := run(append([]string{"load", "--out", t.TempDir()}, args...), strings.NewReader(""), &out, &errOut); code != exitUsage {
			t.Errorf("%v: exit code %d: %s", args, code, errOut.String())
		}
	}
}

// A short load of the embedded OP writes everything, and the report commands read
// it again and add it up.
func TestLoadAndReports(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	var out, errOut bytes.Buffer
	args := []string{"load", "--rate", "10/s", "--duration", "1s", "--drain", "8s", "--mix", "approve=1", "--think", "fixed:100ms", "--max-lag", "30s", "--slo", "flow.success==100%", "--out", folder}
	if code := run(args, strings.NewReader(""), &out, &errOut); code != exitOK {
		t.Fatalf("exit code %d: %s%s", code, out.String(), errOut.String())
	}
	for _, name := range []string{"load.json", "load.ndjson", "report.html", "junit.xml", "summary.md"} {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	one, err := readLoad(filepath.Join(folder, "load.json"))
	if err != nil || one.Funnel.Approved != 10 || one.Verdict != result.Held {
		t.Fatalf("%v: %+v, %s", err, one.Funnel, one.Verdict)
	}
	file := filepath.Join(folder, "load.json")
	if code := run([]string{"report", "merge", file, filepath.Join(folder, "load.ndjson")}, nil, &out, &errOut); code != exitUsage || !strings.Contains(errOut.String(), "same run") {
		t.Errorf("merged with itself: exit code %d, %s", code, errOut.String())
	}
	for _, c := range []struct {
		verdict     result.LoadVerdict
		interrupted bool
		want        int
	}{
		{result.Held, false, exitOK},
		{result.Missed, false, exitNonConformant},
		{result.Saturated, false, exitNotJudged},
		{result.Held, true, exitInterrupted},
		{result.Missed, true, exitInterrupted},
	} {
		verdict, want := c.verdict, c.want
		twin := one
		twin.Seed, twin.Verdict, twin.Interrupted = one.Seed+1, verdict, c.interrupted
		other, merged := filepath.Join(folder, "other.json"), filepath.Join(folder, "merged.json")
		if err := writeWhole(other, func(w io.Writer) error { return result.WriteLoad(w, twin) }); err != nil {
			t.Fatal(err)
		}
		if code := run([]string{"report", "merge", file, other, "--json", merged}, nil, &out, &errOut); code != want {
			t.Errorf("merged with one that is %s: exit code %d, want %d: %s", verdict, code, want, errOut.String())
		}
		if code := run([]string{"report", "load", other}, nil, &out, &errOut); code != want {
			t.Errorf("rendered again, one that is %s: exit code %d, want %d: %s", verdict, code, want, errOut.String())
		}
		if two, err := readLoad(merged); err != nil || two.Funnel.Approved != 20 || !two.Funnel.AddsUp() || two.Verdict != verdict {
			t.Errorf("%v: %+v, %s", err, two.Funnel, two.Verdict)
		}
	}
	out.Reset()
	if code := run([]string{"report", "load", filepath.Join(folder, "load.ndjson")}, nil, &out, &errOut); code != exitOK || !strings.Contains(out.String(), "HELD") {
		t.Errorf("the journal: exit code %d, %s", code, out.String())
	}
}

// The exit code and the headline say what users got, without any objective of the
// user's own. The rarer ways to lose a decision are tried in virtual time in loadgen.
func TestLoadIsAboutUsers(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a decision is late after 15 s")
	}
	healthy, late := startLab(t, lab.Options{}), startLab(t, lab.Options{Faults: []string{"approval-late"}})
	misled := filepath.Join(filepath.Dir(healthy), "misled.yaml") // beside the keys it names
	if err := os.WriteFile(misled, bytes.ReplaceAll(read(t, healthy), []byte("/decision?"), []byte("/nowhere?")), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, target   string
		args           []string
		code           int
		headline, says string
	}{
		{"healthy", healthy, nil, exitOK, "HELD", "decision.delivered>99%: 100.00%"},
		{"approvals show after 40 s", late, nil, exitNonConformant, "MISSED", "never showed"},
		{"approvals show after 40 s, with an objective", late, []string{"--slo", "flow.success>99%"}, exitNonConformant, "MISSED", "objective flow.success>99% missed: 0.00%"},
		{"the hook is elsewhere", misled, []string{"--drain", "3s"}, exitNotJudged, "UNJUDGED", "8 of 8 decisions could not be made"},
		{"every start is refused", healthy, []string{"--param", "scope=profile"}, exitNotJudged, "UNJUDGED", "8 of 8 starts were refused, the first for: invalid_scope"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{
				"load", "--target", c.target, "--out", t.TempDir(), "--rate", "4/s", "--duration", "2s", "--drain", "22s", "--think", "fixed:1s",
				"--mix", "approve=1", "--probes", "0%", "--max-lag", "30s",
			}, c.args...)
			code, out, errOut := called(t, args...)
			if code != c.code || !strings.HasPrefix(strings.TrimSpace(out), c.headline) || !strings.Contains(out, c.says) {
				t.Errorf("exit %d, want %d, %s and %q:\n%s%s", code, c.code, c.headline, c.says, out, errOut)
			}
		})
	}
}

// The OP of another process calls the receiver of the run, of a client that is named or
// found by its mode, and both sides count the same.
func TestLoadIsCalled(t *testing.T) {
	t.Parallel()
	for client, mode := range map[string]string{"ping-b": "ping", "": "push"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			port, err := freePort(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			target, out := startLab(t, lab.Options{Receiver: "http://" + port}), t.TempDir()
			args := []string{"load", "--target", target, "--out", out, "--rate", "10/s", "--duration", "1s", "--drain", "15s", "--think", "fixed:200ms"}
			args = append(args, "--mix", "approve=1", "--max-lag", "30s", "--probes", "0%", "--mode", mode)
			if client != "" {
				args = append(args, "--client", client)
			}
			code, stdout, stderr := called(t, args...)
			if code != exitOK || !strings.Contains(stdout, mode+" mode") || !strings.Contains(stdout, "the OP called the client") {
				t.Fatalf("exit %d:\n%s%s", code, stdout, stderr)
			}
			l, err := readLoad(filepath.Join(out, "load.json"))
			if err != nil || l.Funnel.Approved != 10 || l.Funnel.Notified != 10 || l.Counters[result.CountCalls] != 10 || l.Plan.Mode != mode {
				t.Errorf("%v: %+v, plan %+v", err, l.Funnel, l.Plan)
			}
		})
	}
}

// Clients that the load cannot play are left out, and told where they are named.
func TestWhoLoads(t *testing.T) {
	t.Parallel()
	named := func(name string, change func(*targetfile.Client)) targetfile.Client {
		c := targetfile.Client{Name: name, CIBA: true, AuthMethod: "client_secret_basic", DeliveryMode: "poll", Purpose: "rp"}
		change(&c)
		return c
	}
	target := &targetfile.Target{Clients: []targetfile.Client{
		named("certified", func(c *targetfile.Client) { c.AuthMethod, c.Certificate.CertFile = targetfile.AuthTLS, "c.pem" }),
		named("signing", func(c *targetfile.Client) { c.RequestSigningAlg = "ES256" }),
		named("plain", func(*targetfile.Client) {}),
	}}
	for name, want := range map[string]string{"": "", "plain": "", "certified": "certificate", "signing": "signs its requests", "nobody": "no client"} {
		c, err := (&loadFlags{client: name}).whoLoads(target)
		if want == "" && (err != nil || c.Name != "plain") || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("--client %q: got %s, %v", name, c.Name, err)
		}
	}
	target.Clients = target.Clients[:1]
	if c, err := (&loadFlags{}).whoLoads(target); err == nil {
		t.Errorf("got %s of those who show certificates", c.Name)
	}
}
