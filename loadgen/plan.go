package loadgen

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
)

// Decider makes the end-user's decisions.
type Decider interface {
	Decide(ctx context.Context, d approve.Decision) error
}

// Defaults of a plan.
const (
	LeastDrain        = 30 * time.Second // while flows are pending that nobody decides about
	MostDrain         = 5 * time.Minute  // while any are pending
	DefaultTimeout    = 45 * time.Second // lets an OP answer a long poll
	DefaultMaxPending = 100_000
	DefaultMaxWorkers = 2048
	DefaultMaxLag     = 100 * time.Millisecond
)

// Plan is what to do to the target. Zero values are the defaults.
type Plan struct {
	Arrivals Arrivals      // open loop: when flows start; nil in a closed run
	Agents   int           // closed loop: so many flows at once, each followed by the next
	Pause    time.Duration // closed loop: between the flows of an agent
	Duration time.Duration // how long flows start
	Patience time.Duration // ping: how long a flow waits for its call before it polls; 0: DefaultPatience
	Drain    time.Duration // how long they may still end after that; 0: until the OP ends them, between LeastDrain and MostDrain

	Client   targetfile.Client
	Audience string // of client assertions; empty: as Auth says, else the issuer
	// Auth is how the client authenticates at an endpoint, where that was found out; nil:
	// as the target file says.
	Auth      func(endpoint string) ciba.Authenticator
	Users     []targetfile.User
	UserLimit int // starts a minute and user; 0: no limit

	// PerMinute bounds the starts in any minute of the run, whatever its shape would do; 0:
	// no bound. Care sets it where a target has caps.
	PerMinute float64
	Params    map[string]string
	RAR       *Template // nil: no authorization_details

	Mix     Mix
	Think   Think
	Pollers Pollers
	Probes  float64 // share of flows that are redeemed twice, 0..1

	MaxPending int
	MaxWorkers int
	Timeout    time.Duration
	MaxLag     time.Duration // a higher p99 of the lag means that this side was the limit
	Seed       int64

	Objectives []Objective
	Aborts     []Abort

	Words result.LoadPlan // the same for people; the engine fills in what it knows itself
}

// limits are what bounds the starts, for people.
func (p *Plan) limits() string {
	var list []string
	if p.UserLimit > 0 {
		list = append(list, fmt.Sprintf("no user was asked more than %d times a minute", p.UserLimit))
	}
	if p.PerMinute > 0 {
		list = append(list, fmt.Sprintf("no more than %.0f flows started in a minute", p.PerMinute))
	}
	return strings.Join(list, " and ")
}

// longestDrain is how long the drain may take.
func (p *Plan) longestDrain() time.Duration { return orDefault(p.Drain, MostDrain) }

// Options are what a run works with.
type Options struct {
	Target    *targetfile.Target // endpoints resolved
	Plan      Plan
	Transport http.RoundTripper
	Decider   Decider // nil: nobody decides, or somebody else does
	Witness   Witness // of the decisions somebody else makes; nil: none

	// Introduce makes known which binding_message the request with an auth_req_id has, for
	// a Decider to whom prompts come without the id. Each flow then sends a message of its
	// own, in place of the target's. Nil: prompts have the id.
	Introduce func(authReqID, bindingMessage string)

	// Calls is where the OP calls the client, as it is registered; needed for a ping or push
	// client, nil for others. The run closes it.
	Calls net.Listener

	Journal  Journal // takes every window as it comes; nil: none
	OnWindow func(Status)
	Version  string // of this tool
}

// Journal takes the lines of a run.
type Journal interface {
	Header(result.Load) error
	Window(result.Window) error
	End(result.Load) error
}

// Pollers chooses when a poll that may be sent is sent.
type Pollers struct {
	Jitter time.Duration // up to so much later
	Sync   time.Duration // all at once, at multiples of this
}

// spread moves a due time later, never earlier.
func (p Pollers) spread(due int64, chance float64) int64 {
	if p.Jitter > 0 {
		due += int64(chance * float64(p.Jitter))
	}
	if p.Sync > 0 {
		due = (due + int64(p.Sync) - 1) / int64(p.Sync) * int64(p.Sync)
	}
	return due
}

// orDefault is a value, or its default where the plan leaves it zero.
func orDefault[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}
