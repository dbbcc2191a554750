package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// The ways a request or a decision can be impossible. A client of the HTTP API knows
// them by their texts.
var (
	ErrUnknown  = errors.New("the device was not asked about this auth_req_id")
	ErrDecided  = errors.New("another decision was made before")
	ErrExpired  = errors.New("the request has expired")
	ErrConflict = errors.New("another request with this auth_req_id was received before")
	ErrNoAudit  = errors.New("the audit cannot be written, so nothing is taken in or decided any more")
)

// StatusOf is the HTTP status that tells an error.
func StatusOf(err error) int {
	switch {
	case errors.Is(err, ErrUnknown):
		return http.StatusNotFound
	case errors.Is(err, ErrDecided), errors.Is(err, ErrConflict):
		return http.StatusConflict
	case errors.Is(err, ErrExpired):
		return http.StatusGone
	case errors.Is(err, ErrNoAudit):
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}

// Decode reads one JSON object. Unknown members are legal: OPs send more.
func Decode(body io.Reader, into any) error {
	decoder := json.NewDecoder(body)
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("the body is not the JSON object that was expected: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the body goes on after the JSON object")
	}
	return nil
}

// Answer writes a value as JSON.
func Answer(w http.ResponseWriter, value any) { write(w, http.StatusOK, value) }

// Refuse writes why not.
func Refuse(w http.ResponseWriter, status int, err error) {
	write(w, status, map[string]string{"error": err.Error()})
}

// write answers JSON that nobody may cache: most of it is about one user at one moment.
func write(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

// AnswerDecision tells who decided how that went: 204 once the OP was told, 502 when it
// could not be.
func AnswerDecision(w http.ResponseWriter, err error) {
	switch status := StatusOf(err); {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
	case status != http.StatusBadRequest:
		Refuse(w, status, err)
	default:
		Refuse(w, http.StatusBadGateway, err)
	}
}
