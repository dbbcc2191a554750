package selftest

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/reports/result"
)

// sick stands before an OP that answers in its own time and bears only some requests at
// once: with more of them, each nth one fails.
type sick struct {
	next  http.RoundTripper
	took  func(underWay int) time.Duration
	bears int
	nth   int
	fails func(*http.Response) (*http.Response, error)

	mu       sync.Mutex
	underWay int
	over     int // requests that came beside too many
	spoilt   int
}

func (s *sick) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Host, ":9001") || strings.Contains(r.URL.Path, "/.well-known/") {
		return s.next.RoundTrip(r)
	}
	spoil, took := s.enter()
	defer s.leave()
	time.Sleep(took)
	resp, err := s.next.RoundTrip(r)
	if err != nil || !spoil {
		return resp, err
	}
	return s.fails(resp)
}

func (s *sick) enter() (spoil bool, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.underWay++
	if s.underWay > s.bears {
		if s.over++; s.over%s.nth == 0 {
			s.spoilt++
			spoil = true
		}
	}
	return spoil, s.took(s.underWay)
}

func (s *sick) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.underWay--
}

// answering spoils an answer by another one.
func answering(status int, text string) func(*http.Response) (*http.Response, error) {
	return func(r *http.Response) (*http.Response, error) {
		r.StatusCode = status
		return body(r, strings.NewReader(text)), nil
	}
}

// What an OP does only under our own burst is not held against it: it gets the verdict that
// it gets when nothing is too much for it, and one line tells of the burst.
func TestSickUnderOurBurst(t *testing.T) {
	t.Parallel()
	steady := func(int) time.Duration { return 300 * time.Millisecond }
	shared := func(underWay int) time.Duration { return time.Duration(underWay) * 100 * time.Millisecond }
	for name, s := range map[string]*sick{
		"500":         {took: steady, bears: 8, nth: 10, fails: answering(500, `{"error":"server_error"}`)},
		"a gateway's": {took: steady, bears: 8, nth: 10, fails: answering(502, `<html>Bad Gateway</html>`)},
		"invalid_client": {took: steady, bears: 8, nth: 10, fails: func(r *http.Response) (*http.Response, error) {
			if r.Request.Method != http.MethodPost { // no credential is asked for
				return r, nil
			}
			return answering(401, `{"error":"invalid_client"}`)(r)
		}},
		"cut": {took: steady, bears: 8, nth: 10, fails: func(r *http.Response) (*http.Response, error) {
			_ = r.Body.Close()
			return nil, errors.New("local error: tls: bad record MAC")
		}},
		"cut within": {took: steady, bears: 8, nth: 10, fails: func(r *http.Response) (*http.Response, error) {
			return body(r, io.MultiReader(strings.NewReader(`{"auth_req`), broken{})), nil
		}},
		"one processor": {took: shared, bears: 8, nth: 3, fails: answering(500, `{"error":"server_error"}`)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := judgeSick(t, s)
			well := judgeSick(t, &sick{took: s.took, bears: 1 << 30})
			if s.spoilt == 0 {
				t.Fatal("nothing was too much for this OP")
			}
			if run.Verdict != well.Verdict {
				t.Errorf("verdict %s, want %s", run.Verdict, well.Verdict)
			}
			for i, c := range run.Cases {
				byChance := c.ID == "ack-id-no-leak" || c.ID == "poll-long-wake" // a random id may hold a short name, a poll may take long
				if want := well.Cases[i]; c.Outcome != want.Outcome && !byChance {
					t.Errorf("%s: %s %s %s, want %s as when the OP is well", c.ID, c.Outcome, c.Message, c.Reason, want.Outcome)
				}
			}
			if len(run.Notes) == 0 || !strings.Contains(run.Notes[0], "ordinary requests failed, with up to ") {
				t.Errorf("the first note is not about that: %q", run.Notes)
			}
			t.Logf("%d of %d spoilt; %s; %s after %s", s.spoilt, s.over, run.Notes[0], time.Duration(run.DurationMS)*time.Millisecond, time.Duration(well.DurationMS)*time.Millisecond)
		})
	}
}

// What an OP gets wrong however little is asked of it stays a finding.
func TestServerErrorStaysAFinding(t *testing.T) {
	t.Parallel()
	run := judgeSick(t, &sick{took: func(int) time.Duration { return 300 * time.Millisecond }, bears: 0, nth: 1, fails: func(r *http.Response) (*http.Response, error) {
		if r.StatusCode != http.StatusBadRequest {
			return r, nil
		}
		return answering(500, `{"error":"server_error"}`)(r)
	}})
	if run.Verdict != result.NonConformant {
		t.Errorf("verdict %s, want that of an OP which answers 500 for 400", run.Verdict)
	}
}

func judgeSick(t *testing.T, s *sick) result.Run {
	t.Helper()
	return judgeLab(t, lab.Options{}, before(func(next http.RoundTripper) http.RoundTripper {
		s.next = next
		return s
	}))
}
