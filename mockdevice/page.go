package mockdevice

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

//go:embed page
var pageFiles embed.FS

var pages = template.Must(template.ParseFS(pageFiles, "page/*.html"))

// phoneRoutes serve the page of one user at a time. With a token, a browser shows
// it once in the form and then has a cookie.
func (d *Device) phoneRoutes() []route {
	return []route{
		{"GET /phone", d.signedIn(d.showPhone), true},
		{"GET /phone/events", d.signedIn(d.streamChanges), true},
		{"GET /phone/requests/{ref}", d.signedIn(d.showRequest), true},
		{"POST /phone/requests/{ref}/shown", d.signedIn(d.noteShown), true},
		{"POST /phone/requests/{ref}/decision", d.signedIn(d.decideOnPhone), true},
		{"POST /phone/login", d.login, true},
		{"GET /phone/style.css", serveAsset("page/style.css", "text/css; charset=utf-8"), true},
		{"GET /phone/phone.js", serveAsset("page/phone.js", "text/javascript; charset=utf-8"), true},
	}
}

// The page loads its own style and script and nothing else; no text of an OP can
// become either.
const contentPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func harden(h http.Header) {
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
}

func serveAsset(name, contentType string) http.HandlerFunc {
	data, err := pageFiles.ReadFile(name)
	return func(w http.ResponseWriter, _ *http.Request) {
		harden(w.Header())
		if err != nil {
			refuse(w, http.StatusNotFound, err)
			return
		}
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(data)
	}
}

func render(w http.ResponseWriter, status int, name string, data any) {
	var page bytes.Buffer
	if err := pages.ExecuteTemplate(&page, name, data); err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	harden(w.Header())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = page.WriteTo(w)
}

const cookieName = "cibatest-phone"

// cookie is what a browser holds once it has shown the token.
func (d *Device) cookie() string {
	mac := hmac.New(sha256.New, []byte(d.token))
	_, _ = mac.Write([]byte(cookieName))
	return hex.EncodeToString(mac.Sum(nil))
}

func (d *Device) signedIn(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		held, err := r.Cookie(cookieName)
		switch {
		case d.token == "", err == nil && same(held.Value, d.cookie()), same(r.Header.Get("Authorization"), "Bearer "+d.token):
			next(w, r)
		case r.URL.Path == "/phone":
			render(w, http.StatusUnauthorized, "login", struct{ User, Problem string }{r.URL.Query().Get("user"), ""})
		default:
			refuse(w, http.StatusUnauthorized, errors.New("open /phone first and show the device's token"))
		}
	}
}

func (d *Device) login(w http.ResponseWriter, r *http.Request) {
	user := r.PostFormValue("user")
	if d.token != "" && !same(r.PostFormValue("token"), d.token) {
		render(w, http.StatusUnauthorized, "login", struct{ User, Problem string }{user, "This is not the token of the device."})
		return
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure where the connection is; a device on loopback speaks plain HTTP
		Name: cookieName, Value: d.cookie(), Path: "/phone", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil,
	})
	http.Redirect(w, r, "/phone?"+url.Values{"user": {user}}.Encode(), http.StatusSeeOther)
}

// history is how many finished requests the page shows.
const history = 50

func (d *Device) showPhone(w http.ResponseWriter, r *http.Request) {
	user := r.URL.Query().Get("user")
	if user == "" {
		render(w, http.StatusOK, "users", d.usersWaiting())
		return
	}
	now := time.Now()
	var open, finished []promptView
	for _, request := range d.Requests(func(r Request) bool { return r.User() == user }) {
		if view := viewOf(request, now); view.State == "open" {
			open = append(open, view)
		} else {
			finished = append(finished, view)
		}
	}
	finished = finished[max(0, len(finished)-history):]
	slices.Reverse(finished)
	render(w, http.StatusOK, "phone", struct {
		User           []piece
		UserName       string
		Open, Finished []promptView
	}{visible(user), user, open, finished})
}

// userLine is a user on the page that asks whose phone this is.
type userLine struct {
	Name []piece
	Link string
	Open int
}

func (d *Device) usersWaiting() []userLine {
	counts := map[string]int{}
	now := time.Now()
	for _, r := range d.Requests(nil) {
		counts[r.User()] += map[bool]int{true: 1}[stateOf(r, now) == "open"]
	}
	var lines []userLine
	for user, open := range counts {
		if user != "" {
			lines = append(lines, userLine{visible(user), "/phone?" + url.Values{"user": {user}}.Encode(), open})
		}
	}
	slices.SortFunc(lines, func(a, b userLine) int {
		if a.Open != b.Open {
			return b.Open - a.Open
		}
		return strings.Compare(a.Link, b.Link)
	})
	return lines[:min(len(lines), 200)]
}

// promptView is a request as the page shows it.
type promptView struct {
	Ref, Digest, State  string
	LeftMS              int64 // until it expires, by the device's clock; 0: the OP did not say
	Client, Message     []piece
	Scopes              []scopeLine
	Cards               []card
	Facts               []row
	Narrowable          bool
	Marked              bool // something in it would be invisible
	Outcome, Reason, By []piece
	Granted             []piece // where it is less than was asked
	Raw                 []piece // authorization_details as they came
	OutcomeKind         string
	When                string
}

func viewOf(r Request, now time.Time) promptView {
	v := promptView{
		Ref: r.Ref, Digest: viewDigest(r), State: stateOf(r, now), Client: visible(r.ClientID), Message: visible(r.BindingMessage),
		Scopes: scopeLines(r.Scope), Cards: cardsOf(r), When: r.ReceivedAt.UTC().Format("2 Jan 2006 15:04:05 UTC"),
	}
	if len(v.Client) == 0 {
		v.Client = visible("An unnamed client")
	}
	if !r.ExpiresAt.IsZero() {
		v.LeftMS = max(1, r.ExpiresAt.Sub(now).Milliseconds())
	}
	v.Narrowable = len(v.Cards) > 1 || slices.ContainsFunc(v.Scopes, func(s scopeLine) bool { return !s.Locked })
	v.Facts = factsOf(r)
	v.Marked = v.holdsMarks()
	if len(v.Cards) > 0 {
		v.Raw = visible(string(r.AuthorizationDetails))
	}
	v.tellOutcome(r)
	return v
}

// holdsMarks says whether any text of the request would be invisible in part.
func (v promptView) holdsMarks() bool {
	rows := slices.Clone(v.Facts)
	rows = append(rows, row{Value: v.Client}, row{Value: v.Message})
	for _, s := range v.Scopes {
		rows = append(rows, row{Value: s.Scope})
	}
	for _, c := range v.Cards {
		rows = append(rows, c.Rows...)
	}
	return slices.ContainsFunc(rows, row.holdsMarks)
}

func (r row) holdsMarks() bool {
	isMark := func(p piece) bool { return p.Mark != "" }
	return slices.ContainsFunc(r.Label, isMark) || slices.ContainsFunc(r.Value, isMark) || slices.ContainsFunc(r.Rows, row.holdsMarks)
}

// factsOf are the remaining things an OP said.
func factsOf(r Request) []row {
	var rows []row
	add := func(label, text string) {
		if text != "" {
			rows = append(rows, row{Label: visible(label), Value: visible(text)})
		}
	}
	add("Account", r.LoginHint)
	add("Subject", r.Sub)
	add("Level asked for", r.ACRValues)
	for _, name := range sortedNames(r.Labels) {
		add(labelOf(name), r.Labels[name])
	}
	return rows
}

func sortedNames(labels map[string]string) []string {
	var names []string
	for name := range labels {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

var outcomeWords = map[Action]string{
	Approve: "Approved", Deny: "Denied", Cancel: "Cancelled", Failure: "Failed", Ignore: "Not answered", timedOut: "Not answered in time",
}

func (v *promptView) tellOutcome(r Request) {
	if v.State == "expired" {
		v.Outcome, v.OutcomeKind = visible("Expired, not answered"), "expired"
	}
	if r.Outcome == nil {
		return
	}
	word := outcomeWords[r.Decided]
	if r.Outcome.Narrowed {
		word += " in part"
		v.Granted = visible(grantedWords(r))
	}
	if r.Outcome.Delivery != "" && r.Outcome.Delivery != "acknowledged" {
		word += "; delivery: " + r.Outcome.Delivery
	}
	v.Outcome, v.OutcomeKind, v.Reason, v.By = visible(word), string(r.Decided), visible(r.Outcome.Reason), visible(r.Outcome.By)
}

// grantedWords says what is left of a request after a narrowed approval.
func grantedWords(r Request) string {
	var parts []string
	if r.Outcome.Scope != nil {
		parts = append(parts, "scope "+*r.Outcome.Scope)
	}
	if r.Outcome.Details != nil {
		asked, _ := parseDetails(r.AuthorizationDetails)
		granted, _ := parseDetails(r.Outcome.Details)
		parts = append(parts, fmt.Sprintf("%d of %d items", len(granted), len(asked)))
	}
	return strings.Join(parts, "; ")
}

// viewDigest stands for all that the page shows of a request, so that what is decided
// is what was seen.
func viewDigest(r Request) string {
	r.CallbackToken, r.Outcome, r.Decided = "", nil, ""
	text, _ := json.Marshal(r) // times and texts always marshal
	return hashOf(text)
}

func (d *Device) requestIn(r *http.Request) (Request, key, bool) {
	k, ok := parseKey(r.PathValue("ref"))
	request, known := d.store.get(k)
	return request, k, ok && known
}

func (d *Device) showRequest(w http.ResponseWriter, r *http.Request) {
	request, _, ok := d.requestIn(r)
	if !ok {
		refuse(w, http.StatusNotFound, ErrUnknown)
		return
	}
	view := viewOf(request, time.Now())
	name := "finished"
	if view.State == "open" {
		name = "open"
	}
	render(w, http.StatusOK, name, view)
}

// seen is what the page posts.
type seen struct {
	Digest   string `json:"digest"`
	Decision Action `json:"decision"`
	Reason   string `json:"reason"`
	// What of a narrowable request is granted; absent: all of it.
	Scopes  *[]string `json:"scopes"`
	Details *[]int    `json:"details"`
}

func (d *Device) readSeen(w http.ResponseWriter, r *http.Request) (s seen, request Request, k key, ok bool) {
	request, k, ok = d.requestIn(r)
	if !ok {
		refuse(w, http.StatusNotFound, ErrUnknown)
		return s, request, k, false
	}
	if err := decode(r.Body, &s); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return s, request, k, false
	}
	if !same(s.Digest, viewDigest(request)) {
		refuse(w, http.StatusConflict, errors.New("what the page shows is not what is asked any more; load it again"))
		return s, request, k, false
	}
	return s, request, k, true
}

// noteShown is told by the page once every part of a request was on the screen.
func (d *Device) noteShown(w http.ResponseWriter, r *http.Request) {
	_, request, k, ok := d.readSeen(w, r)
	if !ok {
		return
	}
	first := false
	d.store.with(k, func(_ *shard, rec *record) {
		if rec != nil {
			first, rec.seen = !rec.seen, true
		}
	})
	if first {
		d.audit.note(event{Event: shown, Ref: k.String(), Details: digest(request.AuthorizationDetails)})
	}
	w.WriteHeader(http.StatusNoContent)
}

const maxReason = 500

// decideOnPhone takes a person's decision. An approval needs everything to have been
// visible before.
func (d *Device) decideOnPhone(w http.ResponseWriter, r *http.Request) {
	s, request, k, ok := d.readSeen(w, r)
	if !ok {
		return
	}
	seen := false
	d.store.with(k, func(_ *shard, rec *record) { seen = rec != nil && rec.seen })
	decision, err := s.decision(request)
	switch {
	case err != nil:
		refuse(w, http.StatusBadRequest, err)
	case decision.Action == Approve && !seen:
		refuse(w, http.StatusConflict, errors.New("not everything was visible yet"))
	default:
		d.answerDecision(w, r, k, decision, "phone")
	}
}

func (s seen) decision(r Request) (Decision, error) {
	if s.Decision != Approve && s.Decision != Deny {
		return Decision{}, fmt.Errorf("decision %.20q is not approve or deny", s.Decision)
	}
	if len(s.Reason) > maxReason {
		return Decision{}, fmt.Errorf("the reason is longer than %d bytes", maxReason)
	}
	d := Decision{Action: s.Decision, Reason: s.Reason}
	if s.Decision == Deny {
		return d, nil
	}
	if s.Scopes != nil {
		n := narrowing{scope: *s.Scopes}
		n.apply(asked{Request: r}, &d)
	}
	if s.Details != nil {
		details, _ := parseDetails(r.AuthorizationDetails)
		kept := tree{kind: isArray}
		for i, object := range details {
			if slices.Contains(*s.Details, i) {
				kept.items = append(kept.items, object)
			}
		}
		d.AuthorizationDetails, _ = kept.MarshalJSON()
	}
	return d, nil
}

// heartbeat keeps proxies from closing a quiet stream, and finds closed ones.
const heartbeat = 20 * time.Second

// streamChanges tells the page which requests to look at, as server-sent events.
func (d *Device) streamChanges(w http.ResponseWriter, r *http.Request) {
	one, stop := d.phones.subscribe(r.URL.Query().Get("user"))
	defer stop()
	harden(w.Header())
	w.Header().Set("Content-Type", "text/event-stream")
	stream := http.NewResponseController(w)
	send := func(text string) bool {
		_, err := fmt.Fprint(w, text)
		return err == nil && stream.Flush() == nil
	}
	ticker := time.NewTicker(heartbeat)
	defer ticker.Stop()
	for ok := send("retry: 1000\n\n"); ok; {
		select {
		case k := <-one.changed:
			name := "change"
			if one.behind.Swap(false) {
				name = "everything"
			}
			ok = send("event: " + name + "\ndata: " + k.String() + "\n\n")
		case <-ticker.C:
			ok = send(": still here\n\n")
		case <-r.Context().Done():
			return
		case <-d.ctx.Done():
			return
		}
	}
}
