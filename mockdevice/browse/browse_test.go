package browse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// site is a server that answers paths with pages and notes what is posted.
type site struct {
	*httptest.Server
	pages map[string]string
	got   []string // METHOD path?query body
	heads []http.Header
}

func newSite(t *testing.T, pages map[string]string) *site {
	t.Helper()
	s := &site{pages: pages}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.got = append(s.got, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+string(body)))
		s.heads = append(s.heads, r.Header)
		page, ok := pages[r.Method+" "+r.URL.Path]
		switch to, isRedirect := strings.CutPrefix(page, "-> "); {
		case isRedirect:
			http.Redirect(w, r, to, http.StatusFound)
		case !ok:
			http.Error(w, "gone", http.StatusGone)
		default:
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, page)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *site) origin(t *testing.T) Origin {
	t.Helper()
	o, err := ParseOrigin(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// counting is a transport that knows who was reached.
type counting struct{ hosts map[string]int }

func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.hosts[r.URL.Host]++
	return http.DefaultTransport.RoundTrip(r)
}

// TestFormsAreSentAsBrowsersDo: each form, and what is posted when a button is pressed.
func TestFormsAreSentAsBrowsersDo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, page string
		visit      Visit
		want       string
	}{
		{"button and hidden", `<form method=post action=/done><input type=hidden name=t value="a&b"><input type=submit name=do value=No>
			<button name=do value=yes> Yes,
			please </button></form>`, Visit{Button: "yes, please"}, "POST /done t=a%26b&do=yes"},
		{
			"value and id", `<form method=post action=/done><button id=ok name=do value=1>A</button><button name=do value=no>B</button></form>`,
			Visit{Button: "ok"},
			"POST /done do=1",
		},
		{"no action", `<form method=post><button>Go</button></form>`, Visit{Button: "Go"}, "POST /start?q=1"},
		{"get", `<form action=/done?old=1><input name=a value=1><button>Go</button></form>`, Visit{Button: "Go"}, "GET /done?a=1"},
		{
			"formaction", `<form action=/wrong><button formaction=/done formmethod=post name=x value=y>Go</button></form>`,
			Visit{Button: "Go"},
			"POST /done x=y",
		},
		{
			"outside", `<button form=f name=x value=y>Go</button><form id=f method=post action=/done><input name=a></form>`,
			Visit{Button: "Go"},
			"POST /done x=y&a=",
		},
		{"base", `<base href="/sub/"><form method=post action=done><button>Go</button></form>`, Visit{Button: "Go"}, "POST /sub/done"},
		{"disabled", `<form method=post action=/done><fieldset disabled><input name=a value=1></fieldset><input name=b value=2 disabled>
			<button>Go</button></form>`, Visit{Button: "Go"}, "POST /done"},
		{
			"fields", `<form method=post action=/done><input type=hidden name=h value=1><input name=a><input type=radio name=r value=x checked>
			<input type=radio name=r value=y><select name=s><option value=1>one<option selected>two<option>three</select>
			<textarea name=t>old</textarea><input type=checkbox name=c><button>Go</button></form>`,
			Visit{Button: "Go", Fields: map[string]string{"h": "no", "a": "new", "r": "y", "s": "three", "t": "why", "c": "on", "q": "1"}},
			"POST /done h=1&a=new&r=y&s=three&t=why",
		},
		{
			"select", `<form method=post action=/done><select name=s><option value=1>one<option value=2>two</select><button>Go</button></form>`,
			Visit{Button: "Go", Fields: map[string]string{"s": "7"}},
			"POST /done s=1",
		},
		{"noscript", `<form method=post action=/done><noscript><button>Continue</button></noscript></form>`, Visit{Button: "continue"}, "POST /done"},
		{
			"boxes", `<form method=post action=/done><input type=hidden name=s value=openid><input type=checkbox name=s value=a checked>
			<input type=checkbox name=s value=b checked><input type=checkbox name=s value=more checked><button>Go</button></form>`,
			Visit{Button: "Go", Boxes: map[string]Choice{"s": {Keep: []string{"openid", "b"}, Drop: []string{"a"}}}},
			"POST /done s=openid&s=b",
		},
		{"a link", `<form><button>Search</button></form><p><a href="/done#x"> Deny </a>`, Visit{Button: "deny"}, "GET /done"},
		{"no button to press", `<p>Thank you</p>`, Visit{Done: regexp.MustCompile("^Thank you$")}, "GET /start?q=1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, map[string]string{
				"GET /start": c.page, "POST /done": "ok", "GET /done": "ok", "POST /sub/done": "ok", "POST /start": "ok",
			})
			c.visit.Link = s.URL + "/start?q=1"
			b := Browser{http.DefaultTransport, []Origin{s.origin(t)}}
			if status, err := b.Do(t.Context(), c.visit); err != nil || status != 200 {
				t.Fatalf("%d, %v", status, err)
			}
			if diff := cmp.Diff(c.want, s.got[len(s.got)-1]); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// TestPartsAndHeaders: multipart forms, and what pages guard themselves by.
func TestPartsAndHeaders(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{
		"GET /start": `<form method=post action=/done enctype=multipart/form-data><input name=a value=ü><button>Go</button></form>`, "POST /done": "ok",
	})
	b := Browser{http.DefaultTransport, []Origin{s.origin(t)}}
	if _, err := b.Do(t.Context(), Visit{Link: s.URL + "/start#frag", Button: "Go"}); err != nil {
		t.Fatal(err)
	}
	if last := s.got[1]; !strings.Contains(last, "name=\"a\"\r\n\r\nü\r\n") {
		t.Errorf("posted %q", last)
	}
	if h := s.heads[1]; h.Get("Origin") != s.URL || h.Get("Referer") != s.URL+"/start" {
		t.Errorf("the headers are %v", h)
	}
}

// TestALoginComesFirst: the form that asks for a password is filled, once or as often as
// it comes, up to a bound.
func TestALoginComesFirst(t *testing.T) {
	t.Parallel()
	pages := map[string]string{
		"GET /start":  `<form method=post action=/user><input name=username><button>Continue</button></form>`,
		"POST /user":  `<form method=post action=/login><input type=hidden name=username value=alice><input name=password type=password><button>Continue</button></form>`,
		"POST /login": `-> /consent`, "GET /consent": `<form method=post action=/done><button name=a value=b>Continue</button></form>`, "POST /done": "ok",
	}
	s := newSite(t, pages)
	b := Browser{http.DefaultTransport, []Origin{s.origin(t)}}
	visit := Visit{Link: s.URL + "/start", Button: "Continue", Login: map[string]string{"username": "alice", "password": "pw"}}
	if _, err := b.Do(t.Context(), visit); err != nil {
		t.Fatal(err)
	}
	want := []string{"GET /start", "POST /user username=alice", "POST /login username=alice&password=pw", "GET /consent", "POST /done a=b"}
	if diff := cmp.Diff(want, s.got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	pages["POST /login"] = pages["POST /user"] // the password is wrong for ever
	s.got = nil
	if status, err := b.Do(t.Context(), visit); err == nil || status != 0 || len(s.got) > MaxPages+1 {
		t.Errorf("%d, %v after %d pages", status, err, len(s.got))
	}
}

// TestNothingElseIsReached: no way there is leads to a host that is not allowed.
func TestNothingElseIsReached(t *testing.T) {
	t.Parallel()
	foreign := newSite(t, map[string]string{"GET /": `<form><button>Go</button></form>`})
	for name, page := range map[string]string{
		"redirect":    "-> " + foreign.URL + "/",
		"to itself":   "-> /start",
		"form":        `<form method=post action="` + foreign.URL + `/x"><button>Go</button></form>`,
		"formaction":  `<form method=post><button formaction="` + foreign.URL + `/x">Go</button></form>`,
		"base":        `<base href="` + foreign.URL + `"><form method=post action=x><button>Go</button></form>`,
		"link":        `<a href="` + foreign.URL + `/x">Go</a>`,
		"no host":     `<a href="//` + strings.TrimPrefix(foreign.URL, "http://") + `/x">Go</a>`,
		"javascript":  `<a href="javascript:alert(1)">Go</a>`,
		"file":        `<form action="file:///etc/passwd"><button>Go</button></form>`,
		"user":        "-> http://user:pw@" + strings.TrimPrefix(foreign.URL, "http://") + "/",
		"other names": `<form method=post action="http://localhost.evil.example/"><button>Go</button></form>`,
		"https":       `<form method=post action="https://127.0.0.1/"><button>Go</button></form>`,
		"login":       `<form method=post action="` + foreign.URL + `"><input type=password name=password><button>Go</button></form>`,
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, map[string]string{"GET /start": page, "POST /start": "-> " + foreign.URL})
			transport := counting{map[string]int{}}
			b := Browser{transport, []Origin{s.origin(t)}}
			visit := Visit{Link: s.URL + "/start", Button: "Go", Login: map[string]string{"password": "pw"}}
			if status, err := b.Do(t.Context(), visit); err == nil || status != 0 {
				t.Errorf("%d, %v", status, err)
			}
			delete(transport.hosts, strings.TrimPrefix(s.URL, "http://"))
			if len(transport.hosts) != 0 || len(foreign.got) != 0 {
				t.Errorf("reached %v", transport.hosts)
			}
		})
	}
}

// TestPagesAreBounded: a page that does not end, one without an end in time, one that is
// too deep, and one that redirects for ever.
func TestPagesAreBounded(t *testing.T) {
	t.Parallel()
	var redirects atomic.Int64
	hostile := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		switch r.URL.Path {
		case "/endless":
			for {
				if _, err := fmt.Fprint(w, strings.Repeat("<form>", 1000)); err != nil {
					return
				}
			}
		case "/silent":
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		case "/deep":
			_, _ = fmt.Fprint(w, strings.Repeat("<div>", 50_000)+"<form><button>Go</button></form>")
		case "/loop":
			http.Redirect(w, r, fmt.Sprintf("/loop?%d", redirects.Add(1)), http.StatusFound)
		}
	}))
	defer hostile.Close()
	origin, _ := ParseOrigin(hostile.URL)
	b := Browser{http.DefaultTransport, []Origin{origin}}
	for path, want := range map[string]string{"/endless": "larger than", "/silent": "deadline", "/deep": "cannot be read", "/loop": "redirects in a row"} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if _, err := b.Do(ctx, Visit{Link: hostile.URL + path, Button: "Go"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
		cancel()
	}
	if n := redirects.Load(); n > MaxRedirects+1 {
		t.Errorf("%d redirects were followed", n)
	}
}

// TestWhatEndsAVisit: errors say what is wrong, and never what the link was.
func TestWhatEndsAVisit(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{
		"GET /none": "<p>Hello", "GET /two": `<form><button>Go</button><button>go</button></form>`, "POST /done": "It failed.",
		"GET /form": `<form method=post action=/done><button>Go</button></form>`, "GET /gone": `<form method=post action=/nowhere><button>Go</button></form>`,
		"GET /fixed": `<form method=post action=/done><input type=hidden name=s value=a><button>Go</button></form>`,
	})
	b := Browser{http.DefaultTransport, []Origin{s.origin(t)}}
	drop := map[string]Choice{"s": {Drop: []string{"a"}}}
	for _, c := range []struct {
		visit  Visit
		status int
		want   string
	}{
		{Visit{Link: "/none", Button: "Go"}, 0, `no button "Go"; it has none (scripts are not run)`},
		{Visit{Link: "/two", Button: "Go"}, 0, "2 buttons"},
		{Visit{Link: "/two", Button: "Approve"}, 0, `it has "Go", "go"`},
		{Visit{Link: "/expired", Button: "Go"}, 410, "answered 410"},
		{Visit{Link: "/expired"}, 410, "answered 410"},
		{Visit{Link: "/gone", Button: "Go"}, 410, "answered 410"},
		{Visit{Link: "/form", Button: "Go", Done: regexp.MustCompile("Thank you")}, 200, "does not say"},
		{Visit{Link: "/form", Button: "Go", Boxes: drop}, 0, "cannot carry less"},
		{Visit{Link: "/fixed", Button: "Go", Boxes: drop}, 0, "cannot carry less"},
	} {
		c.visit.Link = s.URL + c.visit.Link + "?secret=1"
		status, err := b.Do(t.Context(), c.visit)
		if status != c.status || err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %d, %v, want %d %s", c.visit.Link, status, err, c.status, c.want)
		}
	}
	s.Close()
	if _, err := b.Do(t.Context(), Visit{Link: s.URL + "/?secret=1"}); !errors.Is(err, ErrTransport) || strings.Contains(err.Error(), "secret") {
		t.Errorf("a closed server: %v", err)
	}
	if _, err := b.Do(t.Context(), Visit{Link: "http://[secret"}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("no URL: %v", err)
	}
}

func TestOrigins(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"https://OP.example": "https://op.example", "https://op.example:443/": "https://op.example", "http://op.example:8080": "http://op.example:8080",
		"http://[::1]:80": "http://[::1]", "https://op.example/path": "", "op.example": "", "ftp://op.example": "", "https://": "", "https://u@op.example": "",
		"https://op.example?q": "", "https://op.example#f": "",
	} {
		o, err := ParseOrigin(text)
		if (err == nil) != (want != "") || err == nil && o.String() != want {
			t.Errorf("%s is %s, %v", text, o, err)
		}
	}
}

// FuzzPage: whatever a page is, it is read, and no submission leads where it does not say.
func FuzzPage(f *testing.F) {
	f.Add(`<form method=post action=/x id=f><input name=a><button form=f>Go</button><select><option selected></select></form>`)
	f.Add(`<base href="//evil"><a href="javascript:x">Go</a><table><form><tr><td><input type=image></table>`)
	f.Add(`<noscript><form><template><button>Go`)
	at, _ := url.Parse("https://op.example/start")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := readPage(200, at, "text/html; charset=utf-8", []byte(text))
		if err != nil {
			return
		}
		next, _, err := p.step(Visit{
			Button: "Go", Fields: map[string]string{"a": "b"}, Boxes: map[string]Choice{"s": {Keep: []string{"1"}}}, Login: map[string]string{"p": "w"},
		})
		if err == nil && next.to == nil {
			t.Fatal("a submission to nowhere")
		}
	})
}
