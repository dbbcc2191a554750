package suites

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/onsi/ginkgo/v2"
)

// DefaultLimit bounds a case that does not declare its own limit: two paces of
// a slow OP, one long poll of 45 s and the decision.
const DefaultLimit = 2 * time.Minute

// Spec says what a case judges, what it needs and what it must not share.
// Build one with [Requirements].
type Spec struct {
	requirements []string
	needs        []catalogue.Need
	methods      []string
	limit        time.Duration
	about        time.Duration
	smoke        bool
	slow         bool
	aloneClient  bool
	aloneUser    bool
	lastClient   bool
	eachAlg      bool
	allUsers     bool
	afterAll     bool
}

// Requirements names the clauses that the case settles, the deciding one first.
func Requirements(ids ...string) Spec {
	return Spec{requirements: ids, limit: DefaultLimit, about: time.Second}
}

// Needs adds capabilities beyond those the catalogue lists for the
// requirements.
func (s Spec) Needs(needs ...catalogue.Need) Spec {
	s.needs = append(slices.Clone(s.needs), needs...)
	return s
}

// Methods restricts the case to clients with one of these authentication methods.
func (s Spec) Methods(names ...string) Spec {
	s.methods = append(slices.Clone(s.methods), names...)
	return s
}

// Limit replaces [DefaultLimit]. A case that waits for an expiry also gets the
// target's expiry budget on top, see [Spec.WaitsForExpiry].
func (s Spec) Limit(d time.Duration) Spec {
	s.limit = d
	return s
}

// About says how long the case takes on an OP with an interval of 5 s. It only
// balances clients between cases that run alone; zero means a second.
func (s Spec) About(d time.Duration) Spec {
	s.about = d
	return s
}

// Smoke puts the case into the spread over all areas that --smoke runs. It must
// not wait for an expiry.
func (s Spec) Smoke() Spec {
	s.smoke = true
	return s
}

// WaitsForExpiry marks a case that waits until an auth_req_id expires.
func (s Spec) WaitsForExpiry() Spec {
	s.slow = true
	return s
}

// AloneForClient keeps every other case of the same client away while this one
// runs: it may throttle or lock the client.
func (s Spec) AloneForClient() Spec {
	s.aloneClient = true
	return s
}

// AloneForUser keeps every other case of the same user away while this one runs.
func (s Spec) AloneForUser() Spec {
	s.aloneUser = true
	return s
}

// AsksAllUsers marks a case that opens requests for every user, so that no case
// that has to be alone with one of them runs meanwhile.
func (s Spec) AsksAllUsers() Spec {
	s.allUsers = true
	return s
}

// LastForClient runs the case after all cases of its client that are not last.
func (s Spec) LastForClient() Spec {
	s.lastClient = true
	return s
}

// EachAlgorithm lets the case judge, with [T.Each], a further client for every
// other ID Token algorithm that clients are registered for.
func (s Spec) EachAlgorithm() Spec {
	s.eachAlg = true
	return s
}

// AfterAll runs the case when everything else is over: it sends what a firewall
// may take for an attack, or judges what all other cases saw.
func (s Spec) AfterAll() Spec {
	s.afterAll = true
	return s
}

// definition is a registered case.
type definition struct {
	id, title string
	subject   string // what the title speaks of: the texts of its containers
	Spec
	area string
	body func(*T)
}

// sentence is subject and title, which read as one.
func (d *definition) sentence() string { return strings.TrimSpace(d.subject + " " + d.title) }

// registry holds every case in the order of the tree. It is filled while Ginkgo
// builds the tree, which may happen twice in a process, and read afterwards.
var registry struct {
	byID  map[string]*definition
	order []*definition
}

// Labels may not hold what Ginkgo's label queries use as operators.
var caseID = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// Case registers one check: an It of the Ginkgo tree and a body that can also
// run without Ginkgo. An unknown requirement, an ill-formed or a repeated id is a
// mistake in this program and stops the building of the tree.
func Case(id, title string, s Spec, body func(*T)) {
	ginkgo.GinkgoHelper()
	def := &definition{id: id, title: title, Spec: s, body: body}
	if err := def.complete(catalogue.Must()); err != nil {
		panic(fmt.Sprintf("case %q: %v", id, err))
	}
	register(def)
	labels := ginkgo.Label(def.labels()...)
	ginkgo.It(title, labels, func(ctx ginkgo.SpecContext) { awaitInGinkgo(ctx, id) })
}

// register keeps the first registration of an id: building the tree a second
// time brings the same cases again, under the same titles.
func register(def *definition) {
	if known, ok := registry.byID[def.id]; ok {
		if known.title != def.title {
			panic(fmt.Sprintf("case id %q is used for %q and for %q", def.id, known.title, def.title))
		}
		return
	}
	if registry.byID == nil {
		registry.byID = map[string]*definition{}
	}
	registry.byID[def.id] = def
	registry.order = append(registry.order, def)
}

// complete takes area and needs from the catalogue.
func (d *definition) complete(clauses *catalogue.Catalogue) error {
	if !caseID.MatchString(d.id) {
		return fmt.Errorf("id is not a slug of lower-case words joined by hyphens")
	}
	if len(d.requirements) == 0 || d.body == nil {
		return fmt.Errorf("has no requirement or no body")
	}
	for i, id := range d.requirements {
		requirement, ok := clauses.Get(id)
		if !ok {
			return fmt.Errorf("unknown requirement %q", id)
		}
		if i == 0 {
			d.area = requirement.Area
		}
		d.needs = append(d.needs, requirement.Needs...)
	}
	for _, need := range d.needs {
		if !need.Known() {
			return fmt.Errorf("unknown need %q", need)
		}
	}
	slices.Sort(d.needs)
	d.needs = slices.Compact(d.needs)
	return nil
}

func (d *definition) labels() []string {
	labels := []string{"case: " + d.id, "area: " + d.area}
	for _, id := range d.requirements {
		labels = append(labels, "req: "+id)
	}
	if d.smoke {
		labels = append(labels, "smoke")
	}
	if d.slow {
		labels = append(labels, "slow")
	}
	return labels
}
