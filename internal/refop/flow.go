package refop

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// state is where a flow stands.
type state string

const (
	pending   state = "pending"
	approved  state = "approved"
	denied    state = "denied"
	expired   state = "expired"
	used      state = "used"
	forgotten state = "forgotten" // by an OP that cleans up
)

// flow is one auth_req_id. Its mutable part is guarded by the lock of its shard.
type flow struct {
	id            string
	client        *Client
	user          *User
	created       time.Time
	expires       time.Time
	scope         string
	binding       string
	acr           string
	requested     []any
	callbackToken string

	state    state // empty is pending; expiry is computed
	interval time.Duration
	lastPoll time.Time
	early    int // polls that came too early
	polls    int
	granted  []any
	decided  time.Time
	redeemed time.Time
	refused  bool          // denied at any time
	told     bool          // a poll was told the end
	woken    chan struct{} // closed by the decision
	tokens   []*grant
}

// stateAt is the state at a moment. Expiry ends every flow that was not used.
func (f *flow) stateAt(now time.Time) state {
	switch {
	case f.state == used:
		return used
	case !now.Before(f.expires):
		return expired
	case f.state == "":
		return pending
	}
	return f.state
}

// prompt tells the device, without making the client wait for it.
func (op *OP) prompt(f *flow) {
	if op.device == "" {
		return
	}
	body := map[string]any{
		"auth_req_id": f.id, "client_id": f.client.ID, "login_hint": f.user.LoginHint, "sub": f.user.Sub, "scope": f.scope,
		"expires_at": f.expires.UTC().Format(time.RFC3339Nano), "callback": op.control + "/callback", "callback_token": f.callbackToken,
	}
	optional := func(name, value string) {
		if value != "" {
			body[name] = value
		}
	}
	optional("binding_message", f.binding)
	optional("acr_values", f.acr)
	if f.requested != nil {
		body["authorization_details"] = cloneJSON(f.requested)
	}
	for _, edit := range op.b.onPrompt {
		edit(f, body)
	}
	if len(body) == 0 {
		return
	}
	data, _ := json.Marshal(body)
	op.background(func() {
		req, err := http.NewRequestWithContext(op.ctx, http.MethodPost, op.device+"/v1/requests", bytes.NewReader(data))
		if err != nil {
			return
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := op.transport.RoundTrip(req)
		if err != nil {
			return // the request stays pending, as it would for a phone that is off
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	})
}

// find returns a flow with the lock of its shard held; the caller unlocks.
func (op *OP) find(id string) (*flow, *shard) {
	s := op.shardOf(id)
	s.mu.Lock()
	return s.flows.items[id], s
}

// Control is the test control: decisions, by hand or by the device.
func (op *OP) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/decision", op.decision)
	mux.HandleFunc("POST /callback", op.callback)
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	return mux
}

// decision is the URL template of the OpenID Foundation suite, with
// authorization_details to grant less than was asked.
func (op *OP) decision(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	d := userDecision{AuthReqID: q.Get("auth_req_id")}
	switch q.Get("action") {
	case "allow":
		d.Decision = "approve"
	case "deny":
		d.Decision = "deny"
	default:
		http.Error(w, "action is allow or deny", http.StatusBadRequest)
		return
	}
	if text := q.Get("authorization_details"); text != "" {
		d.AuthorizationDetails = json.RawMessage(text)
	}
	status, text := op.decide(d, nil)
	answerControl(w, status, text)
}

// userDecision is what the device tells.
type userDecision struct {
	AuthReqID            string          `json:"auth_req_id"`
	Decision             string          `json:"decision"`
	Scope                *string         `json:"scope"` // nil: as requested
	AuthorizationDetails json.RawMessage `json:"authorization_details"`
}

func (op *OP) callback(w http.ResponseWriter, r *http.Request) {
	var d userDecision
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxForm)).Decode(&d); err != nil {
		answerControl(w, http.StatusBadRequest, "the decision cannot be read")
		return
	}
	bearer := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	status, text := op.decide(d, &bearer)
	answerControl(w, status, text)
}

func answerControl(w http.ResponseWriter, status int, text string) {
	if text == "" {
		w.WriteHeader(status)
		return
	}
	http.Error(w, text, status)
}

// decide records the user's decision. A bearer is compared when the device sends one.
func (op *OP) decide(d userDecision, bearer *string) (status int, text string) {
	f, s := op.find(d.AuthReqID)
	defer s.mu.Unlock()
	if f == nil || bearer != nil && !equal(*bearer, f.callbackToken) {
		return http.StatusNotFound, "unknown auth_req_id"
	}
	want := denied
	if d.Decision == "approve" {
		want = approved
	}
	now := op.now()
	switch at := f.stateAt(now); {
	case op.b.decideAgain && at != used:
	case at == want || at == used && want == approved:
		return http.StatusNoContent, ""
	case at == expired:
		return http.StatusGone, "expired"
	case at != pending:
		return http.StatusConflict, "decided before"
	}
	if d.AuthorizationDetails != nil {
		value, err := decodeJSON(string(d.AuthorizationDetails))
		granted, ok := value.([]any)
		if err != nil || !ok || !within(granted, f.requested) {
			return http.StatusBadRequest, "authorization_details go beyond the request"
		}
		f.granted = granted
	}
	if d.Scope != nil {
		requested := strings.Fields(f.scope)
		if slices.ContainsFunc(strings.Fields(*d.Scope), func(s string) bool { return !slices.Contains(requested, s) }) {
			return http.StatusBadRequest, "scope goes beyond the request"
		}
		f.scope = *d.Scope
	}
	if f.decided.IsZero() {
		close(f.woken)
	}
	f.state, f.decided = want, now
	for _, edit := range op.b.onGrant {
		edit(f)
	}
	return http.StatusNoContent, ""
}

// claimUser makes a flow the open one of its user, unless another one is open,
// for the variant that refuses a second.
func (op *OP) claimUser(f *flow) bool {
	s := op.shardOf("user " + f.user.Sub)
	for {
		s.mu.Lock()
		previous := s.open[f.user.Sub]
		s.mu.Unlock()
		if previous != nil && op.isOpen(previous) { // no lock is held: the flow may be in the same shard
			return false
		}
		s.mu.Lock()
		claimed := s.open[f.user.Sub] == previous
		if claimed {
			s.open[f.user.Sub] = f
		}
		s.mu.Unlock()
		if claimed {
			return true
		}
	}
}

func (op *OP) isOpen(f *flow) bool {
	_, s := op.find(f.id)
	defer s.mu.Unlock()
	return f.stateAt(op.now()) == pending
}

// supersede ends the previous open flow of the user, for the variant that keeps
// one open request for each.
func (op *OP) supersede(f *flow) {
	op.background(func() {
		s := op.shardOf("user " + f.user.Sub)
		s.mu.Lock()
		previous := s.open[f.user.Sub]
		s.open[f.user.Sub] = f
		s.mu.Unlock()
		if previous == nil || previous == f {
			return
		}
		other := op.shardOf(previous.id)
		other.mu.Lock()
		defer other.mu.Unlock()
		if previous.state == "" {
			previous.state = denied
		}
	})
}
