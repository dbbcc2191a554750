package mockdevice

import (
	"context"
	"crypto/subtle"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed openapi.yaml
var openAPI []byte

// route is one operation of the API. The test of the OpenAPI file goes through them.
type route struct {
	pattern string
	serve   http.HandlerFunc
	open    bool // served without the device's token, since it asks for another secret or shows none
}

func (d *Device) routes() []route {
	return append([]route{
		{"POST /v1/requests", d.receiveNative, false},
		{"GET /v1/requests", d.list, false},
		{"GET /v1/requests/wait", d.wait, false},
		{"GET /v1/requests/{id}", d.read, false},
		{"POST /v1/requests/{id}/decision", d.decideOne, false},
		{"POST /v1/decisions", d.decideMany, false},
		{"POST /v1/explain", d.explain, false},
		{"GET /v1/policy", d.showPolicy, false},
		{"PUT /v1/policy", d.replacePolicy, false},
		{"POST /v1/reset", d.command(d.Reset), false},
		{"POST /v1/pause", d.command(d.Pause), false},
		{"POST /v1/resume", d.command(d.Resume), false},
		{"GET /v1/counters", func(w http.ResponseWriter, _ *http.Request) { answer(w, d.Counters()) }, false},
		{"GET /approve", d.approve, false},
		{"POST /approve", d.approve, false},
		{"GET /openapi.yaml", serveOpenAPI, true},
		{"POST /adapters/keycloak", d.receiveKeycloak, true},
		{"POST /adapters/authlete/api/authenticate/{mode}", d.receiveAuthlete, false},
		{"POST /adapters/authlete/api/authenticate/result", d.authleteStatus, false},
		{"POST /adapters/authlete/api/authenticate/actionize", d.actionize, false},
		{"POST /adapters/generic/{name}", d.receiveGeneric, false},
	}, d.phoneRoutes()...)
}

// Handler is the HTTP API: the adapters OPs speak to, the control that tests speak
// to, and the phone page.
func (d *Device) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range d.routes() {
		serve := r.serve
		if !r.open {
			serve = d.guarded(serve)
		}
		mux.HandleFunc(r.pattern, serve)
	}
	// A page of another origin, open in the browser of whoever runs this device,
	// must not decide for them.
	sameOrigin := http.NewCrossOriginProtection()
	return sameOrigin.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.token == "" && fromBrowser(r) && !loopback(r.Host) {
			refuse(w, http.StatusForbidden, errors.New("without a token the device is shown under a loopback address only, so that no other name can be made to mean it"))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		mux.ServeHTTP(w, r)
	}))
}

// guarded asks for the bearer token, if there is one. The phone page has its own way in.
func (d *Device) guarded(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if d.token != "" && !same(r.Header.Get("Authorization"), "Bearer "+d.token) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			refuse(w, http.StatusUnauthorized, errors.New("a bearer token is needed"))
			return
		}
		next(w, r)
	}
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// ErrOpen is the refusal to let everybody on the network decide.
var ErrOpen = errors.New("beyond loopback a device needs a token, or anybody could decide")

// Listen opens the address of a device. It refuses to listen beyond loopback
// without a token.
func Listen(ctx context.Context, address, token string) (net.Listener, error) {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return nil, fmt.Errorf("address %q is not host:port", address)
	}
	if !loopback(address) && token == "" {
		return nil, fmt.Errorf("listening on %s: %w", address, ErrOpen)
	}
	return (&net.ListenConfig{}).Listen(ctx, "tcp", address)
}

// loopback says whether an address, with or without a port, is this machine's own.
func loopback(address string) bool {
	host := address
	if h, _, err := net.SplitHostPort(address); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// fromBrowser knows browsers by a header no page can leave out or forge.
func fromBrowser(r *http.Request) bool { return r.Header.Get("Sec-Fetch-Site") != "" }

func serveOpenAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(openAPI)
}

func (d *Device) command(do func()) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		do()
		w.WriteHeader(http.StatusNoContent)
	}
}

func filterOf(r *http.Request) (Filter, error) {
	q := r.URL.Query()
	f := Filter{
		AuthReqID: q.Get("auth_req_id"), User: q.Get("user"), LoginHint: q.Get("login_hint"), ClientID: q.Get("client_id"),
		BindingMessage: q.Get("binding_message"), State: q.Get("state"),
	}
	return f, f.check()
}

// maxList bounds one page of a list.
const maxList = 1000

// list answers the newest requests that match, oldest of them first.
func (d *Device) list(w http.ResponseWriter, r *http.Request) {
	f, err := filterOf(r)
	limit := maxList
	if text := r.URL.Query().Get("limit"); err == nil && text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > maxList {
			err = fmt.Errorf("limit %.20q is not 1 to %d", text, maxList)
		}
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	found := d.Requests(f.Matches)
	total := len(found)
	found = found[max(0, total-limit):]
	for i := range found {
		found[i] = found[i].withoutSecrets()
	}
	answer(w, map[string]any{"requests": append([]Request{}, found...), "total": total})
}

// keyIn reads the {id} of a path: an auth_req_id or a ref.
func (d *Device) keyIn(r *http.Request) key {
	id := r.PathValue("id")
	if k, ok := parseKey(id); ok {
		if _, known := d.store.get(k); known {
			return k
		}
	}
	return keyOf(id)
}

func (d *Device) read(w http.ResponseWriter, r *http.Request) {
	request, ok := d.store.get(d.keyIn(r))
	if !ok {
		refuse(w, http.StatusNotFound, ErrUnknown)
		return
	}
	answer(w, request.withoutSecrets())
}

// maxWait bounds a wait-for call.
const maxWait = 10 * time.Minute

func (d *Device) wait(w http.ResponseWriter, r *http.Request) {
	f, err := filterOf(r)
	patience := 30 * time.Second
	if text := r.URL.Query().Get("timeout"); err == nil && text != "" {
		if patience, err = time.ParseDuration(text); err != nil || patience < 0 || patience > maxWait {
			err = fmt.Errorf("timeout %.20q is not a duration up to %s", text, maxWait)
		}
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	request, err := d.Wait(ctx, f.Matches)
	if err != nil {
		refuse(w, http.StatusRequestTimeout, fmt.Errorf("no such request arrived within %s", patience))
		return
	}
	answer(w, request.withoutSecrets())
}

func (d *Device) decideOne(w http.ResponseWriter, r *http.Request) {
	var decision Decision
	if err := decode(r.Body, &decision); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	d.answerDecision(w, r, d.keyIn(r), decision, "command")
}

func (d *Device) answerDecision(w http.ResponseWriter, r *http.Request, k key, decision Decision, by string) {
	if _, err := decision.checked(); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	switch err := d.decide(r.Context(), k, decision, by); {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
	case statusOf(err) != http.StatusBadRequest:
		refuse(w, statusOf(err), err)
	default:
		refuse(w, http.StatusBadGateway, err)
	}
}

// decideMany makes one decision about every open request that matches.
func (d *Device) decideMany(w http.ResponseWriter, r *http.Request) {
	var bulk struct {
		Match    Filter   `json:"match"`
		Decision Decision `json:"decision"`
	}
	err := decode(r.Body, &bulk)
	if err == nil {
		err = bulk.Match.check()
	}
	if err == nil {
		_, err = bulk.Decision.checked()
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	result := struct {
		Decided int `json:"decided"`
		Failed  int `json:"failed"`
	}{}
	open := func(r Request) bool { return bulk.Match.Matches(r) && stateOf(r, time.Now()) == "open" }
	for err := range d.decideAll(r.Context(), d.Requests(open), bulk.Decision) {
		if err != nil {
			result.Failed++
		} else {
			result.Decided++
		}
	}
	answer(w, result)
}

// decideAll decides as many at once as may be on their way, and tells how each went.
func (d *Device) decideAll(ctx context.Context, requests []Request, decision Decision) <-chan error {
	results, next := make(chan error), make(chan Request)
	var workers sync.WaitGroup
	for range min(d.outbox.limit, len(requests)) {
		workers.Go(func() {
			for request := range next {
				results <- d.Decide(ctx, request.AuthReqID, decision)
			}
		})
	}
	go func() {
		for _, request := range requests {
			next <- request
		}
		close(next)
		workers.Wait()
		close(results)
	}()
	return results
}

// approve is the URL template of the OpenID Foundation suite.
func (d *Device) approve(w http.ResponseWriter, r *http.Request) {
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
		refuse(w, http.StatusForbidden, errors.New("a page of another origin may not decide"))
		return
	}
	q := r.URL.Query()
	d.decideByURL(w, r, q.Get("auth_req_id"), q.Get("action"))
}

func (d *Device) decideByURL(w http.ResponseWriter, r *http.Request, id, word string) {
	action, ok := map[string]Action{"allow": Approve, "deny": Deny}[word]
	if !ok {
		refuse(w, http.StatusBadRequest, fmt.Errorf("action %.20q is not allow or deny", word))
		return
	}
	d.answerDecision(w, r, keyOf(id), Decision{Action: action}, "command")
}

// explain says what the policy would make of a request.
func (d *Device) explain(w http.ResponseWriter, r *http.Request) {
	var request Request
	err := decode(r.Body, &request)
	if err == nil && request.AuthReqID == "" {
		request.AuthReqID = "explained"
	}
	if err == nil {
		err = request.check()
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	rules := d.rules.Load()
	if rules == nil {
		refuse(w, http.StatusNotFound, errNoRules)
		return
	}
	answer(w, rules.Explain(request))
}

var errNoRules = errors.New("the device follows no policy file; PUT one to /v1/policy")

func (d *Device) showPolicy(w http.ResponseWriter, _ *http.Request) {
	rules := d.rules.Load()
	if rules == nil {
		refuse(w, http.StatusNotFound, errNoRules)
		return
	}
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(rules.source)
}

func (d *Device) replacePolicy(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	rules, err := ParseRules("policy", text)
	if err != nil {
		var problems Problems
		_ = errors.As(err, &problems)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]any{"error": "the policy has mistakes", "problems": problems.Lines()})
		return
	}
	d.SetRules(rules)
	w.WriteHeader(http.StatusNoContent)
}
