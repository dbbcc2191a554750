package mockdevice

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// maxBody bounds a request to the device.
const maxBody = 256 << 10

const keycloak = "keycloak"

// Handler is the HTTP API: the adapters OPs speak to and the control that tests
// speak to.
func (d *Device) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/requests", d.receiveNative)
	mux.HandleFunc("POST /adapters/keycloak", d.receiveKeycloak)
	mux.HandleFunc("GET /v1/requests", d.list)
	mux.HandleFunc("GET /v1/requests/wait", d.wait)
	mux.HandleFunc("POST /v1/requests/{id}/decision", d.decide)
	mux.HandleFunc("POST /v1/reset", func(w http.ResponseWriter, _ *http.Request) {
		d.Reset()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("/approve", d.approve)
	return d.guarded(mux)
}

// guarded asks for the bearer token, if there is one. The Keycloak adapter's
// bearer belongs to its callback, so it is not compared.
func (d *Device) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		want := []byte("Bearer " + d.token)
		if d.token != "" && r.URL.Path != "/adapters/keycloak" && subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), want) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			refuse(w, http.StatusUnauthorized, errors.New("a bearer token is needed"))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

func (d *Device) receiveNative(w http.ResponseWriter, r *http.Request) {
	var request Request
	if err := decode(r.Body, &request); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	if err := d.Receive(request); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// receiveKeycloak takes what Keycloak's HTTP authentication channel sends. It
// wants 201; the bearer token identifies the request and comes back with the
// decision.
func (d *Device) receiveKeycloak(w http.ResponseWriter, r *http.Request) {
	bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || bearer == "" {
		refuse(w, http.StatusUnauthorized, errors.New("the channel's bearer token is missing"))
		return
	}
	var request Request
	if err := decode(r.Body, &request); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	request.AuthReqID = bearer
	request.Callback, request.CallbackToken, request.adapter = d.keycloakCallback, bearer, keycloak
	if err := d.Receive(request); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	w.WriteHeader(http.StatusCreated)
}

func (d *Device) list(w http.ResponseWriter, r *http.Request) {
	found := d.Requests(matching(r))
	for i := range found {
		found[i].CallbackToken = ""
	}
	answer(w, map[string]any{"requests": append([]Request{}, found...)})
}

// maxWait bounds a wait-for call.
const maxWait = 10 * time.Minute

func (d *Device) wait(w http.ResponseWriter, r *http.Request) {
	patience := 30 * time.Second
	if text := r.URL.Query().Get("timeout"); text != "" {
		var err error
		if patience, err = time.ParseDuration(text); err != nil || patience < 0 || patience > maxWait {
			refuse(w, http.StatusBadRequest, fmt.Errorf("timeout %q is not a duration up to %s", text, maxWait))
			return
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	request, err := d.Wait(ctx, matching(r))
	if err != nil {
		refuse(w, http.StatusRequestTimeout, fmt.Errorf("no such request arrived within %s", patience))
		return
	}
	request.CallbackToken = ""
	answer(w, request)
}

// matching reads the filters auth_req_id, binding_message and login_hint.
func matching(r *http.Request) func(Request) bool {
	q := r.URL.Query()
	return func(request Request) bool {
		fits := func(name, value string) bool { return !q.Has(name) || q.Get(name) == value }
		return fits("auth_req_id", request.AuthReqID) && fits("binding_message", request.BindingMessage) && fits("login_hint", request.LoginHint)
	}
}

func (d *Device) decide(w http.ResponseWriter, r *http.Request) {
	var decision Decision
	if err := decode(r.Body, &decision); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	d.conclude(w, r, r.PathValue("id"), decision)
}

// approve is the URL template of the OpenID Foundation suite.
func (d *Device) approve(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost && r.Method != http.MethodGet {
		w.Header().Set("Allow", "GET, POST")
		refuse(w, http.StatusMethodNotAllowed, errors.New("use POST or GET"))
		return
	}
	q := r.URL.Query()
	action, ok := map[string]Action{"allow": Approve, "deny": Deny}[q.Get("action")]
	if !ok {
		refuse(w, http.StatusBadRequest, fmt.Errorf("action %.20q is not allow or deny", q.Get("action")))
		return
	}
	d.conclude(w, r, q.Get("auth_req_id"), Decision{Action: action})
}

func (d *Device) conclude(w http.ResponseWriter, r *http.Request, id string, decision Decision) {
	err := d.Decide(r.Context(), id, decision)
	switch {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
	case errors.Is(err, ErrUnknown):
		refuse(w, http.StatusNotFound, err)
	case errors.Is(err, ErrDecided):
		refuse(w, http.StatusConflict, err)
	case decision.check() != nil:
		refuse(w, http.StatusBadRequest, err)
	default:
		refuse(w, http.StatusBadGateway, err)
	}
}

// decode reads one JSON object. Unknown members are legal: OPs send more.
func decode(body io.Reader, into any) error {
	decoder := json.NewDecoder(body)
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("the body is not the JSON object that was expected: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the body goes on after the JSON object")
	}
	return nil
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(value)
}

func refuse(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
}
