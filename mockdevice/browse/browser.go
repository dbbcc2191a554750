package browse

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
)

// The bounds of one visit.
const (
	MaxRedirects = 10        // in a row
	MaxPages     = 5         // on the way to the button, logins among them
	MaxPage      = 512 << 10 // bytes of a page that are read
)

// ErrTransport is wrapped by errors of the network: a request has no answer.
var ErrTransport = errors.New("no answer")

// StatusError is a page that answers with an error.
type StatusError struct{ Status int }

// Error implements error.
func (e *StatusError) Error() string { return fmt.Sprintf("the page is answered %d", e.Status) }

// Visit is what a person does with a link.
type Visit struct {
	Link   string
	Button string            // what it says, its value or its id; empty: opening the link is all there is to do
	Fields map[string]string // written or chosen where the form of the button has a field of the name
	Boxes  map[string]Choice // by the name that check boxes share
	Login  map[string]string // for a form that has one of these fields, on the way to the button
	Done   *regexp.Regexp    // what the last page has to say; nil: it may say anything
}

// Choice is what becomes of check boxes: those with a value of Keep are checked and all
// others are not. Each value of Drop needs a box of its own, as without one the form
// would grant what the person did not.
type Choice struct{ Keep, Drop []string }

// Browser makes visits. Each has cookies of its own.
type Browser struct {
	Transport http.RoundTripper // reaches the pages; a proxy is its own matter
	Origins   []Origin          // the only ones it may reach
}

// Do makes a visit and returns the status of its last page; 0 where nothing was pressed,
// or nobody answered, which wraps [ErrTransport]. A page that is no success ends the visit
// with a [StatusError].
func (b *Browser) Do(ctx context.Context, v Visit) (status int, err error) {
	s := b.session()
	p, err := s.open(ctx, v.Link)
	if err != nil {
		return 0, err
	}
	for n := 0; v.Button != "" && n < MaxPages; n++ {
		if p.status/100 != 2 {
			return p.status, &StatusError{p.status}
		}
		next, last, err := p.step(v)
		if err != nil {
			return 0, err
		}
		if p, err = s.send(ctx, p, next); err != nil {
			return 0, err
		}
		if last {
			return p.status, p.ends(v)
		}
	}
	if v.Button != "" {
		return 0, fmt.Errorf("no button %.40q within %d pages; does the login work?", v.Button, MaxPages)
	}
	return p.status, p.ends(v)
}

// ends reports whether a page is one that a visit may end at.
func (p *page) ends(v Visit) error {
	switch {
	case p.status/100 != 2:
		return &StatusError{p.status}
	case v.Done != nil && !v.Done.MatchString(p.words()):
		return fmt.Errorf("the last page does not say %.80q", v.Done)
	}
	return nil
}

// session is a visit under way.
type session struct{ client http.Client }

func (b *Browser) session() *session {
	jar, _ := cookiejar.New(nil) // never fails; the origins are few and trusted by name, so no list of suffixes is needed
	s := &session{}
	s.client = http.Client{
		Transport: gate{b.Transport, b.Origins}, Jar: jar,
		CheckRedirect: func(_ *http.Request, via []*http.Request) error {
			if len(via) > MaxRedirects {
				return fmt.Errorf("more than %d redirects in a row", MaxRedirects)
			}
			return nil
		},
	}
	return s
}

// gate is the only door to the network, so nothing reaches an origin that is not allowed.
type gate struct {
	next    http.RoundTripper
	origins []Origin
}

// RoundTrip implements [http.RoundTripper].
func (g gate) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := Allowed(r.URL, g.origins); err != nil {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, err
	}
	resp, err := g.next.RoundTrip(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTransport, err)
	}
	return resp, nil
}

// open gets a page by its link.
func (s *session) open(ctx context.Context, link string) (*page, error) {
	u, err := url.Parse(link)
	if err != nil {
		return nil, errors.New("the link is no URL") // which may be a secret, and so may be its parts
	}
	return s.send(ctx, nil, submission{method: http.MethodGet, to: u})
}

// send makes the request of a submission and reads the page at the end of its redirects.
func (s *session) send(ctx context.Context, from *page, what submission) (*page, error) {
	req, err := http.NewRequestWithContext(ctx, what.method, what.to.String(), bytes.NewReader(what.body))
	if err != nil {
		return nil, errors.New("the address makes no request")
	}
	req.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	req.Header.Set("User-Agent", "Mozilla/5.0 (compatible; cibatest device)")
	if what.contentType != "" {
		req.Header.Set("Content-Type", what.contentType)
	}
	if from != nil {
		// Pages guard their forms by these, as browsers send them always.
		req.Header.Set("Referer", refererOf(from.at, what.to))
		if what.method == http.MethodPost {
			req.Header.Set("Origin", OriginOf(from.at).String())
		}
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, withoutURL(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, MaxPage+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the page: %w", withoutURL(err))
	case len(text) > MaxPage:
		return nil, fmt.Errorf("the page is larger than %d KiB", MaxPage>>10)
	}
	return readPage(resp.StatusCode, resp.Request.URL, resp.Header.Get("Content-Type"), text)
}

// refererOf is what the policy strict-origin-when-cross-origin, the default of browsers, tells.
func refererOf(from, to *url.URL) string {
	if OriginOf(from) != OriginOf(to) {
		return OriginOf(from).String() + "/"
	}
	whole := *from
	whole.Fragment, whole.User = "", nil
	return whole.String()
}

// withoutURL takes the address out of an error of net/http: in a link it is a secret.
func withoutURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// words are a text without its line breaks and repeated blanks.
func words(text string) string { return strings.Join(strings.Fields(text), " ") }
