package driver

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/notify"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// CallWindow is what an OP may take from a decision to its call.
const CallWindow = 15 * time.Second

// Reach is what came of trying whether the OP calls a client.
type Reach struct {
	// Refused is how the OP refused a good request of the client, in its own words; empty:
	// it was accepted, or nothing is known.
	Refused string
	// Due says that a call was due, as an approval was delivered.
	Due bool
	// Call is the first call that came for the client, with its token or without; nil: none.
	Call *notify.Call
	// Polled is what the token endpoint says of the approved request of a ping client that
	// was not called; empty: it was not asked.
	Polled string
}

// TryCalls finds out whether the OP calls its ping and push clients: one request of each is
// approved and, where nothing comes of that, another one denied. What is called otherwise
// than it should be counts as a call, as it shows that there is a way. Without somebody
// who decides nothing is tried. The result has an entry for each client, in their order.
func (r *Run) TryCalls(ctx context.Context, clients []*Client) []Reach {
	found, users := make([]Reach, len(clients)), r.target.Users
	if !r.mayDeny || r.receiver == nil || len(users) == 0 {
		return found
	}
	var wg sync.WaitGroup
	asking := make([]turn, len(users)) // so that no user has two open requests
	for at := range asking {
		asking[at] = make(turn, 1)
	}
	ofOneUser := (len(clients) + len(users) - 1) / len(users)
	limit := time.Duration(ofOneUser)*probeLimit + r.allowances.lasts(2*ofOneUser) // with the turns of those before
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for i, c := range clients {
		at := i % len(users)
		d := r.Driver(Options{Name: "golden flow", User: users[at]})
		wg.Go(func() { found[i] = d.tryCall(ctx, c, asking[at]) })
	}
	wg.Wait()
	return found
}

// tryCall tries one client. It has the turn of its user while a request is undecided.
func (d *Driver) tryCall(ctx context.Context, c *Client, asking turn) (found Reach) {
	defer func() { d.deny(ctx, d.open.take(anyRequest)) }()
	var tried []*Flow
	for _, allow := range []bool{true, false} {
		flow, refusal := d.decided(ctx, c, allow, asking)
		if flow == nil {
			found.Refused = refusal
			break
		}
		found.Due, tried = true, append(tried, flow)
		if call := d.firstCall(ctx, tried); call != nil {
			return Reach{Due: true, Call: call}
		}
	}
	if ctx.Err() != nil {
		return Reach{}
	}
	if found.Due && c.DeliveryMode == targetfile.DeliveryPing {
		if resp, err := d.Send(ctx, d.run.Poll(tried[0])); err == nil {
			found.Polled = resp.Summary()
		}
	}
	return found
}

// decided is a request of a client that was decided at once; nil where it was refused,
// which is told in the OP's own words, or the decision could not be delivered.
func (d *Driver) decided(ctx context.Context, c *Client, allow bool, asking turn) (flow *Flow, refusal string) {
	release, err := asking.take(ctx)
	if err != nil {
		return nil, ""
	}
	defer release()
	flow, refusal = d.goldenStart(ctx, c, d.user)
	if flow == nil || d.run.Inbox(flow) == nil || d.decide(ctx, flow, allow) != nil {
		return nil, refusal
	}
	return flow, ""
}

// firstCall waits for a call about the last of some requests and returns the first that came
// about any of them, nil for none.
func (d *Driver) firstCall(ctx context.Context, flows []*Flow) *notify.Call {
	brief, cancel := context.WithTimeout(ctx, CallWindow)
	defer cancel()
	d.run.Inbox(flows[len(flows)-1]).Await(brief, 1)
	for _, f := range flows {
		inbox := d.run.Inbox(f)
		if calls := slices.Concat(inbox.Calls(), inbox.Misled()); len(calls) > 0 {
			return calls[0]
		}
	}
	return nil
}
