package variants

import (
	"slices"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// Load are other ways to bear what comes. No text obliges an OP to serve everything
// at once: CIBA Core 10.1 knows 503 with Retry-After, RFC 6585 4 the status 429.
var Load = []Variant{
	{
		"limit-starts-of-user", "RFC 6585 4: a user may be asked five times in a minute",
		limitStarts(&window{most: 5, per: time.Minute}, 429, ofUser, telling),
	},
	{"limit-starts-unsaid", "RFC 6585 4: Retry-After is optional", limitStarts(&window{most: 10, per: time.Minute}, 429, ofClient, silent)},
	{
		"limit-starts-of-client", "RFC 9110 15.6.4: 503 while there is too much to do",
		limitStarts(&window{most: 1, per: time.Second}, 503, ofClient, telling),
	},
	{"limit-open-requests", "RFC 6585 4: a user has one open request at a time", openRequests(1, 429)},
	{
		"slow-and-short", "CIBA Core 7.3: any positive expires_in, and no time for an answer",
		edit.All(edit.Late(refop.EndpointStart, 3*time.Second), edit.Late(refop.EndpointToken, 3*time.Second), always(30*time.Second)),
	},
	{
		"limit-polls-of-client", "RFC 6585 4: a client may poll twice in a second, all requests together",
		limitPolls(&window{most: 2, per: time.Second}, 429),
	},
	{"limit-polls-503", "CIBA Core 10.1: 503 with Retry-After", limitPolls(&window{most: 2, per: time.Second}, 503)},
	{"poll-503-now-and-then", "CIBA Core 10.1: 503 with Retry-After, and the interval counts all the same", busyNowAndThen},
}

// window counts what happened lately, by a key.
type window struct {
	most int
	per  time.Duration

	mu   sync.Mutex
	last map[string][]time.Time
}

// again is a window of the same size in which nothing has happened: each OP has its
// own.
func (w *window) again() *window {
	return &window{most: w.most, per: w.per, last: map[string][]time.Time{}}
}

// take counts one more, or tells how long that has to wait.
func (w *window) take(key string, now time.Time) (wait time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := slices.DeleteFunc(w.last[key], func(at time.Time) bool { return now.Sub(at) >= w.per })
	w.last[key] = list
	if len(list) >= w.most {
		return list[0].Add(w.per).Sub(now)
	}
	w.last[key] = append(list, now)
	return 0
}

// telling and silent are how long a client is told to wait.
func telling(wait time.Duration) time.Duration { return wait }

func silent(time.Duration) time.Duration { return 0 }

func tooMany(status int, retryAfter time.Duration) *refop.OAuthError {
	return &refop.OAuthError{Status: status, Code: "temporarily_unavailable", Description: "too many requests", RetryAfter: retryAfter}
}

// limitStarts refuses good backchannel requests that are too many in a window.
func limitStarts(size *window, status int, key func(*refop.Call) string, tell func(time.Duration) time.Duration) edit.Change {
	return func(p *refop.Plan) {
		w := size.again()
		edit.After(refop.CheckDetails, func(c *refop.Call) *refop.OAuthError {
			if wait := w.take(key(c), c.Now); wait > 0 {
				return tooMany(status, tell(wait))
			}
			return nil
		})(p)
	}
}

// limitPolls refuses token requests before anything in them is looked at.
func limitPolls(size *window, status int) edit.Change {
	return func(p *refop.Plan) {
		w := size.again()
		edit.After(refop.CheckForm, func(c *refop.Call) *refop.OAuthError {
			if c.Endpoint != refop.EndpointToken {
				return nil
			}
			if wait := w.take(c.Credentials().ID, c.Now); wait > 0 {
				return tooMany(status, wait)
			}
			return nil
		})(p)
	}
}

// busyNowAndThen answers each seventh pending poll as an OP that has too much to do.
func busyNowAndThen(p *refop.Plan) {
	seventh := edit.Every(7)
	edit.Polls(func(_ *refop.Call, r *refop.Reply) {
		if r.Body["error"] == "authorization_pending" && seventh() {
			edit.Failing(503, "temporarily_unavailable")(r)
			r.Header.Set("Retry-After", "2")
		}
	})(p)
}

func ofUser(c *refop.Call) string { return c.User.Sub }

func ofClient(c *refop.Call) string { return c.Client.ID }
