package driver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/notify"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// RunOptions are what a [Run] works with.
type RunOptions struct {
	Target       *targetfile.Target // its endpoints resolved; required
	RoundTripper http.RoundTripper  // how the OP is reached; required
	Approver     *approve.Approver  // makes decisions; nil: [approve.Nobody]
	Locker       *approve.Approver  // locks users; nil: nobody can
	Receiver     *notify.Receiver   // of ping and push callbacks; nil: they are not received
	Seed         int64              // of every random choice; see [Random]

	// Concurrency bounds the requests that are under way at once; 0: a few. Below it they
	// follow what the OP bears.
	Concurrency int

	// Prompts are how many requests may be accepted by drivers that are likely to have some
	// accepted; see [Options]. 0: any number.
	Prompts int

	// MayDeny says that requests which are no longer needed may be denied. It is
	// false where a person would have to do it.
	MayDeny bool
}

// Run is what all drivers of one target share. It is safe for concurrent use.
type Run struct {
	target   *targetfile.Target
	approver *approve.Approver
	locker   *approve.Approver
	receiver *notify.Receiver
	http     *ciba.HTTP
	clients  []*Client
	mayDeny  bool
	seed     int64

	received  sync.Map // *notify.Call -> *ciba.Response, its evidence
	endpoints turn     // of whoever does something to the notification endpoints

	Memory     Memory
	turnstile  turnstiles
	admission  admission
	waits      waits
	strain     *strain
	lockouts   *lockouts
	allowances allowances
	purse      purse
	drivers    atomic.Int64 // so many were made
	usual      usual        // set before the first case, read afterwards

	mu    sync.Mutex
	notes []string
	names map[string]int // how often each name drew a [Random]
	spent map[string]int // accepted requests by who had them accepted
}

// NewRun prepares the clients of a target.
func NewRun(o RunOptions) (*Run, error) {
	if o.Approver == nil {
		o.Approver = approve.Nobody()
	}
	r := &Run{
		strain: newStrain(o.Concurrency), lockouts: newLockouts(), endpoints: make(turn, 1),
		target: o.Target, approver: o.Approver, locker: o.Locker, receiver: o.Receiver, mayDeny: o.MayDeny, seed: o.Seed,
		purse:      purse{limit: o.Prompts},
		allowances: allowances{limits: o.Target.Budgets.PerUserMinute},
		http: ciba.NewHTTP(o.RoundTripper, ciba.Options{
			RequestsPerSecond: o.Target.Budgets.RequestsPerSecond, Secrets: o.Target.Secrets(),
		}),
	}
	for _, c := range o.Target.Clients {
		client, err := newClient(c)
		if err != nil {
			return nil, err
		}
		r.clients = append(r.clients, client)
	}
	return r, nil
}

// Clients are the clients that take part, in the order of the target file.
func (r *Run) Clients() []*Client { return slices.Clone(r.clients) }

// Prepared are the clients of this run that some clients of the target file became.
func (r *Run) Prepared(named []targetfile.Client) []*Client {
	var list []*Client
	for _, c := range named {
		i := slices.IndexFunc(r.clients, func(ready *Client) bool { return ready.Name == c.Name })
		if i >= 0 {
			list = append(list, r.clients[i])
		}
	}
	return list
}

// Approver makes the users' decisions.
func (r *Run) Approver() *approve.Approver { return r.approver }

// LockUser locks a user at the OP, or unlocks it. The error says why that did not work.
func (r *Run) LockUser(ctx context.Context, u targetfile.User, locked bool) error {
	if r.locker == nil {
		return errors.New("user_lock is not set in the target file")
	}
	return r.locker.Decide(ctx, approve.Decision{User: u, Allow: !locked})
}

// Note keeps a fact about the whole run, once, such as a departure that many
// requests meet.
func (r *Run) Note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.notes, text) {
		r.notes = append(r.notes, text)
	}
}

// Notes are the facts so far, in the order they were found.
func (r *Run) Notes() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.notes)
}

// Driver sends the requests of one case, or of one command. Its methods are safe
// for concurrent use.
type Driver struct {
	run      *Run
	name     string
	spender  string // whose the requests are that are accepted: the case, or the scenario it shares
	likely   int
	begun    *atomic.Bool // it has sent something that the OP limits for each user
	number   int64        // of the drivers of the run, the first is the lowest
	user     targetfile.User
	offside  bool
	recorder *ciba.Recorder
	clock    *Clock
	open     *openRequests
	troubles *troubles
	heldUp   *atomic.Int64 // ns
	random   *Random
}

// Options say whose requests a [Driver] sends.
type Options struct {
	Name     string         // the case or the command, for the memory of the run
	Recorder *ciba.Recorder // keeps the exchanges; nil: they are not kept
	Clock    *Clock         // bounds the case; nil: only the context does

	// User is whom the case is about. A request whose hint names nobody of the target
	// file is closed in this user's name.
	User targetfile.User

	// Likely is how many requests the driver is likely to have accepted: where the OP limits
	// them for each user, it begins when there is room for all. 0: for one.
	Likely int

	// Offside keeps the answers out of the memory that cases judge as a whole:
	// something before the OP may have answered, such as a firewall.
	Offside bool
}

// Driver makes a driver for one case or command.
func (r *Run) Driver(o Options) *Driver {
	begun := &atomic.Bool{}
	begun.Store(o.Likely == 0) // who expects refusals waits behind nobody that has not begun
	return &Driver{
		run: r, name: o.Name, spender: o.Name, number: r.drivers.Add(1), likely: o.Likely, begun: begun,
		user: o.User, offside: o.Offside, recorder: o.Recorder, clock: o.Clock,
		open: &openRequests{}, troubles: &troubles{}, heldUp: &atomic.Int64{}, random: r.randomOf(o.Name),
	}
}

// Sharing is the driver for a scenario that several cases judge: it has a recorder,
// random values, troubles and a likely number of prompts of its own, but the clock and the open requests are those of the
// case that happens to carry the scenario out.
func (d *Driver) Sharing(name string, recorder *ciba.Recorder, likely int) *Driver {
	own := *d
	own.likely = likely
	own.spender, own.recorder, own.random, own.troubles = name, recorder, d.run.randomOf(name), &troubles{}
	return &own
}

// randomOf yields the random values of a name: others whenever it is tried again, so that
// no prompt or answer of one try is taken for one of the next.
func (r *Run) randomOf(name string) *Random {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.names == nil {
		r.names = map[string]int{}
	}
	r.names[name]++
	if n := r.names[name]; n > 1 {
		name = fmt.Sprintf("%s, try %d", name, n)
	}
	return NewRandom(r.seed, name)
}

// holdUp stops the clock and counts the time, while the OP's limits keep a request waiting,
// until the function it returns is called.
func (d *Driver) holdUp() (goOn func()) {
	began, resume := time.Now(), d.clock.Pause()
	return func() {
		resume()
		d.heldUp.Add(int64(time.Since(began)))
	}
}

// HeldUp is for how long the OP's limits have kept requests of this driver waiting: load
// control, locks, and what it bears at once. Requests that waited side by side count each.
func (d *Driver) HeldUp() time.Duration { return time.Duration(d.heldUp.Load()) }

// Spent is how many requests were accepted so far, each of which asks a user, by the names of
// the drivers that sent them. What is shared by [Driver.Sharing] stands under its own name.
func (r *Run) Spent() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.spent)
}

func (r *Run) spend(by string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.spent == nil {
		r.spent = map[string]int{}
	}
	r.spent[by]++
}

// Random yields the random values of this case.
func (d *Driver) Random() *Random { return d.random }

// Recorder keeps the exchanges of this driver.
func (d *Driver) Recorder() *ciba.Recorder { return d.recorder }

// Clock bounds the case; it is nil where only the context does.
func (d *Driver) Clock() *Clock { return d.clock }

// Stop is why there is no answer that means something.
type Stop struct {
	Reason string

	// Untestable says that the OP's own limits are the reason, so that what was to
	// be seen cannot be seen at this OP.
	Untestable bool
	// Deferred says that what others have open is the reason: the same may be tried
	// once more when all of them are over.
	Deferred bool
}

// Error implements error.
func (s *Stop) Error() string { return s.Reason }

// interrupted is the [Stop] for a context that has ended.
func interrupted(ctx context.Context) *Stop { return &Stop{Reason: WhyEnded(ctx)} }

// WhyEnded says in words why the context of a case has ended.
func WhyEnded(ctx context.Context) string {
	var limit RunLimit
	switch {
	case errors.As(context.Cause(ctx), &limit):
		return limit.Error()
	case outOfTime(ctx):
		return "the case ran into its time limit"
	}
	return "the run was interrupted"
}

// RunLimit is the cause of a context that ended with the time for a whole run.
type RunLimit time.Duration

// Error implements error.
func (l RunLimit) Error() string { return "the run reached its limit of " + time.Duration(l).String() }
