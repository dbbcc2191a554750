package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/opside"
	"github.com/cibatest/cibatest/mockdevice"
	"github.com/cibatest/cibatest/mockdevice/policy"
)

// inboxes reach the users of the reference OP, each by one road.
const inboxes = `
inboxes:
  - name: mail
    smtp: {listen: "127.0.0.1:0"}
    users: {alice@example.com: alice}
    find:
      link: 'http://[^\s>]+/approve/[\w-]+'
      message: '(?m)^Message: (.+)$'
      scope: '(?m)^It may: (.+)$'
      details: '(?m)^Exactly: (\[.*)$'
    link: {origins: ["DESK"], press: {approve: Approve, deny: Deny}, scopes: scope, details: item, done: Thank you}
  - name: sms
    sms: {}
    find: {code: 'Reply YES or NO with (\d{6})', message: 'asks for "([^"]*)"', scope: '" \(([^)]*)\)'}
    reply:
      url: DESK/sms
      headers: {Content-Type: application/x-www-form-urlencoded}
      body: "From={label:to}&To={label:from}&Body={action}+{label:code}+{scope}"
      words: {approve: "YES", deny: "NO"}
  - name: push
    fcm: {project: demo}
    find: {link: '(?m)^data\.link: (\S+)$', user: '(?m)^data\.user: (.*)$', scope: '(?m)^data\.scope: (.+)$'}
    link: {origins: ["DESK"], press: {approve: approve, deny: deny}, scopes: scope}
`

// TestAuthorizeByMailTextAndPush is the whole way: a request at the OP, a message to the
// user, a policy of the device, the page or the code of the OP, and what the client gets.
func TestAuthorizeByMailTextAndPush(t *testing.T) {
	t.Parallel()
	for _, road := range []string{"mail", "sms", "push"} {
		for _, c := range []struct {
			name, then string
			code       int
			want, not  string
		}{
			{"approve", "approve", exitOK, `"refresh_token":`, "access_denied"},
			{"deny", "deny", exitNonConformant, "access_denied", `"access_token":`},
			{"narrow", "{act: narrow, scope: [openid]}", exitOK, `"scope": "openid"`, `"refresh_token":`},
		} {
			t.Run(road+" "+c.name, func(t *testing.T) {
				t.Parallel()
				rules, err := policy.Parse("r", []byte("rules: [{when: {user: alice}, then: "+c.then+"}]"))
				if err != nil {
					t.Fatal(err)
				}
				desk := reachedBy(t, road, rules)
				target := startLab(t, lab.Options{Device: desk.Base, Interval: time.Second})
				code, out, errOut := called(t, "authorize", "--target", target, "--user", "alice", "--show-tokens")
				if code != c.code || !strings.Contains(out+errOut, c.want) || strings.Contains(out, c.not) {
					t.Errorf("exit %d\n%s%s", code, out, errOut)
				}
			})
		}
	}
}

// TestDeviceRead: patterns are tried on a message without anybody being asked.
func TestDeviceRead(t *testing.T) {
	t.Parallel()
	adapters := written(t, "adapters.yaml", strings.ReplaceAll(inboxes, "DESK", "http://op.example"))
	notice := opside.Notice{Ask: opside.Ask{LoginHint: "alice", BindingMessage: "AB \x1b[31m12", Scope: "openid pay"}, Link: "http://op.example/approve/x"}
	mail := written(t, "mail.eml", string(opside.Compose(notice, "alice@example.com")))
	code, out, errOut := called(t, "device", "read", adapters, "mail", mail)
	for _, want := range []string{`"login_hint": "alice"`, `"link": "http://op.example/approve/x"`, `"scope": "openid pay"`, "Answer <http://op.example/approve/x>"} {
		if code != exitOK || !strings.Contains(out, want) || strings.Contains(out, "\x1b") {
			t.Errorf("exit %d, no %s in\n%s%s", code, want, out, errOut)
		}
	}
	text := written(t, "sms", "From=1&To=alice&Body=hello")
	if code, out, errOut := called(t, "device", "read", adapters, "sms", text); code != exitNonConformant || !strings.Contains(out, "hello") ||
		!strings.Contains(errOut, "find.code finds nothing") {
		t.Errorf("exit %d\n%s%s", code, out, errOut)
	}
	if code, _, errOut := called(t, "device", "read", adapters, "fax", text); code != exitUsage || !strings.Contains(errOut, "mail, sms, push") {
		t.Errorf("exit %d, %s", code, errOut)
	}
}

// reachedBy is the OP's side that reaches a device by one road. The OP takes it for its
// device.
func reachedBy(t *testing.T, road string, rules *policy.Rules) *opside.Desk {
	t.Helper()
	desk := &opside.Desk{}
	page := httptest.NewServer(desk.Handler())
	desk.Base = page.URL
	adapters, err := mockdevice.LoadAdapters(written(t, "adapters.yaml", strings.ReplaceAll(inboxes, "DESK", page.URL)))
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	device := mockdevice.New(mockdevice.WithRoundTripper(transport), mockdevice.WithAdapters(adapters), mockdevice.WithRules(rules))
	server := httptest.NewServer(device.Handler())
	mail, err := device.OpenInboxes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		device.Close()
		server.Close()
		page.Close()
		transport.CloseIdleConnections()
	})
	desk.Send = map[string]func(opside.Notice) error{
		"mail": opside.Mail(mail["mail"].String()), "sms": opside.Text(server.URL, "AC1", ""), "push": opside.Push(server.URL, "demo", ""),
	}[road]
	return desk
}

// TestConformByMail: a run that decides by mail judges what the user is shown and what a
// part of an approval comes to, as with any other dialect.
func TestConformByMail(t *testing.T) {
	t.Parallel()
	desk := &opside.Desk{}
	page := httptest.NewServer(desk.Handler())
	defer page.Close()
	mail := strings.TrimPrefix(freeAddress(t), "http://")
	desk.Base, desk.Send = page.URL, opside.Mail(mail)
	adapters := written(t, "adapters.yaml", strings.NewReplacer("DESK", page.URL, "127.0.0.1:0", mail).Replace(inboxes))
	target := startLab(t, lab.Options{Device: desk.Base, Interval: time.Second})
	text, err := os.ReadFile(target)
	if err != nil {
		t.Fatal(err)
	}
	approval := fmt.Sprintf("approval: {kind: device, narrow: true, observe: {listen: %q, adapter: mail, adapters_file: %q, known_by: binding_message}}",
		strings.TrimPrefix(freeAddress(t), "http://"), adapters)
	text = regexp.MustCompile(`(?m)^approval:.*$`).ReplaceAllLiteral(text, []byte(approval))
	if err := os.WriteFile(target, text, 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errOut := called(t, "conform", "--target", target, "--out", t.TempDir(), "rar")
	if code != exitOK || !strings.Contains(out, "CONFORMANT: 22 of 23 MUSTs judged") || strings.Contains(out, "Warnings") {
		t.Errorf("exit %d\n%s%s", code, out, errOut)
	}
	if n := len(desk.Answers()); n < 20 {
		t.Errorf("only %d answers came by mail", n)
	}
}
