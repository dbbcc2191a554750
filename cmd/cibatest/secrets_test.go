package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"index/suffixarray"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/internal/lab"
)

// canaries are secret values and what each one is.
type canaries struct {
	mu     sync.Mutex
	values map[string]string
}

func (c *canaries) add(what, value string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(value) >= 8 {
		c.values[value] = what
	}
}

// watch keeps every token and auth_req_id that the OP hands out.
func (c *canaries) watch(resp *http.Response) error {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	var object map[string]any
	_ = json.Unmarshal(body, &object)
	if sent := resp.Request.Header.Get(captured); sent != "" {
		resp.Header.Set("X-Echo", sent)
		if object["error"] != nil { // findings quote the description
			object["error_description"] = sent
			told, _ := json.Marshal(object)
			resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(told)), int64(len(told))
			resp.Header.Set("Content-Length", strconv.Itoa(len(told)))
		}
	}
	for _, name := range []string{"access_token", "id_token", "refresh_token", "auth_req_id"} {
		if value, ok := object[name].(string); ok {
			c.add(name, value)
		}
	}
	return nil
}

// captured carries what a client sent to where its answer is made.
const captured = "X-Captured"

// addSigned keeps the signed request of a form, and the token of the client inside it.
func (c *canaries) addSigned(body []byte) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return
	}
	token, err := jose.Decode(form.Get("request"))
	if err != nil {
		return
	}
	if len(token.Signature) == 0 || len(token.Claims) < 3 {
		return // made up, and good for nothing
	}
	c.add("signed request", form.Get("request"))
	if value, ok := token.Claims["client_notification_token"].(string); ok {
		c.add("client_notification_token", value)
	}
}

// captureRequest keeps credentials and body of a request for [canaries.watch], and returns the
// body.
func captureRequest(r *httputil.ProxyRequest) []byte {
	var body []byte
	if r.Out.Body != nil {
		body, _ = io.ReadAll(r.Out.Body)
		r.Out.Body = io.NopCloser(bytes.NewReader(body))
	}
	text := r.In.Header.Get("Authorization") + " " + string(body)
	if len(text) < 8<<10 && !strings.ContainsAny(text, "\r\n\x00") {
		r.Out.Header.Set(captured, text)
	}
	return body
}

// startWatched runs a reference OP behind a proxy that sees every answer, and repeats
// in a header of each what was sent to it.
func startWatched(t *testing.T, seen *canaries) (targetFile string) {
	t.Helper()
	var behind *url.URL
	proxy := &httputil.ReverseProxy{ModifyResponse: seen.watch, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(behind)
		seen.addSigned(captureRequest(r))
	}}
	front := httptest.NewServer(proxy)
	t.Cleanup(front.Close)
	listen := strings.TrimPrefix(freeAddress(t), "http://")
	behind, _ = url.Parse("http://" + listen)
	return startLab(t, lab.Options{Issuer: front.URL, OPListen: listen, Interval: time.Second, ExpiresIn: 15 * time.Second})
}

func freeAddress(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	return server.URL
}

// No secret of any kind shows in an artefact, in a log or in an error: neither
// raw nor URL-encoded, JSON-escaped or in base64. Only cases are left out that wait long
// for what others send, too: an expiry, a pace, a late replay.
func TestNoSecretInAnyOutput(t *testing.T) {
	if testing.Short() {
		t.Skip("a whole run; it is not short")
	}
	t.Parallel()
	seen := &canaries{values: map[string]string{}}
	file := startWatched(t, seen)
	plant(t, file, seen)
	out := t.TempDir()
	_, stdout, stderr := called(t, "conform", "--target", file, "--out", out, "--concurrency", "64", "--label-filter", "!slow && !/case: (fast-poll|reuse-late)$/")
	_, checkOut, checkErr := called(t, "check", file)
	_, handOut, handErr := called(t, "authorize", "--target", file, "--once")
	texts := map[string]string{"stdout": stdout, "stderr": stderr, "check": checkOut + checkErr, "authorize": handOut + withoutID(handErr)}
	for _, a := range artefacts {
		texts[a.name] = string(read(t, filepath.Join(out, a.name)))
	}
	loaded := t.TempDir()
	_, loadOut, loadErr := called(t, "load", "--target", file, "--out", loaded, "--rate", "5/s", "--duration", "1s", "--think", "fixed:10ms", "--drain", "5s")
	texts["load"] = loadOut + loadErr
	for _, name := range loadArtefactNames() {
		texts[name+" of load"] = string(read(t, filepath.Join(loaded, name)))
	}
	for kind, least := range map[string]int{"access_token": 5, "id_token": 5, "auth_req_id": 40, "client_secret": 10, "private key": 4, "approval header": 1, "signed request": 100} {
		if n := seen.count(kind); n < least {
			t.Errorf("only %d values of the kind %s were seen; the test looks for too little", n, kind)
		}
	}
	for name, text := range texts {
		index := suffixarray.New([]byte(text)) // some thousand spellings in some megabytes
		for value, what := range seen.values {
			for _, spelling := range spellings(value) {
				if len(index.Lookup([]byte(spelling), 1)) > 0 {
					t.Errorf("%s shows the %s %.12s…", name, what, value)
				}
			}
		}
	}
}

func (c *canaries) count(what string) int {
	n := 0
	for _, kind := range c.values {
		if kind == what {
			n++
		}
	}
	return n
}

// withoutID drops the one line that tells a person the auth_req_id of a flow
// made by hand, which "cibatest poll" asks for.
func withoutID(text string) string {
	var kept []string
	for line := range strings.SplitSeq(text, "\n") {
		if !strings.HasPrefix(line, "auth_req_id ") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}

func spellings(s string) []string {
	quoted, _ := json.Marshal(s)
	return []string{
		s, url.QueryEscape(s), url.PathEscape(s), strings.Trim(string(quoted), `"`),
		base64.StdEncoding.EncodeToString([]byte(s)), base64.URLEncoding.EncodeToString([]byte(s)),
		base64.RawStdEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s)),
	}
}

// canaryHeader is the secret that the target file of the run takes from the
// environment. TestMain sets it, so that the run waits beside the other tests.
const canaryHeader = "canary-header-7d1f0c55"

// outsiders are values from outside in fields that are no secrets by themselves.
var outsiders = map[string]string{
	"CIBATEST_CANARY_URL": "canary-url-5b2c&/+", "CIBATEST_CANARY_HINT": "canary-hint-91ee", "CIBATEST_CANARY_PARAM": "canary-param-77ab",
	"CIBATEST_CANARY_RAR": "canary-rar-0c3d",
}

// plant adds values from outside to the target file, and knows the secrets that it has
// anyway.
func plant(t *testing.T, file string, seen *canaries) {
	t.Helper()
	seen.add("approval header", canaryHeader)
	for name, value := range outsiders {
		seen.add(name, value)
	}
	text := strings.NewReplacer(
		"approval: {kind: url,", `approval: {kind: url, headers: {X-Hook: "Bearer ${env:CIBATEST_CANARY}"},`,
		"/decision?", "/decision?key=${env:CIBATEST_CANARY_URL}&",
		"{login_hint: nobody-4711,", `{login_hint: "${env:CIBATEST_CANARY_HINT}",`,
		"scope: openid profile", "start_params: {tenant: \"${env:CIBATEST_CANARY_PARAM}\"}\nscope: openid profile",
		`"Invoice 30044: 3 items`, `"${env:CIBATEST_CANARY_RAR}: 3 items`,
	).Replace(string(read(t, file)))
	if strings.Count(text, "${env:CIBATEST_CANARY") != 1+len(outsiders) {
		t.Fatal("the target file has changed, and not every canary has a place")
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(text, "\n") {
		if _, rest, found := strings.Cut(line, "client_secret: "); found {
			secret, _, _ := strings.Cut(strings.TrimRight(rest, "}"), ", ")
			seen.add("client_secret", strings.Trim(secret, `" `))
		}
	}
	root := filepath.Dir(filepath.Dir(file))
	tokens, _ := filepath.Glob(filepath.Join(root, "requests", "hint-*.jwt"))
	for _, path := range tokens {
		seen.add("login_hint_token", strings.TrimSpace(string(read(t, path))))
	}
	keys, _ := filepath.Glob(filepath.Join(root, "keys", "client-*.json"))
	for _, path := range keys {
		addKey(t, read(t, path), seen)
	}
}

func addKey(t *testing.T, data []byte, seen *canaries) {
	t.Helper()
	parsed, err := jose.ParseKeys(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range parsed {
		text, _ := key.JSON()
		var members map[string]any
		_ = json.Unmarshal(text, &members)
		for _, name := range []string{"d", "p", "q", "k"} {
			if value, ok := members[name].(string); ok {
				seen.add("private key", value)
			}
		}
	}
}
