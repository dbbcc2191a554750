package guardian

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/cibatest/cibatest/internal/serve"
)

// How many pushes are looked at together. A relay sends each once and does not come back,
// so that a burst waits here instead of being sent away.
const (
	pushesAtOnce  = 16  // on their way to the tenant
	pushesWaiting = 512 // that and those that wait
)

// RefusedPush is why a push was not taken.
type RefusedPush struct {
	Status int    // of HTTP
	Why    string // without anything secret
}

// Error implements error.
func (r *RefusedPush) Error() string { return r.Why }

// Inbox takes pushes as JSON at /push: from whoever shows the token as a bearer, or as the
// last part of the path where a relay can set no header. Without a token it is served under
// loopback names. take is called for each push that can be read, several at once, and its
// error is told to the relay.
func Inbox(token string, take func(context.Context, Push) error) http.Handler {
	waiting, underway := make(chan struct{}, pushesWaiting), make(chan struct{}, pushesAtOnce)
	receive := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case waiting <- struct{}{}:
			defer func() { <-waiting }()
		default:
			w.Header().Set("Retry-After", "1")
			answer(w, &RefusedPush{http.StatusServiceUnavailable, "too many pushes at once; send it again"})
			return
		}
		push, err := read(w, r)
		if err == nil {
			underway <- struct{}{}
			defer func() { <-underway }()
			err = take(r.Context(), push)
		}
		answer(w, err)
	})
	mux := http.NewServeMux()
	mux.Handle("POST /push", serve.Guarded(receive, token, nil))
	mux.HandleFunc("POST /push/{token}", func(w http.ResponseWriter, r *http.Request) {
		if token == "" || !serve.Same(r.PathValue("token"), token) {
			answer(w, &RefusedPush{http.StatusNotFound, "there is no such inbox"})
			return
		}
		receive(w, r)
	})
	return mux
}

// read reads one push. A page in a browser can send no JSON here without asking first, and
// asking is answered by nobody.
func read(w http.ResponseWriter, r *http.Request) (Push, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return Push{}, &RefusedPush{http.StatusUnsupportedMediaType, "a push is sent as application/json"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxPush))
	if err != nil {
		return Push{}, &RefusedPush{http.StatusRequestEntityTooLarge, fmt.Sprintf("the push breaks off, or has more than %d KiB", MaxPush>>10)}
	}
	push, err := ParsePush(body)
	if err != nil {
		return Push{}, &RefusedPush{http.StatusBadRequest, "the push cannot be read: " + err.Error()}
	}
	return push, nil
}

// answer tells the relay what became of a push.
func answer(w http.ResponseWriter, err error) {
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	status := http.StatusBadGateway
	if refused, ok := errors.AsType[*RefusedPush](err); ok {
		status = refused.Status
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
}
