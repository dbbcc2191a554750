//go:build browser

package mockdevice_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/cibatest/cibatest/fixtures"
	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/opside"
	"github.com/cibatest/cibatest/mockdevice"
)

// These tests are started by "make browser". They look at the phone page in
// Chromium, and play the whole story with the real commands.

func startBrowser(t *testing.T, flags ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], flags...)
	options = append(options, chromedp.Flag("no-sandbox", true), chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("hide-scrollbars", true))
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	browser, end := chromedp.NewContext(allocator)
	t.Cleanup(func() { end(); stop() })
	do(browser, t)
	return browser
}

func openPhone(browser context.Context, t *testing.T, scheme, address string) context.Context {
	t.Helper()
	tab, end := chromedp.NewContext(browser)
	do(tab, t) // the first use must not carry the timeout
	tab, cancel := context.WithTimeout(tab, 2*time.Minute)
	t.Cleanup(func() { cancel(); end() })
	do(tab, t, chromedp.EmulateViewport(390, 844))
	features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}
	if _, err := chromedp.Call(tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features}); err != nil {
		t.Fatal(err)
	}
	do(tab, t, chromedp.Navigate(address))
	until(tab, t, `document.getElementById("link").textContent === "live"`)
	return tab
}

func do(ctx context.Context, t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

func eval[T any](ctx context.Context, t *testing.T, expression string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return v
}

func until(ctx context.Context, t *testing.T, expression string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if eval[bool](ctx, t, expression) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("never: %s\n%s", expression, eval[string](ctx, t, `document.body.innerText`))
		}
	}
}

func screen(tab context.Context, t *testing.T, name string) {
	t.Helper()
	data, err := chromedp.Run(tab, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	dir := os.Getenv("CIBATEST_SCREENS")
	if dir == "" {
		dir = t.TempDir()
	}
	if err := os.WriteFile(filepath.Join(dir, "phone-"+name+".png"), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// tall shows the page at its full height, for a picture of all of it.
func tall(tab context.Context, t *testing.T, name string) {
	t.Helper()
	height := eval[int64](tab, t, `document.documentElement.scrollHeight`)
	do(tab, t, chromedp.EmulateViewport(390, height))
	time.Sleep(400 * time.Millisecond)
	screen(tab, t, name)
	do(tab, t, chromedp.EmulateViewport(390, 844))
}

func phoneOf(t *testing.T) (*mockdevice.Device, string) {
	t.Helper()
	d := mockdevice.New()
	server := httptest.NewServer(d.Handler())
	t.Cleanup(func() { d.Close(); server.CloseClientConnections(); server.Close() })
	return d, server.URL + "/phone?user=alice"
}

func receive(t *testing.T, d *mockdevice.Device, r mockdevice.Request) {
	t.Helper()
	if err := d.Receive(r); err != nil {
		t.Fatal(err)
	}
}

// objects are fixtures in one array.
func objects(t *testing.T, types ...string) json.RawMessage {
	t.Helper()
	all := fixtures.AuthorizationDetails()
	var list []json.RawMessage
	for _, name := range types {
		var one []json.RawMessage
		if err := json.Unmarshal(all[name], &one); err != nil || len(one) != 1 {
			t.Fatalf("fixture %s: %d objects, %v", name, len(one), err)
		}
		list = append(list, one[0])
	}
	raw, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

var fiveObjects = []string{"payment", "flight_booking", "production_deployment", "stock_purchase", "retail_order"}

func hostileRequest() mockdevice.Request {
	const attack = `<script>window.acted=1</script><img src=x onerror="window.acted=1">`
	details, _ := json.Marshal([]map[string]any{
		{
			"type": "payment", "amount": "10.00", "currency": "EUR",
			"creditor": map[string]any{"name": "Acme\u202eproCelpmaxE\u202c Ltd", "account": "DE\u200b02\u00ad10"}, "reference": attack,
		},
		{
			"type": attack, "\u202eevil": "javascript:alert(1)", "": "no name", "long": strings.Repeat("Very", 120), "lines": "one\ntwo\rthree",
			"spaces": "a   b ",
			"deep":   map[string]any{"a": map[string]any{"b": map[string]any{"c": []any{1, "two", nil, true, []any{}, map[string]any{}}}}},
			"empty":  "",
		},
	})
	return mockdevice.Request{
		AuthReqID: "hostile", ClientID: `"><script>window.acted=1</script>`, LoginHint: "alice",
		BindingMessage: "PAY 10\u202e00.0001 YAP\u202c" + attack,
		Scope:          `openid "><script>window.acted=1</script>`, AuthorizationDetails: details, ExpiresAt: time.Now().Add(90 * time.Second),
	}
}

// hostileMail is a message whose text wants to be more than text.
func hostileMail() mockdevice.Request {
	const attack = `<script>window.acted=1</script><img src=x onerror="window.acted=1"><a href="javascript:window.acted=1">Approve</a>`
	r := mockdevice.Request{AuthReqID: "hostile-mail", LoginHint: "alice", BindingMessage: "AB12", Labels: map[string]string{"link": attack}}
	r.Message = &mockdevice.Message{
		From: "The OP\u202e" + attack, To: "alice@example.com", Subject: `"><script>window.acted=1</script>`,
		Text: attack + "\n" + strings.Repeat("VeryLong", 100) + "\n\u202eevil\u200b\n" + manyLines() + "https://evil.example/",
	}
	return r
}

func manyLines() (text string) {
	for i := range 60 {
		text += fmt.Sprintf("line %d\n", i)
	}
	return text
}

func TestBrowserLooks(t *testing.T) {
	browser := startBrowser(t)
	for _, scheme := range []string{"light", "dark"} {
		for name, request := range map[string]mockdevice.Request{
			"five": {
				AuthReqID: "five", ClientID: "shopping-agent", LoginHint: "alice", BindingMessage: "ORDER-3-ITEMS",
				Scope:                "openid profile product:buy offline_access",
				AuthorizationDetails: objects(t, fiveObjects...), ExpiresAt: time.Now().Add(2 * time.Minute),
			},
			"three": {
				AuthReqID: "three", ClientID: "care-agent", LoginHint: "alice", BindingMessage: "HR7QX2", Scope: "openid",
				AuthorizationDetails: objects(t, "health_record_access", "data_export", "privileged_access"),
			},
			"plain": {
				AuthReqID: "plain", ClientID: "agent-1", LoginHint: "alice", BindingMessage: "AB12CD34", Scope: "openid",
				ExpiresAt: time.Now().Add(25 * time.Second),
			},
			"mail": {
				AuthReqID: "mail", ClientID: "shop-agent", LoginHint: "alice", BindingMessage: "AB12CD34", Scope: "openid pay",
				Labels: map[string]string{"link": "https://op.example/approve/TVQ2M7XK4ZJHD5NBSYLRWAEC3P"}, ExpiresAt: time.Now().Add(2 * time.Minute),
				Message: &mockdevice.Message{
					From: "The OP <op@example.com>", To: "alice@example.com", Subject: "Please approve",
					Text: "shop-agent  asks for your approval. \r\nMessage: AB12CD34\r\n\r\nIt may: openid pay\r\n" +
						"Answer <https://op.example/approve/TVQ2M7XK4ZJHD5NBSYLRWAEC3P> \r\n",
				},
			},
			"hostile":      hostileRequest(),
			"hostile-mail": hostileMail(),
		} {
			t.Run(name+"-"+scheme, func(t *testing.T) {
				d, address := phoneOf(t)
				receive(t, d, request)
				tab := openPhone(browser, t, scheme, address)
				screen(tab, t, name+"-"+scheme)
				tall(tab, t, name+"-"+scheme+"-all")
				inert(tab, t)
				if warned := eval[bool](tab, t, `document.querySelector(".caution") !== null`); warned != strings.HasPrefix(name, "hostile") {
					t.Errorf("the page warns of invisible characters: %t", warned)
				}
				accessible(tab, t, address)
				do(tab, t, chromedp.EmulateViewport(1280, 900), chromedp.Navigate(address))
				screen(tab, t, name+"-"+scheme+"-1280")
				inert(tab, t)
				accessible(tab, t, address)
			})
		}
	}
}

// inert fails when hostile text acted, when an element is there that the page does
// not have by itself, or when the page has to be scrolled sideways.
func inert(tab context.Context, t *testing.T) {
	t.Helper()
	if eval[bool](tab, t, `"acted" in window`) {
		t.Error("hostile text ran as a script")
	}
	if n := eval[int](tab, t, `document.querySelectorAll("script").length`); n != 1 {
		t.Errorf("%d script elements, want 1", n)
	}
	if n := eval[int](tab, t, `document.querySelectorAll("img, iframe, object, base, a:not(#more > a)").length`); n != 0 {
		t.Errorf("%d foreign elements", n)
	}
	if eval[bool](tab, t, `/[\u202a-\u202e\u2066-\u2069\u200b\u00ad]/.test(document.body.innerText)`) {
		t.Error("an invisible character reached the page as it is")
	}
	if over := eval[int](tab, t, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
		t.Errorf("the page is %d px too wide", over)
	}
}

// accessible runs axe-core, whose script needs the page's policy out of the way.
func accessible(tab context.Context, t *testing.T, address string) {
	t.Helper()
	axe, err := os.ReadFile(os.Getenv("CIBATEST_AXE"))
	if err != nil {
		t.Fatalf("CIBATEST_AXE names no axe-core script (run this by make browser): %v", err)
	}
	if _, err := chromedp.Call(tab, page.SetBypassCSP, page.SetBypassCSPParams{Enabled: true}); err != nil {
		t.Fatal(err)
	}
	do(tab, t, chromedp.Navigate(address), chromedp.Evaluate[chromedp.Void](string(axe)+"; undefined"))
	report, err := chromedp.Run(tab, chromedp.Evaluate[string](
		`axe.run(document, {resultTypes: ["violations"]}).then((r) => JSON.stringify(r.violations.map((v) =>
			({id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.length, first: v.nodes[0].html.slice(0, 300), why: v.nodes[0].failureSummary}))))`, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	if report != "[]" {
		t.Errorf("axe-core: %s", report)
	}
}

const approveButton = `document.querySelector("button.approve")`

// TestBrowserSeesBeforeApproving: the button stays shut, on the page and at the
// server, until every part was on the screen; the keyboard is enough for all of it.
func TestBrowserSeesBeforeApproving(t *testing.T) {
	d, address := phoneOf(t)
	receive(t, d, mockdevice.Request{
		AuthReqID: "five", LoginHint: "alice", BindingMessage: "M", Scope: "openid",
		AuthorizationDetails: objects(t, fiveObjects...),
	})
	tab := openPhone(startBrowser(t), t, "light", address)
	until(tab, t, `/parts not seen yet/.test(document.querySelector(".unread").textContent)`)
	if !eval[bool](tab, t, approveButton+".disabled") {
		t.Fatal("five objects that do not fit the screen can be approved at once")
	}
	forced := eval[int](tab, t, `(() => { const a = document.querySelector("article"); const x = new XMLHttpRequest();
		x.open("POST", "/phone/requests/" + a.dataset.ref + "/decision", false); x.setRequestHeader("Content-Type", "application/json");
		x.send(JSON.stringify({digest: a.dataset.digest, decision: "approve"})); return x.status })()`)
	if forced != http.StatusConflict {
		t.Errorf("the server answers an approval of what was not seen with %d", forced)
	}
	seeAll(tab, t)
	until(tab, t, "!"+approveButton+".disabled")
	do(tab, t, chromedp.Evaluate[chromedp.Void](approveButton+".focus()"), chromedp.KeyEvent("\r"))
	until(tab, t, `document.querySelector(".outcome.approve") !== null`)
	if r, _ := d.Find("five"); r.Decided != mockdevice.Approve || r.Outcome.By != "phone" {
		t.Errorf("the device says %+v", r)
	}
}

// seeAll goes through a request with nothing but the keyboard.
func seeAll(tab context.Context, t *testing.T) {
	t.Helper()
	do(tab, t, chromedp.Evaluate[chromedp.Void](`document.querySelector(".next").focus()`))
	for range 40 {
		if eval[bool](tab, t, `document.querySelector(".next").hidden`) {
			return
		}
		do(tab, t, chromedp.KeyEvent("\r"))
		time.Sleep(150 * time.Millisecond)
	}
}

// TestBrowserLogin: with a token the page asks for it once.
func TestBrowserLogin(t *testing.T) {
	d := mockdevice.New(mockdevice.WithToken("s3cret-token"))
	server := httptest.NewServer(d.Handler())
	t.Cleanup(func() { d.Close(); server.CloseClientConnections(); server.Close() })
	receive(t, d, mockdevice.Request{AuthReqID: "x", LoginHint: "alice", BindingMessage: "AB12"})
	browser := startBrowser(t)
	tab, end := chromedp.NewContext(browser)
	defer end()
	do(tab, t, chromedp.EmulateViewport(390, 844), chromedp.Navigate(server.URL+"/phone?user=alice"))
	if eval[bool](tab, t, `document.body.innerText.includes("AB12")`) {
		t.Fatal("the page shows requests without the token")
	}
	do(tab, t, chromedp.SendKeys("#token", "wrong\r", chromedp.NodeVisible))
	until(tab, t, `document.body?.innerText.includes("not the token") ?? false`)
	screen(tab, t, "login")
	do(tab, t, chromedp.SendKeys("#token", "s3cret-token\r", chromedp.NodeVisible))
	until(tab, t, `document.body?.innerText.includes("AB12") ?? false`)
}

// TestBrowserStory is the way of a person: cibatest op, cibatest device, cibatest
// authorize, each a process of its own, and a decision in the browser.
func TestBrowserStory(t *testing.T) {
	s := startStory(t)
	pay := func(amount string) string {
		return fmt.Sprintf(`{"type":"payment_initiation","instructedAmount":{"amount":%q,"currency":"USD"},"creditorName":"ExampleCorp"}`, amount)
	}
	tab := openPhone(startBrowser(t), t, "light", s.device+"/phone?user=alice")
	t.Run("approve", func(t *testing.T) {
		run := s.authorize(t, "--param", "authorization_details=["+pay("50.00")+"]")
		until(tab, t, `document.body.innerText.includes("Pay 50.00 USD to ExampleCorp")`)
		until(tab, t, "!"+approveButton+".disabled")
		screen(tab, t, "story-approve")
		do(tab, t, chromedp.Click("button.approve"))
		run.says(t, `"access_token":`)
	})
	t.Run("deny with reason", func(t *testing.T) {
		run := s.authorize(t)
		until(tab, t, `document.querySelector("#waiting article") !== null`)
		do(tab, t, chromedp.SendKeys("input[name=reason]", "Not mine", chromedp.NodeVisible), chromedp.Click("button.deny"))
		until(tab, t, `document.body.innerText.includes("Reason: Not mine")`)
		if n := eval[int](tab, t, `document.querySelectorAll("#history article").length`); n != 2 {
			t.Errorf("the history has %d entries, want 2", n)
		}
		screen(tab, t, "story-denied")
		run.says(t, "access_denied")
	})
	t.Run("narrow", func(t *testing.T) {
		run := s.authorize(t, "--param", "authorization_details=["+pay("50.00")+","+pay("70.00")+"]")
		until(tab, t, `document.querySelectorAll("#waiting input[name=details]").length === 2`)
		do(tab, t, chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("#waiting input[name=details]")[1].click()`))
		do(tab, t, chromedp.Click(`#waiting input[value=offline_access]`))
		seeAll(tab, t)
		until(tab, t, "!"+approveButton+".disabled && "+approveButton+`.textContent !== "Approve"`)
		screen(tab, t, "story-narrow")
		do(tab, t, chromedp.Click("button.approve"))
		until(tab, t, `document.body.innerText.includes("Granted: scope openid profile; 1 of 2 items")`)
		granted := run.says(t, `"access_token":`)
		if at := strings.LastIndex(granted, `"access_token":`); strings.Contains(granted[at:], "70.00") ||
			!strings.Contains(granted[at:], "50.00") {
			t.Errorf("the grant is not the first payment alone:\n%s", granted[at:])
		} else if strings.Contains(granted[at:], `"refresh_token"`) {
			t.Errorf("access while the user is away is granted against their will:\n%s", granted[at:])
		}
	})
	t.Run("expiry", func(t *testing.T) {
		run := s.authorize(t, "--param", "requested_expiry=7")
		until(tab, t, `document.querySelector("#waiting article.soon") !== null`)
		until(tab, t, `document.body.innerText.includes("Expired, not answered")`)
		screen(tab, t, "story-expired")
		run.says(t, "expired_token")
	})
}

type story struct{ binary, device, target string }

func startStory(t *testing.T) story {
	t.Helper()
	s := story{binary: filepath.Join(t.TempDir(), "cibatest")}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", s.binary, "../cmd/cibatest")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	lab := t.TempDir()
	s.device = s.serve(t, "device", "device", "--listen", "127.0.0.1:0", "--audit", filepath.Join(lab, "audit.jsonl"))
	s.serve(t, "phone", "op", "--device", s.device, "--write-target", lab)
	s.target = filepath.Join(lab, "targets", "reference.yaml")
	return s
}

// serve starts a command and returns the URL it prints after a word.
func (s story) serve(t *testing.T, word string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), s.binary, args...)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) == 2 && fields[0] == word {
			if u, err := url.Parse(fields[1]); err == nil {
				go func() { _, _ = io.Copy(io.Discard, out) }()
				return u.String()
			}
		}
	}
	t.Fatalf("%v printed no %s", args, word)
	return ""
}

// flow is a cibatest authorize that is waiting for the decision.
type flow struct {
	done   chan struct{}
	output *bytes.Buffer
}

func (s story) authorize(t *testing.T, args ...string) flow {
	t.Helper()
	f := flow{make(chan struct{}), &bytes.Buffer{}}
	cmd := exec.CommandContext(t.Context(), s.binary, append([]string{"authorize", "--show-tokens", "--user", "alice", "--target", s.target},
		args...)...)
	cmd.Stdout, cmd.Stderr = f.output, f.output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait()
		close(f.done)
	}()
	return f
}

// says waits for the end of the command and returns what it printed.
func (f flow) says(t *testing.T, want string) string {
	t.Helper()
	select {
	case <-f.done:
	case <-time.After(30 * time.Second):
		t.Fatal("authorize does not end")
	}
	if !strings.Contains(f.output.String(), want) {
		t.Errorf("authorize does not print %s:\n%s", want, f.output)
	}
	return f.output.String()
}

// A page whose name was made to point here is of the device's origin to the browser, and
// sees and decides nothing all the same.
func TestBrowserRebinding(t *testing.T) {
	browser := startBrowser(t, chromedp.Flag("host-resolver-rules", "MAP evil.test 127.0.0.1"))
	d := mockdevice.New()
	device := httptest.NewServer(d.Handler())
	t.Cleanup(func() { d.Close(); device.CloseClientConnections(); device.Close() })
	l, err := lab.Start(t.Context(), lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	receive(t, d, mockdevice.Request{AuthReqID: "r", LoginHint: "alice"})
	tab, end := chromedp.NewContext(browser)
	defer end()
	do(tab, t)
	status := func(at, method, path string) int64 {
		do(tab, t, chromedp.Navigate(at+"/phone"))
		eval[bool](tab, t, fmt.Sprintf(`(fetch(%q, {method: %q}).then(r => { window.answered = r.status }), true)`, path, method))
		until(tab, t, `window.answered !== undefined`)
		return eval[int64](tab, t, `window.answered`)
	}
	const decide = "/decision?auth_req_id=x&action=allow"
	for _, c := range []struct {
		at, method, path string
		here             int64 // under the name of this machine
	}{
		{device.URL, "GET", "/v1/requests", 200},
		{device.URL, "GET", "/phone?user=alice", 200},
		{l.ControlURL, "POST", decide, 404},
		{device.URL, "POST", "/approve?auth_req_id=r&action=allow", 204},
	} {
		if got := status(strings.Replace(c.at, "127.0.0.1", "evil.test", 1), c.method, c.path); got != 403 {
			t.Errorf("%s %s is answered %d to a stranger", c.method, c.path, got)
		}
		if r, _ := d.Find("r"); r.Decided != "" {
			t.Error("a stranger has decided")
		}
		if got := status(c.at, c.method, c.path); got != c.here {
			t.Errorf("%s %s is answered %d here, want %d", c.method, c.path, got, c.here)
		}
	}
}

// A flood takes the phone from nobody: what came first is there, and the rest is told.
func TestBrowserFlood(t *testing.T) {
	browser := startBrowser(t)
	d, address := phoneOf(t)
	for i := range 60 {
		receive(t, d, mockdevice.Request{AuthReqID: fmt.Sprint(i), LoginHint: "alice", BindingMessage: fmt.Sprint("M", i)})
	}
	tab := openPhone(browser, t, "light", address)
	const shown = `document.querySelectorAll("#waiting article").length`
	if n, text := eval[int64](tab, t, shown), eval[string](tab, t, `document.getElementById("more").innerText`); n != 50 || !strings.Contains(text, "10 more requests wait") {
		t.Errorf("%d are shown, and %q", n, text)
	}
	receive(t, d, mockdevice.Request{AuthReqID: "late", LoginHint: "alice"})
	for i := range 50 {
		if err := d.Decide(t.Context(), fmt.Sprint(i), mockdevice.Decision{Action: mockdevice.Deny}); err != nil {
			t.Fatal(err)
		}
	}
	until(tab, t, shown+` === 0 && !document.getElementById("more").hidden && document.getElementById("idle").hidden`)
	do(tab, t, chromedp.Navigate(address))
	until(tab, t, shown+` === 11 && document.getElementById("more").hidden`)
	accessible(tab, t, address)
}

// TestBrowserAnswersAMail: a mail arrives on the phone, a person takes one scope away and
// approves, and the page of the OP that the link leads to is answered so.
func TestBrowserAnswersAMail(t *testing.T) {
	desk := &opside.Desk{}
	op := httptest.NewServer(desk.Handler())
	desk.Base = op.URL
	adapters, err := mockdevice.ParseAdapters("a", []byte(strings.ReplaceAll(`
inboxes:
  - name: mail
    smtp: {listen: "127.0.0.1:0"}
    users: {alice@example.com: alice}
    find: {link: 'http://[^\s>]+/approve/\w+', client: '(?m)^(\S+) asks', message: '(?m)^Message: (.+)$', scope: '(?m)^It may: (.+)$'}
    link: {origins: ["OP"], press: {approve: Approve, deny: Deny}, scopes: scope, done: Thank you}`, "OP", op.URL)))
	if err != nil {
		t.Fatal(err)
	}
	d := mockdevice.New(mockdevice.WithAdapters(adapters), mockdevice.WithRoundTripper(http.DefaultTransport))
	server := httptest.NewServer(d.Handler())
	t.Cleanup(func() { d.Close(); server.CloseClientConnections(); server.Close(); op.Close() })
	open, err := d.OpenInboxes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tab := openPhone(startBrowser(t), t, "light", server.URL+"/phone?user=alice")
	desk.Send = opside.Mail(open["mail"].String())
	if err := desk.Ask(opside.Ask{AuthReqID: "r", ClientID: "shop-agent", LoginHint: "alice", BindingMessage: "AB12", Scope: "openid pay profile"}); err != nil {
		t.Fatal(err)
	}
	until(tab, t, `document.querySelector("#waiting .letter") !== null`)
	do(tab, t, chromedp.Click(`#waiting input[value=pay]`))
	seeAll(tab, t)
	until(tab, t, "!"+approveButton+".disabled && "+approveButton+`.textContent !== "Approve"`)
	screen(tab, t, "story-mail")
	do(tab, t, chromedp.Click("button.approve"))
	until(tab, t, `document.body.innerText.includes("Granted: scope openid profile")`)
	if got := desk.Answers(); len(got) != 1 || got[0].Decision != "approve" || *got[0].Scope != "openid profile" {
		t.Errorf("the OP was told %+v", got)
	}
	accessible(tab, t, server.URL+"/phone?user=alice")
}
