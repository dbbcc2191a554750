package suites

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
)

// learn asks the OP what has to be known before the cases are placed: which clients it
// lets in, whether the users are those of the target file, whether decisions reach it,
// whether a user may have two open requests, and whether its calls arrive. What does not
// work here would be held against the OP by case after case, although the set-up is at
// fault. modes are the delivery modes that matter.
//
// The error says that nothing at all works, so that nothing can be judged.
func (r *run) learn(ctx context.Context, modes []string) error {
	if err := r.learnPolling(ctx); err != nil {
		return err
	}
	if r.options.Select.Budget == 0 {
		r.learnCalls(ctx, modes)
	}
	return nil
}

// learnPolling learns what can be told without a call of the OP.
func (r *run) learnPolling(ctx context.Context) error {
	_, told := r.facts.Target.Capabilities[catalogue.NeedParallel]
	if told && !r.facts.Capabilities.Has(catalogue.NeedParallel) {
		r.driver.LimitToOnePerUser()
	}
	clients := expected(r.driver)
	r.driver.TryCredentials(ctx, clients)
	for _, c := range clients {
		if how := c.Rejection(); how != "" {
			r.driver.Note("%s", preflight.RefusedClient(r.facts.Target, c.Name, how))
		}
	}
	few := r.options.Select.Budget > 0 // prompts, which are for cases
	if !few {
		r.driver.TryAssertions(ctx, r.ordinary(targetfile.DeliveryPoll))
	}
	if !few && !r.options.Approver.IsPerson() { // who would be asked by every client
		r.learnClients(ctx)
	}
	r.primary = r.pollingClient()
	if r.primary == nil && !told && len(r.facts.Target.Users) > 0 {
		r.supposeOnePerUser()
	}
	if r.primary == nil || len(r.facts.Target.Users) == 0 {
		return nil
	}
	if how := r.primary.Rejection(); how != "" && !r.driver.Accepts(ctx, r.primary, r.facts.Target.Users[0]) {
		return fmt.Errorf("%w: the OP refuses every client, that named %s whatever it asks: %s; "+
			"compare client_id, auth_method and secret or key in %s with the registration",
			ErrSetUp, r.primary.Name, how, r.facts.Target.Where("clients."+r.primary.Name))
	}
	if err := r.learnGolden(ctx); err != nil {
		return err
	}
	if few {
		return nil
	}
	r.learnDetails(ctx)
	if !told {
		r.learnParallel(ctx)
	}
	r.probeExpiry(ctx)
	return nil
}

// pollingClient is the client that tries what the others rely on: a poll client or, where
// there is none, a ping client, which may poll as well (CIBA Core 10.1). nil: none may poll.
func (r *run) pollingClient() *driver.Client {
	for _, mode := range []string{targetfile.DeliveryPoll, targetfile.DeliveryPing} {
		if working := driver.Working(r.ordinary(mode)); len(working) > 0 {
			return working[0]
		}
	}
	return nil
}

// supposeOnePerUser spares users a second open request where nobody may poll to see what
// becomes of the first.
func (r *run) supposeOnePerUser() {
	const why = "whether a user may have two open requests is seen by polling, and no client of the target file may poll; " +
		"set capabilities.parallel where it is known"
	r.driver.LimitToOnePerUser()
	r.facts.Capabilities[catalogue.NeedParallel] = result.Capability{Reason: why}
	r.driver.Note("each user has one open request at a time: %s", why)
}

// shortLife is what cases about the expiry ask for at least.
const shortLife = 20 * time.Second

// probeExpiry finds out how long a request lives that asks for a short life, and tells where
// that is longer than a run waits: then cases that need the end are skipped, and others see
// the beginning of a life only. A person is not shown a request for that.
func (r *run) probeExpiry(ctx context.Context) {
	budget := r.facts.Target.Budgets.ExpiryMax
	if r.driver.Approver().IsPerson() {
		return
	}
	r.life = r.driver.ProbeExpiry(ctx, r.primary, shortLife)
	if lives := r.life; lives > budget {
		r.driver.Note("requests live for %s although %s were asked for, and budgets.expiry_max is %s: cases about the expiry are "+
			"skipped or see the beginning only; set budgets.expiry_max: %ds in the target file to judge all of it",
			lives, shortLife, budget, int(lives.Seconds()))
	}
}

// learnDetails tries the first object of rar.valid where none of them has more than a type,
// as in a file that was not completed. Where the OP refuses it, nothing about
// authorization_details can be judged.
func (r *run) learnDetails(ctx context.Context) {
	valid := r.facts.Target.RAR.Valid
	clients := driver.Working(r.driver.Prepared(r.facts.ClientsFor(targetfile.DeliveryPoll, []catalogue.Need{catalogue.NeedRAR})))
	if !r.facts.Capabilities.Has(catalogue.NeedRAR) || len(valid) == 0 || len(clients) == 0 || slices.ContainsFunc(valid, hasMore) {
		return
	}
	if how := r.driver.RefusedDetails(ctx, clients[0], r.facts.Target.Users[0], valid[0]); how != "" {
		why := fmt.Sprintf("rar.valid[0] has a type only and is refused with %s; complete it at %s", how, r.facts.Target.Where("rar.valid[0]"))
		r.facts.CannotAsk(why)
		r.driver.Note("cases about authorization_details are skipped: %s", why)
	}
}

// hasMore reports whether an object of authorization_details has more than its type.
func hasMore(object json.RawMessage) bool {
	var members map[string]any
	return json.Unmarshal(object, &members) == nil && len(members) > 1
}

// mostUsers is with how many users the clients are tried, until one is accepted.
const mostUsers = 2

// learnClients tries a good request of each client that was let in. A client whose request
// is refused where that of another one is accepted takes no part: the file cannot say what
// it would need.
func (r *run) learnClients(ctx context.Context) {
	var tried []*driver.Client
	for _, c := range expected(r.driver) {
		if c.Rejection() == "" && c.DeliveryMode == targetfile.DeliveryPoll {
			tried = append(tried, c)
		}
	}
	users := r.facts.Target.Users
	refused := r.driver.Fit(ctx, tried, users[:min(mostUsers, len(users))])
	for _, c := range tried {
		if how := refused[c.Name]; how != "" {
			r.driver.Note("client %s takes no part: %s, while the same of another client is accepted; compare %s with what "+
				"this client is registered for", c.Name, how, r.facts.Target.Where("clients."+c.Name))
		}
	}
	if len(refused) > 0 {
		r.facts.WithoutClients(slices.Collect(maps.Keys(refused))...)
	}
}

// learnGolden tries a good request of each user and a decision of each kind. A user who
// is refused takes no part; where all are, nothing can be judged. Cases that need a
// decision which cannot be delivered are skipped.
func (r *run) learnGolden(ctx context.Context) error {
	users := r.facts.Target.Users
	if r.options.Select.Budget > 0 { // one prompt is enough to see whether anything works
		users = users[:1]
	}
	golden := r.driver.GoldenFlows(ctx, r.primary, users)
	if first := users[0]; golden.EveryUser(users) {
		if how := r.driver.FindUsual(ctx, r.primary, first); how != "" {
			r.driver.Note("ordinary requests are sent %s, as every good one of client %s is refused, that for user %s with %s; "+
				"compare the target file with what this OP takes",
				how, r.primary.Name, first.Name, golden.Refused[first.Name])
			r.settleDecisions(r.driver.GoldenFlows(ctx, r.primary, users))
			return nil
		}
		return fmt.Errorf("%w: every good request of client %s is refused, that for users[0] (%s) with %s; "+
			"compare scope, binding_message, start_params and the users' hints (%s) with what this OP takes",
			ErrSetUp, r.primary.Name, first.Name, golden.Refused[first.Name], r.facts.Target.Where("users."+first.Name))
	}
	var refused []string
	for _, u := range users {
		if how := golden.Refused[u.Name]; how != "" {
			refused = append(refused, u.Name)
			r.driver.Note("user %s takes no part: a good request is refused with %s; "+
				"compare the hint in %s with the users of this OP", u.Name, how, r.facts.Target.Where("users."+u.Name))
		}
	}
	if len(refused) > 0 {
		r.facts.WithoutUsers(refused...)
	}
	r.settleDecisions(golden)
	return nil
}

// settleDecisions takes the capability to decide from a run that cannot deliver decisions.
// What keeps both kinds from the OP is told once.
func (r *run) settleDecisions(golden driver.Golden) {
	tell := func(needs string, why error) {
		r.driver.Note("cases that need %s are skipped, as it could not be delivered: %v; see approval in %s",
			needs, why, r.facts.Target.Where("approval"))
	}
	if golden.Deny != nil {
		r.facts.CannotDecide(catalogue.NeedDeny, golden.Deny)
	}
	if golden.Approve != nil {
		r.facts.CannotDecide(catalogue.NeedApprove, golden.Approve)
	}
	if golden.Deny != nil && golden.Approve != nil && golden.Deny.Error() == golden.Approve.Error() {
		tell("a decision", golden.Deny)
		return
	}
	if golden.Deny != nil {
		tell("the decision deny", golden.Deny)
	}
	if golden.Approve != nil {
		tell("the decision approve", golden.Approve)
	}
}

// learnParallel finds out whether the OP keeps two open requests of one user. Where it
// does not, cases that only share a user would spoil each other, so each gets its user
// alone and the cases about parallel requests are untested.
func (r *run) learnParallel(ctx context.Context) {
	if verdict := r.driver.ProbeParallel(ctx, r.primary); verdict != "" {
		r.facts.Capabilities[catalogue.NeedParallel] = result.Capability{Reason: verdict}
	}
}

// expected are the clients that the OP is meant to let in.
func expected(d *driver.Run) []*driver.Client {
	var list []*driver.Client
	for _, c := range d.Clients() {
		if preflight.Ordinary(c.Client) {
			list = append(list, c)
		}
	}
	return list
}

// ordinary are the clients of a delivery mode for whatever wants nothing special.
func (r *run) ordinary(mode string) []*driver.Client {
	return r.driver.Prepared(preflight.OrdinaryClients(r.facts.Target.Clients, mode))
}

// Refused tells of each client that the OP is meant to let in, by its name, how the OP
// refuses it altogether; empty for a client that is let in. No user is asked anything.
func Refused(ctx context.Context, t *targetfile.Target, rt http.RoundTripper) (map[string]string, error) {
	r, err := begin(ctx, Options{Target: t, RoundTripper: rt, Approver: approve.Nobody()})
	if err != nil {
		return nil, err
	}
	if err := r.facts.Drivable(); err != nil {
		return nil, err
	}
	clients := expected(r.driver)
	r.driver.TryCredentials(ctx, clients)
	refused := map[string]string{}
	for _, c := range clients {
		refused[c.Name] = c.Rejection()
	}
	return refused, nil
}

// Rehearsal is what was found before the first case.
type Rehearsal struct {
	Notes         []string // of the run, such as users that take no part
	Undeliverable bool     // decisions do not reach the OP, although somebody is to make them
	Called        []string // the ping and push clients that the OP calls, with the address, for people
	NotCalled     bool     // some that take part are not called; a note says why

	Facts *preflight.Facts // with what was learnt; nil: the OP could not be asked
}

// Rehearse does what a run does before its first case. Users are asked: one good request
// for each, one denial and one approval. The error is [ErrSetUp], or that the OP cannot
// be reached.
func Rehearse(ctx context.Context, o Options) (Rehearsal, error) {
	release, err := o.receive(ctx)
	if err != nil {
		return Rehearsal{}, err
	}
	defer release()
	r, err := begin(ctx, o)
	if err != nil {
		return Rehearsal{}, err
	}
	if err := r.facts.Drivable(); err != nil {
		return Rehearsal{}, err
	}
	decides := r.facts.Capabilities.Has(catalogue.NeedDeny)
	err = r.learn(ctx, []string{targetfile.DeliveryPoll, targetfile.DeliveryPing, targetfile.DeliveryPush})
	r.learnExpiry()
	return Rehearsal{
		Notes:         r.driver.Notes(),
		Undeliverable: decides && !r.facts.Capabilities.Has(catalogue.NeedDeny),
		Called:        r.calls.came,
		NotCalled:     len(r.calls.without) > 0,
		Facts:         r.facts,
	}, err
}

// learnExpiry takes the capability to see requests expire from an OP whose requests live
// longer than the budget. Where none asked for a short life, the longest one counts. A run
// does not rely on it: its cases look at the beginning of a life all the same.
func (r *run) learnExpiry() {
	lives := r.life
	if lives == 0 {
		for _, ack := range r.driver.Memory.Acks() {
			lives = max(lives, ack.ExpiresIn)
		}
	}
	if lives > r.facts.Target.Budgets.ExpiryMax {
		r.facts.TooLong(lives)
	}
}
