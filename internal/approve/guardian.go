package approve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/cibatest/cibatest/internal/guardian"
	"github.com/cibatest/cibatest/internal/serve"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/mockdevice"
)

// byGuardian decides as the users' phones at an Auth0 tenant. A push tells that something
// is asked; what it is comes from the tenant, and is kept as a prompt like any other.
type byGuardian struct {
	*observer
	tenant *guardian.Tenant
	phones map[string]phone // by enrollment

	mu      sync.Mutex
	pushes  map[string]guardian.Push // by consent
	arrived []string                 // consents in their order
	refused string                   // why the last push was not taken; empty: none was refused
}

// phone is the enrolled device of a user.
type phone struct {
	user       targetfile.User
	enrollment *guardian.Enrollment
}

// newByGuardian reads the enrollments. Nothing is listened at before [byGuardian.listen].
func newByGuardian(config targetfile.Approval, transport http.RoundTripper, o *observer) (*byGuardian, error) {
	tenant, err := guardian.NewTenant(config.Guardian.URL, transport)
	if err != nil {
		return nil, fmt.Errorf("approval.guardian.url: %w", err)
	}
	w := &byGuardian{observer: o, tenant: tenant, phones: map[string]phone{}, pushes: map[string]guardian.Push{}}
	for _, d := range config.Guardian.Devices {
		enrollment, err := guardian.ParseEnrollment([]byte(d.Enrollment.Reveal()))
		if err == nil {
			err = tenant.Knows(enrollment)
		}
		if err != nil {
			return nil, fmt.Errorf("approval.guardian.enrollments: %s: %w; delete it, and enroll user %s again with \"cibatest guardian enroll\"",
				d.File, err, d.User.Name)
		}
		if other, twice := w.phones[enrollment.ID]; twice {
			return nil, fmt.Errorf("approval.guardian.enrollments: %s is the device of user %s, too; each user needs a device of its own",
				d.File, other.user.Name)
		}
		w.phones[enrollment.ID] = phone{d.User, enrollment}
	}
	if len(w.phones) == 0 {
		return nil, fmt.Errorf("approval.guardian.enrollments: no user has a file in %s; \"cibatest guardian enroll --user NAME\" writes one",
			config.Guardian.Enrollments)
	}
	return w, nil
}

// listen takes pushes where the target says so.
func (w *byGuardian) listen(config targetfile.Push) error {
	token := config.Token.Reveal()
	listener, err := serve.Listen(context.Background(), config.Listen, token)
	switch {
	case errors.Is(err, serve.ErrOpen):
		return fmt.Errorf("approval.push.listen: %w; set approval.push.token, which the relay shows, or listen on 127.0.0.1", err)
	case err != nil:
		return fmt.Errorf("approval.push.listen: %w", err)
	}
	w.device = mockdevice.New()
	w.address = "http://" + listener.Addr().String()
	server := serve.Server(guardian.Inbox(token, w.take))
	go func() { _ = server.Serve(listener) }()
	w.close = func() {
		_ = server.Close()
		w.device.Close()
	}
	return nil
}

// take makes a prompt of a push. It reaches out to the tenant alone, and only for a device
// that is enrolled.
func (w *byGuardian) take(ctx context.Context, p guardian.Push) error {
	err := w.show(ctx, p)
	if err != nil {
		w.mu.Lock()
		w.refused = err.Error()
		w.mu.Unlock()
	}
	return err
}

func (w *byGuardian) show(ctx context.Context, p guardian.Push) error {
	phone, enrolled := w.phones[p.Enrollment]
	switch {
	case !w.tenant.Is(p.Host):
		return &guardian.RefusedPush{Status: http.StatusForbidden, Why: fmt.Sprintf(
			"the push is of %.100q, and not of the tenant %s; is approval.guardian.url right?", p.Host, w.tenant.Address())}
	case !enrolled:
		return &guardian.RefusedPush{Status: http.StatusNotFound, Why: fmt.Sprintf(
			"the push is for the device %.100q, and no user of the target file has that enrollment", p.Enrollment)}
	case w.isKnown(p.Consent):
		return nil // sent twice; the first one counts
	}
	consent, err := w.tenant.Consent(ctx, phone.enrollment, p)
	if err != nil {
		return err
	}
	if !w.keep(p) {
		return nil
	}
	err = w.device.Receive(Prompt{
		AuthReqID: p.Consent, LoginHint: phone.user.LoginHint, Sub: phone.user.Sub, BindingMessage: consent.BindingMessage,
		Scope: strings.Join(consent.Scope, " "), AuthorizationDetails: consent.AuthorizationDetails, ExpiresAt: consent.ExpiresAt,
	})
	if err != nil {
		return fmt.Errorf("what the user is asked cannot be shown: %w", err)
	}
	return nil
}

func (w *byGuardian) isKnown(consent string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, known := w.pushes[consent]
	return known
}

// keep remembers how a prompt is answered, and reports whether it is new. The oldest makes
// room, as it does in the device.
func (w *byGuardian) keep(p guardian.Push) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.pushes[p.Consent]; known {
		return false
	}
	if w.arrived = append(w.arrived, p.Consent); len(w.arrived) > 2*mockdevice.Capacity {
		delete(w.pushes, w.arrived[0])
		w.arrived = w.arrived[1:]
	}
	w.pushes[p.Consent] = p
	return true
}

// pushOf is the push that brought a prompt.
func (w *byGuardian) pushOf(consent string) guardian.Push {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pushes[consent]
}

// lastRefusal tells why the last push was not taken, for who waits for one in vain.
func (w *byGuardian) lastRefusal() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refused == "" {
		return "no push was refused, so look at the relay"
	}
	return "the last push that came was not taken: " + w.refused
}

// decide waits for the push to the user's device and answers it. A prompt of another user
// is never the right one, whatever its message.
func (w *byGuardian) decide(ctx context.Context, d Decision) error {
	ctx, cancel := context.WithTimeout(ctx, promptPatience)
	defer cancel()
	asked, err := w.device.Wait(ctx, func(p Prompt) bool {
		return w.phones[w.pushOf(p.AuthReqID).Enrollment].user.Name == d.User.Name && w.isAbout(p, d)
	})
	if err != nil {
		return fmt.Errorf("no push for user %s about this request came within %s; %s", d.User.Name, promptPatience, w.lastRefusal())
	}
	action := mockdevice.Deny
	if d.Allow {
		action = mockdevice.Approve
	}
	if asked.Decided != "" && !d.Again {
		if asked.Decided == action {
			return nil
		}
		return mockdevice.ErrDecided
	}
	push := w.pushOf(asked.AuthReqID)
	if err := w.tenant.Resolve(ctx, w.phones[push.Enrollment].enrollment, push, d.Allow); err != nil {
		if refused, ok := errors.AsType[*guardian.StatusError](err); ok {
			return answered(refused.Status, err)
		}
		return unanswered(err)
	}
	// The tenant knows; what the device remembers is for who reads its prompts.
	_ = w.device.Decide(context.WithoutCancel(ctx), asked.AuthReqID, mockdevice.Decision{Action: action})
	return nil
}

func (*byGuardian) namesRequest() bool { return true }
func (*byGuardian) repeatable() bool   { return true }
