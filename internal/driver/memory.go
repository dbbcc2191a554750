package driver

import (
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/cibatest/cibatest/internal/ciba"
)

// Memory is what a run has seen so far, for the cases that judge all answers of a
// run: an OP may do right at most requests and wrong at one. It is safe for
// concurrent use.
type Memory struct {
	mu        sync.Mutex
	acks      []acked
	tokens    []Issued
	overloads []*ciba.Response
	starts    []Answer
	polls     []Answer
	crowded   []Crowded
}

// acked is an acknowledgement to a client of a delivery mode.
type acked struct {
	mode string
	ciba.AuthAck
}

// Answer is an answer that some case of the run received, with the id of that case.
type Answer struct {
	By       string
	Mode     string // the delivery mode of the client that asked
	Response *ciba.Response
}

// Issued is a token response that a poll of this run has brought.
type Issued struct {
	Client, User string // their names in the target file
	Mode         string // the delivery mode of the client
	ciba.TokenResponse
}

// InMode is what was seen so far of clients of one delivery mode: the same OP may answer them
// by other parts of itself.
func (m *Memory) InMode(mode string) *Memory {
	of := &Memory{
		acks: recall(m, &m.acks), tokens: recall(m, &m.tokens), overloads: recall(m, &m.overloads),
		starts: recall(m, &m.starts), polls: recall(m, &m.polls), crowded: recall(m, &m.crowded),
	}
	of.acks = slices.DeleteFunc(of.acks, func(a acked) bool { return a.mode != mode })
	of.tokens = slices.DeleteFunc(of.tokens, func(i Issued) bool { return i.Mode != mode })
	of.starts = slices.DeleteFunc(of.starts, func(a Answer) bool { return a.Mode != mode })
	of.polls = slices.DeleteFunc(of.polls, func(a Answer) bool { return a.Mode != mode })
	return of
}

// Acks are all acknowledgements of the run so far.
func (m *Memory) Acks() []ciba.AuthAck {
	list := recall(m, &m.acks)
	acks := make([]ciba.AuthAck, len(list))
	for i, a := range list {
		acks[i] = a.AuthAck
	}
	return acks
}

// Tokens are the token responses that polls of the run have brought so far.
func (m *Memory) Tokens() []Issued { return recall(m, &m.tokens) }

// Overloads are the 503 answers of the token endpoint so far.
func (m *Memory) Overloads() []*ciba.Response { return recall(m, &m.overloads) }

// Starts are the answers of the backchannel authentication endpoint so far.
func (m *Memory) Starts() []Answer { return recall(m, &m.starts) }

// Polls are the answers of the token endpoint so far.
func (m *Memory) Polls() []Answer { return recall(m, &m.polls) }

func recall[V any](m *Memory, list *[]V) []V {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(*list)
}

func remember[V any](m *Memory, list *[]V, one V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	*list = append(*list, one)
}

// rememberForm keeps answers to forms sent by POST. Answers to cases that come after
// all others are not kept, as a firewall may have given them; nor are those to
// requests for which the case wrote its own Authorization header.
func (d *Driver) rememberForm(r Request, resp *ciba.Response) {
	isForm := r.Body == nil && (r.ContentType == "" || strings.HasPrefix(r.ContentType, "application/x-www-form-urlencoded"))
	isPost := r.Method == "" || r.Method == http.MethodPost
	if d.offside || !isForm || !isPost || r.Header.Get("Authorization") != "" {
		return
	}
	m := &d.run.Memory
	switch r.URL {
	case d.run.target.Endpoints.BackchannelAuthentication:
		remember(m, &m.starts, Answer{d.name, r.mode(), resp})
	case d.run.target.Endpoints.Token:
		remember(m, &m.polls, Answer{d.name, r.mode(), resp})
	}
}

func (d *Driver) rememberStart(r Request, resp *ciba.Response) {
	ack, err := resp.Started()
	if err != nil {
		return
	}
	d.run.spend(d.spender)
	d.run.approver.Introduce(ack.AuthReqID, r.Form.Get("binding_message"))
	d.run.nameCalls(r, ack.AuthReqID)
	remember(&d.run.Memory, &d.run.Memory.acks, acked{r.mode(), ack})
	d.open.add(openRequest{ack.AuthReqID, hintIn(r.Form)})
}

// rememberPoll keeps the tokens of ordinary polls. What a case gets by a trick of its
// own is that case's finding.
func (d *Driver) rememberPoll(r Request, resp *ciba.Response) {
	m := &d.run.Memory
	if resp.Status == http.StatusServiceUnavailable && r.URL == d.run.target.Endpoints.Token {
		remember(m, &m.overloads, resp)
	}
	if r.Flow == nil || r.Forged || r.Untouched {
		return
	}
	if tokens, err := resp.Tokens(); err == nil {
		remember(m, &m.tokens, Issued{r.Flow.Client.Name, r.Flow.User.Name, r.mode(), tokens})
	}
}
