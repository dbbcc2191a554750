package variants

import (
	"time"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// Load are other ways to bear what comes. No text obliges an OP to serve everything
// at once: CIBA Core 10.1 knows 503 with Retry-After, RFC 6585 4 the status 429.
var Load = []Variant{
	{
		"limit-starts-of-user", "RFC 6585 4: a user may be asked five times in a minute",
		limitStarts(size(5, time.Minute), 429, ofUser, telling),
	},
	{"limit-starts-unsaid", "RFC 6585 4: Retry-After is optional", limitStarts(size(10, time.Minute), 429, ofClient, silent)},
	{
		"limit-starts-of-client", "RFC 9110 15.6.4: 503 while there is too much to do",
		limitStarts(size(1, time.Second), 503, ofClient, telling),
	},
	{"limit-open-requests", "RFC 6585 4: a user has one open request at a time", openRequests(1, 429)},
	{
		"slow-and-short", "CIBA Core 7.3: any positive expires_in, and no time for an answer",
		edit.All(edit.Late(refop.EndpointStart, 3*time.Second), edit.Late(refop.EndpointToken, 3*time.Second), always(30*time.Second)),
	},
	{
		"limit-polls-of-client", "RFC 6585 4: a client may poll twice in a second, all requests together",
		limitPolls(size(2, time.Second), 429),
	},
	{"limit-polls-503", "CIBA Core 10.1: 503 with Retry-After", limitPolls(size(2, time.Second), 503)},
	{"poll-503-now-and-then", "CIBA Core 10.1: 503 with Retry-After, and the interval counts all the same", busyNowAndThen},
}

// size is a window that each OP has one of its own of.
func size(most int, per time.Duration) func() *edit.Window {
	return func() *edit.Window { return edit.NewWindow(most, per) }
}

// telling and silent are how long a client is told to wait.
func telling(wait time.Duration) time.Duration { return wait }

func silent(time.Duration) time.Duration { return 0 }

func tooMany(status int, retryAfter time.Duration) *refop.OAuthError {
	return &refop.OAuthError{Status: status, Code: "temporarily_unavailable", Description: "too many requests", RetryAfter: retryAfter}
}

// limitStarts refuses good backchannel requests that are too many in a window.
func limitStarts(size func() *edit.Window, status int, key func(*refop.Call) string, tell func(time.Duration) time.Duration) edit.Change {
	return func(p *refop.Plan) {
		w := size()
		edit.After(refop.CheckDetails, func(c *refop.Call) *refop.OAuthError {
			if wait := w.Take(key(c), c.Now); wait > 0 {
				return tooMany(status, tell(wait))
			}
			return nil
		})(p)
	}
}

// limitPolls refuses token requests before anything in them is looked at.
func limitPolls(size func() *edit.Window, status int) edit.Change {
	return func(p *refop.Plan) {
		w := size()
		edit.After(refop.CheckForm, func(c *refop.Call) *refop.OAuthError {
			if c.Endpoint != refop.EndpointToken {
				return nil
			}
			if wait := w.Take(c.Credentials().ID, c.Now); wait > 0 {
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
