package phone

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/mockdevice/wire"
)

// prompt is a request as the page shows it.
type prompt struct {
	Ref, Digest, State  string
	LeftMS              int64 // until it expires, by the device's clock; 0: the OP did not say
	Client, Message     []piece
	Scopes              []scopeLine
	Cards               []card
	Facts               []row
	Letter              *letter // what the user was sent, where that is how the request came
	Narrowable          bool
	Marked              bool // something in it would be invisible
	Outcome, Reason, By []piece
	Granted             []piece // where it is less than was asked
	Raw                 []piece // authorization_details as they came
	OutcomeKind         string
	When                string
}

// promptOf prepares a request for the page at a moment.
func promptOf(r wire.Request, now time.Time) prompt {
	v := prompt{
		Ref: r.Ref, Digest: Digest(r), State: r.State(now), Client: visible(r.ClientID), Message: visible(r.BindingMessage),
		Scopes: scopeLines(r.Scope), Cards: cardsOf(r), When: r.ReceivedAt.UTC().Format("2 Jan 2006 15:04:05 UTC"),
	}
	if len(v.Client) == 0 {
		v.Client = visible("An unnamed client")
	}
	if !r.ExpiresAt.IsZero() {
		v.LeftMS = max(1, r.ExpiresAt.Sub(now).Milliseconds())
	}
	v.Narrowable = len(v.Cards) > 1 || slices.ContainsFunc(v.Scopes, func(s scopeLine) bool { return !s.Locked })
	v.Facts = factsOf(r)
	v.Letter = letterOf(r.Message)
	v.Marked = v.holdsMarks()
	if len(v.Cards) > 0 {
		v.Raw = visible(string(r.AuthorizationDetails))
	}
	v.tellOutcome(r)
	return v
}

// holdsMarks reports whether any text of the request would be invisible in part.
func (v prompt) holdsMarks() bool {
	rows := slices.Clone(v.Facts)
	rows = append(rows, row{Value: v.Client}, row{Value: v.Message})
	for _, s := range v.Scopes {
		rows = append(rows, row{Value: s.Scope})
	}
	if v.Letter != nil {
		rows = append(rows, v.Letter.Head...)
		for _, line := range v.Letter.Lines {
			rows = append(rows, row{Value: line})
		}
	}
	for _, c := range v.Cards {
		rows = append(rows, c.Rows...)
	}
	return slices.ContainsFunc(rows, row.holdsMarks)
}

// holdsMarks reports whether the row or one below it shows a mark.
func (r row) holdsMarks() bool {
	isMark := func(p piece) bool { return p.Mark != "" }
	return slices.ContainsFunc(r.Label, isMark) || slices.ContainsFunc(r.Value, isMark) || slices.ContainsFunc(r.Rows, row.holdsMarks)
}

// factsOf are the remaining things an OP said.
func factsOf(r wire.Request) []row {
	var rows []row
	add := func(label, text string) {
		if text != "" {
			rows = append(rows, row{Label: visible(label), Value: visible(text)})
		}
	}
	add("Account", r.LoginHint)
	add("Subject", r.Sub)
	add("Level asked for", r.ACRValues)
	for _, name := range slices.Sorted(maps.Keys(r.Labels)) {
		add(labelOf(name), r.Labels[name])
	}
	return rows
}

// outcomeWords tell a person what became of a request.
var outcomeWords = map[wire.Action]string{
	wire.Approve: "Approved", wire.Deny: "Denied", wire.Cancel: "Cancelled", wire.Failure: "Failed",
	wire.Ignore: "Not answered", wire.TimedOut: "Not answered in time",
}

// tellOutcome adds who answered what, whether the OP was told, and what was granted.
func (v *prompt) tellOutcome(r wire.Request) {
	if v.State == wire.StateExpired {
		v.Outcome, v.OutcomeKind = visible("Expired, not answered"), wire.StateExpired
	}
	if r.Outcome == nil {
		return
	}
	word := outcomeWords[r.Decided]
	if r.Outcome.Narrowed {
		word += " in part"
		v.Granted = visible(grantedWords(r))
	}
	if r.Outcome.Delivery != "" && r.Outcome.Delivery != "acknowledged" {
		word += "; delivery: " + r.Outcome.Delivery
	}
	v.Outcome, v.OutcomeKind, v.Reason, v.By = visible(word), string(r.Decided), visible(r.Outcome.Reason), visible(r.Outcome.By)
}

// grantedWords says what is left of a request after a narrowed approval.
func grantedWords(r wire.Request) string {
	var parts []string
	if r.Outcome.Scope != nil {
		parts = append(parts, "scope "+*r.Outcome.Scope)
	}
	if r.Outcome.Details != nil {
		asked, _ := r.Details()
		granted, _ := wire.ParseDetails(r.Outcome.Details)
		parts = append(parts, fmt.Sprintf("%d of %d items", len(granted), len(asked)))
	}
	return strings.Join(parts, "; ")
}

// Digest stands for all that the page shows of a request, so that what is decided
// is what was seen.
func Digest(r wire.Request) string {
	r.CallbackToken, r.Outcome, r.Decided = "", nil, ""
	text, _ := json.Marshal(r) // times and texts always marshal
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
