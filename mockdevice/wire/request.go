package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cibatest/cibatest/mockdevice/tree"
)

// Request is what an OP asked its user.
type Request struct {
	AuthReqID            string          `json:"auth_req_id"`
	ClientID             string          `json:"client_id,omitempty"`
	LoginHint            string          `json:"login_hint,omitempty"`
	Sub                  string          `json:"sub,omitempty"`
	BindingMessage       string          `json:"binding_message,omitempty"`
	Scope                string          `json:"scope,omitempty"`
	ACRValues            string          `json:"acr_values,omitempty"`
	AuthorizationDetails json.RawMessage `json:"authorization_details,omitempty"`
	ExpiresAt            time.Time       `json:"expires_at,omitzero"` // zero: the OP did not say
	Callback             string          `json:"callback,omitempty"`
	CallbackToken        string          `json:"callback_token,omitempty"`

	// Labels are whatever else the OP sent to tell requests apart.
	Labels map[string]string `json:"labels,omitempty"`

	// Message is what the user was sent, where the request came as a message to a person;
	// nil where it did not.
	Message *Message `json:"message,omitempty"`

	// The rest is the device's to say; what an OP sends here is not read.

	Ref        string    `json:"ref,omitempty"`     // names the request without being a secret
	Adapter    string    `json:"adapter,omitempty"` // the dialect it came in
	ReceivedAt time.Time `json:"received_at,omitzero"`
	Decided    Action    `json:"decided,omitempty"` // empty while the user has not answered
	Outcome    *Outcome  `json:"outcome,omitempty"` // nil while the user has not answered
}

// Message is a mail, a text message or a push message, as its recipient gets to read it.
type Message struct {
	From    string `json:"from,omitempty"`
	To      string `json:"to,omitempty"` // an address, a number, or a token of a device
	Subject string `json:"subject,omitempty"`
	Text    string `json:"text"`
}

// Outcome is what became of a request.
type Outcome struct {
	At       time.Time       `json:"at,omitzero"`
	By       string          `json:"by"` // "rule NAME", or who else decided: command, phone
	Reason   string          `json:"reason,omitempty"`
	Narrowed bool            `json:"narrowed,omitempty"`
	Scope    *string         `json:"scope,omitempty"` // what was granted, where that is less than asked
	Details  json.RawMessage `json:"authorization_details,omitempty"`

	// Delivery is empty while it is under way or where nothing is to be sent, else
	// acknowledged, or what went wrong.
	Delivery string `json:"delivery,omitempty"`
}

// overhead is about what a request takes in memory besides its texts, in bytes.
const overhead = 512

// Weight is about how much memory the request takes, in bytes.
func (r Request) Weight() int {
	n := overhead + len(r.AuthReqID) + len(r.ClientID) + len(r.LoginHint) + len(r.Sub) + len(r.BindingMessage) + len(r.Scope) +
		len(r.ACRValues) + len(r.AuthorizationDetails) + len(r.Callback) + len(r.CallbackToken)
	for name, value := range r.Labels {
		n += overhead/8 + len(name) + len(value)
	}
	if m := r.Message; m != nil {
		n += overhead/4 + len(m.From) + len(m.To) + len(m.Subject) + len(m.Text)
	}
	if r.Outcome != nil {
		n += overhead/2 + len(r.Outcome.Reason) + len(r.Outcome.Details)
	}
	return n
}

// Lightest is how many of the requests, from the first on, weigh no more than so many
// bytes together: at least one, where there is one.
func Lightest(requests []Request, most int) int {
	for i, r := range requests {
		if most -= r.Weight(); most < 0 {
			return max(i, 1)
		}
	}
	return len(requests)
}

// UnmarshalJSON takes expires_at as RFC 3339 and as Unix seconds, since OPs write both.
func (r *Request) UnmarshalJSON(data []byte) error {
	type plain Request
	read := struct {
		*plain
		ExpiresAt json.RawMessage `json:"expires_at"`
	}{plain: (*plain)(r)}
	if err := json.Unmarshal(data, &read); err != nil {
		return err
	}
	if len(read.ExpiresAt) == 0 || string(read.ExpiresAt) == "null" {
		return nil
	}
	var err error
	if r.ExpiresAt, err = ParseTime(strings.Trim(string(read.ExpiresAt), `"`)); err != nil {
		return fmt.Errorf("expires_at: %w", err)
	}
	return nil
}

// ParseTime reads a moment as RFC 3339 or as Unix seconds, which may have a fraction.
func ParseTime(text string) (time.Time, error) {
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && math.Abs(seconds) < maxUnix {
		return time.UnixMilli(int64(seconds * 1000)).UTC(), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%.40q is neither RFC 3339 nor Unix seconds", text)
	}
	return at, nil
}

// maxUnix is the end of the year 9999 in Unix seconds, beyond which RFC 3339 has no time.
const maxUnix = 253_402_300_800

// User names the end-user as the OP did.
func (r Request) User() string {
	if r.LoginHint != "" {
		return r.LoginHint
	}
	return r.Sub
}

// ExpiredAt reports whether the request had expired at a moment.
func (r Request) ExpiredAt(now time.Time) bool {
	return !r.ExpiresAt.IsZero() && !now.Before(r.ExpiresAt)
}

// The states of a request.
const (
	StateOpen    = "open"    // the user may still answer
	StateDecided = "decided" // somebody or something has answered
	StateExpired = "expired" // nobody did in time
)

// State is how the request stands at a moment.
func (r Request) State(now time.Time) string {
	switch {
	case r.Decided != "":
		return StateDecided
	case r.ExpiredAt(now):
		return StateExpired
	}
	return StateOpen
}

// WithoutSecrets is what may be shown: the callback's token stays with the device.
func (r Request) WithoutSecrets() Request {
	r.CallbackToken = ""
	return r
}

// MaxLife bounds how long a request may live and how long a user may think. The
// longest limit known of a product is 72 h.
const MaxLife = 366 * 24 * time.Hour

// MaxID bounds an auth_req_id in bytes, against hostile OPs; some honest ones use a JWE.
const MaxID = 8 << 10

// Check refuses a request that no device could work with.
func (r Request) Check() error {
	switch {
	case r.AuthReqID == "":
		return errors.New("auth_req_id is missing")
	case len(r.AuthReqID) > MaxID:
		return fmt.Errorf("auth_req_id is longer than %d bytes", MaxID)
	}
	if r.Callback != "" {
		if u, err := url.Parse(r.Callback); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return errors.New("callback is not an absolute http or https URL")
		}
	}
	_, err := r.Details()
	return err
}

// SameAs reports whether an OP sent the same request once more.
func (r Request) SameAs(other Request) bool {
	return r.ClientID == other.ClientID && r.User() == other.User() && r.BindingMessage == other.BindingMessage &&
		r.Scope == other.Scope && r.ACRValues == other.ACRValues && string(r.AuthorizationDetails) == string(other.AuthorizationDetails) &&
		r.Callback == other.Callback && r.CallbackToken == other.CallbackToken
}

// ScopeWithin is what remains of the scope when only some words of it may stay.
func (r Request) ScopeWithin(stay []string) string {
	kept := slices.DeleteFunc(strings.Fields(r.Scope), func(s string) bool { return !slices.Contains(stay, s) })
	return strings.Join(kept, " ")
}

// Details are the objects of authorization_details.
func (r Request) Details() ([]tree.Value, error) { return ParseDetails(r.AuthorizationDetails) }

// ParseDetails reads authorization_details: an array of objects, or nothing at all.
func ParseDetails(raw json.RawMessage) ([]tree.Value, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	value, err := tree.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("authorization_details: %w", err)
	}
	if value.Kind != tree.Array {
		return nil, errors.New("authorization_details is not an array")
	}
	for i, item := range value.Items {
		if item.Kind != tree.Object {
			return nil, fmt.Errorf("authorization_details[%d] is not an object", i)
		}
	}
	return value.Items, nil
}
