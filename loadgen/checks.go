package loadgen

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/details"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
)

// breach is a kind of violation of the protocol.
type breach struct{ kind, requirement, text string }

// The breaches that are looked for in every answer of a run.
var (
	redeemedTwice   = breach{"double_redemption", "CIBA-10.1.1-REUSE-RACE", "one auth_req_id was redeemed twice at the same moment"}
	redeemedAgain   = breach{"reuse", "CIBA-10.1.1-REUSE", "a redeemed auth_req_id was redeemed again"}
	tokensDenied    = breach{"tokens_after_denial", "CIBA-11-DENIED-FINAL", "tokens were issued although the user had denied"}
	deniedApproved  = breach{"denied_although_approved", "CIBA-10.1.1-TOKENS", "a request was denied although the user had approved"}
	tokensUndecided = breach{"tokens_without_decision", "CIBA-11-PENDING", "tokens were issued before the user had decided"}
	tokensExpired   = breach{"tokens_after_expiry", "CIBA-11-EXPIRED-FINAL", "tokens were issued after expires_in had passed"}
	pendingExpired  = breach{"pending_after_expiry", "CIBA-11-EXPIRED-TOKEN", "a request was still pending after expires_in had passed"}
	expiredEarly    = breach{"early_expiry", "CIBA-7.3-EXPIRES-IN-TRUE", "a request expired before expires_in had passed"}
	wrongSubject    = breach{"wrong_subject", "CIBA-7.1-HINT-SUBJECT-MATCH", "the tokens are another user's"}
	detailsForeign  = breach{"foreign_details", "RFC9396-7-FAITHFUL", "the authorization_details are another request's"}
	detailsChanged  = breach{"changed_details", "RFC9396-7-FAITHFUL", "the authorization_details differ from those that were granted"}
	detailsMissing  = breach{"missing_details", "RFC9396-7-RETURNED", "the authorization_details are missing from the token response"}
	idRepeated      = breach{"repeated_id", "CIBA-7.3-ARID-UNIQUE", "an auth_req_id was given out twice"}
	idGuessable     = breach{"low_entropy", "CIBA-7.3-ARID-ENTROPY", "auth_req_ids have too little entropy"}
	outsideTheTexts = breach{"unknown_answer", "CIBA-11-ERROR-FORMAT", "an answer is none that the specifications know"}
)

// Tolerances: what is judged is beyond any doubt about clocks and delays. The
// moments are those of CIBA-7.3-EXPIRES-IN-TRUE.
const (
	earlyExpiry = 3 * time.Second
	lateExpiry  = 10 * time.Second
)

// mostEvidence is how many occurrences of one kind are kept in full.
const mostEvidence = 5

// checks judges the protocol while the load runs.
type checks struct {
	decides  bool // decisions are ours alone
	users    []targetfile.User
	subjects []string // by user: as configured, or as first seen
	template *Template
	seen     idSet
	entropy  entropy
	evidence *evidence
	found    map[breach]*result.Violation

	newest     []newest // by user
	keepsOlder bool     // a request outlived a newer one of its user
}

// newest is the latest acknowledged request of a user.
type newest struct {
	serial uint32
	at     int64
}

func newChecks(o *Options, e *evidence) *checks {
	c := &checks{
		decides: o.Decider != nil, users: o.Plan.Users, template: o.Plan.RAR, evidence: e, seen: newIDSet(),
		found: map[breach]*result.Violation{}, subjects: make([]string, len(o.Plan.Users)), newest: make([]newest, len(o.Plan.Users)),
	}
	for i, u := range o.Plan.Users {
		c.subjects[i] = u.Sub
	}
	return c
}

// report notes a breach.
func (c *checks) report(e *engine, x *exchange, b breach, format string, args ...any) {
	v := c.found[b]
	if v == nil {
		v = &result.Violation{Kind: b.kind, Requirement: b.requirement, Text: b.text}
		c.found[b] = v
	}
	v.Count++
	e.now.count(result.CountViolations, 1)
	if x != nil && len(v.Evidence) < mostEvidence {
		v.Evidence = append(v.Evidence, c.evidence.of(e, x, fmt.Sprintf(format, args...)))
	}
}

// violations are what was found, the gravest first.
func (c *checks) violations() []result.Violation {
	order := []breach{
		redeemedTwice, redeemedAgain, tokensDenied, tokensUndecided, tokensExpired, deniedApproved, wrongSubject, detailsForeign, detailsChanged,
		detailsMissing, idRepeated, idGuessable, expiredEarly, pendingExpired, outsideTheTexts,
	}
	list := []result.Violation{}
	for _, b := range order {
		if v := c.found[b]; v != nil {
			list = append(list, *v)
		}
	}
	return list
}

// code judges whether the answer is one the specifications know.
func (c *checks) code(e *engine, x *exchange) {
	switch {
	case x.answer.kind == broken:
		c.report(e, x, outsideTheTexts, "the answer is %d: %s", x.status, x.code)
	case x.answer.kind == refused && !ciba.ErrorCode(x.code).Known():
		c.report(e, x, outsideTheTexts, "the error code is %q", x.code)
	case x.status/100 == 2 && x.answer.kind != acknowledged && x.answer.kind != tokens:
		c.report(e, x, outsideTheTexts, "%s comes with status %d", x.code, x.status)
	}
}

// identifier judges a new auth_req_id.
func (c *checks) identifier(e *engine, x *exchange) {
	if c.seen.add(x.id) {
		c.report(e, x, idRepeated, "the id of this request was given to an earlier one")
	}
	c.entropy.add(x.id)
}

// undead says whether a flow is still pending although it must have expired. The
// OP may count from any moment until its acknowledgement arrived.
func (c *checks) undead(e *engine, x *exchange) bool {
	f := x.f
	if f.expires == 0 || x.answer.kind != pending || x.sent <= f.expires+f.ackTook()+int64(lateExpiry) {
		return false
	}
	c.report(e, x, pendingExpired, "still pending %s after its end", span(x.sent-f.expires))
	return true
}

// acknowledged notes the newest request of a user.
func (c *checks) acknowledged(x *exchange) {
	if n := &c.newest[x.f.user]; x.f.serial > n.serial {
		*n = newest{x.f.serial, x.done}
	}
}

// alive notes that a request is pending. An OP may keep one request a user, but
// this one does not when an older one is.
func (c *checks) alive(x *exchange) {
	if n := c.newest[x.f.user]; n.serial > x.f.serial && x.sent > n.at {
		c.keepsOlder = true
	}
}

// early judges an expired_token. A newer request of the user may have taken the
// place of this one, where the OP keeps one for each.
func (c *checks) early(e *engine, x *exchange) {
	if c.newest[x.f.user].serial > x.f.serial && !c.keepsOlder {
		return
	}
	if f := x.f; f.expires > 0 && x.done < f.expires-int64(earlyExpiry) {
		c.report(e, x, expiredEarly, "expired %s before its end", span(f.expires-x.done))
	}
}

func (c *checks) twice(e *engine, x *exchange) {
	if x.job.kind == jobReplay {
		c.report(e, x, redeemedAgain, "tokens came again %s after they had been issued", span(x.done-x.f.due))
		return
	}
	c.report(e, x, redeemedTwice, "both of two simultaneous polls got tokens")
}

// tokens judges a token response.
func (c *checks) tokens(e *engine, x *exchange) {
	f := x.f
	switch {
	case c.decides && f.decided == 0:
		c.report(e, x, tokensUndecided, "no decision had been made")
	case c.decides && f.want == denies && f.has(decided):
		c.report(e, x, tokensDenied, "denied %s before", span(x.sent-f.decided))
	case f.expires > 0 && x.sent > f.expires+f.ackTook()+int64(lateExpiry):
		c.report(e, x, tokensExpired, "polled %s after its end", span(x.sent-f.expires))
	}
	c.subject(e, x)
	c.details(e, x)
}

// subject compares the ID Token's sub with the user who was asked for.
func (c *checks) subject(e *engine, x *exchange) {
	sub := subjectOf(x.idToken)
	if sub == "" {
		return
	}
	want := &c.subjects[x.f.user]
	if *want == "" {
		*want = sub
	}
	if sub != *want {
		c.report(e, x, wrongSubject, "asked for user %q, whose subject is %s; the ID Token has %s",
			c.users[x.f.user].Name, printable(*want), printable(sub))
	}
}

// subjectOf reads the sub of an ID Token without verifying it, which is for the
// suites; an encrypted one tells nothing.
func subjectOf(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	data, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var claims struct {
		Sub string `json:"sub"`
	}
	_ = json.Unmarshal(data, &claims) // an unreadable one has no sub
	return claims.Sub
}

// details compares the granted authorization_details with the requested ones.
// Enrichment and reduction are legal (RFC 9396 7.1), another value is not.
func (c *checks) details(e *engine, x *exchange) {
	if c.template == nil {
		return
	}
	var granted, requested []any
	if json.Unmarshal(x.details, &granted) != nil {
		c.report(e, x, detailsMissing, "there is no list of authorization_details")
		return
	}
	if other := c.template.foreign(string(x.details), x.f.serial); other != "" {
		c.report(e, x, detailsForeign, "this is flow %d, the details are those of flow %s", x.f.serial, other)
		return
	}
	_ = json.Unmarshal([]byte(c.template.fill(x.f.serial)), &requested) // was checked by NewTemplate
	for _, object := range granted {
		if !slices.ContainsFunc(requested, func(asked any) bool { return agree(asked, object) }) {
			c.report(e, x, detailsChanged, "a granted object agrees with none that was requested")
			return
		}
	}
}

// agree reports whether a granted value is an object that answers a requested one.
func agree(requested, granted any) bool {
	asked, isObject := requested.(map[string]any)
	actual, both := granted.(map[string]any)
	return isObject && both && details.Agree(asked, actual)
}

// foreign is the serial number of another flow whose value is in the text.
func (t *Template) foreign(text string, serial uint32) string {
	mark := t.run + "-"
	for _, after := range strings.Split(text, mark)[1:] {
		digits := after[:len(after)-len(strings.TrimLeft(after, "0123456789"))]
		if digits != "" && digits != fmt.Sprint(serial) {
			return digits
		}
	}
	return ""
}

// idSet remembers identifiers by their hash, the last few million of them.
type idSet struct {
	seed      maphash.Seed
	now, last hashSet
}

const idsInSet = 4 << 20

func newIDSet() idSet { return idSet{seed: maphash.MakeSeed()} }

// add says whether the identifier was there already.
func (s *idSet) add(id string) bool {
	h := maphash.String(s.seed, id) | 1 // never zero
	if s.now.n >= idsInSet {
		s.now, s.last = hashSet{}, s.now
	}
	return s.last.has(h) || s.now.add(h)
}

// hashSet is a set of hashes that are not zero, in a table that is at most three
// quarters full. A map takes two or three times the memory.
type hashSet struct {
	slots []uint64
	n     int
}

// place is where a hash is, or would be.
func (s *hashSet) place(h uint64) *uint64 {
	mask := uint64(len(s.slots) - 1) //nolint:gosec // a length
	for i := h >> 1; ; i++ {
		if at := &s.slots[i&mask]; *at == 0 || *at == h {
			return at
		}
	}
}

func (s *hashSet) has(h uint64) bool { return s.n > 0 && *s.place(h) == h }

// add says whether the hash was there already.
func (s *hashSet) add(h uint64) bool {
	if s.n*4 >= len(s.slots)*3 {
		old := s.slots
		s.slots = make([]uint64, max(1024, 2*len(old)))
		for _, other := range old {
			if other != 0 {
				*s.place(other) = other
			}
		}
	}
	at := s.place(h)
	if *at == h {
		return true
	}
	*at = h
	s.n++
	return false
}

// entropy bounds the entropy of identifiers from above: at each position no more
// than the logarithm of the number of different characters seen there. A random
// identifier is never accused, as the sample is large. The cases of the suites judge
// the same clause by a looser bound, one alphabet for all positions, because they
// see a few dozen values only. Where the length varies, the
// positions of the shortest count.
type entropy struct {
	positions [][4]uint64 // sets of bytes
	samples   int
	shortest  int
}

const (
	sampleIDs      = 5000
	fewIDs         = 200 // fewer tell nothing
	entropyOfRules = 96  // bits; 96 to 128 is tolerated, a random UUID has 122
	longestSampled = 512
)

func (e *entropy) add(id string) {
	if e.samples == sampleIDs {
		return
	}
	id = id[:min(len(id), longestSampled)]
	if e.samples == 0 || len(id) < e.shortest {
		e.shortest = len(id)
	}
	e.samples++
	for len(e.positions) < len(id) {
		e.positions = append(e.positions, [4]uint64{})
	}
	for i := range len(id) {
		e.positions[i][id[i]/64] |= 1 << (id[i] % 64)
	}
}

// bits is the bound, and false when the sample is too small for one.
func (e *entropy) bits() (float64, bool) {
	sum := 0.0
	for _, set := range e.positions[:e.shortest] {
		sum += math.Log2(float64(max(1, ones(set))))
	}
	return sum, e.samples >= fewIDs && e.shortest < longestSampled
}

// judgeEntropy is done once, at the end.
func (c *checks) judgeEntropy(e *engine) {
	if bits, ok := c.entropy.bits(); ok && bits < entropyOfRules {
		c.report(e, nil, idGuessable, "")
		c.found[idGuessable].Text = fmt.Sprintf("auth_req_ids have at most %.0f bits of entropy in a sample of %d", bits, c.entropy.samples)
	}
}
