package refop

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"
)

// newPrompt is the request that the device shows, by the device's wire contract.
func newPrompt(op *OP, f *Flow) map[string]any {
	prompt := map[string]any{
		"auth_req_id": f.ID, "client_id": f.Client.ID, "login_hint": f.User.LoginHint, "sub": f.User.Sub, "scope": f.Scope,
		"expires_at": f.Expires.UTC().Format(time.RFC3339Nano), "callback": op.control + "/callback", "callback_token": f.callbackToken,
	}
	if f.Binding != "" {
		prompt["binding_message"] = f.Binding
	}
	if f.ACR != "" {
		prompt["acr_values"] = f.ACR
	}
	if f.Requested != nil {
		prompt["authorization_details"] = CloneJSON(f.Requested)
	}
	return prompt
}

// Ask asks the user of a flow. The client does not wait for it.
func (op *OP) Ask(f *Flow) { op.plan.Rules.Ask(op, f) }

// ask sends the prompt in the background. A request whose device cannot be reached
// stays pending, as it would for a phone that is off.
func ask(op *OP, f *Flow) {
	if op.device == "" {
		return
	}
	data, err := json.Marshal(op.plan.Rules.Prompt(op, f))
	if err != nil {
		return
	}
	op.background(func() {
		req, err := http.NewRequestWithContext(op.ctx, http.MethodPost, op.device+"/v1/requests", bytes.NewReader(data))
		if err != nil {
			return
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := op.transport.RoundTrip(req)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	})
}

// Control is the test control: decisions, by hand or by the device.
func (op *OP) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/decision", op.decision)
	mux.HandleFunc("/user", op.lockUser)
	mux.HandleFunc("POST /callback", op.callback)
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	return mux
}

// lockUser locks the user of a login_hint, or unlocks it: the user management of this OP.
func (op *OP) lockUser(w http.ResponseWriter, r *http.Request) {
	hint, action := r.URL.Query().Get("login_hint"), r.URL.Query().Get("action")
	switch {
	case op.UserBy(func(u User) bool { return u.LoginHint == hint }) == nil:
		answerControl(w, http.StatusNotFound, "unknown user")
	case action == "lock":
		op.locked.Store(hint, true)
		answerControl(w, http.StatusNoContent, "")
	case action == "unlock":
		op.locked.Delete(hint)
		answerControl(w, http.StatusNoContent, "")
	default:
		answerControl(w, http.StatusBadRequest, "action is lock or unlock")
	}
}

// IsLocked reports whether a user is locked.
func (op *OP) IsLocked(u *User) bool {
	_, locked := op.locked.Load(u.LoginHint)
	return locked
}

func refuseLocked(c *Call, u *User) *OAuthError {
	if c.OP.IsLocked(u) {
		return Refusal("invalid_grant", "the user is locked")
	}
	return nil
}

// userDecision is what the device tells.
type userDecision struct {
	AuthReqID            string          `json:"auth_req_id"`
	Decision             string          `json:"decision"`
	Scope                *string         `json:"scope"` // nil: as requested
	AuthorizationDetails json.RawMessage `json:"authorization_details"`
}

// decision is the URL template of the OpenID Foundation suite, with
// authorization_details to grant less than was asked.
func (op *OP) decision(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	d := userDecision{AuthReqID: q.Get("auth_req_id"), Decision: map[string]string{"allow": "approve", "deny": "deny"}[q.Get("action")]}
	if d.Decision == "" {
		http.Error(w, "action is allow or deny", http.StatusBadRequest)
		return
	}
	if text := q.Get("authorization_details"); text != "" {
		d.AuthorizationDetails = json.RawMessage(text)
	}
	status, text := op.decide(d, nil)
	answerControl(w, status, text)
}

// callback is how a device tells the decision of its user.
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
	decided, status, text := op.settle(d, bearer)
	if decided == nil {
		return status, text
	}
	return op.plan.Rules.AnswerDecision(op, decided)
}

// settle makes a decision count, or says how it is answered otherwise.
func (op *OP) settle(d userDecision, bearer *string) (decided *Flow, status int, text string) {
	f, s := op.find(d.AuthReqID)
	defer s.mu.Unlock()
	if f == nil || bearer != nil && !equal(*bearer, f.callbackToken) {
		return nil, http.StatusNotFound, "unknown auth_req_id"
	}
	as := Denied
	if d.Decision == "approve" {
		as = Approved
	}
	now := op.now()
	at := f.StateAt(now)
	if at == Pending && !f.DecideBy.IsZero() && !now.Before(f.DecideBy) {
		at = Expired
	}
	if status, text := op.plan.Rules.RefuseDecision(f, at, as); status != 0 {
		return nil, status, text
	}
	if text := f.limit(d); text != "" {
		return nil, http.StatusBadRequest, text
	}
	op.plan.Rules.RecordDecision(f, as, now)
	op.Tell(f, as)
	return f, 0, ""
}

// answerDecision does not wait for what comes of a decision.
func answerDecision(*OP, *Flow) (status int, text string) { return http.StatusNoContent, "" }

// refuseDecision takes the first decision and, without doing anything, the same
// decision again.
func refuseDecision(_ *Flow, at, decision State) (status int, text string) {
	switch {
	case at == decision, at == Used && decision == Approved:
		return http.StatusNoContent, ""
	case at == Expired:
		return http.StatusGone, "expired"
	case at != Pending:
		return http.StatusConflict, "decided before"
	}
	return 0, ""
}

// limit narrows what is granted to what the user chose, and says what is wrong with
// a choice that goes beyond the request. RFC 6749 3.3, RFC 9396 3.
func (f *Flow) limit(d userDecision) (problem string) {
	granted, scope := f.Granted, f.Scope
	if d.AuthorizationDetails != nil {
		value, err := DecodeJSON(string(d.AuthorizationDetails))
		list, ok := value.([]any)
		if err != nil || !ok || !Within(list, f.Requested) {
			return "authorization_details go beyond the request"
		}
		granted = list
	}
	if d.Scope != nil {
		if !contains(strings.Fields(f.Scope), strings.Fields(*d.Scope)) {
			return "scope goes beyond the request"
		}
		scope = *d.Scope
	}
	f.Granted, f.Scope = granted, scope
	return ""
}

// recordDecision wakes the polls that wait for it.
func recordDecision(f *Flow, as State, now time.Time) {
	if f.Decided.IsZero() {
		close(f.woken)
	}
	f.State, f.Decided = as, now
}
