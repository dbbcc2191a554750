package driver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// Golden is what the ordinary requests came to that everything else leans on, before
// anything is judged. What does not work here is a matter of the set-up first: of the
// target file, or of the hook that makes decisions.
type Golden struct {
	// Refused tells of each user whose good request was refused how, in the OP's own
	// words, by the user's name. Users whose request was accepted are not in it.
	Refused map[string]string
	// Deny and Approve are why a decision could not be delivered; nil: it was, or none
	// was tried. What the OP makes of a decision is not looked at.
	Deny, Approve error
}

// GoldenFlows sends one good request for each of some users and, where somebody
// decides, delivers one denial and one approval. All requests are closed again, but for
// the approved one, whose user is the last.
func (r *Run) GoldenFlows(ctx context.Context, c *Client, users []targetfile.User) Golden {
	ctx, d, over := r.question(ctx, Options{Name: "golden flow"})
	defer over()
	g := Golden{Refused: map[string]string{}}
	var accepted []*Flow
	for _, u := range users {
		flow, refusal := d.goldenStart(ctx, c, u)
		if refusal != "" {
			g.Refused[u.Name] = refusal
		}
		if flow != nil {
			accepted = append(accepted, flow)
		}
	}
	if r.mayDeny && len(accepted) > 0 {
		g.Deny = d.decide(ctx, accepted[0], false)
	}
	if last := len(accepted) - 1; r.mayDeny && last > 0 {
		g.Approve = d.decide(ctx, accepted[last], true)
		d.open.take(func(o openRequest) bool { return o.authReqID == accepted[last].AuthReqID })
	}
	d.deny(ctx, d.open.take(anyRequest))
	return g
}

// goldenStart sends a good request. Without an answer, or where the OP is in trouble,
// neither a flow nor a refusal comes of it: nothing is known of the user then.
func (d *Driver) goldenStart(ctx context.Context, c *Client, u targetfile.User) (flow *Flow, refusal string) {
	resp, err := d.Send(ctx, d.run.Start(c, d.GoodStart(c, u)))
	if err != nil || resp.Err != nil {
		return nil, ""
	}
	if resp.Status/100 == 4 && !RefusesClient(resp) {
		return nil, InItsWords(resp)
	}
	if flow, err = NewFlow(c, u, resp); err != nil {
		return nil, ""
	}
	return flow, ""
}

// Fit finds out which clients serve ordinary requests as the target file has them: what a
// client is let in for is proved by an accepted request of the very kind that cases send,
// and by a poll that is taken for one. It returns, by name, how a client is refused where the
// same request of another one is accepted, in the OP's words. Where none is accepted nothing
// is returned: then it is not the client.
func (r *Run) Fit(ctx context.Context, clients []*Client, users []targetfile.User) (refused map[string]string) {
	ctx, d, over := r.question(ctx, Options{Name: "golden flow", Offside: true})
	defer over()
	for _, u := range users {
		refused = map[string]string{}
		var fit *Client
		for _, c := range clients {
			if how := d.refusal(ctx, c, u); how != "" {
				refused[c.Name] = how
			} else if fit == nil {
				fit = c
			}
		}
		if fit != nil {
			return d.confirm(ctx, clients, fit, u, refused)
		}
	}
	return nil
}

// confirm keeps the refusals that are met again right after another client was accepted.
func (d *Driver) confirm(
	ctx context.Context, clients []*Client, fit *Client, u targetfile.User, refused map[string]string,
) map[string]string {
	for _, c := range clients {
		if refused[c.Name] != "" && (d.refusal(ctx, fit, u) != "" || d.refusal(ctx, c, u) == "") {
			delete(refused, c.Name)
		}
	}
	return refused
}

// RefusedDetails is how the OP refuses a good request of a client with an object of
// authorization_details, in the OP's words, where it accepts the same request without. It is
// empty where the object is accepted, and where nothing is known.
func (r *Run) RefusedDetails(ctx context.Context, c *Client, u targetfile.User, object []byte) string {
	ctx, d, over := r.question(ctx, Options{Name: "golden flow", User: u, Offside: true})
	defer over()
	defer func() { d.deny(ctx, d.open.take(anyRequest)) }()
	good := r.Start(c, d.GoodStart(c, u))
	resp, err := d.Send(ctx, good.With("authorization_details", "["+string(object)+"]"))
	if err != nil || resp.Err != nil || resp.Status/100 != 4 {
		return ""
	}
	without, err := d.Send(ctx, good)
	if err != nil || without.Status/100 != 2 {
		return ""
	}
	return InItsWords(resp)
}

// heldLongest is how long a poll may be held before it is taken for one that is not refused.
const heldLongest = 5 * time.Second

// refusal is how a client's good request is refused, or a poll of it as no poll is refused
// whatever its flow has come to. It is empty also where nothing is known. The request is
// closed again.
func (d *Driver) refusal(ctx context.Context, c *Client, u targetfile.User) string {
	defer func() { d.deny(ctx, d.open.take(anyRequest)) }()
	start, err := d.Send(ctx, d.run.Start(c, d.GoodStart(c, u)))
	if err != nil || start.Err != nil {
		return ""
	}
	aboutCode := c.UserCode && (u.UserCode == "" || start.Is(ciba.MissingUserCode, ciba.InvalidUserCode))
	if start.Status/100 == 4 && !deniedByPolicy(start) && !aboutCode {
		return "a good request is refused with " + InItsWords(start)
	}
	flow, err := NewFlow(c, u, start)
	if err != nil {
		return ""
	}
	poll := d.run.Poll(flow).Unpaced()
	poll.Timeout = heldLongest
	resp, err := d.Send(ctx, poll)
	if err == nil && (refusesPoller(resp) || wantsMore(resp)) {
		return "a poll is refused with " + InItsWords(resp)
	}
	return ""
}

// wantsMore reports whether a poll is refused with a code of DPoP, or with one that no
// specification has for it, as that of an extension which the client has to follow.
func wantsMore(resp *ciba.Response) bool {
	e, ok := resp.OAuthError()
	return ok && resp.Status/100 == 4 && (resp.Is(ciba.InvalidDPoPProof, ciba.UseDPoPNonce) || !ciba.ErrorCode(e.Code).Known())
}

// Accepts reports whether the OP takes a good request of a client, which is the proof
// that outweighs how it refused a bad one.
func (r *Run) Accepts(ctx context.Context, c *Client, u targetfile.User) bool {
	ctx, d, over := r.question(ctx, Options{Name: "golden flow", User: u})
	defer over()
	defer func() { d.deny(ctx, d.open.take(anyRequest)) }()
	return d.start(ctx, c) != nil
}

// usual is how ordinary requests differ from what the target file says first, where the
// OP refuses that. The zero value is as the file says.
type usual struct {
	hint      string // the kind of hint that names users; empty: the first that a user has
	noMessage bool   // binding_message is left out
}

// FindUsual looks for a request for a user that the OP accepts where it refuses the good
// one: without the binding_message, or with another kind of hint. If there is one, the OP
// knows client and user, ordinary requests are like it from now on, and what the OP
// refuses is left to the cases about that. It reports what was found, in words, or
// nothing. It must not be called while cases run.
func (r *Run) FindUsual(ctx context.Context, c *Client, u targetfile.User) string {
	ctx, d, over := r.question(ctx, Options{Name: "golden flow", User: u})
	defer over()
	defer func() { d.deny(ctx, d.open.take(anyRequest)) }()
	first, _ := u.Hint()
	tries := []usual{{noMessage: true}}
	for _, kind := range hintKinds {
		if kind != first && hintOf(u, kind) != "" {
			tries = append(tries, usual{hint: kind})
		}
	}
	for _, try := range tries {
		r.usual = try
		resp, err := d.Send(ctx, r.Start(c, d.GoodStart(c, u)))
		if err != nil {
			break
		}
		if _, err := resp.Started(); err == nil {
			return try.words()
		}
	}
	r.usual = usual{}
	return ""
}

func (u usual) words() string {
	if u.noMessage {
		return "without binding_message"
	}
	return "with " + u.hint
}

// hintKinds are the ways to name a user. CIBA Core 7.1.
var hintKinds = []string{"login_hint", "login_hint_token", "id_token_hint"}

// hintOf is a user's hint of one kind, empty when the target file has none.
func hintOf(u targetfile.User, kind string) string {
	switch kind {
	case "login_hint":
		return u.LoginHint
	case "login_hint_token":
		return u.LoginHintToken.Reveal()
	case "id_token_hint":
		return u.IDTokenHint.Reveal()
	}
	return ""
}

// hintFor is the parameter that names a user in ordinary requests.
func (r *Run) hintFor(u targetfile.User) (name, value string) {
	if value := hintOf(u, r.usual.hint); value != "" {
		return r.usual.hint, value
	}
	return u.Hint()
}

// decide delivers a decision about a flow, as the only thing this driver does to it.
func (d *Driver) decide(ctx context.Context, f *Flow, allow bool) error {
	d.open.take(func(o openRequest) bool { return !allow && o.authReqID == f.AuthReqID })
	decision := approve.Decision{AuthReqID: f.AuthReqID, User: f.User, Allow: allow}
	err := d.run.approver.Decide(ctx, decision)
	if errors.Is(err, approve.ErrUncertain) && d.run.approver.CanRepeat() {
		decision.Again = true
		err = d.run.approver.Decide(ctx, decision)
	}
	return err
}

// descriptionLimit bounds what is quoted of an error_description, in bytes.
const descriptionLimit = 200

// InItsWords is the summary of an answer with what the OP's error_description says,
// quoted and cut, so that it acts on nothing it is shown in.
func InItsWords(resp *ciba.Response) string {
	e, ok := resp.OAuthError()
	if !ok || e.Description == "" {
		return resp.Summary()
	}
	text := e.Description
	if len(text) > descriptionLimit {
		text = text[:descriptionLimit] + "..."
	}
	return fmt.Sprintf("%s, %+q", resp.Summary(), text)
}

// EveryUser reports whether the good requests of all users were refused.
func (g Golden) EveryUser(users []targetfile.User) bool {
	return len(users) > 0 && !slices.ContainsFunc(users, func(u targetfile.User) bool { return g.Refused[u.Name] == "" })
}
