package suites

import (
	"net/http"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/ciba"
)

// seen is an answer that some case of the run received, with the id of that case.
type seen struct {
	by   string
	resp *ciba.Response
}

// remember keeps what the endpoints answered to forms sent by POST, for the cases
// that judge every answer of a run. What comes after all is left out, as something
// before the OP may have refused it, and so is what has an Authorization header of
// the case's own making.
func (t *T) remember(call ciba.Call, resp *ciba.Response) {
	isForm := call.Body == nil && (call.ContentType == "" || strings.HasPrefix(call.ContentType, formMedia))
	isPost := call.Method == "" || call.Method == http.MethodPost
	if t.def.afterAll || !isForm || !isPost || call.Header.Get("Authorization") != "" {
		return
	}
	s := t.session
	s.mu.Lock()
	defer s.mu.Unlock()
	switch call.URL {
	case s.target.Endpoints.BackchannelAuthentication:
		s.startsSeen = append(s.startsSeen, seen{t.def.id, resp})
	case s.target.Endpoints.Token:
		s.pollsSeen = append(s.pollsSeen, seen{t.def.id, resp})
	}
}

const formMedia = "application/x-www-form-urlencoded"

// startsSeen are the answers of the backchannel endpoint so far.
func (t *T) startsSeen() []seen {
	t.session.mu.Lock()
	defer t.session.mu.Unlock()
	return slices.Clone(t.session.startsSeen)
}

// pollsSeen are the answers of the token endpoint so far.
func (t *T) pollsSeen() []seen {
	t.session.mu.Lock()
	defer t.session.mu.Unlock()
	return slices.Clone(t.session.pollsSeen)
}

// everyStartError are the refusals of [T.startErrors] and those that other cases
// met: an OP may know how to put an error for most reasons, and not for one.
func (t *T) everyStartError() []refusal { return t.withSeen(t.startErrors(), t.startsSeen()) }

// everyPollError are the refusals of [T.pollErrors] and those that other cases met.
func (t *T) everyPollError() []refusal { return t.withSeen(t.pollErrors(), t.pollsSeen()) }

func (t *T) withSeen(list []refusal, others []seen) []refusal {
	for _, s := range others {
		known := slices.ContainsFunc(list, func(r refusal) bool { return r.resp == s.resp })
		if !known && s.resp.Status != 0 && (s.resp.Status/100 != 2 || saysError(s.resp)) {
			list = append(list, refusal{"a request of the case " + s.by, s.resp})
		}
	}
	return list
}

// firstOf judges answers until one has a finding: many answers that lack the same
// thing are one defect. Only that one becomes evidence.
func (t *T) firstOf(list []refusal, judge func(refusal)) {
	before := len(t.findings)
	for _, r := range list {
		judge(r)
		if len(t.findings) > before {
			t.recorder.Keep(r.resp)
			for i := range t.findings[before:] {
				t.findings[before+i].Exchange = t.recorder.Place(r.resp)
			}
			return
		}
	}
}
