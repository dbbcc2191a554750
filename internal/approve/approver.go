// Package approve makes the end-user's decision in whatever way a target offers: by
// our own device, by a URL or a command of the OP's test set-up, as a phone that is enrolled
// at an Auth0 tenant, or by asking a person. Where a device listens, it also knows what the user was shown.
//
// What an OP sends is data. An auth_req_id or a text of a user is escaped for the
// place of a URL or a body where it goes, and never becomes an option or a line of a
// shell.
package approve

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"

	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/mockdevice"
)

// Decision is what the user is to decide.
type Decision struct {
	AuthReqID string
	User      targetfile.User
	Allow     bool

	// AuthorizationDetails, when set, are fewer than were asked.
	AuthorizationDetails json.RawMessage

	// Again delivers this decision although another was made before.
	Again bool
}

// Options are what an Approver works with.
type Options struct {
	// RoundTripper reaches the OP's hook or the tenant; required for kinds url and guardian.
	RoundTripper http.RoundTripper

	// Device is running already; nil: one is started where approval.observe.listen says.
	Device *mockdevice.Device

	// CallbackHosts are the hosts of the OP, where a device that is started here may
	// tell decisions, besides loopback.
	CallbackHosts []string

	In  io.Reader // a person's answers, for kind manual
	Out io.Writer // a person's questions
}

// way is how decisions reach the OP.
type way interface {
	// decide makes one decision and returns when the OP has taken it.
	decide(ctx context.Context, d Decision) error

	// namesRequest reports whether a decision reaches exactly the request it is about.
	namesRequest() bool

	// repeatable reports whether a second decision about one request can be sent.
	repeatable() bool
}

// Approver makes decisions for one target. It is safe for concurrent use. Create one
// with [New] and Close it when done.
type Approver struct {
	way        way
	observer   *observer
	introduced *introductions
	person     bool
}

// New prepares the way of deciding and, where the target says so, starts a device
// listener. The error says which field of approval cannot be followed, among them
// templates in which a text of the OP could act as something other than data.
func New(config targetfile.Approval, o Options) (*Approver, error) {
	a := &Approver{introduced: &introductions{}, person: config.Kind == "manual"}
	var err error
	if a.observer, err = observe(config.Observe, o, a.introduced); err != nil {
		return nil, fmt.Errorf("approval.observe.%w", err)
	}
	if a.way, err = a.wayOf(config, o); err != nil {
		a.observer.close()
		return nil, err
	}
	if phones, ok := a.way.(*byGuardian); ok {
		if err := phones.listen(config.Push); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// Check reports what is wrong with a way of deciding, also that its program is not there.
// Nothing is started and nothing sent.
func Check(config targetfile.Approval) error {
	if _, err := (&Approver{introduced: &introductions{}}).wayOf(config, Options{}); err != nil || config.Kind != "exec" {
		return err
	}
	if _, err := exec.LookPath(config.Command[0]); err != nil {
		return fmt.Errorf("%s.command: %w; name a program of this machine", sectionOf(config), err)
	}
	return nil
}

// sectionOf is where the target file has a hook.
func sectionOf(config targetfile.Approval) string { return cmp.Or(config.Section, "approval") }

// Nobody is an Approver for those who only send requests: every decision fails, and
// nothing is observed.
func Nobody() *Approver {
	return &Approver{way: nobody{}, introduced: &introductions{}, observer: &observer{close: func() {}}}
}

// wayOf makes the way of deciding that the target names. This is the only place that
// asks for its kind.
func (a *Approver) wayOf(config targetfile.Approval, o Options) (way, error) {
	switch config.Kind {
	case "device":
		return &byDevice{a.observer}, nil
	case "url":
		return newByURL(config, o.RoundTripper)
	case "exec":
		return newByCommand(config)
	case targetfile.ApprovalGuardian:
		return newByGuardian(config, o.RoundTripper, a.observer)
	case "manual":
		return newByPerson(o.In, o.Out, a.introduced), nil
	}
	return nobody{}, nil
}

// Decide makes one decision and returns when the OP has taken it.
func (a *Approver) Decide(ctx context.Context, d Decision) error { return a.way.decide(ctx, d) }

// IsPerson reports whether a person decides: slowly, one question at a time, and not
// to be bothered with what only tidies up.
func (a *Approver) IsPerson() bool { return a.person }

// NamesRequest reports whether a decision reaches exactly the request it is about.
// Where only the user can be named, the user's latest request is decided.
func (a *Approver) NamesRequest() bool { return a.way.namesRequest() }

// CanRepeat reports whether a second decision about one request can be sent.
func (a *Approver) CanRepeat() bool {
	return a.way.repeatable() && a.NamesRequest() && !a.Nameless()
}

// Address is the URL of the device listener this Approver started, or empty.
func (a *Approver) Address() string { return a.observer.address }

// Close ends the listener.
func (a *Approver) Close() error {
	a.observer.close()
	return nil
}

// nobody is the way of targets whose users cannot be made to decide.
type nobody struct{}

func (nobody) decide(context.Context, Decision) error { return errors.New("approval.kind is none") }
func (nobody) namesRequest() bool                     { return true }
func (nobody) repeatable() bool                       { return false }
