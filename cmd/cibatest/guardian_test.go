package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/guardian/guardiantest"
	"github.com/cibatest/cibatest/internal/lab"
)

// phones is a tenant in front of the reference OP, with the relay that brings its pushes
// to the address of a target file.
type phones struct {
	*guardiantest.Tenant
	target, folder string

	mu      sync.Mutex
	secrets []string // what no output may show
}

// startPhones writes a target file whose users decide by devices of the tenant.
func startPhones(t *testing.T, o lab.Options) *phones {
	t.Helper()
	p := &phones{Tenant: guardiantest.Start()}
	t.Cleanup(p.Close)
	o.Device, o.Interval = p.URL, time.Second
	p.target = startLab(t, o)
	p.folder = filepath.Join(filepath.Dir(p.target), "phones")
	listen := strings.TrimPrefix(freeAddress(t), "http://")
	p.write(t, "{kind: guardian, push: {listen: \""+listen+"\", token: inbox-secret}, guardian: {url: \""+p.URL+
		"/appliance-mfa\", enrollments: phones}}")
	p.secrets = []string{"inbox-secret", "fcm-secret"}
	p.RelayTo(func(_ string, data map[string]string) {
		p.mu.Lock()
		p.secrets = append(p.secrets, data["txtkn"], data["c"])
		p.mu.Unlock()
		body, _ := json.Marshal(map[string]any{"data": data})
		resp, err := http.Post("http://"+listen+"/push/inbox-secret", "application/json", bytes.NewReader(body))
		if err == nil { // nobody listens while no command waits for decisions
			resp.Body.Close()
		}
	})
	return p
}

// write gives the target file another approval.
func (p *phones) write(t *testing.T, approval string) {
	t.Helper()
	data, err := os.ReadFile(p.target)
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`(?m)^approval: .*$`).ReplaceAllLiteralString(string(data), "approval: "+approval)
	if err := os.WriteFile(p.target, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// call runs a command and holds its output free of secrets.
func (p *phones) call(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	code, out, errOut = called(t, args...)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, secret := range p.secrets {
		if strings.Contains(out+errOut, secret) {
			t.Errorf("%s shows %s:\n%s%s", args, secret, out, errOut)
		}
	}
	return code, out, errOut
}

// enroll enrolls a user and returns the file of the enrollment.
func (p *phones) enroll(t *testing.T, user string) string {
	t.Helper()
	ticket := p.Ticket(user)
	p.secrets = append(p.secrets, ticket)
	code, out, errOut := p.call(t, "guardian", "enroll", "--target", p.target, "--user", user,
		"--push-token", "fcm-secret", "--transaction-id", ticket)
	file := filepath.Join(p.folder, user+".json")
	if code != exitOK || !strings.Contains(out, file) {
		t.Fatalf("exit %d\n%s%s", code, out, errOut)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var kept struct{ Key struct{ D string } }
	if err := json.Unmarshal(data, &kept); err != nil || kept.Key.D == "" {
		t.Fatalf("the file holds no key: %v", err)
	}
	p.secrets = append(p.secrets, kept.Key.D)
	return file
}

// observing are cases about decisions, and those that look at what the user was shown.
var observing = []string{
	"approval-tokens", "approval-isolated", "denied", "decisions-in-parallel", "poll-pending",
	"binding-shown", "rar-shown", "rar-shown-own",
}

// everybody are the users of the reference target.
var everybody = []string{"alice", "bob", "carol", "dave"}

// A stranger's way: enroll the users, try the decisions, judge the OP, and take the devices
// away again.
func TestGuardian(t *testing.T) {
	t.Parallel()
	p := startPhones(t, lab.Options{})
	if code, out, errOut := p.call(t, "check", p.target); code != exitUsage || !strings.Contains(out+errOut, "guardian enroll") {
		t.Errorf("nobody is enrolled: exit %d\n%s%s", code, out, errOut)
	}
	file := p.enroll(t, "alice")
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if code, out, _ := p.call(t, "check", p.target); code != exitOK || !strings.Contains(out, "bob") {
		t.Errorf("bob is not enrolled: exit %d\n%s", code, out)
	}
	for _, user := range everybody[1:] {
		p.enroll(t, user)
	}
	code, out, errOut := p.call(t, "try", "approval", "--target", p.target)
	if code != exitOK || !strings.Contains(out, "approval: delivered, and a poll is answered 200") {
		t.Fatalf("exit %d\n%s%s", code, out, errOut)
	}
	results := t.TempDir()
	code, out, errOut = p.call(t, append([]string{"conform", "--target", p.target, "--out", results}, observing...)...)
	if code != exitOK && code != exitNotJudged {
		t.Fatalf("exit %d\n%s%s", code, out, errOut)
	}
	outcomes, artefact := p.outcomes(t, results)
	for _, id := range observing {
		if outcomes[id] != "pass" {
			t.Errorf("%s: %q\n%s", id, outcomes[id], out)
		}
	}
	for _, secret := range p.secrets {
		if strings.Contains(artefact, secret) {
			t.Errorf("the result shows %s", secret)
		}
	}
	if refusals := p.Refusals(); len(refusals) > 0 {
		t.Errorf("the tenant refused: %s", refusals)
	}
	for _, user := range everybody {
		if code, out, errOut := p.call(t, "guardian", "unenroll", "--target", p.target, "--user", user); code != exitOK {
			t.Errorf("exit %d\n%s%s", code, out, errOut)
		}
	}
	if left, _ := os.ReadDir(p.folder); len(left) > 0 || p.Devices() > 0 {
		t.Errorf("%d files and %d devices are left", len(left), p.Devices())
	}
}

// outcomes are those of a run by case, and the whole result as it was written.
func (p *phones) outcomes(t *testing.T, folder string) (map[string]string, string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(folder, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	var run struct {
		Cases []struct{ ID, Outcome string }
	}
	if err := json.Unmarshal(data, &run); err != nil {
		t.Fatal(err)
	}
	outcomes := map[string]string{}
	for _, c := range run.Cases {
		outcomes[c.ID] = c.Outcome
	}
	return outcomes, string(data)
}

// What the tenant says the user is asked is what the cases about consent look at.
func TestGuardianObserves(t *testing.T) {
	t.Parallel()
	for fault, failing := range map[string]string{"rar-prompt-amount": "rar-shown", "rar-prompt-previous": "rar-shown-own"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			p := startPhones(t, lab.Options{Faults: []string{fault}})
			for _, user := range everybody {
				p.enroll(t, user)
			}
			results := t.TempDir()
			code, out, errOut := p.call(t, "conform", "--target", p.target, "--out", results, failing)
			outcomes, _ := p.outcomes(t, results)
			if outcomes[failing] != "fail" {
				t.Errorf("exit %d, %v\n%s%s", code, outcomes, out, errOut)
			}
		})
	}
}

// Mistakes of the command are told before the transaction is used up.
func TestGuardianMistakes(t *testing.T) {
	t.Parallel()
	p := startPhones(t, lab.Options{})
	p.enroll(t, "alice")
	foreign := "otpauth://totp/x?enrollment_tx_id=tx&base_url=https%3A%2F%2Fother.example"
	for name, c := range map[string]struct {
		args []string
		code int
		word string
	}{
		"no user":         {[]string{"enroll", "--transaction-id", "tx", "--push-token", "f"}, exitUsage, "alice"},
		"another user":    {[]string{"enroll", "--transaction-id", "tx", "--push-token", "f", "--user", "alise"}, exitUsage, "did you mean"},
		"enrolled":        {[]string{"enroll", "--transaction-id", "tx", "--push-token", "f", "--user", "alice"}, exitUsage, "unenroll"},
		"no push token":   {[]string{"enroll", "--transaction-id", "tx", "--user", "bob"}, exitUsage, "CIBATEST_PUSH_TOKEN"},
		"another tenant":  {[]string{"enroll", "--barcode-uri", foreign, "--push-token", "f", "--user", "bob"}, exitUsage, "other.example"},
		"no barcode":      {[]string{"enroll", "--barcode-uri", "https://x", "--push-token", "f", "--user", "bob"}, exitUsage, "otpauth"},
		"an old ticket":   {[]string{"enroll", "--transaction-id", "tx", "--push-token", "f", "--user", "bob"}, exitNotJudged, "401"},
		"nothing to take": {[]string{"unenroll", "--user", "bob"}, exitUsage, "has no device"},
	} {
		code, out, errOut := p.call(t, append([]string{"guardian", c.args[0], "--target", p.target}, c.args[1:]...)...)
		if code != c.code || !strings.Contains(errOut, c.word) {
			t.Errorf("%s: exit %d\n%s%s", name, code, out, errOut)
		}
	}
	if left, _ := os.ReadDir(p.folder); len(left) != 1 || p.Devices() != 1 {
		t.Errorf("%d files and %d devices are left", len(left), p.Devices())
	}
	p.write(t, "{kind: none}")
	code, _, errOut := p.call(t, "guardian", "unenroll", "--target", p.target, "--user", "alice")
	if code != exitUsage || !strings.Contains(errOut, "approval.kind is none") {
		t.Errorf("exit %d, %s", code, errOut)
	}
}
