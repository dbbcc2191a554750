package ciba

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/cibatest/cibatest/reports/result"
)

// Response is the answer to one call.
type Response struct {
	Status    int // 0 when no answer came
	Header    http.Header
	Body      []byte
	Truncated bool      // longer than the limit, or broken off
	Sent      time.Time // when the request went out; the spacing of polls counts from it
	Received  time.Time // when the last byte was read
	Err       error     // why there is no whole answer; nil otherwise

	incoming  string           // the method of a request that the OP sent; empty for an answer
	exchange  *result.Exchange // how it is kept as evidence; nil when nothing was sent
	read      sync.Once        // several cases may read a shared answer at the same time
	object    map[string]any
	objectErr error
}

// Object is the body as a JSON object, numbers as json.Number. The error says
// what is wrong with the body.
func (r *Response) Object() (map[string]any, error) {
	r.read.Do(func() { r.object, r.objectErr = r.decode() })
	return r.object, r.objectErr
}

// decode reads the body, with words for everything that can be wrong with it.
func (r *Response) decode() (map[string]any, error) {
	switch {
	case r.Err != nil:
		return nil, r.Err
	case r.Truncated:
		return nil, fmt.Errorf("the body is longer than %d bytes", len(r.Body))
	case len(bytes.TrimSpace(r.Body)) == 0:
		return nil, errors.New("the body is empty")
	case !utf8.Valid(r.Body):
		return nil, errors.New("the body is not valid UTF-8")
	}
	return DecodeObject(r.Body)
}

// OAuthError is an error answer. Status is repeated for convenience.
type OAuthError struct {
	Status                 int
	Code, Description, URI string
}

// OAuthError reads an error answer: any JSON object with a string member error. It is none
// where the status is 200, unless it was pushed (CIBA Core 12).
func (r *Response) OAuthError() (OAuthError, bool) {
	object, err := r.Object()
	if err != nil {
		return OAuthError{}, false
	}
	code, ok := object["error"].(string)
	if !ok || r.Status == http.StatusOK && r.incoming == "" {
		return OAuthError{}, false
	}
	e := OAuthError{Status: r.Status, Code: code}
	e.Description, _ = object["error_description"].(string)
	e.URI, _ = object["error_uri"].(string)
	return e, true
}

// Is reports whether the answer is an error with one of these codes.
func (r *Response) Is(codes ...ErrorCode) bool {
	e, ok := r.OAuthError()
	for _, code := range codes {
		if ok && ErrorCode(e.Code) == code {
			return true
		}
	}
	return false
}

// DefaultInterval is what a client waits between two token requests for one
// auth_req_id when the OP names no interval. CIBA Core 7.3.
const DefaultInterval = 5 * time.Second

// SlowDownStep is what a slow_down adds to the interval of all later token
// requests for its auth_req_id. CIBA Core 11.
const SlowDownStep = 5 * time.Second

// AuthAck is the answer to an accepted backchannel authentication request.
type AuthAck struct {
	AuthReqID string
	ExpiresIn time.Duration
	// Interval is the minimum wait between two token requests for one
	// auth_req_id. Zero means the OP sent none; see [DefaultInterval].
	Interval       time.Duration // CIBA Core 7.3
	Raw            map[string]any
	Sent, Received time.Time
}

// Started reads the answer of an OP that took the request on, as forgivingly as
// an experienced client would: any 2xx with an auth_req_id, numbers also as
// strings. What cannot be read is zero. What is wrong with the form is for the
// cases about the acknowledgement to say, which read it with [Response.Ack].
func (r *Response) Started() (AuthAck, error) {
	object, err := r.Object()
	if err != nil {
		return AuthAck{}, err
	}
	if r.Status/100 != 2 {
		return AuthAck{}, fmt.Errorf("the status is %d", r.Status)
	}
	ack := AuthAck{Raw: object, Sent: r.Sent, Received: r.Received}
	if ack.AuthReqID, err = textMember(object, "auth_req_id"); err != nil {
		return AuthAck{}, err
	}
	ack.ExpiresIn = roughly(object["expires_in"])
	ack.Interval = roughly(object["interval"])
	return ack, nil
}

// roughly reads seconds written as a number or a string, 0 for anything else.
func roughly(value any) time.Duration {
	if s, ok := value.(string); ok {
		value = json.Number(strings.TrimSpace(s))
	}
	number, _ := value.(json.Number)
	f, err := number.Float64()
	if err != nil || !(f > 0 && f < most) {
		return 0
	}
	return time.Duration(f * float64(time.Second))
}

// most bounds the seconds that are read, so that they fit a duration.
const most = float64(1<<62) / float64(time.Second)

// Ack reads the answer as an acknowledgement, strict about types. The error
// names the member that is wrong.
func (r *Response) Ack() (AuthAck, error) {
	object, err := r.Object()
	if err != nil {
		return AuthAck{}, err
	}
	if r.Status != http.StatusOK {
		return AuthAck{}, fmt.Errorf("the status is %d, not 200", r.Status)
	}
	ack := AuthAck{Raw: object, Sent: r.Sent, Received: r.Received}
	if ack.AuthReqID, err = textMember(object, "auth_req_id"); err != nil {
		return AuthAck{}, err
	}
	if ack.ExpiresIn, err = positiveSeconds(object, "expires_in"); err != nil {
		return AuthAck{}, err
	}
	if _, there := object["interval"]; there {
		if ack.Interval, err = positiveSeconds(object, "interval"); err != nil {
			return AuthAck{}, err
		}
	}
	return ack, nil
}

// TokenResponse is a successful answer of the token endpoint.
type TokenResponse struct {
	AccessToken, TokenType, IDToken, RefreshToken, Scope string

	ExpiresIn            time.Duration   // 0 when absent
	AuthorizationDetails json.RawMessage // nil when absent
	Raw                  map[string]any
}

// Tokens reads the answer as a token response. Only access_token must be there;
// what else is missing or odd is for cases to judge.
func (r *Response) Tokens() (TokenResponse, error) {
	object, err := r.Object()
	if err != nil {
		return TokenResponse{}, err
	}
	if r.Status != http.StatusOK {
		return TokenResponse{}, fmt.Errorf("the status is %d, not 200", r.Status)
	}
	t := TokenResponse{Raw: object}
	if t.AccessToken, err = textMember(object, "access_token"); err != nil {
		return TokenResponse{}, err
	}
	t.TokenType, _ = object["token_type"].(string)
	t.IDToken, _ = object["id_token"].(string)
	t.RefreshToken, _ = object["refresh_token"].(string)
	t.Scope, _ = object["scope"].(string)
	t.ExpiresIn, _ = Seconds(object["expires_in"])
	if details, there := object["authorization_details"]; there {
		if t.AuthorizationDetails, err = json.Marshal(details); err != nil {
			return TokenResponse{}, fmt.Errorf("authorization_details: %w", err)
		}
	}
	return t, nil
}

// HasTokens reports whether the answer carries any token, whatever its status and
// however ill-formed it is otherwise.
func (r *Response) HasTokens() bool {
	var object map[string]any
	if json.Unmarshal(r.Body, &object) != nil {
		return false
	}
	for _, name := range []string{"access_token", "id_token", "refresh_token"} {
		if value, ok := object[name].(string); ok && value != "" {
			return true
		}
	}
	return false
}

// textMember is a member that has to be text and not empty.
func textMember(object map[string]any, name string) (string, error) {
	value, there := object[name]
	if !there {
		return "", fmt.Errorf("%s is missing", name)
	}
	s, ok := value.(string)
	if !ok {
		return "", fmt.Errorf("%s is %s, not a string", name, jsonType(value))
	}
	if s == "" {
		return "", fmt.Errorf("%s is empty", name)
	}
	return s, nil
}

// positiveSeconds is a member that has to be a whole number of seconds above zero.
func positiveSeconds(object map[string]any, name string) (time.Duration, error) {
	value, there := object[name]
	if !there {
		return 0, fmt.Errorf("%s is missing", name)
	}
	d, err := Seconds(value)
	if err != nil {
		return 0, fmt.Errorf("%s %w", name, err)
	}
	if d <= 0 {
		return 0, fmt.Errorf("%s is not positive", name)
	}
	return d, nil
}

// Seconds reads a JSON number of whole seconds. The error completes a sentence
// that begins with the member's name.
func Seconds(value any) (time.Duration, error) {
	number, ok := value.(json.Number)
	if !ok {
		return 0, fmt.Errorf("is %s, not a number", jsonType(value))
	}
	f, err := number.Float64()
	if err != nil || f != float64(int64(f)) {
		return 0, fmt.Errorf("is %.30s, not a whole number", number)
	}
	if f > most || f < -most {
		return 0, fmt.Errorf("is %.30s, which is beyond any sensible time", number)
	}
	return time.Duration(f) * time.Second, nil
}

// RetryAfter reads the header in both forms of RFC 9110 10.2.3.
func (r *Response) RetryAfter() (time.Duration, bool) {
	value := strings.TrimSpace(r.Header.Get("Retry-After"))
	if value == "" {
		return 0, false
	}
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second, true
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(0, date.Sub(r.Received)), true
	}
	return 0, false
}

// MediaType is the lower-case media type without parameters, empty without one.
func (r *Response) MediaType() string {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		media, _, _ = strings.Cut(r.Header.Get("Content-Type"), ";")
	}
	return strings.ToLower(strings.TrimSpace(media))
}

// Summary is in a few words what came, without secrets.
func (r *Response) Summary() string {
	if r.Err != nil && r.Status == 0 {
		return r.Err.Error()
	}
	what := strconv.Itoa(r.Status)
	if r.incoming != "" {
		what = "a " + Printable(r.incoming)
	}
	object, err := r.Object()
	if err != nil {
		return fmt.Sprintf("%s, but %v", what, err)
	}
	if code, ok := object["error"].(string); ok {
		return fmt.Sprintf("%s %s", what, Printable(code))
	}
	for _, name := range []string{"access_token", "id_token", "auth_req_id"} {
		if _, there := object[name]; there {
			return fmt.Sprintf("%s with %s", what, name)
		}
	}
	return what + " with a JSON object"
}

// Printable is an error code of an OP, readable and harmless: ASCII, on one line and
// of some 60 characters at most.
func Printable(code string) string { return quotedASCII(code, 60) }

// quotedASCII is a text with escapes for all that is not ASCII or does not show, cut.
func quotedASCII(text string, limit int) string {
	quoted := strconv.QuoteToASCII(text)
	quoted = quoted[1 : len(quoted)-1]
	if len(quoted) > limit {
		quoted = quoted[:limit] + "..."
	}
	return quoted
}

// Label is what the call that was answered is called in the evidence; empty when nothing
// was sent.
func (r *Response) Label() string {
	if r == nil || r.exchange == nil {
		return ""
	}
	return r.exchange.Label
}

// longestSaying bounds the OP's own words, in bytes.
const longestSaying = 300

// Says is the error_description of an answer, with secrets hidden, on one line, in ASCII
// and cut; empty when there is none.
func (r *Response) Says() string {
	if r == nil || r.exchange == nil || r.exchange.Response == nil {
		return ""
	}
	var answer struct {
		Description any `json:"error_description"`
	}
	if json.Unmarshal([]byte(r.exchange.Response.Body), &answer) != nil {
		return ""
	}
	text, _ := answer.Description.(string)
	return quotedASCII(text, longestSaying)
}
