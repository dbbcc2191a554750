package refop

import (
	"maps"
	"math"
	"net/http"
	"strconv"
	"time"
)

// ReplyKind names what an answer is.
type ReplyKind string

// The kinds of answers.
const (
	ReplyAcknowledgement ReplyKind = "ack"       // of a backchannel request; CIBA Core 7.3
	ReplyTokens          ReplyKind = "tokens"    // to a poll; CIBA Core 10.1.1
	ReplyRefreshed       ReplyKind = "refreshed" // to a refresh; RFC 6749 6
	ReplyError           ReplyKind = "error"     // CIBA Core 11 and 13, RFC 6749 5.2
	ReplyDiscovery       ReplyKind = "discovery"
	ReplyJWKS            ReplyKind = "jwks"
	ReplyUserInfo        ReplyKind = "userinfo"
	ReplyIntrospection   ReplyKind = "introspection"
)

// Reply is an answer before it is written.
type Reply struct {
	Kind   ReplyKind
	Status int
	Header http.Header
	Body   map[string]any // written as JSON
	Raw    []byte         // written instead of Body when it is not nil
}

// OAuthError is a refusal; RFC 6749 5.2, CIBA Core 11 and 13.
type OAuthError struct {
	Status      int
	Code        string         // member error
	Description string         // member error_description; empty: none
	Challenge   string         // WWW-Authenticate; empty: none
	RetryAfter  time.Duration  // Retry-After, rounded up to seconds; 0: none. CIBA Core 10.1
	Members     map[string]any // further members; nil: none
}

// Refusal is an error with the status 400, which is that of most codes.
func Refusal(code, description string) *OAuthError {
	return &OAuthError{Status: http.StatusBadRequest, Code: code, Description: description}
}

// Failure is the answer that tells a refusal.
func Failure(e *OAuthError) *Reply {
	body := map[string]any{"error": e.Code}
	if e.Description != "" {
		body["error_description"] = e.Description
	}
	maps.Copy(body, e.Members)
	r := &Reply{Kind: ReplyError, Status: e.Status, Header: http.Header{}, Body: body}
	if e.Challenge != "" {
		r.Header.Set("WWW-Authenticate", e.Challenge)
	}
	if e.RetryAfter > 0 {
		r.Header.Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	return r
}

// Success is an answer with the status 200.
func Success(kind ReplyKind, body map[string]any) *Reply {
	return &Reply{Kind: kind, Status: http.StatusOK, Header: http.Header{}, Body: body}
}
