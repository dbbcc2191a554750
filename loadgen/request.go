package loadgen

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// prepared is what all requests of a run have in common, ready for the wire.
type prepared struct {
	start, token endpoint
	header       http.Header // of every request
	hints        [][]byte    // by user, with a leading &
	rar          *Template
	messages     string // how the message of each flow begins; empty: none has its own
}

// endpoint is where requests go and how each of them begins.
type endpoint struct {
	url    string
	begin  []byte
	signer *signer // nil: the credentials do not change, and are in the header or in begin
}

// prepare encodes everything once that does not differ between flows, so that a request
// costs little more than a copy.
// With messages, each flow has a binding_message of its own.
func prepare(t *targetfile.Target, p *Plan, messages bool) (*prepared, error) {
	r := &prepared{rar: p.RAR, header: http.Header{
		"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}, "Accept-Encoding": {"identity"},
		"User-Agent": {"cibatest-load"},
	}}
	form := ciba.P("scope", orDefault(p.Client.Scope, t.Scope))
	switch {
	case messages:
		r.messages = "L" + rand.Text()[:6] + "-" // nothing of an earlier run is taken for this one's
	case t.BindingMessage != "":
		form = form.Add("binding_message", t.BindingMessage)
	}
	for _, extra := range []map[string]string{t.StartParams, p.Params} {
		for _, name := range slices.Sorted(maps.Keys(extra)) {
			form = form.With(name, extra[name])
		}
	}
	if messages {
		form = form.Without("binding_message")
	}
	if p.Client.Notified() {
		form = form.Without("client_notification_token") // each flow has its own
	}
	for _, u := range p.Users {
		hint, err := hintOf(u, p.Client)
		if err != nil {
			return nil, err
		}
		r.hints = append(r.hints, []byte("&"+hint.Encode()))
	}
	if len(r.hints) == 0 {
		return nil, fmt.Errorf("there is no user to ask; name one under users of the target file")
	}
	var err error
	if r.start, err = r.endpoint("backchannel_authentication", t.Endpoints.BackchannelAuthentication, form, t, p); err != nil {
		return nil, err
	}
	r.token, err = r.endpoint("token", t.Endpoints.Token, ciba.P("grant_type", ciba.GrantTypeCIBA), t, p)
	return r, err
}

// endpoint prepares an endpoint. Credentials that travel in the header are the
// same at both.
func (r *prepared) endpoint(name, address string, form ciba.Params, t *targetfile.Target, p *Plan) (endpoint, error) {
	if u, err := url.Parse(address); err != nil || u.Host == "" || u.Fragment != "" {
		return endpoint{}, fmt.Errorf("endpoints.%s: %q is not an absolute URL", name, address)
	}
	e := endpoint{url: address}
	authenticator, err := p.authenticator(address, t.Issuer)
	if err != nil {
		return endpoint{}, err
	}
	if _, signs := authenticator.(ciba.Assertion); signs {
		e.signer = newSigner(authenticator)
	} else {
		call := ciba.Call{Form: form}
		if err := authenticator.Authenticate(&call); err != nil {
			return endpoint{}, err
		}
		form = call.Form
		maps.Copy(r.header, call.Header)
	}
	e.begin = []byte(form.Encode())
	return e, nil
}

// authenticator is how the client authenticates at an endpoint.
func (p *Plan) authenticator(endpoint, issuer string) (ciba.Authenticator, error) {
	if p.Auth != nil && p.Audience == "" {
		return p.Auth(endpoint), nil
	}
	return p.Client.Authenticator(orDefault(p.Audience, issuer))
}

// hintOf names a user the way the target file does, with the user code where the
// client has to send one.
func hintOf(u targetfile.User, c targetfile.Client) (ciba.Params, error) {
	name, value := u.Hint()
	if name == "" {
		return nil, fmt.Errorf("user %q has no hint", u.Name)
	}
	hint := ciba.P(name, value)
	if c.UserCode && u.UserCode != "" {
		hint = hint.Add("user_code", u.UserCode.Reveal())
	}
	return hint, nil
}

// message is the binding_message of a flow that has its own: letters, digits and a hyphen,
// which all OPs take.
func (r *prepared) message(serial uint32) string {
	return r.messages + strings.ToUpper(strconv.FormatUint(uint64(serial), 36))
}

// startBody is the body of a backchannel request.
func (r *prepared) startBody(user, serial uint32, credentials []byte) []byte {
	body := make([]byte, 0, len(r.start.begin)+len(r.hints[user])+len(credentials)+64)
	body = append(append(body, r.start.begin...), r.hints[user]...)
	if r.messages != "" {
		body = append(append(body, "&binding_message="...), r.message(serial)...)
	}
	if r.rar != nil {
		body = append(body, "&authorization_details="...)
		body = append(body, url.QueryEscape(r.rar.fill(serial))...)
	}
	return append(body, credentials...)
}

// signedAhead is how many assertions wait to be used. They live a minute, so at
// a low rate they are signed again when they get old.
const (
	signedAhead = 256
	freshFor    = 30 * time.Second
)

// signer makes client assertions ahead of time, so that the cost of a signature
// is in no latency. Its cost is counted apart.
type signer struct {
	authenticator ciba.Authenticator
	ready         chan signed
	made          atomic.Int64
	spent         atomic.Int64 // ns
	mu            sync.Mutex
	err           error
}

type signed struct {
	form []byte // with a leading &
	at   time.Time
}

func newSigner(a ciba.Authenticator) *signer {
	return &signer{authenticator: a, ready: make(chan signed, signedAhead)}
}

// run signs until the context ends.
func (s *signer) run(ctx context.Context) {
	for {
		begun := time.Now()
		var call ciba.Call
		if err := s.authenticator.Authenticate(&call); err != nil {
			s.mu.Lock()
			s.err = err
			s.mu.Unlock()
			close(s.ready)
			return
		}
		s.spent.Add(int64(time.Since(begun)))
		s.made.Add(1)
		select {
		case s.ready <- signed{[]byte("&" + call.Form.Encode()), begun}:
		case <-ctx.Done():
			return
		}
	}
}

// take returns the next fresh assertion; it waits when signing cannot keep up,
// which shows as lag.
func (s *signer) take(ctx context.Context) ([]byte, error) {
	for {
		select {
		case token, ok := <-s.ready:
			if !ok {
				s.mu.Lock()
				defer s.mu.Unlock()
				return nil, s.err
			}
			if time.Since(token.at) < freshFor {
				return token.form, nil
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
