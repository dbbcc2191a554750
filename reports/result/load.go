package result

import "time"

// Load is one load run against one target, or several of them merged. Its totals
// are the sums of its windows, counter by counter and bucket by bucket, so that
// the results of many generators add up without loss.
type Load struct {
	Version     string           `json:"version"`
	Kind        string           `json:"kind"` // always "load"
	Tool        Tool             `json:"tool"`
	Target      Target           `json:"target"`
	Started     time.Time        `json:"started"`
	DurationMS  int64            `json:"duration_ms"`
	Seed        int64            `json:"seed"`
	Plan        LoadPlan         `json:"plan"`
	Verdict     LoadVerdict      `json:"verdict"`
	Reasons     []string         `json:"reasons,omitempty"` // why the verdict is what it is, most important first
	Objectives  []Objective      `json:"objectives,omitempty"`
	Funnel      Funnel           `json:"funnel"`
	Counters    map[string]int64 `json:"counters"`        // sums over all windows; see the Count constants
	Answers     map[string]int64 `json:"answers"`         // by endpoint, status and code: "token 400 authorization_pending"
	FailedFor   map[string]int64 `json:"failed_for"`      // flows that failed, by reason
	Latency     []Latency        `json:"latency"`         // by class, in the order a reader wants
	Violations  []Violation      `json:"violations"`      // kinds that occurred, with evidence
	Generator   Generator        `json:"generator"`       // what the run cost this side
	Windows     []Window         `json:"windows"`         // one a second; longer ones in long runs
	Parts       []string         `json:"parts,omitempty"` // the runs that were merged, by seed and start
	Notes       []string         `json:"notes,omitempty"`
	Interrupted bool             `json:"interrupted,omitempty"`
	Unfinished  bool             `json:"unfinished,omitempty"` // made from the journal of a run that was killed
}

// LoadVerdict is the sentence over a load run.
type LoadVerdict string

// The verdicts. Saturated is not said of a run that proves something about the OP all the
// same.
const (
	Saturated LoadVerdict = "saturated" // the generator was the limit: nothing is said about the OP
	Aborted   LoadVerdict = "aborted"   // an abort rule ended the run
	Unjudged  LoadVerdict = "unjudged"  // no flow came about, or users could not decide: nothing is said about the OP
	Missed    LoadVerdict = "missed"    // an objective was missed, the protocol violated, or what users decided did not arrive
	Held      LoadVerdict = "held"      // every objective was held
	Measured  LoadVerdict = "measured"  // there was no objective
)

// LoadPlan is what the user asked for, in words and numbers.
type LoadPlan struct {
	Rate       string `json:"rate"`     // "200/s", "10/s..200/s", "16 agents"
	Arrivals   string `json:"arrivals"` // steady, poisson, replay, closed
	DurationMS int64  `json:"duration_ms"`
	DrainMS    int64  `json:"drain_ms"` // how long flows may still end after the last start
	Pollers    string `json:"pollers"`  // steady, jitter, sync
	Decisions  string `json:"decisions"`
	ThinkTime  string `json:"think_time"`
	Probes     string `json:"probes"` // share of flows that are redeemed twice
	Users      int    `json:"users"`
	UserLimit  string `json:"user_limit,omitempty"`
	Client     string `json:"client"`
	Mode       string `json:"mode,omitempty"` // poll, ping or push; empty: poll, in files of before there was a choice
	AuthMethod string `json:"auth_method"`
	Patience   string `json:"patience,omitempty"` // ping: how long a flow waits for its call before it polls
	Transport  string `json:"transport"`
	MaxPending int    `json:"max_pending"`
	MaxWorkers int    `json:"max_workers"` // requests under way at once
	RAR        string `json:"rar,omitempty"`
}

// Funnel is where the flows went. Offered is Dropped and Started together;
// Started is Refused and Acknowledged; Acknowledged is the sum of the rest.
//
// A flow is Undelivered when its user had decided, the OP had taken the decision, and
// polls that came long enough after that still heard nothing of it.
//
// A flow is dropped, which means not started, when as many are pending as the cap
// allows, or when the run ends before its turn.
type Funnel struct {
	Offered      int64 `json:"offered"`
	Dropped      int64 `json:"dropped"`
	Started      int64 `json:"started"`
	Refused      int64 `json:"refused"` // no auth_req_id came back
	Acknowledged int64 `json:"acknowledged"`
	Notified     int64 `json:"notified,omitempty"`  // ping and push: the OP called the client
	Fallbacks    int64 `json:"fallbacks,omitempty"` // ping: polled because no call had come
	Approved     int64 `json:"approved"`            // ended in tokens
	Denied       int64 `json:"denied"`
	Expired      int64 `json:"expired"`
	Failed       int64 `json:"failed"`
	Undelivered  int64 `json:"undelivered"` // decided, and neither tokens nor a denial came of it
	Abandoned    int64 `json:"abandoned"`   // the run ended first
}

// AddsUp reports whether every flow went exactly one way.
func (f Funnel) AddsUp() bool {
	return f.Offered == f.Dropped+f.Started && f.Started == f.Refused+f.Acknowledged &&
		f.Acknowledged == f.Ended()+f.Abandoned
}

// Ended are the acknowledged flows that came to an end before the run did.
func (f Funnel) Ended() int64 { return f.Approved + f.Denied + f.Expired + f.Failed + f.Undelivered }

// FunnelOf reads the funnel from counters.
func FunnelOf(c map[string]int64) Funnel {
	return Funnel{
		Offered: c[CountOffered], Dropped: c[CountDropped], Started: c[CountStarted], Refused: c[CountRefused],
		Acknowledged: c[CountAcknowledged], Approved: c[CountApproved], Denied: c[CountDenied], Expired: c[CountExpired],
		Notified: c[CountNotified], Fallbacks: c[CountFallbacks],
		Failed: c[CountFailed], Undelivered: c[CountUndelivered], Abandoned: c[CountAbandoned],
	}
}

// The names of the counters.
const (
	CountOffered      = "offered"
	CountDropped      = "dropped"
	CountStarted      = "started"
	CountRefused      = "refused"
	CountAcknowledged = "acknowledged"
	CountApproved     = "approved"
	CountDenied       = "denied"
	CountExpired      = "expired"
	CountFailed       = "failed"
	CountUndelivered  = "undelivered"
	CountAbandoned    = "abandoned"
	CountCutShort     = "abandoned_decided"   // of the abandoned flows, those whose user had decided
	CountSettled      = "decisions_settled"   // decisions of which it is known whether the OP let the client hear of them
	CountDelivered    = "decisions_delivered" // of those, the ones that showed, and in time
	CountLate         = "decisions_late"      // of those, the ones that showed too late
	CountAsWanted     = "ended_as_wanted"     // the outcome is the one that the user's decision leads to
	CountRequests     = "requests"
	CountErrors       = "errors"               // requests with a network fault, a 5xx or what is no answer
	CountStartErrors  = "starts_refused"       // starts that were answered with an error of the protocol
	CountBytesIn      = "bytes_in"             // bodies only
	CountBytesOut     = "bytes_out"            // bodies only
	CountConnections  = "connections"          // opened
	CountEarlyPolls   = "early_polls"          // sent before the interval had passed; always 0 but for twins
	CountTwins        = "twin_polls"           // second polls of a redemption probe
	CountSlowDown     = "slow_down"            // all of them
	CountUnprovoked   = "slow_down_unprovoked" // to polls that kept the interval
	CountDecisions    = "decisions"
	CountUndecided    = "decisions_failed" // the OP or its hook did not take the decision
	CountUnwitnessed  = "unwitnessed"      // outcomes that the device could not be asked about
	CountClockAhead   = "clock_ahead"      // decisions that came, by the device's clock, after the answer they led to
	CountHeldBack     = "held_back"        // starts moved to keep the limit of their user
	CountSignings     = "signings"
	CountSigningNS    = "signing_ns"
	CountViolations   = "violations"

	CountCalls       = "calls"                  // of the OP to the client, about requests of this run
	CountNotified    = "notified"               // flows that the OP called about
	CountStrangers   = "calls_of_strangers"     // without a token of this run, and about none of its requests
	CountFallbacks   = "fallbacks"              // ping flows that polled because no call had come
	CountMissedCalls = "calls_missed"           // decisions about which the OP never called
	CountLateCalls   = "calls_late"             // first calls that came too late
	CountUnready     = "pings_answered_pending" // first polls after a ping that were still pending
)

// Latency is one class of durations: a histogram and what is most asked of it.
type Latency struct {
	Class     string    `json:"class"`
	Unit      string    `json:"unit"` // "us", or "" for plain numbers
	Count     int64     `json:"count"`
	Min       int64     `json:"min"`
	P50       int64     `json:"p50"`
	P90       int64     `json:"p90"`
	P95       int64     `json:"p95"`
	P99       int64     `json:"p99"`
	P999      int64     `json:"p99_9"`
	Max       int64     `json:"max"`
	Mean      float64   `json:"mean"`
	Histogram Histogram `json:"histogram"`
}

// Window is what happened in one stretch of the run. Counters hold what happened
// in it; gauges hold the state at its end.
type Window struct {
	StartMS    int64                `json:"start_ms"` // since the start of the run
	SpanMS     int64                `json:"span_ms"`
	Counters   map[string]int64     `json:"counters"`
	Answers    map[string]int64     `json:"answers,omitempty"`
	FailedFor  map[string]int64     `json:"failed_for,omitempty"`
	Pending    int64                `json:"pending"`              // gauge: flows that wait for their user
	UnderWay   int64                `json:"under_way"`            // gauge: requests without an answer yet
	OfferedPS  float64              `json:"offered_ps"`           // the rate the plan wanted, per second
	CPUMS      int64                `json:"cpu_ms"`               // of the generator, in this window
	RSSBytes   int64                `json:"rss_bytes"`            // of the generator
	Histograms map[string]Histogram `json:"histograms,omitempty"` // by class
}

// Violation is one kind of breach of the protocol seen under load.
type Violation struct {
	Kind        string     `json:"kind"`
	Requirement string     `json:"requirement,omitempty"`
	Text        string     `json:"text"`
	Count       int64      `json:"count"`
	Evidence    []Evidence `json:"evidence"` // the first few
}

// Evidence is one occurrence, with secrets hidden.
type Evidence struct {
	Flow     int64    `json:"flow"`  // serial number in the run
	AtMS     int64    `json:"at_ms"` // since the start of the run
	Text     string   `json:"text"`
	Exchange Exchange `json:"exchange"`
}

// Objective is something the user wanted to hold, and what was measured.
type Objective struct {
	Text   string `json:"text"`
	Actual string `json:"actual"`
	Held   bool   `json:"held"`
}

// Generator is what the run cost the machine it ran on.
type Generator struct {
	CPUMS         int64   `json:"cpu_ms"` // user and system
	Cores         int     `json:"cores"`  // GOMAXPROCS
	PeakRSSBytes  int64   `json:"peak_rss_bytes"`
	PeakUnderWay  int64   `json:"peak_under_way"`
	RequestsPerCS float64 `json:"requests_per_cpu_second"`
}
