package loadgen

import (
	"container/heap"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
)

const (
	deliveryPing = targetfile.DeliveryPing
	deliveryPush = targetfile.DeliveryPush
)

// DefaultPatience is how long a ping client waits for the call about a request before it
// polls, which CIBA Core 10.1 allows it.
const DefaultPatience = 30 * time.Second

// pings and pushes report the delivery mode of the client; neither is poll.
func (p *Plan) pings() bool  { return p.Client.DeliveryMode == deliveryPing }
func (p *Plan) pushes() bool { return p.Client.DeliveryMode == deliveryPush }

// notified is what is known about the calls of the OP. It is empty for a poll client.
type notified struct {
	key    [32]byte // of the tokens
	books  []*[chunk]booking
	early  map[uint32]*call // by serial: calls about requests that are not acknowledged yet
	debts  map[uint32]debt  // by serial: flows that ended before any call
	vigils vigils
}

// booking is what is kept of each request of a run, also when its flow is over, so that
// a call can be told from one that comes again.
type booking struct {
	id      uint64 // hash of the auth_req_id; 0: not known
	told    int64  // when the first call came, in ns since the start of the run; 0: none has
	flow    uint32
	unready uint8 // polls after the call that were answered pending
}

// debt is a call that an OP owes although its flow is over.
type debt struct {
	taken  int64 // when the OP had taken the decision; 0: nobody decided
	intent intent
}

func newNotified() notified {
	n := notified{early: map[uint32]*call{}, debts: map[uint32]debt{}}
	_, _ = rand.Read(n.key[:])
	return n
}

// open begins the booking of a flow.
func (n *notified) open(serial, flow uint32) {
	for int(serial/chunk) >= len(n.books) {
		n.books = append(n.books, new([chunk]booking))
	}
	*n.book(serial) = booking{flow: flow}
}

func (n *notified) book(serial uint32) *booking { return &n.books[serial/chunk][serial%chunk] }

// macLength gives a token the 160 bits that CIBA Core 7.1 recommends.
const macLength = 20

// token is the client_notification_token of a flow: its number, and a code that nobody can
// make without the key of the run. So nothing has to be kept to know a token again.
func (n *notified) token(serial uint32) string {
	var number [4]byte
	binary.BigEndian.PutUint32(number[:], serial)
	mac := hmac.New(sha256.New, n.key[:])
	_, _ = mac.Write(number[:])
	return base64.RawURLEncoding.EncodeToString(append(number[:], mac.Sum(nil)[:macLength]...))
}

// serialOf is the number of the flow that a token was made for, 0 for none.
func (n *notified) serialOf(token string) uint32 {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) != 4+macLength {
		return 0
	}
	serial := binary.BigEndian.Uint32(raw)
	if !hmac.Equal([]byte(n.token(serial)), []byte(token)) {
		return 0
	}
	return serial
}

// vigil is how long a flow waits for a call.
type vigil struct {
	until        int64
	flow, serial uint32
}

// vigils are sorted by their end; they implement [heap.Interface].
type vigils []vigil

func (v vigils) Len() int           { return len(v) }
func (v vigils) Less(i, j int) bool { return v[i].until < v[j].until }
func (v vigils) Swap(i, j int)      { v[i], v[j] = v[j], v[i] }
func (v *vigils) Push(x any)        { *v = append(*v, x.(vigil)) }
func (v *vigils) Pop() any {
	last := len(*v) - 1
	x := (*v)[last]
	*v = (*v)[:last]
	return x
}

// await begins the wait of a flow that was just acknowledged. A ping client polls when its
// patience is over; a push client has lost when the request must have expired.
func (e *engine) await(x *exchange) {
	f, b := x.f, e.notified.book(x.f.serial)
	b.id = e.checks.seen.hash(x.id)
	if c := e.notified.early[f.serial]; c != nil {
		delete(e.notified.early, f.serial)
		if c.id != "" && e.checks.seen.hash(c.id) != b.id || c.id == "" {
			e.checks.misnamed(e, e.exchangeOf(c, x.flow))
		}
		e.hear(c, x.flow)
		return
	}
	until := x.done + int64(e.plan.Patience)
	if f.lifetime > 0 {
		until = min(until, x.done+(f.expires()-x.done)/2)
	}
	if e.plan.pushes() {
		if f.lifetime == 0 {
			return // the OP has not said when it ends: the end of the run does
		}
		until = f.expires() + f.acknowledgedAfter() + int64(lateExpiry)
	}
	heap.Push(&e.notified.vigils, vigil{until, x.flow, f.serial})
}

// endVigils deals with the flows that have waited for a call long enough.
func (e *engine) endVigils(now int64) {
	list := &e.notified.vigils
	for len(*list) > 0 && (*list)[0].until <= now {
		v := heap.Pop(list).(vigil)
		f := e.flows.at(v.flow)
		switch {
		case f.serial != v.serial || f.state != waiting || f.has(polling):
		case e.plan.pushes():
			e.giveUp(v.flow, now)
		default:
			e.now.count(result.CountFallbacks, 1)
			e.pollAt(v.flow, v.until)
		}
	}
}

// giveUp ends a flow that should have been pushed to, or whose user did nothing.
func (e *engine) giveUp(i uint32, now int64) {
	f := e.flows.at(i)
	e.endSilently(i, result.CountExpired, now)
	e.end(f, now)
	e.flows.arena.release(i)
}

// owe notes, when a flow ends, that no call about it has come.
func (e *engine) owe(f *flow, at int64) {
	if !e.plan.Client.Notified() || f.serial == 0 || e.notified.book(f.serial).told > 0 {
		return
	}
	d := debt{intent: f.intent}
	if f.has(decided) && (f.lifetime == 0 || f.taken() < f.expires()-int64(earlyExpiry)) { // later, the OP may have let it expire
		d.taken = f.taken()
		if at > d.taken+int64(callWithin) {
			f.marks |= belated
		}
	}
	if d.taken > 0 || e.plan.pushes() {
		e.notified.debts[f.serial] = d
	}
}

// toldAfterwards takes the first call about a request whose flow is over.
func (e *engine) toldAfterwards(c *call) {
	d, owed := e.notified.debts[c.serial]
	if !owed {
		return
	}
	delete(e.notified.debts, c.serial)
	x := e.exchangeOf(c, e.notified.book(c.serial).flow)
	switch {
	case d.taken > 0 && c.at > d.taken+int64(callWithin):
		e.checks.lateCall(e, x, d.intent, rounded(c.at-d.taken))
	case d.taken == 0 && e.plan.pushes() && c.kind == tokens:
		e.checks.report(e, x, tokensExpired, "they were pushed when the request must have expired")
	}
}

// collect judges the calls that did not come until the end of the run.
func (e *engine) collect() {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.elapsed()
	for serial, d := range e.notified.debts {
		if d.taken > 0 && now > d.taken+int64(callWithin) {
			e.checks.missedCall(e, serial, d, now)
		}
	}
}

// toldOf reports whether the OP has called about a flow.
func (e *engine) toldOf(f *flow) bool { return e.plan.pings() && e.notified.book(f.serial).told > 0 }
