package approve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/targetfile"
)

// byURL calls the hook that the OP's test set-up offers. Any 2xx is a success, as in
// the OpenID Foundation suite.
type byURL struct {
	transport http.RoundTripper
	method    string
	url       urlTemplate
	headers   http.Header
	body      string
	words     targetfile.Actions
	section   string // of the target file
}

// hookPatience bounds one call of the hook.
const hookPatience = 30 * time.Second

// newByURL reads the templates once, so that a mistake in them is found before the run.
func newByURL(config targetfile.Approval, transport http.RoundTripper) (*byURL, error) {
	address, err := parseURLTemplate(config.URL)
	if err != nil {
		return nil, fmt.Errorf("%s.url: %w", sectionOf(config), err)
	}
	w := &byURL{
		section: sectionOf(config), transport: transport, method: config.Method, url: address, body: config.Body.Reveal(), words: config.Actions,
		headers: http.Header{"Accept": {"application/json"}},
	}
	for name, value := range config.Headers {
		w.headers.Set(name, value.Reveal())
	}
	return w, nil
}

// decide calls the hook once. A redirect is no success and is not followed.
func (w *byURL) decide(ctx context.Context, d Decision) error {
	ctx, cancel := context.WithTimeout(ctx, hookPatience)
	defer cancel()
	req, err := w.request(ctx, d)
	if err != nil {
		return fmt.Errorf("%s.url: %w", w.section, err)
	}
	resp, err := w.transport.RoundTrip(req)
	if err != nil {
		return unanswered(fmt.Errorf("the %s hook cannot be reached: %w", w.section, err))
	}
	defer func() { _ = resp.Body.Close() }()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 200))
	if resp.StatusCode/100 != 2 {
		return answered(resp.StatusCode, fmt.Errorf("the %s hook answers %d %.200q", w.section, resp.StatusCode, text))
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)) // so that the connection can be used again
	return nil
}

// request is the call with its values filled in, escaped for where they stand. Header
// values hold none.
func (w *byURL) request(ctx context.Context, d Decision) (*http.Request, error) {
	v := valuesOf(d, w.words)
	address, err := w.url.fill(v)
	if err != nil {
		return nil, err
	}
	body := fillForm
	if strings.Contains(strings.ToLower(w.headers.Get("Content-Type")), "json") {
		body = fillJSON
	}
	req, err := http.NewRequestWithContext(ctx, w.method, address, strings.NewReader(body(w.body, v)))
	if err != nil {
		return nil, withoutURL(err)
	}
	req.Header = w.headers.Clone()
	return req, nil
}

// withoutURL is an error of a URL without the URL, which may hold secrets.
func withoutURL(err error) error {
	if about, ok := errors.AsType[*url.Error](err); ok {
		return about.Err
	}
	return err
}

func (w *byURL) namesRequest() bool {
	return namesRequest(w.url.path) || namesRequest(w.url.query) || namesRequest(w.body)
}

func (*byURL) repeatable() bool { return true }
