package suites

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
)

// Hand drives single requests by hand, for debugging an OP with the same client
// that the cases use.
type Hand struct {
	t       *T
	printed int
}

// NewHand prepares a client and a user of the target by their names; empty names
// take the first that fits.
func NewHand(ctx context.Context, tgt *targetfile.Target, rt http.RoundTripper, client, user string) (*Hand, error) {
	s, err := newSession(ctx, tgt, nil, rt)
	if err != nil {
		return nil, err
	}
	t := &T{session: s, def: &definition{id: "hand", Spec: Requirements("CIBA-7.3-ACK-STATUS")}, client: s.primary, recorder: ciba.NewRecorder(evidenceLimit), open: &openRequests{}}
	if client != "" {
		t.client = nil
		for _, c := range s.clients {
			if c.Name == client {
				t.client = c
			}
		}
	}
	if t.client == nil {
		return nil, fmt.Errorf("%w: no poll client %q in the target file", ErrSelection, client)
	}
	t.user = -1
	for i, u := range tgt.Users {
		if u.Name == user || user == "" && t.user < 0 {
			t.user = i
		}
	}
	if t.user < 0 {
		return nil, fmt.Errorf("%w: no user %q in the target file", ErrSelection, user)
	}
	return &Hand{t: t}, nil
}

// Start sends a backchannel request with parameters set or, where their value
// is empty, removed.
func (h *Hand) Start(ctx context.Context, changes ciba.Params) *ciba.Response {
	p := h.t.Request()
	for _, change := range changes {
		if change.Value == "" {
			p = p.Without(change.Name)
			continue
		}
		p = p.With(change.Name, change.Value)
	}
	return h.do(ctx, h.t.StartCall(p))
}

// Poll sends one token request.
func (h *Hand) Poll(ctx context.Context, authReqID string) *ciba.Response {
	return h.do(ctx, h.t.TokenCallAs(h.t.client, ciba.P("grant_type", ciba.GrantTypeCIBA, "auth_req_id", authReqID)))
}

func (h *Hand) do(ctx context.Context, call ciba.Call) *ciba.Response {
	return h.t.session.http.Do(ctx, h.t.recorder, call)
}

// Print writes the exchanges since the last call, secrets masked.
func (h *Hand) Print(out io.Writer) error {
	list := h.t.recorder.Exchanges(h.t.session.started)
	var b strings.Builder
	for _, e := range list[h.printed:] {
		writeMessage(&b, ">", fmt.Sprintf("%s %s", e.Request.Method, e.Request.URL), e.Request)
		if e.Response != nil {
			writeMessage(&b, "<", fmt.Sprintf("%d (%.0f ms)", e.Response.Status, e.DurationMS), *e.Response)
		} else {
			fmt.Fprintf(&b, "< %s\n", oneLine(e.Error))
		}
		b.WriteByte('\n')
	}
	h.printed = len(list)
	_, err := io.WriteString(out, b.String())
	return err
}

func writeMessage(b *strings.Builder, mark, first string, m result.Message) {
	fmt.Fprintf(b, "%s %s\n", mark, first)
	for _, h := range m.Headers {
		fmt.Fprintf(b, "%s %s: %s\n", mark, h.Name, oneLine(h.Value))
	}
	if m.Body != "" {
		fmt.Fprintf(b, "%s\n%s %s\n", mark, mark, oneLine(m.Body))
	}
}
