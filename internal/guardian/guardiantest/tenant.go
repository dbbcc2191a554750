// Package guardiantest is the tenant's side of Auth0 Guardian for tests: it asks the
// devices that enrolled with it, as an OP's device would be asked, and takes their answers
// with all the checks that the vendor's documents and SDKs let one expect. It was written
// from the same sources as the device, and shares no code with it but the signing.
//
//	OP --- POST /v1/requests ---> Tenant --- push ---> relay ---> device
//	OP <-- callback ------------- Tenant <-- consent, resolve --- device
package guardiantest

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/jose"
)

// API is the path of the API for devices below the tenant's URL.
const API = "/appliance-mfa"

// Relay hands a push to the device with a push token, as Firebase would.
type Relay func(pushToken string, data map[string]string)

// Tenant is a tenant with its users' devices. Create one with [Start].
type Tenant struct {
	URL string

	mu           sync.Mutex
	relay        Relay
	tickets      map[string]string // login_hint by transaction id
	devices      map[string]*device
	transactions map[string]*transaction // by token
	used         map[string]bool         // jti of proofs
	refusals     []string
	server       *httptest.Server
}

type device struct {
	id, identifier, loginHint, pushToken string
	key                                  jose.Key
}

type transaction struct {
	id, challenge string
	device        *device
	asked         asked
	resolved      bool
}

// asked is a request as the OP sends it to a device.
type asked struct {
	AuthReqID            string          `json:"auth_req_id"`
	LoginHint            string          `json:"login_hint"`
	BindingMessage       string          `json:"binding_message"`
	Scope                string          `json:"scope"`
	AuthorizationDetails json.RawMessage `json:"authorization_details"`
	ExpiresAt            time.Time       `json:"expires_at"`
	Callback             string          `json:"callback"`
	CallbackToken        string          `json:"callback_token"`
}

// Start serves a tenant on loopback. Close it when done.
func Start() *Tenant {
	t := &Tenant{
		relay: func(string, map[string]string) {}, tickets: map[string]string{}, devices: map[string]*device{},
		transactions: map[string]*transaction{}, used: map[string]bool{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/requests", t.ask)
	mux.HandleFunc("POST "+API+"/api/enroll", t.answering(t.enroll))
	mux.HandleFunc("DELETE "+API+"/api/device-accounts/{id}", t.answering(t.unenroll))
	mux.HandleFunc("GET /rich-consents/{id}", t.answering(t.consent))
	mux.HandleFunc("POST "+API+"/api/resolve-transaction", t.answering(t.resolve))
	t.server = httptest.NewServer(mux)
	t.URL = t.server.URL
	return t
}

// Close ends the server.
func (t *Tenant) Close() { t.server.Close() }

// RelayTo has pushes handed over by a relay.
func (t *Tenant) RelayTo(r Relay) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.relay = r
}

// Ticket is a transaction id with which a device of a user enrolls, once.
func (t *Tenant) Ticket(loginHint string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	id := rand.Text()
	t.tickets[id] = loginHint
	return id
}

// Devices is how many devices are enrolled.
func (t *Tenant) Devices() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.devices)
}

// Refusals are why devices were refused something, in order.
func (t *Tenant) Refusals() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.refusals...)
}

// refused is an answer that refuses.
type refused struct {
	status int
	why    string
}

func (r refused) Error() string { return r.why }

func (t *Tenant) answering(of func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
		t.mu.Lock()
		content, err := of(r)
		if err != nil {
			t.refusals = append(t.refusals, err.Error())
		}
		t.mu.Unlock()
		status := http.StatusOK
		if err != nil {
			status, content = http.StatusBadRequest, map[string]string{"errorCode": "refused"}
			if r, ok := errors.AsType[refused](err); ok {
				status = r.status
			}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(content)
	}
}

// ask takes a request of the OP and pushes it to every device of its user.
func (t *Tenant) ask(w http.ResponseWriter, r *http.Request) {
	var a asked
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&a); err != nil {
		http.Error(w, "no request", http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusAccepted)
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, d := range t.devices {
		if d.loginHint == a.LoginHint {
			token := "txtkn." + rand.Text()
			tx := &transaction{id: "cns_" + rand.Text(), challenge: rand.Text(), device: d, asked: a}
			t.transactions[token] = tx
			go t.relay(d.pushToken, map[string]string{
				"sh": strings.TrimPrefix(t.URL, "http://"), "dai": d.id, "c": tx.challenge, "txtkn": token, "txlnkid": tx.id,
				"d": time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), "s": `{"b":{"n":"cli"},"os":{"n":"none"}}`,
			})
		}
	}
}

func (t *Tenant) enroll(r *http.Request) (any, error) {
	ticket := strings.TrimSuffix(strings.TrimPrefix(r.Header.Get("Authorization"), `Ticket id="`), `"`)
	user, known := t.tickets[ticket]
	if !known {
		return nil, refused{http.StatusUnauthorized, "enroll: unknown transaction"}
	}
	var told struct {
		Identifier, Name string
		PublicKey        map[string]string `json:"public_key"`
		PushCredentials  struct {
			Service, Token string
		} `json:"push_credentials"`
	}
	if err := json.NewDecoder(r.Body).Decode(&told); err != nil {
		return nil, fmt.Errorf("enroll: %w", err)
	}
	jwk := told.PublicKey
	if jwk["kty"] != "RSA" || jwk["alg"] != "RS256" || jwk["use"] != "sig" || len(jwk) != 5 {
		return nil, errors.New("enroll: the public key is none of RS256")
	}
	if told.Identifier == "" || told.Name == "" || told.PushCredentials.Service != "GCM" || told.PushCredentials.Token == "" {
		return nil, errors.New("enroll: a member is missing")
	}
	data, err := json.Marshal(jwk)
	if err != nil {
		return nil, err
	}
	keys, err := jose.ParseKeySet([]byte(`{"keys":[` + string(data) + `]}`))
	if err != nil || len(keys) != 1 {
		return nil, errors.New("enroll: the public key cannot be read")
	}
	delete(t.tickets, ticket)
	d := &device{
		id: "dev_" + rand.Text(), identifier: told.Identifier, loginHint: user, pushToken: told.PushCredentials.Token, key: keys[0],
	}
	t.devices[d.id] = d
	return map[string]any{"id": d.id, "token": rand.Text(), "user_id": "auth0|" + user, "issuer": "lab", "url": t.URL}, nil
}

func (t *Tenant) unenroll(r *http.Request) (any, error) {
	d, known := t.devices[r.PathValue("id")]
	if !known {
		return nil, refused{http.StatusNotFound, "unenroll: unknown device"}
	}
	claims, err := verified(bearer(r, "Bearer "), d.key, "JWT")
	switch {
	case err != nil:
		return nil, refused{http.StatusUnauthorized, "unenroll: " + err.Error()}
	case claims["aud"] != t.URL+API+"/api/device-accounts" || claims["sub"] != "auth0|"+d.loginHint,
		claims["iss"] != d.id && claims["iss"] != d.identifier, !timely(claims, 2*time.Hour):
		return nil, refused{http.StatusUnauthorized, "unenroll: the token is of another device, place or time"}
	}
	delete(t.devices, d.id)
	return map[string]any{}, nil
}

func (t *Tenant) consent(r *http.Request) (any, error) {
	token := bearer(r, "MFA-DPoP ")
	tx, known := t.transactions[token]
	if !known || tx.id != r.PathValue("id") {
		return nil, refused{http.StatusUnauthorized, "consent: unknown transaction"}
	}
	if err := t.proven(r, token, tx.device.key); err != nil {
		return nil, refused{http.StatusUnauthorized, "consent: " + err.Error()}
	}
	details := map[string]any{
		"audience": "https://api.example", "scope": strings.Fields(tx.asked.Scope), "binding_message": tx.asked.BindingMessage,
	}
	if tx.asked.AuthorizationDetails != nil {
		details["authorization_details"] = tx.asked.AuthorizationDetails
	}
	return map[string]any{"id": tx.id, "requested_details": details, "expires_at": tx.asked.ExpiresAt.Format(time.RFC3339Nano)}, nil
}

// proven checks the proof of possession of a token.
func (t *Tenant) proven(r *http.Request, token string, key jose.Key) error {
	proof := r.Header.Get("MFA-DPoP")
	claims, err := verified(proof, key, "dpop+jwt")
	if err != nil {
		return err
	}
	decoded, err := jose.Decode(proof)
	if err != nil {
		return err
	}
	hash := sha256.Sum256([]byte(token))
	issued, _ := claims["iat"].(json.Number)
	jti, _ := claims["jti"].(string)
	switch jwk, _ := decoded.Header["jwk"].(map[string]any); {
	case jwk["kty"] != "RSA" || jwk["d"] != nil:
		return errors.New("the proof does not show its public key")
	case claims["htm"] != r.Method || claims["htu"] != t.URL+r.URL.Path:
		return errors.New("the proof is for another request")
	case claims["ath"] != base64.RawURLEncoding.EncodeToString(hash[:]):
		return errors.New("the proof is for another token")
	case age(issued).Abs() > time.Minute:
		return errors.New("the proof is old")
	case jti == "" || t.used[jti]:
		return errors.New("the proof was used before")
	}
	t.used[jti] = true
	return nil
}

func (t *Tenant) resolve(r *http.Request) (any, error) {
	tx, known := t.transactions[bearer(r, "Bearer ")]
	if !known {
		return nil, refused{http.StatusUnauthorized, "resolve: unknown transaction"}
	}
	var told struct {
		Answer string `json:"challenge_response"`
	}
	if err := json.NewDecoder(r.Body).Decode(&told); err != nil {
		return nil, fmt.Errorf("resolve: %w", err)
	}
	claims, err := verified(told.Answer, tx.device.key, "JWT")
	if err != nil {
		return nil, refused{http.StatusUnauthorized, "resolve: " + err.Error()}
	}
	accepted, said := claims["auth0_guardian_accepted"].(bool)
	switch {
	case claims["aud"] != t.URL+API+"/api/resolve-transaction", claims["iss"] != tx.device.identifier,
		claims["sub"] != tx.challenge, claims["auth0_guardian_method"] != "push", !said, !timely(claims, 30*time.Second):
		return nil, refused{http.StatusUnauthorized, "resolve: the answer is to something else"}
	case tx.resolved || time.Now().After(tx.asked.ExpiresAt):
		return nil, refused{http.StatusNotFound, "resolve: the transaction is over"}
	}
	tx.resolved = true
	return map[string]any{}, tell(tx.asked, accepted)
}

// tell brings a decision to the OP.
func tell(a asked, accepted bool) error {
	body, err := json.Marshal(map[string]string{
		"auth_req_id": a.AuthReqID, "decision": map[bool]string{true: "approve", false: "deny"}[accepted],
	})
	if err != nil {
		return err
	}
	req, err := http.NewRequest(http.MethodPost, a.Callback, bytes.NewReader(body)) //nolint:noctx // the answer waits for it
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+a.CallbackToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, resp.Body)
	if resp.StatusCode/100 != 2 {
		return refused{http.StatusNotFound, fmt.Sprintf("resolve: the OP answers %d", resp.StatusCode)}
	}
	return nil
}

func bearer(r *http.Request, scheme string) string {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), scheme)
	return token
}

// verified are the claims of a token that a device signed.
func verified(token string, key jose.Key, typ string) (map[string]any, error) {
	parsed, err := jose.Verify(token, []jose.Key{key}, []string{"RS256"})
	if err != nil {
		return nil, err
	}
	if parsed.Header["typ"] != typ {
		return nil, fmt.Errorf("its typ is %v", parsed.Header["typ"])
	}
	return parsed.Claims, nil
}

// timely reports whether a token is of now and lasts no longer than it may.
func timely(claims map[string]any, longest time.Duration) bool {
	issued, _ := claims["iat"].(json.Number)
	ends, _ := claims["exp"].(json.Number)
	left := -age(ends)
	return age(issued).Abs() < 5*time.Second && left > 0 && left <= longest+time.Second
}

// age is how long ago a moment was.
func age(seconds json.Number) time.Duration {
	n, err := seconds.Int64()
	if err != nil {
		return 1 << 62
	}
	return time.Since(time.Unix(n, 0))
}
