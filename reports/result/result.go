// Package result is the stable, versioned model of what a run found. The
// suites and the load generator produce it, the reports render it, and other
// tools read it as JSON, so a field never changes its meaning without a new
// [Version]. It depends on the standard library and, for histograms, on
// HdrHistogram only, and it carries each requirement's text along, so that a
// report can be made from a file alone.
package result

import "time"

// Version is the version of the JSON form; it changes when a field changes
// meaning or goes away, not when one is added.
const Version = "1"

// Outcome is what became of a case or a requirement.
type Outcome string

// The outcomes, worst first. Uncovered is for requirements only: no case of
// this tool judges it.
const (
	Fail      Outcome = "fail"      // the OP breaks a MUST or MUST NOT
	Error     Outcome = "error"     // the harness could not judge
	Warn      Outcome = "warn"      // the OP departs from a SHOULD, or deviates in a tolerated way
	Info      Outcome = "info"      // an observation about a MAY
	Pass      Outcome = "pass"      // the expectation held
	Skip      Outcome = "skip"      // not applicable here, with the reason
	Uncovered Outcome = "uncovered" // no case judges this requirement
)

// Verdict is the sentence over a whole run.
type Verdict string

// The verdicts. A run is partial when nothing failed but a required case was
// skipped for want of a capability of the harness, errored, or was interrupted, and
// when less was judged of a profile than its minimum.
const (
	Conformant    Verdict = "conformant"
	NonConformant Verdict = "non-conformant"
	Partial       Verdict = "partial"

	// NoVerdict says that there is none: nothing that was asked could be judged.
	NoVerdict Verdict = "not judged"
)

// Run is one execution of the suites against one target.
type Run struct {
	Version      string        `json:"version"`
	Kind         string        `json:"kind"` // always "conformance"
	Tool         Tool          `json:"tool"`
	Target       Target        `json:"target"`
	Started      time.Time     `json:"started"`
	DurationMS   int64         `json:"duration_ms"`
	Timing       Timing        `json:"timing"`
	Selection    Selection     `json:"selection"`
	Seed         int64         `json:"seed"`
	Verdict      Verdict       `json:"verdict"`
	Interrupted  bool          `json:"interrupted,omitempty"`
	Summary      Summary       `json:"summary"`
	Baseline     *Baseline     `json:"baseline,omitempty"` // nil: the run was given none
	Profiles     []Profile     `json:"profiles,omitempty"` // what the OP claims; empty for a run of a selection
	Notes        []string      `json:"notes,omitempty"`    // facts about the whole run, such as "plain http on loopback"
	Cases        []Case        `json:"cases"`
	Requirements []Requirement `json:"requirements"`
	Texts        []Text        `json:"texts,omitempty"`   // the documents that the requirements come from
	Command      string        `json:"command,omitempty"` // does the run again
}

// Text is a document that requirements come from, in the edition that was read.
type Text struct {
	Name    string `json:"name"` // as sources spell it: "CIBA Core 1.0"
	Title   string `json:"title"`
	Edition string `json:"edition"`
}

// Tool names the program that made the file.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"` // of the source; empty when the build does not know it
}

// Target is the OP under test. Configuration is the effective target
// configuration with every secret replaced.
type Target struct {
	Product       string                `json:"product,omitempty"` // name and version of the OP, as the user calls it
	Issuer        string                `json:"issuer"`
	Persona       string                `json:"persona"`
	Capabilities  map[string]Capability `json:"capabilities,omitempty"`
	Configuration map[string]any        `json:"configuration,omitempty"`
}

// Capability reports whether the target, with this configuration, offers
// something that cases need, and how that is known.
type Capability struct {
	Has    bool   `json:"has"`
	Reason string `json:"reason"`
}

// Timing compares how long the run took with how long it had to take.
type Timing struct {
	CriticalPathMS int64 `json:"critical_path_ms"` // the longest chain of cases that may not overlap
	WallMS         int64 `json:"wall_ms"`
	SumMS          int64 `json:"sum_ms"` // all case times added up: what a serial run would cost
}

// Selection is what the user asked to run.
type Selection struct {
	Arguments   []string `json:"arguments,omitempty"` // case ids, requirement ids, areas
	LabelFilter string   `json:"label_filter,omitempty"`
	Profiles    []string `json:"profiles,omitempty"` // ids of the profiles that the user named
	Smoke       bool     `json:"smoke,omitempty"`
	Budget      int      `json:"budget,omitempty"` // how many prompts users were to be asked, by which cases were chosen; 0: any number
	Strict      bool     `json:"strict,omitempty"`
	Concurrency int      `json:"concurrency"`
}

// Summary counts cases by outcome.
type Summary struct {
	Pass  int `json:"pass"`
	Fail  int `json:"fail"`
	Warn  int `json:"warn"`
	Info  int `json:"info"`
	Skip  int `json:"skip"`
	Error int `json:"error"`
}

// Case is one check and what it saw.
type Case struct {
	ID           string     `json:"id"`
	Title        string     `json:"title"`
	Area         string     `json:"area"`
	Requirements []string   `json:"requirements"`
	Client       string     `json:"client,omitempty"` // name of the client in the target file
	Mode         string     `json:"mode,omitempty"`   // token delivery mode of that client: poll, ping or push
	User         string     `json:"user,omitempty"`
	Outcome      Outcome    `json:"outcome"`
	Message      string     `json:"message,omitempty"`       // one sentence: what was seen
	Reason       string     `json:"reason,omitempty"`        // why skipped, or why it could not be judged
	FirstTry     string     `json:"first_try,omitempty"`     // why a first try judged nothing; empty: there was one try
	Ended        Outcome    `json:"ended,omitempty"`         // skip or error, where the case stopped before its end
	Findings     []Finding  `json:"findings,omitempty"`      // the gravest first
	MoreFindings int        `json:"more_findings,omitempty"` // how many of the same kinds are left out
	Known        string     `json:"known,omitempty"`         // the baseline's reason, when this outcome is expected
	Reproduce    string     `json:"reproduce,omitempty"`     // command that runs this case alone
	StartedMS    int64      `json:"started_ms"`              // since the start of the run
	DurationMS   int64      `json:"duration_ms"`
	Exchanges    []Exchange `json:"exchanges,omitempty"`
}

// Inbound is the direction of an exchange in which the OP was the caller, as it is in ping
// and push mode.
const Inbound = "inbound"

// Exchange is one HTTP request and its answer, secrets masked at capture.
type Exchange struct {
	Label      string   `json:"label"`               // "token request"
	Client     string   `json:"client,omitempty"`    // name of the client that called the OP; empty: none, or not known
	Direction  string   `json:"direction,omitempty"` // empty: the OP was called; see Inbound
	StartedMS  int64    `json:"started_ms"`          // since the start of the run
	DurationMS float64  `json:"duration_ms"`         // sending to last byte read
	Request    Message  `json:"request"`             //
	Response   *Message `json:"response,omitempty"`  // nil when no answer came
	Error      string   `json:"error,omitempty"`     // why no (complete) answer came
	Note       string   `json:"note,omitempty"`      // "shared observation", "device prompt"
}

// Message is a request or a response. For a request Method and URL are set,
// for a response Status.
type Message struct {
	Method    string   `json:"method,omitempty"`
	URL       string   `json:"url,omitempty"`
	Status    int      `json:"status,omitempty"`
	Headers   []Header `json:"headers,omitempty"` // sorted by name
	Body      string   `json:"body,omitempty"`    // valid UTF-8; invalid bytes replaced
	BodyBytes int      `json:"body_bytes"`        // length on the wire, before masking and cutting
	Truncated bool     `json:"truncated,omitempty"`
	Tokens    []Token  `json:"tokens,omitempty"` // JWTs in the body, decoded
}

// Token is what a hidden JWT says. Its signature is never kept.
type Token struct {
	Name   string `json:"name"`             // of the member or parameter
	Mark   string `json:"mark"`             // stands for it in the body
	Header string `json:"header"`           // JSON, as it was encoded
	Claims string `json:"claims,omitempty"` // JSON; empty when encrypted or not signed
}

// Header is one header line.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Requirement is one clause of the catalogue and how the target stands to it.
type Requirement struct {
	ID      string   `json:"id"`
	Level   string   `json:"level"` // MUST, SHOULD, MAY
	Area    string   `json:"area"`
	Source  string   `json:"source"`
	Links   []Link   `json:"links,omitempty"` // to the sections of the source, as far as they are known
	Text    string   `json:"text"`
	Outcome Outcome  `json:"outcome"`
	Cases   []string `json:"cases"`
	Reason  string   `json:"reason,omitempty"` // why uncovered
	Notes   []Note   `json:"notes,omitempty"`  // on what the texts leave open about it
}

// Link is a section of a text and where to read it.
type Link struct {
	Text string `json:"text"` // "CIBA Core 1.0 §7.1"
	URL  string `json:"url"`
}

// Note is about a question that the texts leave open: what they say, how
// products read it, and what this tool makes of it. Several requirements may
// carry the same one.
type Note struct {
	ID    string   `json:"id"` // "N-03"; never changes
	Title string   `json:"title"`
	Text  []string `json:"text"` // paragraphs of plain text; the first is the answer in short
}
