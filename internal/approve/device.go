package approve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/serve"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/mockdevice"
)

// Prompt is what the OP showed its user.
type Prompt = mockdevice.Request

// observer is the device that an OP sends its prompts to. The user may decide there
// or elsewhere; what was shown can be read back in any case.
type observer struct {
	device     *mockdevice.Device // nil: nothing is observed
	nameless   bool               // prompts carry no auth_req_id
	introduced *introductions
	address    string // of the listener that was started here, or empty
	close      func()
}

// observe uses a device that is running already or starts one where the target says
// that it listens.
func observe(config targetfile.Observe, options Options, introduced *introductions) (*observer, error) {
	o := &observer{device: options.Device, nameless: config.Nameless(), introduced: introduced, close: func() {}}
	if o.device == nil && config.Listen != "" {
		if err := o.listen(config, options.CallbackHosts); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// listen starts a device at the address that the OP was configured with.
func (o *observer) listen(config targetfile.Observe, callbackHosts []string) error {
	adapters, err := adaptersOf(config)
	if err != nil {
		return err
	}
	listener, err := serve.Listen(context.Background(), config.Listen, config.Token.Reveal())
	switch {
	case errors.Is(err, serve.ErrOpen):
		return fmt.Errorf("listen: %w; set approval.observe.token, which the OP shows as its bearer, or listen on 127.0.0.1", err)
	case err != nil:
		return fmt.Errorf("listen: %w", err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	o.device = mockdevice.New(mockdevice.WithRoundTripper(transport), mockdevice.WithAdapters(adapters),
		mockdevice.WithToken(config.Token.Reveal()), mockdevice.WithCallbackHosts(callbackHosts...))
	if _, err := o.device.OpenInboxes(context.Background()); err != nil {
		o.device.Close()
		return errors.Join(err, listener.Close())
	}
	o.address = "http://" + listener.Addr().String()
	server := serve.Server(o.device.Handler())
	go func() { _ = server.Serve(listener) }()
	o.close = func() {
		_ = server.Close()
		o.device.Close()
		transport.CloseIdleConnections()
	}
	return nil
}

// adaptersOf are the dialects of the target's device: those of its adapter file, and the
// one that needs no more than a callback.
func adaptersOf(config targetfile.Observe) (mockdevice.Adapters, error) {
	var adapters mockdevice.Adapters
	var err error
	if config.AdaptersFile != "" {
		if adapters, err = mockdevice.ParseAdapters(config.AdaptersFile, []byte(config.Adapters.Reveal())); err != nil {
			return adapters, fmt.Errorf("adapters_file:\n%w", err)
		}
	}
	switch {
	case config.Adapter == "keycloak" && adapters.Keycloak.Callback == "":
		adapters.Keycloak.Callback = config.Callback
	case config.Adapter == "authlete" && adapters.Authlete.Callback == "":
		adapters.Authlete.Callback = config.Callback
	}
	if config.Adapter != "" && !adapters.Speak(config.Adapter) {
		return adapters, fmt.Errorf("adapter: %s names no dialect %q; there are %s",
			config.AdaptersFile, config.Adapter, strings.Join(adapters.Names(), ", "))
	}
	return adapters, nil
}

// named is a prompt with the auth_req_id it is about, as far as that is known.
func (o *observer) named(p Prompt) Prompt {
	if o.nameless {
		p.AuthReqID = o.introduced.id(p.BindingMessage)
	}
	return p
}

// asked waits for the prompt about the request that is to be decided.
func (o *observer) asked(ctx context.Context, d Decision) (Prompt, error) {
	if o.nameless {
		return o.device.Wait(ctx, func(p Prompt) bool { return o.isAbout(p, d) })
	}
	return o.device.WaitFor(ctx, d.AuthReqID)
}

// isAbout finds the prompt of a nameless device by its message. What was never
// introduced is the user's open prompt without a message.
func (o *observer) isAbout(p Prompt, d Decision) bool {
	if _, known := o.introduced.message(d.AuthReqID); !known {
		return p.BindingMessage == "" && p.Decided == "" && p.LoginHint == d.User.LoginHint
	}
	return o.named(p).AuthReqID == d.AuthReqID
}

// Prompts are the prompts shown so far that match; a nil match takes all.
func (a *Approver) Prompts(match func(Prompt) bool) []Prompt {
	o := a.observer
	if o.device == nil {
		return nil
	}
	var found []Prompt
	for _, p := range o.device.Requests(nil) {
		if p = o.named(p); match == nil || match(p) {
			found = append(found, p)
		}
	}
	return found
}

// WaitPrompt returns the first prompt that matches, as soon as it was shown.
func (a *Approver) WaitPrompt(ctx context.Context, match func(Prompt) bool) (Prompt, error) {
	o := a.observer
	if o.device == nil {
		return Prompt{}, errors.New("nothing observes the device")
	}
	p, err := o.device.Wait(ctx, func(p Prompt) bool { return match(o.named(p)) })
	return o.named(p), err
}

// byDevice decides on the device that the OP asks.
type byDevice struct{ *observer }

// promptPatience is how long the device waits to be asked before it answers.
const promptPatience = 10 * time.Second

// decide waits until the OP has asked, as a user can only answer what the phone shows.
func (w *byDevice) decide(ctx context.Context, d Decision) error {
	decision := mockdevice.Decision{Action: mockdevice.Deny, AuthorizationDetails: d.AuthorizationDetails}
	if d.Allow {
		decision.Action = mockdevice.Approve
	}
	if w.device == nil {
		return errors.New("approval.kind is device, but approval.observe.listen names no address to listen at")
	}
	ctx, cancel := context.WithTimeout(ctx, promptPatience)
	defer cancel()
	asked, err := w.asked(ctx, d)
	if err != nil {
		return fmt.Errorf("the OP did not ask the device within %s", promptPatience)
	}
	// A user's phone would neither repeat a decision nor decide after the end of its own
	// accord; a case that asks for it wants to know what the OP makes of it.
	if d.Again {
		decision.Faults = append(decision.Faults, mockdevice.Contrary)
	}
	err = w.device.Decide(ctx, asked.AuthReqID, decision)
	if errors.Is(err, mockdevice.ErrExpired) {
		decision.Faults = append(decision.Faults, mockdevice.AfterExpiry)
		err = w.device.Decide(ctx, asked.AuthReqID, decision)
	}
	return delivered(err)
}

func (*byDevice) namesRequest() bool { return true }
func (*byDevice) repeatable() bool   { return true }
