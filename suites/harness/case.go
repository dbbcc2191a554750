package harness

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/onsi/ginkgo/v2"
)

// DefaultLimit bounds a case that does not declare its own limit: two paces of
// a slow OP, one long poll of 45 s and the decision.
const DefaultLimit = 2 * time.Minute

// The delivery modes besides poll that a case may be run in, see [Traits.AlsoAs].
const (
	Ping = targetfile.DeliveryPing
	Push = targetfile.DeliveryPush
)

// Traits say what a case judges, what it needs and what it must not share. Make them
// with [Judges]; each method returns changed ones.
type Traits struct {
	requirements  []string
	needs         []catalogue.Need
	methods       []string
	mode          string
	also          []string // further modes
	limit         time.Duration
	smoke         bool
	waitsOnExpiry bool
	eachAlgorithm bool
	users         Users
	place         Place
}

// Users say which users fit a case beyond what its needs say. The zero value is for any.
type Users struct {
	What  string // what the users have, for people: "with different user codes"
	Own   func(own targetfile.User) bool
	Other func(own, other targetfile.User) bool // for cases with the need second_user
}

// Place is what a case must not share with others.
type Place struct {
	AloneForClient bool          // no other case of its client runs meanwhile
	AloneForUser   bool          // no other case of its user runs meanwhile
	LastForClient  bool          // it runs after the cases of its client that are not last
	AsksAllUsers   bool          // it opens requests for every user
	AfterAll       bool          // it runs when everything else is over
	About          time.Duration // what it takes on an OP with an interval of 5 s
}

// Judges names the clauses that the case settles, the deciding one first.
func Judges(ids ...string) Traits {
	return Traits{requirements: ids, limit: DefaultLimit, place: Place{About: time.Second}}
}

// Needs adds capabilities beyond those the catalogue lists for the
// requirements.
func (t Traits) Needs(needs ...catalogue.Need) Traits {
	t.needs = append(slices.Clone(t.needs), needs...)
	return t
}

// Methods restricts the case to clients with one of these authentication methods.
func (t Traits) Methods(names ...string) Traits {
	t.methods = append(slices.Clone(t.methods), names...)
	return t
}

// As runs the case as a client of a delivery mode, ping or push. Without it a case is run
// as a poll client where all its clauses apply to poll mode, else as a ping client where
// they all apply to that, and as a push client otherwise.
func (t Traits) As(mode string) Traits {
	t.mode = mode
	return t
}

// AlsoAs runs the case in further delivery modes, ping or push, with clients of theirs. Each
// is a case of its own, named after this one: a mode is how the result reaches the client,
// and what the case says of the result holds however it does. The body gets at results by
// [T.PollDecided] and the verbs built on it.
func (t Traits) AlsoAs(modes ...string) Traits {
	t.also = append(slices.Clone(t.also), modes...)
	return t
}

// Limit replaces [DefaultLimit]. A case that waits for an expiry also gets the
// target's expiry budget on top, see [Traits.WaitsForExpiry].
func (t Traits) Limit(d time.Duration) Traits {
	t.limit = d
	return t
}

// About says how long the case takes on an OP with an interval of 5 s. It only
// balances clients between cases that run alone; zero means a second.
func (t Traits) About(d time.Duration) Traits {
	t.place.About = d
	return t
}

// Smoke puts the case into the spread over all areas that --smoke runs. It must
// not wait for an expiry.
func (t Traits) Smoke() Traits {
	t.smoke = true
	return t
}

// WaitsForExpiry marks a case that waits until an auth_req_id expires.
func (t Traits) WaitsForExpiry() Traits {
	t.waitsOnExpiry = true
	return t
}

// AloneForClient keeps every other case of the same client away while this one
// runs: it may throttle or lock the client.
func (t Traits) AloneForClient() Traits {
	t.place.AloneForClient = true
	return t
}

// AloneForUser keeps every other case of the same user away while this one runs.
func (t Traits) AloneForUser() Traits {
	t.place.AloneForUser = true
	return t
}

// AsksAllUsers marks a case that opens requests for every user, so that no case
// that has to be alone with one of them runs meanwhile.
func (t Traits) AsksAllUsers() Traits {
	t.place.AsksAllUsers = true
	return t
}

// LastForClient runs the case after all cases of its client that are not last.
func (t Traits) LastForClient() Traits {
	t.place.LastForClient = true
	return t
}

// EachAlgorithm lets the case judge, with [T.Each], a further client for every
// other ID Token algorithm that clients are registered for.
func (t Traits) EachAlgorithm() Traits {
	t.eachAlgorithm = true
	return t
}

// AfterAll runs the case when everything else is over: it sends what a firewall
// may take for an attack, or judges what all other cases saw.
func (t Traits) AfterAll() Traits {
	t.place.AfterAll = true
	return t
}

// ForUsers keeps the case away from users that cannot show what it is about, although they
// meet its needs: the skip for want of others says what they would have.
func (t Traits) ForUsers(u Users) Traits {
	t.users = u
	return t
}

// Definition is a registered case.
type Definition struct {
	ID, Title string
	Subject   string // what the title speaks of: the texts of its containers
	Area      string // of the deciding requirement
	base      string // id of the case that this one is in another mode; empty: it is itself
	traits    Traits
	body      func(*T)
}

// Sentence is subject and title, which read as one.
func (d *Definition) Sentence() string { return strings.TrimSpace(d.Subject + " " + d.Title) }

// Requirements are the clauses that the case settles, the deciding one first.
func (d *Definition) Requirements() []string { return d.traits.requirements }

// Needs are the capabilities without which the case cannot judge: those that the
// catalogue lists for its requirements and those of its own, sorted.
func (d *Definition) Needs() []catalogue.Need { return d.traits.needs }

// NeedsAny reports whether the case has one of these needs.
func (d *Definition) NeedsAny(needs ...catalogue.Need) bool {
	return slices.ContainsFunc(d.traits.needs, func(n catalogue.Need) bool { return slices.Contains(needs, n) })
}

// Methods are the client authentication methods that the case is about; empty means
// any.
func (d *Definition) Methods() []string { return d.traits.methods }

// Users say which users fit the case.
func (d *Definition) Users() Users { return d.traits.users }

// Mode is the delivery mode of the clients that the case runs as: poll, ping or push.
func (d *Definition) Mode() string { return d.traits.mode }

// Place is what the case must not share with others.
func (d *Definition) Place() Place { return d.traits.place }

// Smoke reports whether the case is one of the spread over all areas.
func (d *Definition) Smoke() bool { return d.traits.smoke }

// EachAlgorithm reports whether the case judges a client of every ID Token algorithm.
func (d *Definition) EachAlgorithm() bool { return d.traits.eachAlgorithm }

// AsksForDecision reports whether the user has to decide something in this case.
func (d *Definition) AsksForDecision() bool {
	return d.NeedsAny(catalogue.NeedApprove, catalogue.NeedDeny, catalogue.NeedApprovePartial)
}

// Disturbs reports whether the case may harm others of the same client.
func (d *Definition) Disturbs() bool {
	return d.traits.place.AloneForClient || d.traits.place.LastForClient
}

// AnswersTo reports whether a word of a selection means this case. The id of a case also
// means it in its other modes.
func (d *Definition) AnswersTo(name string) bool {
	return d.ID == name || d.base == name || d.Area == name || slices.Contains(d.traits.requirements, name)
}

// Labels may not hold what Ginkgo's label queries use as operators.
var caseID = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// Case registers one check: an It of the Ginkgo tree and a body that can also
// run without Ginkgo. An unknown requirement, an ill-formed or a repeated id is a
// mistake in this program and stops the building of the tree.
func Case(id, title string, traits Traits, body func(*T)) {
	ginkgo.GinkgoHelper()
	register(&Definition{ID: id, Title: title, traits: traits, body: body})
	for _, mode := range traits.also {
		other := &Definition{ID: id + "-" + mode, Title: title + ", in " + mode + " mode", base: id, traits: traits.As(mode), body: body}
		other.traits.smoke = false
		register(other)
	}
}

func register(def *Definition) {
	ginkgo.GinkgoHelper()
	err := def.complete(catalogue.Must())
	if err == nil {
		err = tree.add(def)
	}
	if err != nil {
		panic(fmt.Sprintf("case %q: %v", def.ID, err))
	}
	ginkgo.It(def.Title, ginkgo.Label(def.Labels()...), func(ctx ginkgo.SpecContext) { awaitInGinkgo(ctx, def.ID) })
}

func errRepeated(known, title string) error {
	return fmt.Errorf("the id is used for %q and for %q", known, title)
}

// complete takes area and needs from the catalogue.
func (d *Definition) complete(clauses *catalogue.Catalogue) error {
	if !caseID.MatchString(d.ID) {
		return errors.New("id is not a slug of lower-case words joined by hyphens")
	}
	if len(d.traits.requirements) == 0 || d.body == nil {
		return errors.New("has no requirement or no body")
	}
	modes := []string{targetfile.DeliveryPoll, targetfile.DeliveryPing, targetfile.DeliveryPush}
	for i, id := range d.traits.requirements {
		requirement, ok := clauses.Get(id)
		if !ok {
			return fmt.Errorf("unknown requirement %q", id)
		}
		if i == 0 {
			d.Area = requirement.Area
		}
		d.traits.needs = append(d.traits.needs, requirement.Needs...)
		modes = slices.DeleteFunc(modes, func(mode string) bool { return !slices.Contains(requirement.Modes, mode) })
	}
	if err := d.settleMode(modes); err != nil {
		return err
	}
	if d.traits.mode == Push && d.AsksForDecision() { // whose result comes with a call
		d.traits.needs = append(d.traits.needs, catalogue.NeedNotificationReceiver)
	}
	for _, need := range d.traits.needs {
		if !need.Known() {
			return fmt.Errorf("unknown need %q", need)
		}
	}
	slices.Sort(d.traits.needs)
	d.traits.needs = slices.Compact(d.traits.needs)
	return nil
}

// settleMode settles the delivery mode by those that all clauses of the case apply to.
func (d *Definition) settleMode(modes []string) error {
	if len(modes) == 0 {
		return errors.New("its requirements have no delivery mode in common")
	}
	if d.traits.mode == "" {
		d.traits.mode = modes[0]
	}
	if !slices.Contains(modes, d.traits.mode) {
		return fmt.Errorf("its requirements apply to %s, not to %s", strings.Join(modes, " and "), d.traits.mode)
	}
	return nil
}

// Labels are those of the case in the Ginkgo tree.
func (d *Definition) Labels() []string {
	labels := []string{"case: " + d.ID, "area: " + d.Area, "mode: " + d.Mode()}
	for _, id := range d.traits.requirements {
		labels = append(labels, "req: "+id)
	}
	if d.traits.smoke {
		labels = append(labels, "smoke")
	}
	if d.traits.waitsOnExpiry {
		labels = append(labels, "slow")
	}
	return labels
}
