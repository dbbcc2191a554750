package refop

import (
	"math"
	"slices"
	"strconv"
	"sync"
	"time"
)

// window counts what happened lately, by a key.
type window struct {
	most int
	per  time.Duration

	mu   sync.Mutex
	seen map[string][]time.Time
}

// take counts one more, or says how long that has to wait.
func (w *window) take(key string, now time.Time) (wait time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen == nil {
		w.seen = map[string][]time.Time{}
	}
	list := slices.DeleteFunc(w.seen[key], func(at time.Time) bool { return now.Sub(at) >= w.per })
	w.seen[key] = list
	if len(list) >= w.most {
		return list[0].Add(w.per).Sub(now)
	}
	w.seen[key] = append(list, now)
	return 0
}

// limitStarts refuses good backchannel requests that are too many in a window.
func limitStarts(b *behaviour, w *window, status int, key func(*call) string) {
	b.onStart = append(b.onStart, func(c *call) *oauthError {
		if c.wait = w.take(key(c), c.now); c.wait > 0 {
			return &oauthError{status, "temporarily_unavailable", "too many requests", ""}
		}
		return nil
	})
}

// limitPolls refuses token requests before anything in them is looked at.
func limitPolls(b *behaviour, w *window, status int) {
	b.onForm = append(b.onForm, func(c *call) {
		id, _, _ := c.credentials()
		if c.endpoint != "token" {
			return
		}
		if c.wait = w.take(id, c.now); c.wait > 0 {
			c.badForm = &oauthError{status, "temporarily_unavailable", "too many requests", ""}
		}
	})
}

// tellWhen adds Retry-After to refusals that have to wait.
func tellWhen(b *behaviour) {
	b.onReply = append(b.onReply, func(c *call, r *reply) {
		if c.wait > 0 {
			r.header.Set("Retry-After", strconv.Itoa(int(math.Ceil(c.wait.Seconds()))))
		}
	})
}

func ofUser(c *call) string { return c.user.Sub }

func ofClient(c *call) string { return c.client.ID }

// No text obliges an OP to serve everything at once: CIBA Core 10.1 knows 503 with
// Retry-After, RFC 6585 4 the status 429.
var _ = allow(
	Variant{"limit-starts-of-user", "RFC 6585 4: a user may be asked five times in a minute", func(b *behaviour) {
		limitStarts(b, &window{most: 5, per: time.Minute}, 429, ofUser)
		tellWhen(b)
	}},
	Variant{"limit-starts-unsaid", "RFC 6585 4: Retry-After is optional", func(b *behaviour) {
		limitStarts(b, &window{most: 10, per: time.Minute}, 429, ofClient)
	}},
	Variant{"limit-starts-of-client", "RFC 9110 15.6.4: 503 while there is too much to do", func(b *behaviour) {
		limitStarts(b, &window{most: 1, per: time.Second}, 503, ofClient)
		tellWhen(b)
	}},
	Variant{"limit-open-requests", "RFC 6585 4: a user has one open request at a time", func(b *behaviour) {
		b.oneOpenRequest = true
		b.reply("start", "error", func(r *reply) {
			if r.body["error_description"] == "the user has an open request" {
				r.status = 429
			}
		})
	}},
	Variant{"slow-and-short", "CIBA Core 7.3: any positive expires_in, and no time for an answer", func(b *behaviour) {
		b.delay["start"], b.delay["token"] = 3*time.Second, 3*time.Second
		always30s(b)
	}},
	Variant{"limit-polls-of-client", "RFC 6585 4: a client may poll twice in a second, all requests together", func(b *behaviour) {
		limitPolls(b, &window{most: 2, per: time.Second}, 429)
		tellWhen(b)
	}},
	Variant{"limit-polls-503", "CIBA Core 10.1: 503 with Retry-After", func(b *behaviour) {
		limitPolls(b, &window{most: 2, per: time.Second}, 503)
		tellWhen(b)
	}},
	Variant{"poll-503-now-and-then", "CIBA Core 10.1: 503 with Retry-After, and the interval counts all the same", func(b *behaviour) {
		seventh := every(7)
		everyPoll(func(_ *call, r *reply) {
			if r.body["error"] == "authorization_pending" && seventh() {
				r.status, r.body = 503, map[string]any{"error": "temporarily_unavailable"}
				r.header.Set("Retry-After", "2")
			}
		})(b)
	}},
)
