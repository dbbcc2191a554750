package mockdevice

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/opside"
	"github.com/cibatest/cibatest/internal/yamlfile"
	"github.com/cibatest/cibatest/mockdevice/audit"
	"github.com/cibatest/cibatest/mockdevice/policy"
	"github.com/google/go-cmp/cmp"
)

// inboxFile has one inbox of each road; DESK is the OP's side, and the only one that any
// link may lead to.
const inboxFile = `
inboxes:
  - name: mail
    smtp: {listen: "127.0.0.1:0"}
    users: {alice@example.com: alice}
    expires_in: 5m
    find:
      link: 'https?://[^\s>]+/approve/[\w-]+'
      client: '(?m)^(\S+) asks for your approval'
      message: '(?m)^Message: (.+)$'
      scope: '(?m)^It may: (.+)$'
      details: '(?m)^Exactly: (\[.*)$'
    link:
      origins: ["DESK", "LEADS"]
      login: {username: "{user}", password: pw}
      press: {approve: Approve, deny: deny}
      fill: {reason: "{reason}"}
      scopes: scope
      details: item
      done: Thank you
  - name: sms
    sms: {account: AC1, secret: s3cret}
    find: {code: 'Reply YES or NO with (\d{6})', message: 'asks for "([^"]*)"', scope: '" \(([^)]*)\)'}
    reply:
      url: DESK/sms
      headers: {Content-Type: application/x-www-form-urlencoded}
      body: "From={label:to}&To={label:from}&Body={action}+{label:code}"
      words: {approve: "YES", deny: "NO"}
  - name: sms-wide
    sms: {account: AC2, secret: s3cret}
    find: {code: 'Reply YES or NO with (\d{6})', message: 'asks for "([^"]*)"', scope: '" \(([^)]*)\)'}
    reply:
      url: DESK/sms
      headers: {Content-Type: application/x-www-form-urlencoded}
      body: "From={label:to}&To={label:from}&Body={action}+{label:code}+{scope}"
      words: {approve: "YES", deny: "NO"}
  - name: push
    fcm: {project: demo}
    find:
      link: '(?m)^data\.link: (\S+)$'
      id: '(?m)^data\.auth_req_id: (\S+)$'
      user: '(?m)^data\.user: (.*)$'
      message: '(?m)^data\.binding_message: (.+)$'
      scope: '(?m)^data\.scope: (.+)$'
      details: '(?m)^data\.authorization_details: (\[.*)$'
    link: {origins: ["DESK"], press: {approve: approve, deny: deny}, scopes: scope, details: item}
  - name: hook
    webhook: {to: /recipient, text: /body}
    find: {yes: 'https?://\S+/yes/\w+', no: 'https?://\S+/no/\w+'}
    link: {origins: ["DESK"], open: {approve: "yes", deny: "no"}}
`

// reached is a device with the inboxes above, and the OP's side that reaches it by one.
type reached struct {
	*Device
	desk *opside.Desk
	mail string // host:port of the mail server
	url  string // of the device
	page string // of the desk

	// leads is of an origin that is allowed, and sends everybody on to elsewhere, as an OP
	// with an open redirect does. Whether elsewhere was reached is counted.
	leads     string
	elsewhere atomic.Int64
	foreign   string
}

func reach(t *testing.T, by string, options ...Option) *reached {
	t.Helper()
	s := &reached{desk: &opside.Desk{}}
	desk := httptest.NewServer(s.desk.Handler())
	s.desk.Base, s.page = desk.URL, desk.URL
	foreign := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.elsewhere.Add(1)
		_, _ = w.Write([]byte(`<form method=post action="/"><button name=answer value=approve>Approve</button></form>`))
	}))
	leads := httptest.NewServer(http.RedirectHandler(foreign.URL, http.StatusFound))
	s.foreign, s.leads = foreign.URL, leads.URL
	adapters, err := ParseAdapters("inboxes.yaml", []byte(strings.NewReplacer("DESK", desk.URL, "LEADS", leads.URL).Replace(inboxFile)))
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	s.Device = New(append(options, WithRoundTripper(transport), WithAdapters(adapters))...)
	device := httptest.NewServer(s.Handler())
	s.url = device.URL
	open, err := s.OpenInboxes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		device.Close()
		desk.Close()
		leads.Close()
		foreign.Close()
		transport.CloseIdleConnections()
	})
	s.mail = open["mail"].String()
	s.desk.Send = map[string]func(opside.Notice) error{
		"mail": opside.Mail(s.mail), "sms": opside.Text(device.URL, "AC1", "s3cret"), "sms-wide": opside.Text(device.URL, "AC2", "s3cret"),
		"push": opside.Push(device.URL, "demo", "any"), "hook": opside.Hook(device.URL + "/inboxes/hook"),
	}[by]
	return s
}

var asked = opside.Ask{
	AuthReqID: "r-1", ClientID: "shop-agent", LoginHint: "alice", BindingMessage: "AB 12 & <b>", Scope: "openid profile pay",
	AuthorizationDetails: []json.RawMessage{[]byte(`{"type":"payment","amount":"10.00"}`), []byte(`{"type":"payment","amount":"70.00"}`)},
}

// TestPeopleAreReached: each road carries the question to the device and its decision back
// to the OP, whole or narrowed where the road can, and refuses to approve more.
func TestPeopleAreReached(t *testing.T) {
	t.Parallel()
	scope := "openid pay"
	deny := Decision{Action: Deny, Reason: "not mine"}
	approve := Decision{Action: Approve}
	lessScope := Decision{Action: Narrow, Scope: &scope}
	lessDetails := Decision{Action: Narrow, AuthorizationDetails: []byte(`[{"type":"payment","amount":"70.00"}]`)}
	changed := Decision{Action: Narrow, AuthorizationDetails: []byte(`[{"type":"payment","amount":"7.00"}]`)}
	all := asked.Scope
	first, second := asked.AuthorizationDetails[0], asked.AuthorizationDetails[1]
	for _, c := range []struct {
		road     string
		decision Decision
		want     []opside.Answer
		delivery string // part of what the device says of it
	}{
		{"mail", approve, []opside.Answer{{Decision: "approve", Scope: &all, AuthorizationDetails: []json.RawMessage{first, second}}}, "acknowledged"},
		{"mail", deny, []opside.Answer{{Decision: "deny", Reason: "not mine"}}, "acknowledged"},
		{"mail", lessScope, []opside.Answer{{Decision: "approve", Scope: &scope, AuthorizationDetails: []json.RawMessage{first, second}}}, "acknowledged"},
		{"mail", lessDetails, []opside.Answer{{Decision: "approve", Scope: &all, AuthorizationDetails: []json.RawMessage{second}}}, "acknowledged"},
		{"mail", changed, nil, "only leave one out"},
		{"push", approve, []opside.Answer{{Decision: "approve", Scope: &all, AuthorizationDetails: []json.RawMessage{first, second}}}, "acknowledged"},
		{"push", deny, []opside.Answer{{Decision: "deny"}}, "acknowledged"},
		{"push", lessScope, []opside.Answer{{Decision: "approve", Scope: &scope, AuthorizationDetails: []json.RawMessage{first, second}}}, "acknowledged"},
		{"sms", approve, []opside.Answer{{Decision: "approve"}}, "acknowledged"},
		{"sms", deny, []opside.Answer{{Decision: "deny"}}, "acknowledged"},
		{"sms", lessScope, nil, "cannot carry less"},
		{"sms-wide", lessScope, []opside.Answer{{Decision: "approve", Scope: &scope}}, "acknowledged"},
		{"hook", approve, []opside.Answer{{Decision: "approve"}}, "acknowledged"},
		{"hook", deny, []opside.Answer{{Decision: "deny"}}, "acknowledged"},
		{"hook", lessScope, nil, "so nothing of it can be left out"},
	} {
		t.Run(c.road+" "+string(c.decision.Action)+" "+c.delivery, func(t *testing.T) {
			t.Parallel()
			s := reach(t, c.road)
			s.desk.Token = "s3cret" // of both accounts for text messages
			if c.road == "mail" {
				s.desk.Password = "pw"
			}
			if err := s.desk.Ask(asked); err != nil {
				t.Fatal(err)
			}
			r := s.only(t)
			if r.LoginHint != "alice" || r.Adapter != c.road || r.Message == nil {
				t.Errorf("the request is %+v", r)
			}
			if c.road != "hook" && (r.BindingMessage != asked.BindingMessage || r.Scope != asked.Scope) {
				t.Errorf("the message is %q, the scope %q", r.BindingMessage, r.Scope)
			}
			_ = s.Decide(t.Context(), r.AuthReqID, c.decision)
			for i := range c.want {
				c.want[i].AuthReqID = "r-1"
			}
			if diff := cmp.Diff(c.want, s.desk.Answers()); diff != "" {
				t.Errorf("the OP was told -want +got\n%s", diff)
			}
			if r, _ := s.Find(r.AuthReqID); !strings.Contains(r.Outcome.Delivery, c.delivery) {
				t.Errorf("the delivery is %q", r.Outcome.Delivery)
			}
		})
	}
}

// only is the one request that there is.
func (s *reached) only(t *testing.T) Request {
	t.Helper()
	all := s.Requests(nil)
	if len(all) != 1 {
		t.Fatalf("%d requests; the inboxes say %+v", len(all), s.told())
	}
	return all[0]
}

func (s *reached) told() (all []InboxCounters) {
	for _, b := range s.inboxes {
		if n := b.counters(); n.Messages > 0 {
			all = append(all, n)
		}
	}
	return all
}

// TestInboxesUnderPolicyAndAudit: a policy decides as it does about all dialects, and the
// audit has every step without the secrets of a message.
func TestInboxesUnderPolicyAndAudit(t *testing.T) {
	t.Parallel()
	rules, err := policy.Parse("r", []byte(`rules: [{name: small, when: {client: shop-agent}, then: {act: narrow, scope: [openid]}}]`))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	log, err := audit.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	s := reach(t, "mail", WithRules(rules), WithAudit(log))
	var link string
	send := s.desk.Send
	s.desk.Send = func(n opside.Notice) error { link = n.Link; return send(n) }
	if err := s.desk.Ask(asked); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return len(s.desk.Answers()) == 1 })
	if got := s.desk.Answers()[0]; got.Decision != "approve" || *got.Scope != "openid" {
		t.Errorf("the OP was told %+v", got)
	}
	waitFor(t, func() bool { return s.Counters().Acknowledged == 1 })
	text := readFile(t, file)
	for _, event := range []string{"received", "decided", "delivered", "acknowledged"} {
		if !strings.Contains(text, `"event":"`+event+`"`) {
			t.Errorf("the audit has no %s", event)
		}
	}
	if secret := link[strings.LastIndex(link, "/")+1:]; strings.Contains(text, secret) || !strings.Contains(text, `"rule":"rule small"`) {
		t.Errorf("the audit says\n%s", text)
	}
}

// TestHostileMessages: whatever a stranger sends, nobody but the desk is called, and the
// one request that is waiting gets the decision of its user.
func TestHostileMessages(t *testing.T) {
	t.Parallel()
	s := reach(t, "mail", WithPolicy(func(r Request) policy.Verdict { // everything else is approved at once
		if r.BindingMessage == asked.BindingMessage {
			return policy.Hold(r)
		}
		return policy.ApproveAll(r)
	}))
	var victim opside.Notice
	send := s.desk.Send
	s.desk.Send = func(n opside.Notice) error { victim = n; return send(n) }
	if err := s.desk.Ask(asked); err != nil {
		t.Fatal(err)
	}
	r := s.only(t)
	for name, text := range map[string]string{
		"foreign link":     "Open " + s.foreign + "/approve/x",
		"redirect":         "Open " + s.leads + "/approve/x",
		"foreign user":     "Open " + strings.Replace(s.page, "http://", "http://"+hostOf(s.page)+"@"+hostOf(s.foreign)+"/", 1) + "/approve/x",
		"two links":        "Open " + victim.Link + " or " + s.page + "/approve/other",
		"script":           `<script>location="` + s.foreign + `/approve/x"</script>`,
		"other scheme":     "Open ftp://" + hostOf(s.page) + "/approve/x and file:///etc/passwd",
		"unknown":          "Open " + s.page + "/approve/unknown",
		"nothing":          "",
		"the device":       "Open " + s.url + "/approve/x",
		"a victim's, bare": "Message: something else\nOpen " + victim.Link + "x",
	} {
		if err := sendText(s.mail, "bob@example.com", "Please approve", text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := sendText(s.mail, "bob@example.com", "huge", strings.Repeat("x", 2<<20)); err == nil {
		t.Error("a mail of 2 MiB is taken")
	}
	waitFor(t, func() bool { return s.Counters().Failed == 6 }) // those with one link, none of which was taken
	if n := s.elsewhere.Load(); n != 0 {
		t.Errorf("another host was reached %d times", n)
	}
	if len(s.desk.Answers()) != 0 {
		t.Errorf("hostile messages answered %+v", s.desk.Answers())
	}
	if err := s.Decide(t.Context(), r.AuthReqID, Decision{Action: Deny}); err != nil {
		t.Fatal(err)
	}
	if got := s.desk.Answers(); len(got) != 1 || got[0].Decision != "deny" {
		t.Errorf("the OP was told %+v", got)
	}
}

// TestHostilePushAndText: what holds for mails holds for messages that come over HTTP.
func TestHostilePushAndText(t *testing.T) {
	t.Parallel()
	s := reach(t, "push", WithPolicy(policy.ApproveAll))
	post := func(path, media, body string) int {
		r := httptest.NewRequest("POST", "http://localhost"+path, strings.NewReader(body))
		r.Header.Set("Content-Type", media)
		r.SetBasicAuth("AC1", "s3cret")
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		return w.Code
	}
	push := func(data map[string]string) int {
		body, _ := json.Marshal(map[string]any{"message": map[string]any{"token": "t", "data": data}})
		return post("/v1/projects/demo/messages:send", "application/json", string(body))
	}
	text := func(body string) int {
		return post("/2010-04-01/Accounts/AC1/Messages.json", "application/x-www-form-urlencoded",
			url.Values{"From": {"1"}, "To": {"alice"}, "Body": {body}}.Encode())
	}
	hook := func(body string) int {
		return post("/inboxes/hook", "application/json", `{"recipient":"alice","body":"`+body+`"}`)
	}
	for _, c := range []struct {
		name      string
		got, want int
	}{
		{"foreign link", push(map[string]string{"auth_req_id": "a", "link": s.foreign + "/approve/x"}), 200},
		{"redirect", push(map[string]string{"auth_req_id": "b", "link": s.leads + "/approve/x"}), 200},
		{"script", push(map[string]string{"auth_req_id": "c", "link": "javascript:alert(1)"}), 200},
		{"a second line", push(map[string]string{"auth_req_id": "d", "text": "x\ndata.link: " + s.foreign, "link": s.page + "/approve/x"}), 200},
		{"huge", push(map[string]string{"auth_req_id": "e", "link": strings.Repeat("x", 300<<10)}), 400},
		{"not JSON", post("/v1/projects/demo/messages:send", "application/json", "<script>"), 400},
		{"unknown code", text("Reply YES or NO with 000000"), 201},
		{"two codes", text("Reply YES or NO with 000000. Reply YES or NO with 111111"), 201},
		{"long text", text(strings.Repeat("x", 1601)), 400},
		{"two foreign links", hook("Yes: " + s.foreign + "/yes/x No: " + s.foreign + "/no/x"), 202},
		{"one link", hook("Yes: " + s.page + "/yes/x"), 202},
	} {
		if c.got != c.want {
			t.Errorf("%s is answered %d, want %d", c.name, c.got, c.want)
		}
	}
	waitFor(t, func() bool { n := s.Counters(); return n.Failed == n.Received })
	n := s.Counters()
	if n.Received != 6 || n.Acknowledged != 0 || s.elsewhere.Load() != 0 || len(s.desk.Answers()) != 0 {
		t.Errorf("counters %+v, elsewhere %d, answers %+v; the inboxes say %+v", n, s.elsewhere.Load(), s.desk.Answers(), s.told())
	}
}

// TestTenThousandMessages: a flood is refused once an inbox is full, and who waited before
// gets their decision.
func TestTenThousandMessages(t *testing.T) {
	t.Parallel()
	s := reach(t, "push")
	if err := s.desk.Ask(asked); err != nil {
		t.Fatal(err)
	}
	first := s.only(t)
	refused, ignored := 0, 0
	for i := range 10_000 {
		message := fmt.Sprintf(`{"message":{"token":"t","data":{"auth_req_id":"f-%d","link":"%s/approve/%[1]d"}}}`, i, s.page)
		if i%2 == 0 {
			message = fmt.Sprintf(`{"message":{"token":"t","data":{"text":"buy %d"}}}`, i)
		}
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest("POST", "http://localhost/v1/projects/demo/messages:send", strings.NewReader(message)))
		switch {
		case w.Code == http.StatusTooManyRequests && strings.Contains(w.Body.String(), "RESOURCE_EXHAUSTED"):
			refused++
		case w.Code == http.StatusOK && i%2 == 0:
			ignored++
		case w.Code != http.StatusOK:
			t.Fatalf("message %d is answered %d %s", i, w.Code, w.Body)
		}
	}
	if n := s.Counters(); refused != 5_000-(MostOpen-1) || ignored != 5_000 || n.Dropped != 0 || n.Open != MostOpen {
		t.Errorf("%d refused, %d ignored, counters %+v", refused, ignored, n)
	}
	if told := s.told()[0]; told.Messages != 10_001 || told.Requests != MostOpen || told.Refused != int64(refused) || told.LastIgnored == "" {
		t.Errorf("the inbox says %+v", told)
	}
	if err := s.Decide(t.Context(), first.AuthReqID, Decision{Action: Approve}); err != nil {
		t.Fatal(err)
	}
	if got := s.desk.Answers(); len(got) != 1 || got[0].Decision != "approve" {
		t.Errorf("the OP was told %+v", got)
	}
}

// TestTenThousandMails: the mail server takes a flood without forgetting who came first.
func TestTenThousandMails(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("ten thousand mails")
	}
	s := reach(t, "mail")
	if err := s.desk.Ask(asked); err != nil {
		t.Fatal(err)
	}
	first := s.only(t)
	c, err := smtp.Dial(s.mail)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	refused := 0
	for i := range 10_000 {
		_ = c.Mail("flood@example.com")
		_ = c.Rcpt("alice@example.com")
		w, err := c.Data()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(w, "Subject: %d\r\n\r\nMessage: %d\r\nOpen %s/approve/%[1]d\r\n", i, i, s.page)
		if w.Close() != nil {
			refused++
		}
	}
	if refused != 10_000-(MostOpen-1) {
		t.Errorf("%d mails are refused", refused)
	}
	if err := s.Decide(t.Context(), first.AuthReqID, Decision{Action: Approve}); err != nil {
		t.Fatal(err)
	}
	if got := s.desk.Answers(); len(got) != 1 || got[0].Decision != "approve" {
		t.Errorf("the OP was told %+v", got)
	}
}

// TestInboxSecrets: each road asks for what it is configured with, or for the device's token.
func TestInboxSecrets(t *testing.T) {
	t.Parallel()
	s := reach(t, "push", WithToken("tok"))
	for _, c := range []struct {
		name string
		send func(opside.Notice) error
		ok   bool
	}{
		{"fcm without", opside.Push(s.url, "demo", "any"), false},
		{"fcm with", opside.Push(s.url, "demo", "tok"), true},
		{"fcm elsewhere", opside.Push(s.url, "other", "tok"), false},
		{"sms without", opside.Text(s.url, "AC1", "tok"), false},
		{"sms with", opside.Text(s.url, "AC1", "s3cret"), true},
		{"sms elsewhere", opside.Text(s.url, "AC9", "s3cret"), false},
		{"hook without", opside.Hook(s.url + "/inboxes/hook"), false},
		{"mail without", opside.Mail(s.mail), false},
	} {
		s.desk.Send = c.send
		ask := asked
		ask.AuthReqID = strings.ReplaceAll(c.name, " ", "-")
		if err := s.desk.Ask(ask); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	auth := smtp.PlainAuth("", "op", "tok", "127.0.0.1")
	if err := smtp.SendMail(s.mail, auth, "op@example.com", []string{"alice@example.com"}, []byte("Subject: x\r\n\r\nx\r\n")); err != nil {
		t.Errorf("a mail with the token: %v", err)
	}
	wrong := smtp.PlainAuth("", "op", "no", "127.0.0.1")
	if err := smtp.SendMail(s.mail, wrong, "op@example.com", []string{"alice@example.com"}, []byte("Subject: x\r\n\r\nx\r\n")); err == nil {
		t.Error("a mail with a wrong password is taken")
	}
}

// TestInboxFaults: the faults of being asked and of a delivery hold for messages, too.
func TestInboxFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ road, fault, want string }{
		{"mail", "unavailable", "451"},
		{"mail", "reset", "EOF"},
		{"push", "unavailable", "503"},
		{"push", "reset", "EOF"},
		{"sms", "unavailable", "503"},
		{"hook", "unavailable", "503"},
	} {
		rules, err := policy.Parse("r", []byte("rules: [{then: {act: approve, faults: ["+c.fault+"]}}]"))
		if err != nil {
			t.Fatal(err)
		}
		s := reach(t, c.road, WithRules(rules))
		if err := s.desk.Ask(asked); err == nil || !strings.Contains(err.Error(), c.want) && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%s %s: %v", c.road, c.fault, err)
		}
		if n := len(s.Requests(nil)); n != 0 {
			t.Errorf("%s %s: the user is asked %d times", c.road, c.fault, n)
		}
	}
	s := reach(t, "sms")
	if err := s.desk.Ask(asked); err != nil {
		t.Fatal(err)
	}
	r := s.only(t)
	if err := s.Decide(t.Context(), r.AuthReqID, Decision{Action: Approve, Faults: []Fault{WrongToken}}); err == nil {
		t.Error("a wrong code is accepted")
	}
	if len(s.desk.Answers()) != 0 {
		t.Errorf("a wrong code answered %+v", s.desk.Answers())
	}
}

// TestInboxMistakesArePlaced: what an inbox lacks is told with its place.
func TestInboxMistakesArePlaced(t *testing.T) {
	t.Parallel()
	_, err := ParseAdapters("a.yaml", []byte(`inboxes:
  - {name: mail, find: {link: x}, link: {origins: ["https://op.example/path"], press: {approve: A, deny: D}}}
  - {name: mail, sms: {}, find: {code: "(", message: x}, reply: {url: "https://{user}.example/", body: "{label:code}"}}
  - {name: push, fcm: {}, sms: {}, find: {code: x}, link: {origins: ["https://op.example"]}}
  - {name: keycloak, webhook: {to: /to}, find: {code: x}, reply: {url: "https://op.example", body: "yes"}}
  - {name: other, smtp: {listen: ":0", tls: {cert: a, key: b}}, find: {Link: x}, most: 0}
`))
	want := []string{
		`a.yaml:2:5: inboxes[0]: has 0 of smtp, sms, fcm and webhook; wanted one, which says how messages come`,
		`a.yaml:2:52: inboxes[0].link.origins[0]: is "https://op.example/path"; wanted a scheme and a host, with a port where it is not the usual one: https://op.example`,
		`a.yaml:3:12: inboxes[1].name: "mail" names another inbox already`,
		"a.yaml:3:40: inboxes[1].find.code: is no regular expression: error parsing regexp: missing closing ): `(`",
		`a.yaml:3:71: inboxes[1].reply.url: has a placeholder in its host, which the sender of a message could fill; write the host out`,
		`a.yaml:4:5: inboxes[2]: has 2 of smtp, sms, fcm and webhook; wanted one, which says how messages come`,
		`a.yaml:4:42: inboxes[2].find: has no pattern link, which the way of the decision needs`,
		`a.yaml:4:59: inboxes[2].link: approves and denies in one and the same way; say in press, open or fill how they differ`,
		`a.yaml:5:12: inboxes[3].name: is "keycloak"; wanted a name of its own in lower case letters, digits and dashes`,
		`a.yaml:5:66: inboxes[3].reply: holds nothing of the message, such as {label:code} or {auth_req_id} with a pattern id, so no OP could tell what it answers`,
		`a.yaml:6:5: inboxes[4]: wanted link or reply, and not both: the way a decision is told`,
		`a.yaml:6:45: inboxes[4].smtp.tls: cert and key are no pair in PEM: tls: failed to find any PEM data in certificate input`,
		`a.yaml:6:72: inboxes[4].find.Link: "Link" is no name; wanted lower case letters, digits and low lines, as templates write them`,
		`a.yaml:6:88: inboxes[4].most: is "0"; wanted a whole number from 1`,
	}
	var problems yamlfile.Problems
	if !errors.As(err, &problems) {
		t.Fatalf("no problem is told: %v", err)
	}
	if diff := cmp.Diff(want, problems.Lines()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestMailBeyondLoopback: nobody on the network may put words into the mouth of an OP.
func TestMailBeyondLoopback(t *testing.T) {
	t.Parallel()
	adapters, err := ParseAdapters("a", []byte(strings.NewReplacer("DESK", "http://op.example", "LEADS", "http://op.example", "127.0.0.1:0", "0.0.0.0:0").Replace(inboxFile)))
	if err != nil {
		t.Fatal(err)
	}
	d := New(WithAdapters(adapters))
	defer d.Close()
	if _, err := d.OpenInboxes(t.Context()); err == nil || !strings.Contains(err.Error(), "smtp.secret") {
		t.Errorf("opened beyond loopback: %v", err)
	}
}

// sendText sends a mail of one part, which is HTML where it begins like it.
func sendText(server, to, subject, text string) error {
	media := "text/plain"
	if strings.HasPrefix(text, "<") {
		media = "text/html"
	}
	var mail bytes.Buffer
	fmt.Fprintf(&mail, "From: <eve@example.com>\r\nSubject: %s\r\nContent-Type: %s\r\n\r\n", subject, media)
	for len(text) > 0 {
		n := min(len(text), 900)
		mail.WriteString(text[:n] + "\r\n")
		text = text[n:]
	}
	return smtp.SendMail(server, nil, "eve@example.com", []string{to}, mail.Bytes())
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return net.JoinHostPort(u.Hostname(), u.Port())
}

// waitFor gives what happens elsewhere some seconds to happen.
func waitFor(t *testing.T, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it never happens")
		}
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
