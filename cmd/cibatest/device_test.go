package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/mockdevice"
	"github.com/cibatest/cibatest/mockdevice/audit"
	"github.com/cibatest/cibatest/mockdevice/policy"
)

func TestDeviceExplain(t *testing.T) {
	t.Parallel()
	rules := written(t, "rules.yaml", "rules: [{name: pay, when: {details: {any: {type: payment}}}, then: approve, delay: 2s}]")
	request := written(t, "request.json", `{"auth_req_id":"r","authorization_details":[{"type":"payment"}]}`)
	code, out, errOut := called(t, "device", "explain", rules, request)
	if code != exitOK || !strings.Contains(out, `"rule": "pay"`) || !strings.Contains(out, `"after_ms": 2000`) {
		t.Errorf("exit %d, %s%s", code, out, errOut)
	}
	if code, out, _ := called(t, "device", "explain", rules); code != exitOK || !strings.Contains(out, "1 rules, no mistakes") {
		t.Errorf("exit %d, %s", code, out)
	}
	wrong := written(t, "wrong.yaml", "rules: [{then: maybe}]\notherwise: never")
	if code, _, errOut := called(t, "device", "explain", wrong); code != exitUsage || !strings.Contains(errOut, ":1:16: rules[0].then:") ||
		!strings.Contains(errOut, ":2:12: otherwise:") {
		t.Errorf("exit %d, %s", code, errOut)
	}
}

// TestDeviceExamples: what is printed can be used.
func TestDeviceExamples(t *testing.T) {
	t.Parallel()
	_, policy, _ := called(t, "device", "example", "policy")
	if code, out, errOut := called(t, "device", "explain", written(t, "rules.yaml", policy)); code != exitOK ||
		!strings.Contains(out, "5 rules") {
		t.Errorf("exit %d, %s%s", code, out, errOut)
	}
	if code, out, _ := called(t, "device", "example", "adapters"); code != exitOK || !strings.Contains(out, "keycloak:") {
		t.Errorf("exit %d, %s", code, out)
	}
	for _, kind := range []string{"policy", "adapters"} {
		code, out, _ := called(t, "device", "schema", kind)
		var schema struct {
			Title string `json:"title"`
		}
		if err := json.Unmarshal([]byte(out), &schema); code != exitOK || err != nil || schema.Title == "" {
			t.Errorf("the schema of %s: exit %d, %v, %q", kind, code, err, schema.Title)
		}
	}
	if code, _, _ := called(t, "device", "example", "phone"); code != exitUsage {
		t.Errorf("exit %d", code)
	}
}

func TestDeviceAuditVerify(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	log, err := audit.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	d := mockdevice.New(mockdevice.WithAudit(log))
	if err := d.Receive(mockdevice.Request{AuthReqID: "a"}); err != nil {
		t.Fatal(err)
	}
	d.Close()
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	code, out, _ := called(t, "device", "audit", "verify", path, "--json")
	var v audit.Verification
	if err := json.Unmarshal([]byte(out), &v); code != exitOK || err != nil || v.Lines != 2 {
		t.Fatalf("exit %d, %s", code, out)
	}
	if code, _, _ := called(t, "device", "audit", "verify", path, "--head", v.Head); code != exitOK {
		t.Errorf("the right head: exit %d", code)
	}
	data, _ := os.ReadFile(path)
	if err := os.WriteFile(path, data[:len(data)-10], 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, _ := called(t, "device", "audit", "verify", path); code != exitOK || !strings.Contains(out, "1 lines, the chain is consistent") ||
		!strings.Contains(out, "torn line") {
		t.Errorf("torn: exit %d, %s", code, out)
	}
	if code, _, errOut := called(t, "device", "audit", "verify", path, "--head", v.Head); code != exitNonConformant ||
		!strings.Contains(errOut, "cut off") {
		t.Errorf("a cut tail: exit %d, %s", code, errOut)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(data), `"event":"received"`, `"event":"shown"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errOut := called(t, "device", "audit", "verify", path); code != exitNonConformant || !strings.Contains(errOut, "line 2") {
		t.Errorf("a changed line: exit %d, %s", code, errOut)
	}
}

func TestDeviceRefusesToStartOpen(t *testing.T) {
	t.Setenv("CIBATEST_DEVICE_TOKEN", "")
	if code, _, errOut := called(t, "device", "--listen", "0.0.0.0:0"); code != exitUsage ||
		!strings.Contains(errOut, "CIBATEST_DEVICE_TOKEN") {
		t.Errorf("exit %d, %s", code, errOut)
	}
	if code, _, errOut := called(t, "device", "--capacity", "-1"); code != exitUsage || !strings.Contains(errOut, "1 or more") {
		t.Errorf("without room for a request: exit %d, %q", code, errOut)
	}
	if code, _, errOut := called(t, "device", "--policy", "sometimes"); code != exitUsage || !strings.Contains(errOut, "--policy") {
		t.Errorf("exit %d, %s", code, errOut)
	}
}

// TestAuthorizeWithADeviceElsewhere: the OP asks a device that it did not start, whose
// policy grants less than was asked, and the tokens show it.
func TestAuthorizeWithADeviceElsewhere(t *testing.T) {
	t.Parallel()
	rules, err := policy.Parse("r", []byte("rules: [{then: {act: narrow, scope: [openid]}}]"))
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	device := mockdevice.New(mockdevice.WithRoundTripper(transport), mockdevice.WithRules(rules))
	defer device.Close()
	listener, err := mockdevice.Listen(t.Context(), "127.0.0.1:0", "")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: device.Handler()}
	go func() { _ = server.Serve(listener) }()
	defer func() { _ = server.Close() }()
	target := startLab(t, lab.Options{Device: "http://" + listener.Addr().String(), Interval: time.Second})
	code, out, errOut := called(t, "authorize", "--target", target, "--show-tokens")
	if code != exitOK || !strings.Contains(out, `"scope": "openid"`) || strings.Contains(out, `"refresh_token":`) {
		t.Errorf("exit %d\n%s%s", code, out, errOut)
	}
}
