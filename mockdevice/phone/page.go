// Package phone is the page of a simulated authentication device: it shows a person what
// an OP asks, all of it and nothing else, and takes the answer.
//
// The page trusts nothing that an OP wrote. Every character that would be invisible, or
// would move its neighbours, is shown by its number and name; known types of
// authorization_details get a headline, which never replaces a row; and an approval is
// accepted only after the page has told that everything was on the screen, and only for
// the request as it was shown.
package phone

import (
	"bytes"
	"context"
	"embed"
	"html/template"
	"net/http"

	"github.com/cibatest/cibatest/mockdevice/wire"
)

// Device is what the page needs of the device behind it.
type Device interface {
	// Requests are the requests that match, oldest first. A nil match is all.
	Requests(match func(wire.Request) bool) []wire.Request
	// Lookup is the request of a key; false if there is none.
	Lookup(wire.Key) (wire.Request, bool)
	// MarkShown notes that everything of a request was visible. WasShown reports it.
	MarkShown(wire.Request)
	WasShown(wire.Key) bool
	// Decide makes a person's decision and returns when the OP was told.
	Decide(context.Context, wire.Key, wire.Decision) error
	// Done is closed with the device.
	Done() <-chan struct{}
}

// Page is the page of one user at a time. Make one with [New].
type Page struct {
	device   Device
	token    string
	watchers watchers
}

// New makes the page of a device. With a token, a browser shows it once in a form and
// then has a cookie.
func New(device Device, token string) *Page { return &Page{device: device, token: token} }

// Changed has the open pages of a user look at a request again.
func (p *Page) Changed(user string, k wire.Key) { p.watchers.tell(user, k) }

// AllChanged has every open page look at everything again.
func (p *Page) AllChanged() { p.watchers.tellAll() }

// Handler serves the page at /phone and below.
func (p *Page) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /phone", p.signedIn(p.showPhone))
	mux.HandleFunc("GET /phone/events", p.signedIn(p.streamChanges))
	mux.HandleFunc("GET /phone/requests/{ref}", p.signedIn(p.showRequest))
	mux.HandleFunc("POST /phone/requests/{ref}/shown", p.signedIn(p.noteShown))
	mux.HandleFunc("POST /phone/requests/{ref}/decision", p.signedIn(p.decide))
	mux.HandleFunc("POST /phone/login", p.login)
	mux.HandleFunc("GET /phone/style.css", serveAsset("page/style.css", "text/css; charset=utf-8"))
	mux.HandleFunc("GET /phone/phone.js", serveAsset("page/phone.js", "text/javascript; charset=utf-8"))
	return mux
}

//go:embed page
var pageFiles embed.FS

// pages are the templates. What an OP wrote gets in by html/template only.
var pages = template.Must(template.ParseFS(pageFiles, "page/*.html"))

// The page loads its own style and script and nothing else; no text of an OP can
// become either.
const contentPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// harden sets the headers of every answer of the page.
func harden(h http.Header) {
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
}

// serveAsset serves a file of the page.
func serveAsset(name, contentType string) http.HandlerFunc {
	data, err := pageFiles.ReadFile(name)
	return func(w http.ResponseWriter, _ *http.Request) {
		harden(w.Header())
		if err != nil {
			wire.Refuse(w, http.StatusNotFound, err)
			return
		}
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(data)
	}
}

// render writes a part of the page, or an error before the first byte of it.
func render(w http.ResponseWriter, status int, name string, data any) {
	var page bytes.Buffer
	if err := pages.ExecuteTemplate(&page, name, data); err != nil {
		wire.Refuse(w, http.StatusInternalServerError, err)
		return
	}
	harden(w.Header())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = page.WriteTo(w)
}
