// Package opside is the OP's half of reaching a person, for tests: it takes what an OP
// would show its user, sends it as a mail, a text message or a push message, and gets the
// answer at a page behind a link or by a code.
//
// The page is one as products have it: it needs a session of its own, a token against
// forged forms, the Origin of browsers, and a login where the desk has passwords. The code
// comes back in the form that gateways for text messages post.
package opside

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // as the gateway has it
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Ask is what an OP posts to /v1/requests, in the words of the device it takes the desk for.
type Ask struct {
	AuthReqID            string            `json:"auth_req_id"`
	ClientID             string            `json:"client_id"`
	LoginHint            string            `json:"login_hint"`
	BindingMessage       string            `json:"binding_message"`
	Scope                string            `json:"scope"`
	AuthorizationDetails []json.RawMessage `json:"authorization_details"`
	Callback             string            `json:"callback"`
	CallbackToken        string            `json:"callback_token"`
}

// Notice is what a person is told.
type Notice struct {
	Ask
	Link    string // to the page that takes the answer
	Yes, No string // links that are the answer
	Code    string // that comes back with the answer, in six digits
}

// Answer is what the person said.
type Answer struct {
	AuthReqID            string            `json:"auth_req_id"`
	Decision             string            `json:"decision"`
	Reason               string            `json:"reason,omitempty"`
	Scope                *string           `json:"scope,omitempty"`
	AuthorizationDetails []json.RawMessage `json:"authorization_details,omitzero"` // empty: none is granted; nil: nothing is said
}

// Desk asks people and takes their answers, each once.
type Desk struct {
	Base     string             // where its handler is served, once that is known
	Send     func(Notice) error // reaches the person
	Password string             // the page asks for it and the login_hint first; empty: it does not
	Token    string             // text messages that come in are signed with it; empty: nobody looks

	mu       sync.Mutex
	open     map[string]*open // by their secret
	answered []Answer
}

// open is a question that waits for its answer.
type open struct {
	Notice
	secret, session, csrf string
	loggedIn              bool
}

// Answers are all answers so far.
func (d *Desk) Answers() []Answer {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.answered)
}

// Handler serves the OP, the page and the gateway for text messages.
func (d *Desk) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/requests", d.ask)
	mux.HandleFunc("GET /approve/{secret}", d.enter)
	mux.HandleFunc("GET /approve/{secret}/form", d.page(d.show))
	mux.HandleFunc("POST /approve/{secret}/login", d.page(d.login))
	mux.HandleFunc("POST /approve/{secret}/form", d.page(d.decide))
	mux.HandleFunc("GET /yes/{secret}", d.byLink("approve"))
	mux.HandleFunc("GET /no/{secret}", d.byLink("deny"))
	mux.HandleFunc("POST /sms", d.byText)
	return mux
}

// ask takes a question of the OP and sends it to the person.
func (d *Desk) ask(w http.ResponseWriter, r *http.Request) {
	var a Ask
	if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := d.Ask(a); err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// Ask sends a question to the person.
func (d *Desk) Ask(a Ask) error {
	secret := rand.Text()
	var code [4]byte
	_, _ = rand.Read(code[:]) // never fails
	n := Notice{
		Ask: a, Link: d.Base + "/approve/" + secret, Yes: d.Base + "/yes/" + secret, No: d.Base + "/no/" + secret,
		Code: fmt.Sprintf("%06d", binary.BigEndian.Uint32(code[:])%1_000_000),
	}
	d.mu.Lock()
	if d.open == nil {
		d.open = map[string]*open{}
	}
	d.open[secret] = &open{Notice: n, secret: secret, session: rand.Text(), csrf: rand.Text(), loggedIn: d.Password == ""}
	d.mu.Unlock()
	return d.Send(n)
}

// enter begins a session and leads to the form.
func (d *Desk) enter(w http.ResponseWriter, r *http.Request) {
	o := d.find(r.PathValue("secret"))
	if o == nil {
		http.Error(w, "this link is not valid any more", http.StatusGone)
		return
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // not Secure: it is served over plain http
		Name: "session", Value: o.session, Path: "/approve/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	http.Redirect(w, r, "/approve/"+o.secret+"/form", http.StatusSeeOther)
}

func (d *Desk) find(secret string) *open {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.open[secret]
}

// page lets in who has the session.
func (d *Desk) page(next func(http.ResponseWriter, *http.Request, *open)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		o := d.find(r.PathValue("secret"))
		cookie, err := r.Cookie("session")
		switch {
		case o == nil:
			http.Error(w, "this link is not valid any more", http.StatusGone)
		case err != nil || cookie.Value != o.session:
			http.Error(w, "no session: are cookies switched off?", http.StatusForbidden)
		case r.Method == http.MethodPost && (r.Header.Get("Origin") != d.Base || r.PostFormValue("csrf") != o.csrf):
			http.Error(w, "the form comes from another page", http.StatusForbidden)
		default:
			next(w, r, o)
		}
	}
}

var loginForm = template.Must(template.New("login").Parse(`<!doctype html><title>Log in</title>
<form method="post" action="login"><input type="hidden" name="csrf" value="{{.}}">
<label>User <input name="username"></label> <label>Password <input name="password" type="password"></label>
<button>Log in</button></form>`))

var consentForm = template.Must(template.New("consent").Parse(`<!doctype html><title>Approve?</title>
<p>{{.ClientID}} asks for your approval: {{.BindingMessage}}</p>
<form method="get" action="/search"><input name="q"><button>Search</button></form>
<form method="post" id="consent">
<input type="hidden" name="csrf" value="{{.CSRF}}"><input type="hidden" name="scope" value="openid">
{{range .Scopes}}<label><input type="checkbox" name="scope" value="{{.}}" checked> {{.}}</label>
{{end}}{{range $i, $d := .AuthorizationDetails}}<label><input type="checkbox" name="item" value="{{$i}}" checked> {{printf "%s" $d}}</label>
{{end}}<label>Why not? <textarea name="reason"></textarea></label>
</form><p>
<button form="consent" name="answer" value="approve"><b>Approve</b></button>
<button form="consent" name="answer" value="deny">Deny</button></p>
<script>document.write("this page works without me")</script>`))

// show is the form, or the login before it.
func (d *Desk) show(w http.ResponseWriter, _ *http.Request, o *open) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	d.mu.Lock()
	loggedIn := o.loggedIn
	d.mu.Unlock()
	if !loggedIn {
		_ = loginForm.Execute(w, o.csrf)
		return
	}
	_ = consentForm.Execute(w, struct {
		Notice
		CSRF   string
		Scopes []string
	}{o.Notice, o.csrf, slices.DeleteFunc(strings.Fields(o.Scope), func(s string) bool { return s == "openid" })})
}

// login takes the password and leads back to the form.
func (d *Desk) login(w http.ResponseWriter, r *http.Request, o *open) {
	if r.PostFormValue("username") == o.LoginHint && r.PostFormValue("password") == d.Password {
		d.mu.Lock()
		o.loggedIn = true
		d.mu.Unlock()
	}
	http.Redirect(w, r, "form", http.StatusSeeOther)
}

// decide takes the form.
func (d *Desk) decide(w http.ResponseWriter, r *http.Request, o *open) {
	a := Answer{AuthReqID: o.AuthReqID, Decision: r.PostFormValue("answer"), Reason: r.PostFormValue("reason")}
	if a.Decision == "approve" {
		scope := strings.Join(r.PostForm["scope"], " ")
		a.Scope = &scope
		a.AuthorizationDetails = o.chosen(r.PostForm["item"])
	}
	d.finish(w, o, a)
}

// chosen are the objects whose numbers are checked.
func (o *open) chosen(numbers []string) []json.RawMessage {
	if len(o.AuthorizationDetails) == 0 {
		return nil
	}
	list := []json.RawMessage{}
	for i, object := range o.AuthorizationDetails {
		if slices.Contains(numbers, strconv.Itoa(i)) {
			list = append(list, object)
		}
	}
	return list
}

// byLink takes an answer whose link was opened.
func (d *Desk) byLink(decision string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if o := d.find(r.PathValue("secret")); o != nil {
			d.finish(w, o, Answer{AuthReqID: o.AuthReqID, Decision: decision})
			return
		}
		http.Error(w, "this link is not valid any more", http.StatusGone)
	}
}

// byText takes a text message that came in: YES or NO, the code, and the scope to be
// granted where that is less than all.
func (d *Desk) byText(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || d.Token != "" && r.Header.Get("X-Twilio-Signature") != d.signature(r.PostForm) {
		http.Error(w, "not from our gateway", http.StatusForbidden)
		return
	}
	said := strings.Fields(r.PostFormValue("Body"))
	if len(said) < 2 {
		http.Error(w, "not understood", http.StatusBadRequest)
		return
	}
	d.mu.Lock()
	var o *open
	for _, waiting := range d.open {
		if waiting.Code == said[1] && waiting.LoginHint == r.PostFormValue("From") {
			o = waiting
		}
	}
	d.mu.Unlock()
	decision := map[string]string{"YES": "approve", "NO": "deny"}[said[0]]
	if o == nil || decision == "" {
		http.Error(w, "no request has this code", http.StatusNotFound)
		return
	}
	a := Answer{AuthReqID: o.AuthReqID, Decision: decision}
	if scope := strings.Join(said[2:], " "); decision == "approve" && scope != "" {
		a.Scope = &scope
	}
	d.finish(w, o, a)
}

// signature is what the gateway signs a form with.
func (d *Desk) signature(form url.Values) string {
	mac := hmac.New(sha1.New, []byte(d.Token))
	_, _ = fmt.Fprint(mac, d.Base+"/sms", "Body"+form.Get("Body"), "From"+form.Get("From"), "To"+form.Get("To"))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// finish tells the OP, once.
func (d *Desk) finish(w http.ResponseWriter, o *open, a Answer) {
	d.mu.Lock()
	known := d.open[o.secret] != nil
	delete(d.open, o.secret)
	if known {
		d.answered = append(d.answered, a)
	}
	d.mu.Unlock()
	if !known {
		http.Error(w, "answered before", http.StatusConflict)
		return
	}
	if err := o.tell(a); err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	_, _ = fmt.Fprint(w, "Thank you.")
}

// tell posts the answer to where the OP wants it.
func (o *open) tell(a Answer) error {
	if o.Callback == "" {
		return nil
	}
	body, err := json.Marshal(a)
	if err != nil {
		return err
	}
	req, err := http.NewRequest(http.MethodPost, o.Callback, bytes.NewReader(body)) //nolint:noctx // ends with its test
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+o.CallbackToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode/100 != 2 {
		return errors.New("the OP answers " + resp.Status)
	}
	return nil
}
