package notify

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Inbox is what comes for one request, known by its client_notification_token. It is
// safe for concurrent use.
type Inbox struct {
	until time.Time // when the receiver may forget it
	ids   []string  // by which the receiver knows it, under the lock of the receiver
	paths []string  // of its redirects, under that lock

	location string // that its redirects name, under that lock; empty before the first

	mu      sync.Mutex
	answers []Answer
	count   int // of all calls with the token, kept or not
	calls   []*Call
	astray  []*Call
	misled  []*Call
	news    chan struct{} // closed when something comes
}

func newInbox(until time.Time) *Inbox { return &Inbox{until: until, news: make(chan struct{})} }

// Answer says how the calls from now on are answered: the first by the first answer, and
// so on, and all that follow by the last. Without answers it is 204 again.
func (i *Inbox) Answer(list ...Answer) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.answers = slices.Clone(list)
}

// Calls are the calls that came with the token, in their order. The first 16 are kept.
func (i *Inbox) Calls() []*Call { return i.copied(&i.calls) }

// Astray are the calls that came to the address which a redirect had named.
func (i *Inbox) Astray() []*Call { return i.copied(&i.astray) }

// Misled are the calls that named the auth_req_id of the request, see [Receiver.Name],
// and came without its token. They may be anybody's who knows the auth_req_id.
func (i *Inbox) Misled() []*Call { return i.copied(&i.misled) }

// Count is the number of calls that came with the token, kept or not.
func (i *Inbox) Count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.count
}

// Await waits until n calls with the token have come, or the context ends, and returns
// those that are kept.
func (i *Inbox) Await(ctx context.Context, n int) []*Call {
	for {
		i.mu.Lock()
		calls, count, news := slices.Clone(i.calls), i.count, i.news
		i.mu.Unlock()
		if count >= n {
			return calls
		}
		select {
		case <-news:
		case <-ctx.Done():
			return calls
		}
	}
}

func (i *Inbox) copied(list *[]*Call) []*Call {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(*list)
}

// nextAnswer takes the answer of the next call.
func (i *Inbox) nextAnswer() Answer {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch len(i.answers) {
	case 0:
		return Answer{}
	case 1:
		return i.answers[0]
	}
	next := i.answers[0]
	i.answers = i.answers[1:]
	return next
}

// add keeps a call in one of the lists, as long as there is room, and tells who waits.
func (i *Inbox) add(list *[]*Call, c *Call) (kept bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if list == &i.calls {
		i.count++
	}
	if kept = len(*list) < maxKept; kept {
		*list = append(*list, c)
	}
	close(i.news)
	i.news = make(chan struct{})
	return kept
}
