package selftest

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/cibatest/cibatest/suites"
)

// fussy stands before an OP and refuses some requests before it, by what is in them.
type fussy struct {
	next   http.RoundTripper
	refuse func(r *http.Request, form url.Values) (status int, text string) // 0: it does not
}

func (f fussy) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		return f.next.RoundTrip(r)
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, _ := url.ParseQuery(string(text)) // one that cannot be read is for the OP to refuse
	if status, answer := f.refuse(r, form); status != 0 {
		recorder := httptest.NewRecorder()
		recorder.Header().Set("Content-Type", "application/json")
		recorder.WriteHeader(status)
		_, _ = recorder.WriteString(answer)
		resp := recorder.Result()
		resp.Request = r
		return resp, nil
	}
	again := r.Clone(r.Context())
	again.Body = io.NopCloser(bytes.NewReader(text))
	return f.next.RoundTrip(again)
}

// before puts something between the client and the OP, through which no certificate is shown.
func before(wrap func(http.RoundTripper) http.RoundTripper) func(*suites.Options) {
	return func(o *suites.Options) {
		o.RoundTripper = wrap(o.RoundTripper)
		o.Target.Clients = slices.DeleteFunc(o.Target.Clients, func(c targetfile.Client) bool { return c.Certificate.Chain != "" })
	}
}

// A client that needs what the target file cannot say takes no part, whichever it is. That
// is told once, in the OP's words and with the line, and nobody is accused for it.
func TestClientThatNeedsMore(t *testing.T) {
	t.Parallel()
	basic := func(r *http.Request) string {
		id, _, _ := r.BasicAuth()
		return id
	}
	starts := func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/ciba/start-here") }
	for name, c := range map[string]struct {
		refuse func(*http.Request, url.Values) (int, string)
		notes  []string
	}{
		"a proof for tokens": {func(r *http.Request, form url.Values) (int, string) {
			if basic(r) == "basic-a" && !starts(r) && form.Get("grant_type") == "urn:openid:params:grant-type:ciba" {
				return 400, `{"error":"invalid_dpop_proof","error_description":"DPoP proof is missing"}`
			}
			return 0, ""
		}, []string{`client basic-a takes no part: a poll is refused with 400 invalid_dpop_proof, "DPoP proof is missing", while the same of another client is accepted; compare reference.yaml:`}},
		"a proof for requests": {func(r *http.Request, _ url.Values) (int, string) {
			if basic(r) == "basic-b" && starts(r) {
				return 400, `{"error":"invalid_request","error_description":"a proof is missing"}`
			}
			return 0, ""
		}, []string{`client basic-b takes no part: a good request is refused with 400 invalid_request, "a proof is missing"`}},
		"not by Basic": {func(r *http.Request, form url.Values) (int, string) {
			if strings.HasPrefix(basic(r), "basic-") && starts(r) && form.Has("login_hint") {
				return 422, `{"detail":"unprocessable"}`
			}
			return 0, ""
		}, []string{"client basic-a takes no part: a good request is refused with 422", "client basic-b takes no part: a good request is refused with 422"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := judgeLab(t, lab.Options{}, before(func(next http.RoundTripper) http.RoundTripper { return fussy{next, c.refuse} }))
			accusesNobody(t, run)
			if run.Verdict == result.NonConformant {
				t.Errorf("verdict %s", run.Verdict)
			}
			for _, note := range c.notes {
				if n := strings.Count(strings.Join(run.Notes, "\n"), note); n != 1 {
					t.Errorf("told %d times: %s; the notes are\n%s", n, note, strings.Join(run.Notes, "\n"))
				}
			}
		})
	}
}

// What is odd in a request is not accused where the plain one is refused alike.
func TestControlBesideOddRequests(t *testing.T) {
	t.Parallel()
	broken := func(_ *http.Request, form url.Values) (int, string) {
		if form.Get("auth_req_id") != "" {
			return 400, `{"error":"invalid_target"}`
		}
		return 0, ""
	}
	run := judgeLab(t, lab.Options{}, before(func(next http.RoundTripper) http.RoundTripper { return fussy{next, broken} }),
		selecting("poll-pending", "poll-unknown-parameter"))
	for id, want := range map[string]result.Outcome{"poll-pending": result.Fail, "poll-unknown-parameter": result.Error} {
		if i := slices.IndexFunc(run.Cases, func(c result.Case) bool { return c.ID == id }); run.Cases[i].Outcome != want {
			t.Errorf("%s: %s %s, want %s", id, run.Cases[i].Outcome, run.Cases[i].Message, want)
		}
	}
}

// Cases about an ID Token that is not there say so.
func TestMissingIDTokenIsNamed(t *testing.T) {
	t.Parallel()
	run := judgeLab(t, lab.Options{Faults: []string{"token-no-id-token"}}, selecting("id-token"))
	for _, c := range run.Cases {
		if strings.Contains(c.Reason, "cannot be read") {
			t.Errorf("%s: %s", c.ID, c.Reason)
		}
	}
	if !slices.ContainsFunc(run.Cases, func(c result.Case) bool { return strings.Contains(c.Reason, "there is no ID Token to look at") }) {
		t.Error("no case names what is missing")
	}
}
