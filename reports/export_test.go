package reports

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/har"
	"github.com/google/go-cmp/cmp"

	"github.com/cibatest/cibatest/reports/result"
)

func TestHAR(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	run := sample()
	if err := HAR(&b, run); err != nil {
		t.Fatal(err)
	}
	var archive har.HAR
	if err := json.Unmarshal(b.Bytes(), &archive); err != nil {
		t.Fatal(err)
	}
	pages := map[string]int{}
	for _, e := range archive.Log.Entries {
		pages[e.Pageref]++
	}
	for _, c := range run.Cases {
		if pages[c.ID] != len(c.Exchanges) {
			t.Errorf("%s: %d entries for %d exchanges", c.ID, pages[c.ID], len(c.Exchanges))
		}
	}
	entry := archive.Log.Entries[2] // the poll of token-pending
	if p := entry.Request.PostData; p == nil || p.Params[0].Name != "grant_type" || p.Params[0].Value != "urn:openid:params:grant-type:ciba" {
		t.Errorf("the poll has the parameters %+v", p)
	}
	if entry.Response.Status != 400 || !strings.Contains(string(entry.Response.Content.Text), "slow_down") {
		t.Errorf("the answer is %+v", entry.Response)
	}
	required(t, b.Bytes())
}

// required looks for what the format demands of every entry, empty or not.
func required(t *testing.T, archive []byte) {
	t.Helper()
	var raw struct {
		Log struct {
			Version string           `json:"version"`
			Entries []map[string]any `json:"entries"`
		} `json:"log"`
	}
	if err := json.Unmarshal(archive, &raw); err != nil || raw.Log.Version != "1.2" {
		t.Fatalf("version %q, %v", raw.Log.Version, err)
	}
	message := []string{"httpVersion", "cookies", "headers", "headersSize", "bodySize"}
	for i, e := range raw.Log.Entries {
		for part, names := range map[string][]string{
			"": {"startedDateTime", "time", "cache", "timings"}, "request": append([]string{"method", "url", "queryString"}, message...),
			"response": append([]string{"status", "statusText", "content", "redirectURL"}, message...),
		} {
			object := e
			if part != "" {
				object, _ = e[part].(map[string]any)
			}
			for _, name := range names {
				if object[name] == nil {
					t.Errorf("entry %d: %s has no %s", i, part, name)
				}
			}
		}
	}
}

// hostileCase has quotes, commands and escapes wherever an OP or a file can put them.
func hostileCase(address string) result.Case {
	const nasty = "it's $(touch /tmp/no) `x` \"q\" \\ \x1b[31m\n!%&a=\u202e"
	form := []result.Header{
		{Name: "Authorization", Value: "Basic [masked:aaaaaa]"}, {Name: "Content-Type", Value: formType}, {Name: "@/etc/passwd", Value: "x"}, {Name: "X-Nasty", Value: "it's"},
	}
	return result.Case{
		ID: "a", Title: nasty, Outcome: result.Fail, Exchanges: []result.Exchange{
			{
				Label: nasty, Client: "agent} " + nasty,
				Request:  result.Message{Method: "POST", URL: address + "/start?q=[a]{1,2}", Headers: form, Body: "scope=openid+x&&login_hint=it%27s"},
				Response: &result.Message{Status: 200, Body: `{"auth_req_id":"[masked:bbbbbb]","it's $x":"[masked:cccccc]"}`},
			},
			{
				Label: "token request", StartedMS: 1500,
				Request:  result.Message{Method: "POST", URL: address + "/token", Headers: form, Body: "auth_req_id=[masked:bbbbbb]&grant_type=ciba&other=%5Bmasked%3Acccccc%5D&auth_req_id=x[masked:bbbbbb]"},
				Response: &result.Message{Status: 400, Body: `{}`},
			},
			{Label: "raw", StartedMS: 1600, Request: result.Message{Method: "PUT", URL: address + "/raw", Body: nasty}, Error: "no answer"},
		},
	}
}

// The script sends what was sent, with secrets from the environment and from the answers,
// and nothing in it acts.
func TestCurl(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"bash", "curl", "jq"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s, as whoever runs such a script does", tool)
		}
	}
	var mu sync.Mutex
	var got []string
	op := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		got = append(got, r.Method+" "+r.RequestURI+" "+r.Header.Get("Authorization")+" "+r.Header.Get("X-Nasty")+" "+string(body))
		mu.Unlock()
		_, _ = io.WriteString(w, `{"auth_req_id":"1&2","it's $x":"three"}`)
	}))
	defer op.Close()
	c := hostileCase(op.URL)
	var script bytes.Buffer
	if err := Curl(&script, c); err != nil {
		t.Fatal(err)
	}
	text := script.String()
	command := exec.CommandContext(t.Context(), "bash")
	command.Stdin = &script
	command.Env = append(os.Environ(), "CIBA_AUTHORIZATION=c2VjcmV0")
	if !strings.Contains(text, "\nsleep 2\n") || strings.Count(text, "\nsleep") != 1 {
		t.Error("the script does not wait as the case did")
	}
	if !strings.Contains(text, `: "${CIBA_AUTHORIZATION:?Authorization of request 1, which client agent`) {
		t.Errorf("the script does not say whose Authorization it asks for:\n%s", text)
	}
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s\n%s", err, out, text)
	}
	want := []string{
		"POST /start?q=[a]{1,2} Basic c2VjcmV0 it's scope=openid+x&&login_hint=it%27s",
		"POST /token Basic c2VjcmV0 it's auth_req_id=1%262&grant_type=ciba&other=three&auth_req_id=x1&2",
		"PUT /raw   " + c.Exchanges[2].Request.Body,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s\n%s", diff, text)
	}
	if i := strings.IndexFunc(text, func(r rune) bool { return acts(r, "\n") }); i >= 0 {
		t.Errorf("%q is not inert", text[i:min(i+20, len(text))])
	}
}
