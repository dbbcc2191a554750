// Package approve makes the end-user's decision in whatever way a target offers:
// by our own device, by a URL or a command of the OP's test set-up, or by asking
// a person. It also tells what the user was shown, where a device listens.
package approve

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/mockdevice"
)

// Prompt is what the OP showed its user.
type Prompt = mockdevice.Request

// Decision is what the user is to decide. AuthorizationDetails, when set, are
// fewer than were asked.
type Decision struct {
	AuthReqID            string
	User                 targetfile.User
	Allow                bool
	AuthorizationDetails json.RawMessage

	// Again delivers this decision although another was made before.
	Again bool
}

// Nameless says that prompts come without auth_req_id and are told apart by
// their binding_message; see [Approver.Introduce].
func (a *Approver) Nameless() bool { return a != nil && a.config.Observe.Nameless() }

// TellsByMessage says that every request needs a binding_message of its own: a
// nameless device or a person finds the right prompt by it.
func (a *Approver) TellsByMessage() bool {
	return a.Nameless() || a != nil && a.config.Kind == "manual"
}

// Introduce says which auth_req_id the prompt with a binding_message is about.
// It matters where [Approver.TellsByMessage] holds.
func (a *Approver) Introduce(authReqID, bindingMessage string) {
	if a.TellsByMessage() && bindingMessage != "" {
		a.names.Store(bindingMessage, authReqID)
		a.introduced.Store(authReqID, bindingMessage)
	}
}

// named is a prompt with the auth_req_id it is about, as far as that is known.
func (a *Approver) named(p Prompt) Prompt {
	if !a.Nameless() {
		return p
	}
	p.AuthReqID = ""
	if id, ok := a.names.Load(p.BindingMessage); ok {
		p.AuthReqID = id.(string)
	}
	return p
}

// Options are what an Approver works with.
type Options struct {
	RoundTripper http.RoundTripper  // reaches the OP's hook; required for kind url
	Device       *mockdevice.Device // a device that is running already; nil: one is started where approval.observe.listen says
	In           io.Reader          // a person's answers, for kind manual
	Out          io.Writer          // a person's questions
}

// Approver makes decisions for one target. It is safe for concurrent use.
type Approver struct {
	config  targetfile.Approval
	options Options
	device  *mockdevice.Device
	address string
	close   func()
	person  sync.Mutex // one question at a time
	reading sync.Once
	answers chan error // one for every line a person typed

	// Where messages tell prompts apart: binding_message -> auth_req_id, and back.
	names, introduced sync.Map
}

// New prepares the way of deciding and, where the target says so, starts a
// device listener.
func New(config targetfile.Approval, o Options) (*Approver, error) {
	a := &Approver{config: config, options: o, device: o.Device, close: func() {}, answers: make(chan error)}
	if a.device == nil && config.Observe.Listen != "" {
		if err := a.listen(); err != nil {
			return nil, fmt.Errorf("approval.observe.listen: %w", err)
		}
	}
	return a, nil
}

func (a *Approver) listen() error {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", a.config.Observe.Listen)
	if err != nil {
		return err
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	a.device = mockdevice.New(mockdevice.WithRoundTripper(transport), mockdevice.WithKeycloakCallback(a.config.Observe.Callback))
	a.address = "http://" + listener.Addr().String()
	server := &http.Server{Handler: a.device.Handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }()
	a.close = func() {
		_ = server.Close()
		a.device.Close()
		transport.CloseIdleConnections()
	}
	return nil
}

// Address is the URL of the device listener this Approver started, or empty.
func (a *Approver) Address() string { return a.address }

// Close ends the listener.
func (a *Approver) Close() error {
	a.close()
	return nil
}

// Decide makes one decision and returns when the OP has taken it.
func (a *Approver) Decide(ctx context.Context, d Decision) error {
	switch a.config.Kind {
	case "device":
		return a.byDevice(ctx, d)
	case "url":
		return a.byURL(ctx, d)
	case "exec":
		return a.byCommand(ctx, d)
	case "manual":
		return a.byPerson(ctx, d)
	}
	return errors.New("approval.kind is none")
}

// NamesRequest says whether a decision reaches exactly the request it is about.
// Where only the user can be named, the user's latest request is decided.
func (a *Approver) NamesRequest() bool {
	named := func(template string) bool { return strings.Contains(template, "{auth_req_id}") }
	switch a.config.Kind {
	case "url":
		return named(a.config.URL) || named(a.config.Body.Reveal())
	case "exec":
		return slices.ContainsFunc(a.config.Command, named)
	}
	return true
}

// CanRepeat says whether a second decision about one request can be sent.
func (a *Approver) CanRepeat() bool {
	return a.config.Kind != "manual" && a.config.Kind != "none" && a.NamesRequest() && !a.Nameless()
}

// promptPatience is how long the device waits to be asked before it answers.
const promptPatience = 10 * time.Second

func (a *Approver) byDevice(ctx context.Context, d Decision) error {
	decision := mockdevice.Decision{Action: mockdevice.Deny, AuthorizationDetails: d.AuthorizationDetails}
	if d.Allow {
		decision.Action = mockdevice.Approve
	}
	ctx, cancel := context.WithTimeout(ctx, promptPatience)
	defer cancel()
	asked, err := a.asked(ctx, d)
	if err != nil {
		return fmt.Errorf("the OP did not ask the device within %s", promptPatience)
	}
	// A user's phone would do neither of its own accord; a case that asks for it wants
	// to know what the OP makes of it.
	if d.Again {
		decision.Faults = append(decision.Faults, mockdevice.Contrary)
	}
	err = a.device.Decide(ctx, asked.AuthReqID, decision)
	if errors.Is(err, mockdevice.ErrExpired) {
		decision.Faults = append(decision.Faults, mockdevice.AfterExpiry)
		err = a.device.Decide(ctx, asked.AuthReqID, decision)
	}
	return err
}

// asked is what the device shows about the request that is to be decided.
func (a *Approver) asked(ctx context.Context, d Decision) (Prompt, error) {
	if a.Nameless() {
		return a.device.Wait(ctx, func(r Prompt) bool { return a.isAbout(r, d) })
	}
	return a.device.WaitFor(ctx, d.AuthReqID)
}

// isAbout matches a prompt by auth_req_id. What was never introduced to a
// nameless device is the user's open prompt without a message.
func (a *Approver) isAbout(r Prompt, d Decision) bool {
	if _, known := a.introduced.Load(d.AuthReqID); a.Nameless() && !known {
		return r.BindingMessage == "" && r.Decided == "" && r.LoginHint == d.User.LoginHint
	}
	return a.named(r).AuthReqID == d.AuthReqID
}

func (a *Approver) action(d Decision) string {
	if d.Allow {
		return a.config.Actions.Allow
	}
	return a.config.Actions.Deny
}

// fill replaces the placeholders of a template, each value written by escape.
func (a *Approver) fill(template string, d Decision, escape func(string) string) string {
	return strings.NewReplacer(
		"{auth_req_id}", escape(d.AuthReqID), "{action}", escape(a.action(d)), "{login_hint}", escape(d.User.LoginHint),
		"{user}", escape(d.User.Name), "{authorization_details}", escape(string(d.AuthorizationDetails)),
	).Replace(template)
}

// byURL calls the hook that the OP's test set-up offers. Any 2xx is a success,
// as in the OpenID Foundation suite.
func (a *Approver) byURL(ctx context.Context, d Decision) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	body := a.body(d)
	req, err := http.NewRequestWithContext(ctx, a.config.Method, a.fill(a.config.URL, d, url.QueryEscape), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("approval.url: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	for name, value := range a.config.Headers {
		req.Header.Set(name, value.Reveal())
	}
	resp, err := a.options.RoundTripper.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("the approval hook cannot be reached: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 200))
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("the approval hook answers %d %.200q", resp.StatusCode, text)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	return nil
}

// body escapes values as the body's own format wants them.
func (a *Approver) body(d Decision) []byte {
	escape := url.QueryEscape
	if strings.Contains(a.config.Headers["Content-Type"].Reveal(), "json") {
		escape = func(s string) string {
			quoted, _ := json.Marshal(s)
			return string(quoted[1 : len(quoted)-1])
		}
	}
	return []byte(a.fill(a.config.Body.Reveal(), d, escape))
}

func (a *Approver) byCommand(ctx context.Context, d Decision) error {
	argv := make([]string, len(a.config.Command))
	for i, word := range a.config.Command {
		argv[i] = a.fill(word, d, func(s string) string { return s })
	}
	out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput() //nolint:gosec // the target file names the command
	if err != nil {
		return fmt.Errorf("approval.command: %w: %.200q", err, out)
	}
	return nil
}

// byPerson asks whoever sits at the terminal to decide on the phone and to say
// when it is done. Questions come one at a time.
func (a *Approver) byPerson(ctx context.Context, d Decision) error {
	if a.options.In == nil || a.options.Out == nil {
		return errors.New("approval.kind is manual, but there is no terminal to ask at")
	}
	a.person.Lock()
	defer a.person.Unlock()
	a.reading.Do(func() { go a.readAnswers() })
	select { // what was typed when nobody asked answers nothing
	case err := <-a.answers:
		if err != nil {
			return fmt.Errorf("reading the answer: %w", err)
		}
	default:
	}
	verb := "DENY"
	if d.Allow {
		verb = "APPROVE"
	}
	message, known := a.introduced.Load(d.AuthReqID)
	if !known {
		message = "none"
	}
	_, _ = fmt.Fprintf(a.options.Out, "\nPlease %s the request of user %s with the binding message %s (auth_req_id %s), then press Enter: ",
		verb, d.User.Name, message, d.AuthReqID)
	select {
	case err := <-a.answers:
		if err != nil {
			return fmt.Errorf("reading the answer: %w", err)
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// readAnswers is the only reader of the terminal, so that a question that was
// given up does not swallow the answer to the next one.
func (a *Approver) readAnswers() {
	lines := bufio.NewScanner(a.options.In)
	for lines.Scan() {
		a.answers <- nil
	}
	err := lines.Err()
	if err == nil {
		err = io.EOF
	}
	for {
		a.answers <- err
	}
}

// Prompts are the prompts shown so far that match.
func (a *Approver) Prompts(match func(Prompt) bool) []Prompt {
	if a.device == nil {
		return nil
	}
	var found []Prompt
	for _, p := range a.device.Requests(nil) {
		if p = a.named(p); match == nil || match(p) {
			found = append(found, p)
		}
	}
	return found
}

// WaitPrompt returns the first prompt that matches, as soon as it was shown.
func (a *Approver) WaitPrompt(ctx context.Context, match func(Prompt) bool) (Prompt, error) {
	if a.device == nil {
		return Prompt{}, errors.New("nothing observes the device")
	}
	p, err := a.device.Wait(ctx, func(p Prompt) bool { return match(a.named(p)) })
	return a.named(p), err
}
