package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/internal/notify"
	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
)

// handEvidence is how many exchanges are kept until they are printed.
const handEvidence = 200

// byHand drives single requests for debugging an OP, with the same client that the
// cases use.
type byHand struct {
	run      *driver.Run
	driver   *driver.Driver
	recorder *ciba.Recorder
	client   *driver.Client
	user     targetfile.User
	printed  int
	began    time.Time

	target   *targetfile.Target
	receiver *notify.Receiver // nil unless the OP calls the client
}

// cast says who takes part, by their names in the target file; empty names take the first
// that fits.
type cast struct {
	client, user string
	mode         string // of a client that is not named; empty: poll
}

// newByHand takes client and user from the target. Endpoints that are not where the issuer
// is are told first. Where the OP calls the client the receiver takes its calls.
func newByHand(ctx context.Context, told io.Writer, o *preflight.Opened, who cast) (*byHand, error) {
	facts, err := preflight.Gather(ctx, o.RoundTripper, o.Target)
	if err == nil {
		err = facts.Drivable()
	}
	if err != nil {
		return nil, notJudged(err)
	}
	tellElsewhere(told, facts)
	run, err := driver.NewRun(driver.RunOptions{
		Target: facts.Target, RoundTripper: o.RoundTripper, Receiver: o.Receiver, Approver: o.Approver,
	})
	if err != nil {
		return nil, err
	}
	h := &byHand{run: run, recorder: ciba.NewRecorder(handEvidence), began: time.Now(), target: facts.Target, receiver: o.Receiver}
	h.driver = run.Driver(driver.Options{Name: "by hand", Recorder: h.recorder})
	clients := run.Clients()
	i := slices.IndexFunc(clients, func(c *driver.Client) bool {
		ordinary := c.CIBA && c.Purpose == targetfile.PurposeRP && c.DeliveryMode == cmp.Or(who.mode, targetfile.DeliveryPoll)
		return c.Name == who.client || who.client == "" && ordinary
	})
	if i < 0 {
		return nil, usage(who.nobody())
	}
	h.client = clients[i]
	i = slices.IndexFunc(facts.Target.Users, func(u targetfile.User) bool { return u.Name == who.user || who.user == "" })
	if i < 0 {
		return nil, usage(fmt.Errorf("no user %q in the target file", who.user))
	}
	h.user = facts.Target.Users[i]
	return h, nil
}

// nobody says that the target file has no such client.
func (c cast) nobody() error {
	if c.client != "" {
		return fmt.Errorf("no client %q in the target file", c.client)
	}
	return fmt.Errorf("no client of delivery_mode %s in the target file", cmp.Or(c.mode, targetfile.DeliveryPoll))
}

// tellElsewhere names the endpoints that get credentials although nobody but the OP's
// metadata vouches for where they are.
func tellElsewhere(out io.Writer, facts *preflight.Facts) {
	for _, e := range facts.Elsewhere() {
		fmt.Fprintf(out, "%s is not at the issuer's host or less protected, and gets the client's credentials: %q\n", e.Member, e.URL)
	}
}

// start sends one backchannel request with parameters set or, where their value is
// empty, removed.
func (h *byHand) start(ctx context.Context, changes ciba.Params) (*ciba.Response, error) {
	p := h.driver.GoodStart(h.client, h.user)
	for _, change := range changes {
		if change.Value == "" {
			p = p.Without(change.Name)
			continue
		}
		p = p.With(change.Name, change.Value)
	}
	return h.driver.Send(ctx, h.run.Start(h.client, p).Once())
}

// poll sends one token request.
func (h *byHand) poll(ctx context.Context, authReqID string) (*ciba.Response, error) {
	return h.driver.Send(ctx, h.run.PollFor(h.client, authReqID).Once())
}

// print writes the exchanges since the last call, secrets masked.
func (h *byHand) print(out io.Writer) error {
	list := h.recorder.Exchanges(h.began)
	var b strings.Builder
	for _, e := range list[h.printed:] {
		writeExchange(&b, e)
	}
	h.printed = len(list)
	_, err := io.WriteString(out, b.String())
	return err
}

// writeExchange writes what was sent behind ">" and what came behind "<", whoever of the
// two was the caller.
func writeExchange(b *strings.Builder, e result.Exchange) {
	request, answer := ">", "<"
	if e.Direction == result.Inbound {
		request, answer = "<", ">"
	}
	writeMessage(b, request, fmt.Sprintf("%s %s", e.Request.Method, e.Request.URL), e.Request)
	if e.Response != nil {
		writeMessage(b, answer, fmt.Sprintf("%d (%.0f ms)", e.Response.Status, e.DurationMS), *e.Response)
	} else {
		fmt.Fprintf(b, "%s %s\n", answer, onOneLine(e.Error))
	}
	b.WriteByte('\n')
}

func writeMessage(b *strings.Builder, mark, first string, m result.Message) {
	fmt.Fprintf(b, "%s %s\n", mark, first)
	for _, h := range m.Headers {
		fmt.Fprintf(b, "%s %s: %s\n", mark, h.Name, onOneLine(h.Value))
	}
	if m.Body != "" {
		fmt.Fprintf(b, "%s\n%s %s\n", mark, mark, onOneLine(beginning(m)))
	}
}

// mostShown is how much of a body a terminal gets; what is printed for a character that acts
// on terminals may be six times as long.
const mostShown = 16 << 10

// beginning is a body, or what a person has use for of a long one.
func beginning(m result.Message) string {
	if len(m.Body) <= mostShown {
		return m.Body
	}
	return fmt.Sprintf("%s (and so on, %d bytes in all)", strings.ToValidUTF8(m.Body[:mostShown], ""), m.BodyBytes)
}

// onOneLine keeps what an OP sent from looking like a line of ours.
func onOneLine(s string) string {
	return strings.NewReplacer("\r", `\r`, "\n", `\n`).Replace(s)
}
