package suites

import (
	"context"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/reports/result"
)

// probe finds out, before the cases are placed, whether the OP keeps two open
// requests of one user alive. An OP may refuse the second or drop the first; then
// cases that only share a user would spoil each other, so each gets its user
// alone and the cases about parallel requests are untested.
func (s *Session) probe(ctx context.Context) {
	if _, told := s.target.Capabilities["parallel"]; told {
		s.oneRequestPerUser = !s.capabilities["parallel"].Has
		return
	}
	if s.primary == nil || len(s.target.Users) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	t := &T{session: s, def: &definition{id: "probe", Spec: Requirements("CIBA-8-ISOLATION")}, ctx: ctx, client: s.primary, recorder: ciba.NewRecorder(evidenceLimit)}
	verdict := ""
	guard(func() { verdict = t.secondRequestEndsFirst() })
	if verdict == "" {
		return
	}
	s.oneRequestPerUser = true
	s.capabilities["parallel"] = result.Capability{Reason: verdict}
	s.note("this OP allows one open request for each user: %s", verdict)
}

// secondRequestEndsFirst says how a second request of a user spoils the first,
// or returns nothing when both live or when the probe itself does not work.
func (t *T) secondRequestEndsFirst() string {
	first := t.MustStart(t.Request())
	second := t.Start(t.Request())
	if second.Status != 200 {
		return "a second request of the same user is answered " + second.Summary()
	}
	poll := t.PollNow(first)
	if isError(poll, ciba.AuthorizationPending) || isError(poll, ciba.SlowDown) || poll.Err != nil {
		return ""
	}
	return "after a second request of the same user the first is answered " + poll.Summary()
}
