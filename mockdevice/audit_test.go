package mockdevice

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cibatest/cibatest/mockdevice/audit"
	"github.com/cibatest/cibatest/mockdevice/phone"
	"github.com/cibatest/cibatest/mockdevice/policy"
)

func openAudit(t *testing.T, path string) *audit.Log {
	t.Helper()
	l, err := audit.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func verified(t *testing.T, path string) audit.Verification {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	v, err := audit.Verify(bytes.NewReader(data), nil)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestAuditTellsEveryStep follows one request, and looks for secrets.
func TestAuditTellsEveryStep(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	log := openAudit(t, path)
	op := httptest.NewServer(&fakeOP{status: http.StatusNoContent})
	defer op.Close()
	d := New(WithAudit(log), WithRoundTripper(http.DefaultTransport))
	defer d.Close()
	page := httptest.NewServer(d.Handler())
	defer page.Close()
	secret := "very-secret-id"
	if err := d.Receive(Request{
		AuthReqID: secret, LoginHint: "alice", Callback: op.URL, CallbackToken: "secret-token",
		AuthorizationDetails: json.RawMessage(`[{"type": "private-type"}]`),
	}); err != nil {
		t.Fatal(err)
	}
	r, _ := d.Find(secret)
	seen := fmt.Sprintf(`{"digest":%q,"decision":"approve"}`, phone.Digest(r))
	if status, text := send(t, "POST", page.URL+"/phone/requests/"+r.Ref+"/decision", "", seen); status != http.StatusConflict {
		t.Errorf("an approval of what was not shown is answered %d %s", status, text)
	}
	for _, step := range []string{"shown", "shown", "decision"} {
		if status, text := send(t, "POST", page.URL+"/phone/requests/"+r.Ref+"/"+step, "", seen); status != http.StatusNoContent {
			t.Errorf("%s is answered %d %s", step, status, text)
		}
	}
	d.Close()
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	data, _ := os.ReadFile(path)
	var events []string
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		var e audit.Entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		events = append(events, e.Event)
	}
	if got := strings.Join(events, " "); got != "started received shown decided delivered acknowledged" {
		t.Errorf("the events are %s", got)
	}
	for _, word := range []string{secret, "secret-token", "private-type"} {
		if bytes.Contains(data, []byte(word)) {
			t.Errorf("the audit holds %q", word)
		}
	}
	if want := audit.Digest(json.RawMessage(`[{"type":"private-type"}]`)); !bytes.Contains(data, []byte(want)) {
		t.Error("the digest of authorization_details is missing, or depends on blanks")
	}
}

// TestNothingIsDoneThatIsNotWritten: what the audit cannot hold is not taken in, and what
// was taken in before is not decided. The OP is told neither that all is well nor a
// decision.
func TestNothingIsDoneThatIsNotWritten(t *testing.T) {
	t.Parallel()
	op := &counter{}
	log := openAudit(t, filepath.Join(t.TempDir(), "audit"))
	d := New(WithAudit(log), WithRoundTripper(op))
	defer d.Close()
	ask := func(id string) (int, string) {
		w := httptest.NewRecorder()
		d.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "POST", "http://localhost/v1/requests",
			strings.NewReader(`{"auth_req_id":"`+id+`","callback":"http://localhost/cb"}`)))
		return w.Code, w.Body.String()
	}
	if status, text := ask("before"); status != http.StatusAccepted {
		t.Fatalf("got %d %s", status, text)
	}
	_ = log.Close() // nothing can be written any more
	d.SetPolicy(policy.ApproveAll)
	for _, id := range []string{"first", "second"} { // one finds out, the next one knows
		if status, text := ask(id); status != http.StatusServiceUnavailable || !strings.Contains(text, "audit") {
			t.Errorf("a request is answered %d %s", status, text)
		}
		if _, known := d.Find(id); known {
			t.Error("the refused request is kept")
		}
	}
	select {
	case <-log.Broken():
	default:
		t.Error("nobody is told that the audit is broken")
	}
	w := httptest.NewRecorder()
	d.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "POST", "http://localhost/approve?auth_req_id=before&action=allow", nil))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("a decision is answered %d %s", w.Code, w.Body)
	}
	if r, _ := d.Find("before"); r.Decided != "" || r.Outcome != nil {
		t.Errorf("the request is shown as decided: %+v", r)
	}
	if c := d.Counters(); c.Open != 1 || c.Held != 1 || len(c.Decided) != 0 || c.Received != 1 {
		t.Errorf("counted %+v", c)
	}
	if len(op.seen(time.Now())) != 0 {
		t.Error("the OP was told")
	}
}

// killed are the requests a device is killed in the middle of.
const killed = 1000

// TestDeviceToBeKilled is the device of the next test, in a process of its own.
func TestDeviceToBeKilled(t *testing.T) {
	callback, path := os.Getenv("MOCKDEVICE_CALLBACK"), os.Getenv("MOCKDEVICE_AUDIT")
	if callback == "" {
		t.Skip("run by TestKillDuringDecisions")
	}
	log := openAudit(t, path)
	d := New(WithAudit(log), WithRoundTripper(&http.Transport{MaxIdleConnsPerHost: 64}), WithConcurrency(64),
		WithRules(rulesOf(t, "rules: [{then: approve, delay: {uniform: [0s, 1s]}}]")))
	for i := range killed {
		if err := d.Receive(Request{AuthReqID: fmt.Sprintf("request-%d", i), Callback: callback}); err != nil {
			t.Fatal(err)
		}
	}
	for d.Counters().Open > 0 || d.outbox.busy() {
		time.Sleep(10 * time.Millisecond)
	}
	d.Close()
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestKillDuringDecisions kills a device while it decides a thousand requests, again
// and again, each time asking it all of them anew. The audit verifies up to its last
// whole line, and no decision reaches the OP twice.
func TestKillDuringDecisions(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes")
	}
	t.Parallel()
	var mu sync.Mutex
	told := map[string]int{}
	op := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			AuthReqID string `json:"auth_req_id"`
		}
		_ = json.NewDecoder(r.Body).Decode(&body)
		mu.Lock()
		told[body.AuthReqID]++
		mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	}))
	defer op.Close()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	tellings := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(told)
	}
	for _, until := range []int{150, 400, 700, killed + 1} {
		device := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestDeviceToBeKilled$", "-test.count=1")
		device.Env = append(os.Environ(), "MOCKDEVICE_CALLBACK="+op.URL, "MOCKDEVICE_AUDIT="+path)
		if err := device.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- device.Wait() }()
		for waiting := true; waiting && tellings() < until; {
			select {
			case err := <-ended:
				if waiting = false; until <= killed || err != nil {
					t.Fatalf("the device ended by itself: %v", err)
				}
			case <-time.After(time.Millisecond):
			}
		}
		if until <= killed {
			_ = device.Process.Kill()
			<-ended
		}
		v := verified(t, path)
		t.Logf("%d decisions reached the OP; %d lines, %d bytes torn, %d decided", tellings(), v.Lines, v.Torn, v.Events[audit.Decided])
	}
	if v := verified(t, path); v.Events[audit.Decided] != killed || v.Events[audit.Started] != 4 {
		t.Errorf("the audit holds %v", v.Events)
	}
	lost := killed - tellings()
	t.Logf("%d decisions were made and killed before they were delivered", lost)
	if lost > 3*64 {
		t.Errorf("%d decisions are lost, more than can have been under way", lost)
	}
	for id, n := range told {
		if n > 1 {
			t.Errorf("%s was delivered %d times", id, n)
		}
	}
}

// busy reports whether anything is being delivered.
func (o *outbox) busy() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.running > 0
}
