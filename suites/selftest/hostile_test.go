package selftest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/cibatest/cibatest/suites"
)

// hostile stands between the client and the OP and spoils the answers of all
// endpoints but discovery.
type hostile struct {
	next  http.RoundTripper
	spoil func(*http.Response) (*http.Response, error)
}

func (h hostile) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := h.next.RoundTrip(r)
	if err != nil || strings.Contains(r.URL.Path, "/.well-known/") {
		return resp, err
	}
	return h.spoil(resp)
}

// body replaces an answer's body.
func body(resp *http.Response, r io.Reader) *http.Response {
	_ = resp.Body.Close()
	resp.Body, resp.ContentLength = io.NopCloser(r), -1
	resp.Header.Del("Content-Length")
	return resp
}

// endless sends blanks for ever, one at a time when it pauses.
type endless struct {
	ctx   context.Context
	pause time.Duration
}

func (e endless) Read(p []byte) (int, error) {
	if e.pause > 0 {
		time.Sleep(e.pause)
		p = p[:1]
	}
	if err := e.ctx.Err(); err != nil {
		return 0, err
	}
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// Whatever an OP answers, the run ends, every case has a readable outcome, and
// nothing in this program gives way.
func TestHostileAnswers(t *testing.T) {
	text := func(s string) func(*http.Response) (*http.Response, error) {
		return func(r *http.Response) (*http.Response, error) { return body(r, strings.NewReader(s)), nil }
	}
	for name, spoil := range map[string]func(*http.Response) (*http.Response, error){
		"empty":          text(""),
		"html":           text("<html><script>alert(1)</script>"),
		"json null":      text("null"),
		"json array":     text(`["error"]`),
		"wrong types":    text(`{"error":7,"auth_req_id":{},"access_token":[],"id_token":null,"expires_in":"soon","interval":-1e400,"keys":7,"active":"yes"}`),
		"not a token":    text(`{"access_token":"a","token_type":"Bearer","id_token":"a.b.c","auth_req_id":"x","expires_in":60,"keys":[{}]}`),
		"invalid utf-8":  text("{\"error\":\"\xff\xfe\",\"error_description\":\"\x1b[31m\u202e\"}"),
		"deep nesting":   text(strings.Repeat(`{"error":`, 20_000) + "1" + strings.Repeat("}", 20_000)),
		"repeated names": text(`{"error":"a","error":"b"}`),
		"two documents":  text(`{"auth_req_id":"x","expires_in":60}{"error":"slow_down"}`),
		"huge": func(r *http.Response) (*http.Response, error) {
			return body(r, endless{r.Request.Context(), 0}), nil
		},
		"one byte a time": func(r *http.Response) (*http.Response, error) {
			return body(r, endless{r.Request.Context(), time.Second}), nil
		},
		"truncated": func(r *http.Response) (*http.Response, error) {
			return body(r, io.MultiReader(strings.NewReader(`{"auth_req_id":"x","expi`), broken{})), nil
		},
		"refused": func(r *http.Response) (*http.Response, error) {
			_ = r.Body.Close()
			return nil, errors.New("connection reset by peer")
		},
		"redirects": func(r *http.Response) (*http.Response, error) {
			r.StatusCode = http.StatusFound
			r.Header.Set("Location", "http://127.0.0.1:9/elsewhere")
			return r, nil
		},
		"odd headers": func(r *http.Response) (*http.Response, error) {
			r.Header = http.Header{"Content-Type": {"; ;", "\x00"}, "Retry-After": {"-1e9"}, "Www-Authenticate": {"\xff"}}
			return r, nil
		},
		"busy for ever": func(r *http.Response) (*http.Response, error) {
			r.StatusCode = http.StatusServiceUnavailable
			r.Header.Set("Retry-After", "999999999")
			return r, nil
		},
		"slow_down for ever": func(r *http.Response) (*http.Response, error) {
			if r.StatusCode != http.StatusOK {
				return body(r, strings.NewReader(`{"error":"slow_down","interval":9e18}`)), nil
			}
			return r, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := judgeHostile(t, suites.Selection{}, spoil)
			if run.Verdict == result.Conformant {
				t.Errorf("the verdict is %s", run.Verdict)
			}
			for _, c := range run.Cases {
				if strings.Contains(c.Reason+c.Message, "a defect in cibatest") {
					t.Errorf("%s: %s %s", c.ID, c.Reason, c.Message)
				}
				if c.Outcome != result.Pass && c.Outcome != result.Info && c.Message == "" && c.Reason == "" {
					t.Errorf("%s: %s without a word", c.ID, c.Outcome)
				}
			}
			var out bytes.Buffer
			if err := result.Write(&out, run); err != nil || !json.Valid(out.Bytes()) {
				t.Errorf("the result cannot be written: %v", err)
			}
		})
	}
}

// A server error that passes costs a second try, not the judgement; one that
// stays leaves the case without a judgement.
func TestPassingTrouble(t *testing.T) {
	for name, tt := range map[string]struct {
		troubles int32
		want     result.Outcome
	}{"passes": {1, result.Pass}, "stays": {1 << 30, result.Error}} {
		t.Run(name, func(t *testing.T) {
			var met atomic.Int32
			run := judgeHostile(t, suites.Selection{Arguments: []string{"reuse", "id-token-signature"}}, func(r *http.Response) (*http.Response, error) {
				if r.StatusCode == http.StatusOK && strings.HasSuffix(r.Request.URL.Path, "/grants/redeem") && met.Add(1) <= tt.troubles {
					r.StatusCode = http.StatusInternalServerError
					return body(r, strings.NewReader(`{"error":"server_error"}`)), nil
				}
				return r, nil
			})
			notes := strings.Join(run.Notes, "\n")
			if !strings.Contains(notes, "tried ") || !strings.Contains(notes, "500 server_error") {
				t.Errorf("the notes do not tell of the second try: %s", notes)
			}
			for _, c := range run.Cases {
				if c.Mode != targetfile.DeliveryPush && c.Outcome != tt.want { // which redeems nothing
					t.Errorf("%s: %s %s, want %s", c.ID, c.Outcome, c.Message, tt.want)
				}
			}
		})
	}
}

func judgeHostile(t *testing.T, s suites.Selection, spoil func(*http.Response) (*http.Response, error)) result.Run {
	t.Helper()
	return judgeLab(t, lab.Options{}, func(o *suites.Options) {
		o.Select, o.RoundTripper = s, hostile{o.RoundTripper, spoil}
	})
}
