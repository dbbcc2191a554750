package driver

import (
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// paceMargin is kept on top of the interval, for clocks and networks.
const paceMargin = 500 * time.Millisecond

// Flow is one auth_req_id and the pace it is polled at. It is not safe for
// concurrent use.
type Flow struct {
	ciba.AuthAck // Interval is what was announced, zero for nothing
	Client       *Client
	User         targetfile.User

	// EndAwaited says that the end of the request is what its caller waits for, so
	// that no end comes too early for it.
	EndAwaited bool

	// FromSending counts the interval from sending a poll, as the text has it, so that
	// the next one may follow a long answer at once. Else it counts from the answer: an OP
	// tells the time from when it looked at a poll, which may be any moment until then.
	FromSending bool

	// NoMargin keeps exactly the spacing, as many client libraries do. Else a margin is kept on
	// top of it.
	NoMargin bool

	spacing time.Duration // what the OP announced, plus what slow_down added
	last    time.Time     // what the next poll keeps its distance from; see counted
	over    bool          // its end has been told
}

// NewFlow reads the acknowledgement of a request that was accepted.
func NewFlow(c *Client, u targetfile.User, resp *ciba.Response) (*Flow, error) {
	ack, err := resp.Started()
	if err != nil {
		return nil, err
	}
	f := &Flow{AuthAck: ack, Client: c, User: u, spacing: ack.Interval, last: ack.Received}
	if f.spacing == 0 {
		f.spacing = ciba.DefaultInterval
	}
	return f, nil
}

// Spacing is the interval that is in force: the announced one, or 5 s, plus what
// slow_down has added so far.
func (f *Flow) Spacing() time.Duration { return f.spacing }

// Pace is the time from one poll to the next: the spacing and, but with NoMargin, a margin.
func (f *Flow) Pace() time.Duration {
	if f.NoMargin {
		return f.spacing
	}
	return f.spacing + paceMargin
}

// LastPoll is when the last poll was answered, or sent with FromSending; before the first
// one it is when the acknowledgement came.
func (f *Flow) LastPoll() time.Time { return f.last }

// NextPoll is when the flow may be polled again.
func (f *Flow) NextPoll() time.Time { return f.last.Add(f.Pace()) }

// Expires is the earliest moment at which the auth_req_id may end, counted from sending
// the request: until then it has to live. It is the moment of sending when the OP's
// expires_in cannot be read.
func (f *Flow) Expires() time.Time { return f.Sent.Add(f.ExpiresIn) }

// ExpiredBy is the latest moment at which the auth_req_id may end, counted from when the
// acknowledgement came: from then on it has to be over.
func (f *Flow) ExpiredBy() time.Time { return f.Received.Add(f.ExpiresIn) }

// Outlived reports whether an answer came when the flow may have expired meanwhile, so
// that it tells nothing about the moment its request was sent.
func (f *Flow) Outlived(resp *ciba.Response) bool { return !resp.Received.Before(f.Expires()) }

// DecisionWindow is how long a decision may take until polls show it.
func (f *Flow) DecisionWindow() time.Duration {
	return max(f.spacing, ciba.DefaultInterval) + DecisionGrace
}

// DecisionGrace is what an OP may take on top of the interval until a decision shows.
const DecisionGrace = 10 * time.Second

// Slower lengthens the spacing as a slow_down does, for one that another poll of the
// same flow was told.
func (f *Flow) Slower() { f.spacing += ciba.SlowDownStep }

// Polled counts a request that was sent outside the pace as the last poll.
func (f *Flow) Polled(resp *ciba.Response) { f.last = f.counted(resp) }

// counted is the moment of a poll that the interval is counted from.
func (f *Flow) counted(resp *ciba.Response) time.Time {
	if f.FromSending {
		return resp.Sent
	}
	return resp.Received
}

// Surprising reports whether an answer tells an end of the flow that nobody waits
// for and that was not told before. Tokens are an end, too, but never a surprise.
func (f *Flow) Surprising(resp *ciba.Response) bool {
	refused := resp.Is(ciba.ExpiredToken, ciba.InvalidGrant, ciba.AccessDenied)
	surprising := refused && !f.EndAwaited && !f.over
	if _, err := resp.Tokens(); refused || err == nil {
		f.over = true
	}
	return surprising
}

// Learn keeps the flow's pace: the spacing counts from the poll, and slow_down adds 5 s
// for good, or the interval of that answer if it is larger. CIBA Core 10.1, 11.
func (f *Flow) Learn(resp *ciba.Response) {
	f.last = f.counted(resp)
	if resp.Is(ciba.SlowDown) {
		f.spacing = max(f.spacing+ciba.SlowDownStep, intervalIn(resp))
	}
}

// intervalIn is the interval member of an answer, zero without one. Auth0 puts one
// into slow_down answers.
func intervalIn(resp *ciba.Response) time.Duration {
	object, err := resp.Object()
	if err != nil {
		return 0
	}
	interval, err := ciba.Seconds(object["interval"])
	if err != nil {
		return 0
	}
	return interval
}

// pace is the pace of the flow that a request polls, zero for anything else.
func (r Request) pace() time.Duration {
	if r.Flow == nil {
		return 0
	}
	return r.Flow.Pace()
}

// Undecided reports whether a poll was answered that the user has not decided.
func Undecided(resp *ciba.Response) bool {
	return resp.Is(ciba.AuthorizationPending, ciba.SlowDown)
}
