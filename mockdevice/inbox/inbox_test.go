package inbox

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/cibatest/cibatest/mockdevice/tree"
	"github.com/cibatest/cibatest/mockdevice/wire"
	"github.com/google/go-cmp/cmp"
)

// TestMailsAreReadAsPeopleDo: what mailers write, and what a reader sees of it.
func TestMailsAreReadAsPeopleDo(t *testing.T) {
	t.Parallel()
	base64Text := base64.StdEncoding.EncodeToString([]byte("Code: 123456"))
	for _, c := range []struct{ name, mail, from, subject, text string }{
		{"plain", "From: a@b\nSubject: Hi\n\nCode: 1\n", "a@b", "Hi", "Code: 1"},
		{"no header", "\nCode: 1", "", "", "Code: 1"},
		{"encoded words", "From: =?utf-8?q?J=C3=BCrgen?= <a@b>\nSubject: =?iso-8859-1?b?R3L832U=?=\n\nx", "Jürgen <a@b>", "Grüße", "x"},
		{"quoted-printable in latin-1", "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nGr=FC=DFe, a long =\nline", "", "", "Grüße, a long line"},
		{"base64", "Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n" + base64Text, "", "", "Code: 123456"},
		{"html", "Content-Type: text/html\n\n<head><title>T</title><style>p{}</style></head><p>Hello &amp;  you<br>line<script>alert(1)</script>" +
			"<p><a href=\"https://op.example/a?b=1&amp;c\">Answer</a><!-- no --><img src=x>", "", "", "Hello & you \nline \nAnswer <https://op.example/a?b=1&c>"},
		{
			"alternatives", "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: multipart/alternative; boundary=y\n\n--y\n\none\n--y\n" +
				"Content-Type: text/html\n\n<p>two\n--y--\n--x\nContent-Type: text/plain\nContent-Disposition: attachment\n\nthree\n--x\nContent-Type: image/png\n\nfour\n--x--\n",
			"", "", "one\n\ntwo",
		},
		{"an unknown charset", "Content-Type: text/plain; charset=klingon\n\nCode: 1", "", "", "Code: 1"},
		{"an unknown encoding", "Content-Transfer-Encoding: rot13\n\nPbqr", "", "", "Pbqr"},
	} {
		m, err := ReadMail(strings.NewReader(strings.ReplaceAll(c.mail, "\n", "\r\n")))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		m.Text = strings.TrimSpace(strings.ReplaceAll(m.Text, "\r", ""))
		if diff := cmp.Diff(wire.Message{From: c.from, Subject: c.subject, Text: c.text}, m); diff != "" {
			t.Errorf("%s: -want +got\n%s", c.name, diff)
		}
	}
}

// TestHostileMailsCostLittle: mails that are deep, long or broken end in an error, soon.
func TestHostileMailsCostLittle(t *testing.T) {
	t.Parallel()
	deep, parts := "", ""
	for i := range 10_000 {
		deep += fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
		parts += "--x\r\n\r\n.\r\n"
	}
	for name, mail := range map[string]string{
		"deep":         deep,
		"many parts":   "Content-Type: multipart/mixed; boundary=x\r\n\r\n" + parts,
		"long text":    "\r\n" + strings.Repeat("x", maxText+1),
		"long header":  "X: " + strings.Repeat("x", maxHeader) + "\r\n\r\n",
		"many headers": strings.Repeat("X: y\r\n", 20_000) + "\r\n",
		"no boundary":  "Content-Type: multipart/mixed\r\n\r\nx",
	} {
		began := time.Now()
		if m, err := ReadMail(strings.NewReader(mail)); err == nil && name != "no boundary" {
			t.Errorf("%s: read as %.80q", name, m.Text)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
	}
}

func rules(t *testing.T, find map[string]string) Rules {
	t.Helper()
	r := Rules{Find: map[string]*regexp.Regexp{}, User: map[string]string{"alice@example.com": "alice"}, Need: []string{"link"}, Key: []string{"link"}}
	for name, pattern := range find {
		r.Find[name] = regexp.MustCompile(pattern)
	}
	return r
}

var everything = map[string]string{
	"link": `https://op\.example/\w+`, "id": `id=(\w+)`, "client": `(\w+) asks`, "message": `Message: (.+)`, "scope": `Scope: (.+)`,
	"acr": `Level: (\w+)`, "details": `Exactly: (.+)`, "expires_in": `Within: (\S+)`, "ticket": `Ticket: (\S+)`,
}

// TestAMessageBecomesARequest: what is found goes where it belongs.
func TestAMessageBecomesARequest(t *testing.T) {
	t.Parallel()
	m := wire.Message{
		From: "op@example.com", To: "Alice@Example.com", Subject: "Agent asks you\n",
		Text: "Message: AB 12\nScope: openid, profile;pay\nLevel: 2\nExactly: [{\"type\":\"x\"}]\nWithin: 60\nTicket: T-1\nOpen https://op.example/abc or https://op.example/abc.",
	}
	began := time.Now()
	r, err := rules(t, everything).Request("mail", m)
	if err != nil {
		t.Fatal(err)
	}
	if r.ExpiresAt.Before(began.Add(time.Minute)) || r.ExpiresAt.After(time.Now().Add(time.Minute)) {
		t.Errorf("it expires at %v", r.ExpiresAt)
	}
	id := r.AuthReqID
	r.ExpiresAt, r.AuthReqID = time.Time{}, ""
	want := wire.Request{
		ClientID: "Agent", LoginHint: "alice", BindingMessage: "AB 12", Scope: "openid profile pay", ACRValues: "2",
		AuthorizationDetails: []byte(`[{"type":"x"}]`), Labels: map[string]string{"link": "https://op.example/abc", "ticket": "T-1"},
		Message: &wire.Message{From: m.From, To: m.To, Subject: m.Subject, Text: m.Text},
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if !strings.HasPrefix(id, "mail-") || strings.Contains(id, "abc") {
		t.Errorf("its id is %s", id)
	}
	again, _ := rules(t, everything).Request("mail", m)
	m.To = "bob@example.com"
	other, _ := rules(t, everything).Request("mail", m)
	if again.AuthReqID != id || other.AuthReqID == id || other.LoginHint != "bob@example.com" {
		t.Errorf("sent again it is %s, to another %s of %s", again.AuthReqID, other.AuthReqID, other.LoginHint)
	}
}

// TestWhatIsNoRequest: what is missing, ambiguous or unreadable is told without quoting it.
func TestWhatIsNoRequest(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Hello": "find.link finds nothing",
		"https://op.example/secret1 https://op.example/secret2":                      "find.link: finds different values",
		"https://op.example/secret1 Message: a\nMessage: b":                          "find.message: finds different values",
		"https://op.example/secret1 Exactly: {\"type\":1}":                           "authorization_details is not an array",
		"https://op.example/secret1 Exactly: [":                                      "authorization_details",
		"https://op.example/secret1 Within: -1":                                      "expires_in",
		"https://op.example/secret1 Within: 99999999999":                             "expires_in",
		strings.Repeat("https://op.example/secret1 ", 5000) + "https://op.example/":  "",
		strings.Repeat("https://op.example/secret1 ", 5000) + "https://op.example/x": "finds different values",
	} {
		_, err := rules(t, everything).Request("mail", wire.Message{To: "a", Text: text})
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret")) {
			t.Errorf("%.60q: %v, want %s", text, err, want)
		}
	}
	// What HTML and text space differently is the same.
	if r, err := rules(t, everything).Request("mail", wire.Message{Text: "https://op.example/x\nMessage: a  b\nMessage:  a b "}); err != nil || r.BindingMessage != "a  b" {
		t.Errorf("%q, %v", r.BindingMessage, err)
	}
}

// TestOnlySomeOfAMessageIsKept: a request does not hold what nobody could read.
func TestOnlySomeOfAMessageIsKept(t *testing.T) {
	t.Parallel()
	r, err := rules(t, everything).Request("mail", wire.Message{Text: "https://op.example/x " + strings.Repeat("ü", 100_000) + "\xff", Subject: strings.Repeat("s", 5000)})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(r.Message.Text); n > MaxShown+10 || !strings.HasSuffix(r.Message.Text, " [cut]") || !utf8.ValidString(r.Message.Text) || r.Weight() > 8<<10 {
		t.Errorf("%d bytes of text are kept, %d in all", n, r.Weight())
	}
}

func TestTextMessages(t *testing.T) {
	t.Parallel()
	for form, want := range map[string]string{
		"From=1&To=2&Body=x": "", "MessagingServiceSid=MG1&To=2&Body=x": "", "To=2&Body=x": "'From'", "From=1&Body=x": "'To'", "From=1&To=2": "body is required",
		"From=1&To=2&Body=" + strings.Repeat("x", 1601): "longer than 1600",
	} {
		values, _ := url.ParseQuery(form)
		if _, err := ReadSMS(values); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: %v", form, err)
		}
	}
}

// TestSignature has the example that Twilio's own libraries test with.
func TestSignature(t *testing.T) {
	t.Parallel()
	form := url.Values{
		"CallSid": {"CA1234567890ABCDE"}, "Caller": {"+14158675309"}, "Digits": {"1234"}, "From": {"+14158675309"}, "To": {"+18005551212"},
	}
	if got := Signature("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", form); got != "RSOYDt4T1cUTdK1PDd93/VVr8B8=" {
		t.Errorf("got %s", got)
	}
}

// TestPushMessages: every value has one line, whatever is in it.
func TestPushMessages(t *testing.T) {
	t.Parallel()
	m, err := ReadFCM([]byte(`{"message":{"token":"t","notification":{"title":"Approve?","body":"a\ndata.link: https://evil.example"},` +
		`"data":{"link":"https://op.example/x","n":1,"list":["a",true,null]},"android":{"priority":"high"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := wire.Message{From: "FCM", To: "t", Subject: "Approve?", Text: "token: t\nnotification.title: Approve?\n" +
		"notification.body: a data.link: https://evil.example\ndata.link: https://op.example/x\ndata.n: 1\ndata.list.0: a\ndata.list.1: true\n" +
		"android.priority: high\n"}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	for _, text := range []string{`{}`, `{"message":{}}`, `{"message":1}`, `[`, `{"message":{"token":"t","` + strings.Repeat("n", 200_000) + `":[1,2]}}`} {
		if _, err := ReadFCM([]byte(text)); err == nil {
			t.Errorf("%.40s is taken", text)
		}
	}
}

func TestWebhooks(t *testing.T) {
	t.Parallel()
	pointer := func(text string) tree.Pointer {
		p, err := tree.ParsePointer(text)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := Pointers{To: pointer("/to"), Text: pointer("/body/text"), From: pointer("/from"), Subject: pointer("/title")}
	m, err := p.Read([]byte(`{"to":7,"from":"op","title":"t","body":{"text":"a\nb"}}`))
	if diff := cmp.Diff(wire.Message{From: "op", To: "7", Subject: "t", Text: "a\nb"}, m); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	for _, text := range []string{`{"to":7}`, `{"body":{"text":"x"}}`, `7`} {
		if _, err := p.Read([]byte(text)); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}

// FuzzMessages reads anything as a message of each road: it is a request that a device
// can hold, or an error with a word.
func FuzzMessages(f *testing.F) {
	f.Add("From: a@b\r\nContent-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\n\r\nOpen https://op.example/abc\r\n--x\r\nContent-Type: text/html\r\n\r\n<a href=https://op.example/abc>Message: x</a>\r\n--x--")
	f.Add(`{"message":{"token":"t","data":{"link":"https://op.example/abc","text":"Message: AB\nScope: openid Exactly: [{}]"}}}`)
	f.Add("From=1&To=2&Body=https://op.example/abc+Within:+5")
	f.Add("Content-Transfer-Encoding: base64\r\nContent-Type: text/html; charset=utf-16\r\n\r\nPGE+")
	patterns := Rules{Find: map[string]*regexp.Regexp{}, Need: []string{"link"}, Key: []string{"link"}, Life: time.Minute}
	for name, pattern := range everything {
		patterns.Find[name] = regexp.MustCompile(pattern)
	}
	f.Fuzz(func(t *testing.T, text string) {
		form, _ := url.ParseQuery(text)
		sms, errSMS := ReadSMS(form)
		mail, errMail := ReadMail(strings.NewReader(text))
		push, errPush := ReadFCM([]byte(text))
		for _, c := range []struct {
			m   wire.Message
			err error
		}{{sms, errSMS}, {mail, errMail}, {push, errPush}} {
			if c.err != nil {
				continue
			}
			r, err := patterns.Request("x", c.m)
			switch {
			case err != nil && err.Error() == "":
				t.Fatal("refused without a word")
			case err == nil && (r.Check() != nil || r.Labels["link"] == "" || !utf8.ValidString(r.Message.Text)):
				t.Fatalf("made %+v", r)
			}
		}
	})
}
